"""Working copies, by svn(1)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Thing, provides, sh
from cookbook.providers.folders import FolderProvider, KeptFolderProvider, put_folder_back
from cookbook.providers.getent import GROUP
from cookbook.providers.mounts import remove_tree
from cookbook.providers.ownership import need_folder
from cookbook.providers.stat import TARGET
from cookbook.providers.svn_commands import (
    State,
    ask_copy_of,
    ask_latest,
    ask_log,
    create_copy,
    svn_shell,
    update_copy,
    with_group,
)
from cookbook.providers.trees import SHOWN
from cookbook.resources.subversion import Subversion


@provides(Subversion)
class SubversionProvider(FolderProvider[Subversion, State], KeptFolderProvider[Subversion, State]):
    """Chef's subversion provider, with the files compared as well as the revision."""

    concurrent = True
    timeout = 3600.0

    def probe(self, copy: Subversion) -> Sequence[Probe]:
        """Ask for the working copy, the tools, the folder above, the group and the revision."""
        tools = ["svn", *(["ssh"] if copy.repository.startswith("svn+ssh:") else [])]
        need = sh('for c in {}; do command -v "$c" >/dev/null || echo "$c"; done', tools)
        above = TARGET.about(copy.identity.rpartition("/")[0] or "/", loose=True)
        group = [GROUP.about(copy.group, loose=True)] if copy.group is not None else []
        return [ask_copy_of(copy), Probe(need, loose=True), above, *group, ask_latest(copy)]

    def parse(self, copy: Subversion, text: str, *others: str | None) -> State:
        """Return the state, always with the form of what is there."""
        found = _parsed(copy, text)
        said = others[-1]
        if said is None:
            return found
        if said.startswith("failed "):
            return replace(found, failed=said[7:].strip() or "no answer")
        revision, identity, *_ = said.split("\n")
        if not revision.isdigit():
            raise ValueError(revision)
        return replace(found, latest=(revision, identity))

    def plan(self, copy: Subversion, found: State | None) -> Change[State]:
        """Compare the revision, the address and the files."""
        now = found if found is not None and found.there else None
        if found is not None:
            _refuse(copy, found)
            if copy.action != "sync" and found.form not in ("absent", "empty"):
                return Change(found, found, note="it is there, and only `sync` compares it")
            if why := found.failed:
                raise HostError(f"svn info {copy.address} has failed: {why}", hint=_advice(why))
        return Change(now, _wanted(copy, found))

    def missing(
        self, copy: Subversion, _text: str | None, tools: str | None, *others: str | None
    ) -> Iterator[Thing]:
        """Yield the programs, the folder above and the group."""
        for tool in ("svn",) if tools is None else tools.split():
            yield Thing("tool", tool)
        need_folder(copy.identity, others[0])
        if others[0] is None:
            yield Thing("path", copy.identity.rpartition("/")[0])
        if copy.group is not None and others[1] is None:
            yield Thing("group", copy.group)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Check the revision out, update to it, put a kept copy back, or remove it."""
        found, wanted = change.found, change.wanted
        if wanted is None:
            inside = found is not None and found.inside
            yield sh("find {} -xdev -mindepth 1 -delete", name) if inside else remove_tree(name)
        elif wanted.restores:
            yield from put_folder_back(name, found, wanted)
            yield with_group(name, wanted)  # tar(1) of a user leaves the group of the user
        elif found is None:
            yield create_copy(name, wanted)
        else:
            yield update_copy(name, change, wanted)

    def loses_files(self, change: Change[State]) -> bool:
        """Return whether the copy is removed, or its files are discarded."""
        return change.wanted is None or bool({"local_edits", "untracked"} & change.fields.keys())

    def there(self, state: State | None) -> bool:
        """Return whether there is a working copy, or what was exported."""
        return state is not None and state.there

    def ask_back(self, copy: Subversion, change: Change[State]) -> Subversion:
        """Return the resource at the revision from before."""
        before = change.found.revision if change.found is not None else None
        return replace(copy, revision=before) if before else copy

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return the removal of a new copy, the kept copy, or the revision from before."""
        there = now if now is not None and now.there else None
        before, done = change.found, change.wanted
        if before is None:
            if there is not None and done is not None and done.form == "export":
                there = replace(there, inside=done.inside)
            return Change(there, None)
        if before.tree is not None:
            return Change(there, replace(before, restores=True, inside=False))
        back = super().back(name, change, there)
        if back.wanted is None or done is None:
            return back
        login = replace(
            back.wanted,
            at=before.at or before.revision or "",
            repository=back.wanted.repository or done.repository,
            username=done.username,
            password=done.password,
            externals=done.externals,
        )
        return replace(back, wanted=login)

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: local changes would be lost, or the copy was not kept."""
        if change.found is None:
            names = (*(now.local_edits or ()), *(now.untracked or ())) if now is not None else ()
            return f"it has local changes: {', '.join(names[:5])}" if names else None
        return "the files from before were too large to be kept" if change.found.unkept else None

    def preflight(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask for local changes in copies that are removed."""
        names = [name for name, change in changes if change.wanted is None]
        return svn_shell(None, None, sh(_LOCAL.rstrip(), names)) if names else None

    def objection(self, name: str, said: str, going: Collection[Thing]) -> str | None:
        """Return the reason that local changes would be lost."""
        for record in said.split("\0"):
            path, _, what = record.partition("\n")
            lines = [line for line in what.split("\n") if _is_local(line)]
            if path == name and lines:
                return f"it has local changes: {', '.join(lines[:5])}"
        return None

    def rehearsal(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask for the revisions between."""
        (_, change), *_ = changes
        found, wanted = change.found, change.wanted
        if found is None or wanted is None or wanted.restores or "revision" not in change.fields:
            return None
        return None if "repository" in change.fields else ask_log(found, wanted)

    def side_effects(self, changes: Sequence[tuple[str, Change[State]]], said: str) -> str | None:
        """Return the revisions between with their authors."""
        found = re.findall(r"(?m)^(r\d+) \| (.*?) \| ", said)
        if not found:
            return None
        names = [f"{number} ({author})" for number, author in found[:10]]
        names += ["..."] if len(found) > 10 else []
        before, after = changes[0][1].found, changes[0][1].wanted
        back = before and after and int(before.revision or 0) > int(after.at or 0)
        return f"{'taken back: ' if back else ''}{', '.join(names)}"


_STATUS = re.compile(r"([ ACDIMRX?!~])([ CM])[ L][ +][ SX][ KOTB]([ C]) (.*)")


def _parsed(copy: Subversion, text: str) -> State:
    form, *words = text.split("\0")
    if copy.action == "export" and form in ("foreign", "svn", "owned", "unread"):
        form = "export"
    if form == "owned":
        return State(form=form, owner=words[0])
    if form != "svn":
        return State(form=form)
    revision, address, identity, number, mixed, group, kept, status = words
    lines = [found for line in status.splitlines() if (found := _STATUS.fullmatch(line))]
    edits = [one[4] for one in lines if one[1] in "ACDMR!~" or one[2] != " " or one[3] == "C"]
    return State(
        revision,
        address,
        mixed != "",
        _some(edits),
        _some([one[4] for one in lines if one[1] == "?"]),
        group if copy.group is not None else None,
        form=form,
        identity=identity,
        at=number,
        inside=kept == "kept",
    )


def _refuse(copy: Subversion, found: State) -> None:
    """Raise HostError for what is there and cannot be made the working copy."""
    path = copy.identity
    if found.form == "other":
        raise HostError(f"{path} is there, and is no directory", hint="remove it first")
    if copy.action != "sync":
        return
    if found.form == "foreign":
        raise HostError(
            f"{path} has files, and is no working copy of subversion",
            hint="move them away; nothing is deleted for a checkout",
        )
    if found.form == "owned":
        raise HostError(
            f"the working copy {path} belongs to the user {found.owner}",
            hint=f'say user="{found.owner}", or give all of it to the user of this resource',
        )
    if found.local_edits and copy.local_changes == "refuse":
        raise HostError(
            f"{path} has local edits: {', '.join(found.local_edits)}",
            hint='commit them, or say local_changes="discard" or "keep"',
        )
    latest = found.latest[1]
    if found.form == "svn" and latest and found.identity not in ("", latest):
        raise HostError(
            f"{path} is a working copy of another repository: {found.repository}",
            hint="move it away; nothing is deleted for a checkout",
        )


def _wanted(copy: Subversion, found: State | None) -> State:
    now = found if found is not None else State()
    latest = now.latest[0] or None
    return State(
        latest,
        copy.address,
        False if now.mixed else None,
        () if now.local_edits and copy.local_changes == "discard" else None,
        () if now.untracked and copy.clean else None,
        copy.group,
        form="export" if copy.action == "export" else "svn",
        identity=now.latest[1],
        latest=now.latest,
        at=copy.pinned or latest or "",
        inside=now.form == "empty",
        clean=copy.clean,
        externals=copy.externals,
        local_changes=copy.local_changes,
        username=copy.username,
        password=copy.password,
    )


def _some(names: Sequence[str]) -> tuple[str, ...]:
    more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return (*sorted(names)[:SHOWN], *more)


def _advice(told: str) -> str:
    """Return what to do about an error of svn(1)."""
    if "E170001" in told or "E215004" in told:
        return "give username and password=secret(...)"
    if "E160013" in told or "E160006" in told or "E200009" in told:
        return "is the path in the repository at this revision? `svn ls` lists it"
    return "`svn info` on the host, as the same user, shows the same error"


def _is_local(line: str) -> bool:
    """Return whether a line of `svn status` is about a local change; X is an external folder."""
    return bool(line.strip()) and not line.startswith(("X", "Performing status on external"))


# The copies of external folders are removed with it: they are looked into as well.
_LOCAL: LiteralString = """\
for d in {}; do printf '%s\\n' "$d"; ([ -e "$d" ] || exit 0; cd "$d" || exit; [ -e .svn ] || exit 0
[ -O . ] && [ -O .svn ] || { echo "$d is of another user" >&2; exit 1; }
cook_svn status .) || exit; printf '\\0'; done
"""
