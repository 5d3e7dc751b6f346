"""Working copies, by git(1)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import (
    Change,
    Command,
    Probe,
    Thing,
    provides,
    sh,
)
from cookbook.providers.folders import FolderProvider, KeptFolderProvider, put_folder_back
from cookbook.providers.git_commands import create, update
from cookbook.providers.git_state import (
    State,
    ask_copy,
    latest_of,
    parse_copy,
)
from cookbook.providers.mounts import remove_tree
from cookbook.providers.ownership import need_folder
from cookbook.providers.revisions import (
    UNSIGNED,
    ask_between,
    ask_obstacles,
    ask_revision,
    ask_signature,
    ask_tools,
    between,
    git_shell,
    missing_tools,
    obstacles,
    unsigned,
)
from cookbook.providers.stat import TARGET
from cookbook.resources._revisions import lines_of
from cookbook.resources.git import Git


@provides(Git)
class GitProvider(FolderProvider[Git, State], KeptFolderProvider[Git, State]):
    """Chef's git provider, with the files compared as well as the commit."""

    concurrent = True
    timeout = 3600.0

    def probe(self, git: Git) -> Sequence[Probe]:
        """Ask for the working copy, the tools, the folder above, and the revision's commit."""
        above = TARGET.about(git.identity.rpartition("/")[0] or "/", loose=True)
        return [ask_copy(git), ask_tools(git), above, *ask_revision(git, everything=git.bare)]

    def parse(
        self, git: Git, text: str, _tools: str | None, _above: str | None, *said: str | None
    ) -> State:
        """Return the state, always with the form of what is there, and what is to be there."""
        found = parse_copy(git, text)
        try:
            return replace(found, latest=latest_of(git, said[0] if said else None))
        except HostError as error:
            return replace(found, failed=f"{error}\n{error.hint or ''}")

    def plan(self, git: Git, found: State | None) -> Change[State]:
        """Compare the commit, the files and the remotes."""
        now = found if found is not None and found.there else None
        if found is not None:
            _refuse(git, found)
            if git.action != "sync" and found.form not in ("absent", "empty"):
                return Change(found, found, note="it is there, and only `sync` compares it")
            if found.failed:
                what, _, todo = found.failed.rpartition("\n")
                raise HostError(what, hint=todo or None)
        wanted = _wanted(git, found)
        if now is None:
            return Change(None, wanted)
        moves = wanted.commit is not None and wanted.commit != now.commit
        if not moves and now.signed is False:
            raise HostError(f"the commit {now.commit} in {git.identity} {UNSIGNED}")
        note = "a checkout was cut off; what it has left is replaced" if now.cut_off else None
        if moves and now.local_commits:
            commits = f"{now.local_commits} local commit{'s' * (now.local_commits != 1)}"
            if git.local_changes == "refuse":
                raise HostError(
                    f"{git.identity} has {commits} that no remote has",
                    hint='push them, or say local_changes="discard":'
                    " they stay under refs/cook/kept/",
                )
            note = f"kept under refs/cook/kept/: {commits}"
        return Change(now, wanted, note=note)

    def missing(
        self, git: Git, _text: str | None, tools: str | None, above: str | None, *_said: str | None
    ) -> Iterator[Thing]:
        """Yield the programs and the folder above."""
        yield from missing_tools(git, tools)
        need_folder(git.identity, above)
        if above is None:
            yield Thing("path", git.identity.rpartition("/")[0])

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Fetch the commit and check it out, put a kept copy back, or remove it."""
        found, wanted = change.found, change.wanted
        if wanted is None:
            inside = found is not None and found.inside
            yield sh("find {} -xdev -mindepth 1 -delete", name) if inside else remove_tree(name)
        elif wanted.restores:
            yield from put_folder_back(name, found, wanted)
        elif found is None:
            yield create(name, wanted)
        else:
            yield update(name, change, wanted)

    def loses_files(self, change: Change[State]) -> bool:
        """Return whether the copy is removed, or its files are discarded."""
        return change.wanted is None or bool({"local_edits", "untracked"} & change.fields.keys())

    def there(self, state: State | None) -> bool:
        """Return whether there is a working copy, a bare repository, or what was exported."""
        return state is not None and state.there

    def ask_back(self, git: Git, change: Change[State]) -> Git:
        """Return the resource at the commit from before, which needs no question."""
        before = change.found.commit if change.found is not None else None
        pinned = before or (change.wanted.commit if change.wanted is not None else None)
        return git if git.bare or not pinned else replace(git, revision=pinned)

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return the removal of a new copy, the kept copy, or the commit from before."""
        there = now if now is not None and now.there else None
        if change.found is None:
            if there is not None and change.wanted is not None and change.wanted.form == "export":
                there = replace(there, inside=change.wanted.inside)
            return Change(there, None)
        if change.found.tree is not None:
            return Change(there, replace(change.found, restores=True, inside=False))
        return super().back(name, change, there)

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: local changes would be lost, or the copy was not kept."""
        if change.found is None:
            return _local(now) if now is not None else None
        if change.found.unkept:
            return "the files from before were too large to be kept"
        if change.found.form == "bare" and change.wanted is not None:
            return "the branches and tags of a mirror are not set back"
        return None

    def preflight(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask for local changes in copies that are removed."""
        names = [name for name, change in changes if change.wanted is None]
        return git_shell(sh(_LOCAL.rstrip(), names)) if names else None

    def objection(self, name: str, said: str, going: Collection[Thing]) -> str | None:
        """Return the reason that local changes would be lost."""
        for record in said.split("\0"):
            path, _, what = record.partition("\n")
            if path == name and what.strip():
                return f"it has local changes: {', '.join(what.split(chr(10))[:5])}"
        return None

    def rehearsal(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask for the commits between and what is in the way; the working copy is not changed."""
        (name, change), *_ = changes
        found, wanted = change.found, change.wanted
        if found is None or wanted is None or "commit" not in change.fields or not found.commit:
            return None
        if wanted.form == "bare" or wanted.depth is not None or wanted.restores:
            return None
        signed = ask_signature(wanted.signers, wanted.signing_keys)
        more = sh("{}\n{}", ask_obstacles(clean=wanted.clean), signed)
        return ask_between(name, wanted.origin, found.commit, wanted.commit or "", more)

    def side_effects(self, changes: Sequence[tuple[str, Change[State]]], said: str) -> str | None:
        """Return the number of commits, their subject lines, and the files in the way."""
        parts = (between(said), obstacles(said), unsigned(said))
        return "; ".join(part for part in parts if part) or None


def _refuse(git: Git, found: State) -> None:
    """Raise HostError for what is there and cannot be made the working copy."""
    path = git.identity
    if found.form == "other":
        raise HostError(f"{path} is there, and is no directory", hint="remove it first")
    if git.action != "sync":
        return
    if found.form == "foreign":
        raise HostError(
            f"{path} has files, and is no working copy of git",
            hint="move them away; nothing is deleted for a clone",
        )
    if found.form == "owned":
        raise HostError(
            f"the working copy {path} belongs to the user {found.owner}",
            hint=f'say user="{found.owner}", or give all of it to the user of this resource',
        )
    if found.form in ("git", "bare") and (found.form == "bare") != git.bare:
        raise HostError(f"{path} is {'no' if git.bare else 'a'} bare repository", hint="remove it")
    if found.local_edits and git.local_changes == "refuse" and not found.cut_off:
        raise HostError(
            f"{path} has local edits: {', '.join(found.local_edits)}",
            hint='commit and push them, or say local_changes="discard" or "keep"',
        )


def _wanted(git: Git, found: State | None) -> State:
    latest = found.latest if found is not None else latest_of(git, None)
    commit, branch, references = latest
    now = found if found is not None else State()
    changes = git.local_changes
    if now.cut_off and changes == "refuse":
        changes = "discard"  # there were none: the checkout was cut off
    return State(
        commit,
        branch,
        git.repository,
        tuple(sorted(git.remotes.items())) if git.remotes else None,
        local_edits=() if now.local_edits and changes == "discard" else None,
        untracked=() if now.untracked and git.clean else None,
        submodules=() if now.submodules and git.submodules else None,
        references=references,
        form="export" if git.action == "export" else "bare" if git.bare else "git",
        remote=git.remote,
        depth=git.depth,
        local_changes=changes,
        mixed=bool(now.local_edits) and changes == "keep",
        known_hosts=lines_of(git.known_hosts),
        username=git.username,
        key=git.key,
        token=git.token,
        signers=lines_of(git.allowed_signers),
        signing_keys=lines_of(git.signing_keys),
        modules=git.submodules,
        inside=now.form == "empty",
        latest=latest,
        clean=git.clean,
    )


def _local(state: State) -> str | None:
    """Return a text about local changes; None if there are none."""
    commits = [f"{state.local_commits} local commits"] if state.local_commits else []
    names = [*commits, *(state.local_edits or ()), *(state.untracked or ())]
    return f"it has local changes: {', '.join(names[:5])}" if names else None


_LOCAL: LiteralString = """\
for d in {}; do printf '%s\\n' "$d"; ([ -e "$d" ] || exit 0; cd "$d" || exit; [ -e .git ] || exit 0
[ -O . ] && [ -O .git ] || { echo "$d is of another user" >&2; exit 1; }
cook_git status --porcelain --no-renames || exit
! cook_git rev-parse -q --verify HEAD >/dev/null ||
cook_git log --format='commit %h %s' HEAD --not --remotes --tags --glob=refs/cook/) || exit
printf '\\0'; done
"""
