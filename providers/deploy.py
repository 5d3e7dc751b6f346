"""Applications in releases, by git(1), a link and systemctl(1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from cookbook.errors import HostError
from cookbook.provider import (
    Change,
    Command,
    Probe,
    Release,
    Thing,
    provides,
)
from cookbook.providers.deploy_commands import make, put_back, remove, switch, unlink
from cookbook.providers.folders import KeptFolderProvider
from cookbook.providers.getent import PASSWD
from cookbook.providers.ownership import need_folder
from cookbook.providers.releases import (
    ASK_ALL,
    State,
    ask_releases,
    at_release,
    matching,
    parse_all,
    parse_releases,
    proven,
    superseded,
)
from cookbook.providers.revisions import (
    ask_between,
    ask_revision,
    ask_signature,
    ask_tools,
    between,
    missing_tools,
    resolve,
    unsigned,
)
from cookbook.providers.stat import TARGET
from cookbook.resources._revisions import lines_of
from cookbook.resources.deploy import Deploy
from cookbook.script.run_as import as_user

_CUT_OFF = "the switch was cut off: its units are restarted, and it stays if they are healthy"


@provides(Deploy)
class DeployProvider(KeptFolderProvider[Deploy, State]):
    """Releases beside each other, and a link to the current one."""

    timeout = 7200.0

    def probe(self, deploy: Deploy) -> Sequence[Probe]:
        """Ask for the releases, the tools, the folder above, the user, and the commit."""
        asked = [ask_releases(deploy), ask_tools(deploy)]
        asked.append(TARGET.about(deploy.place.rpartition("/")[0] or "/", loose=True))
        if deploy.user is not None:
            asked.append(PASSWD.about(deploy.user, loose=True))
        if deploy.action == "rollback":
            return asked
        return [*asked, *(replace(one, user=deploy.user) for one in ask_revision(deploy))]

    def parse(self, deploy: Deploy, text: str, *others: str | None) -> State:
        """Return the current release, all releases, and the commit that is wanted."""
        found = parse_releases(text)
        if deploy.action == "rollback":
            return found
        if deploy.pinned is not None:
            return replace(found, latest=deploy.pinned)
        said = others[-1]
        if said is None:
            return found
        try:
            return replace(found, latest=resolve(deploy, said).commit)
        except HostError as error:
            return replace(found, failed=f"{error}\n{error.hint or ''}")

    def plan(self, deploy: Deploy, found: State | None) -> Change[State]:
        """Compare the current release with the commit and the build."""
        now = found if found is not None and found.exists else None
        if found is not None:
            _refuse(deploy, found)
        if deploy.action == "rollback":
            return _rollback(deploy, found)
        latest = found.latest if found is not None else deploy.pinned
        wanted = _wanted(deploy, latest)
        if found is None or latest is None:
            return Change(now, wanted)
        if found.release == wanted.release:
            same = replace(wanted, commit=found.commit, complete=found.complete)
            unfinished = False if found.unfinished else None
            note = _CUT_OFF if found.unfinished else None
            return Change(found, replace(same, unfinished=unfinished), note=note)
        why = dict(found.held).get(wanted.release)
        if why == "failed":
            raise HostError(
                f"the release {wanted.release} of {deploy.name} was not healthy, and is held back",
                hint="mend it by a new commit, or try it again:"
                f" `cook rollback {deploy.name} --to {wanted.release}`",
            )
        if why is not None:
            text = (
                f"the release {wanted.release} was rolled back from, and is held back until the"
                " revision or the build changes;"
                f" `cook rollback {deploy.name} --to {wanted.release}` leads to it"
            )
            return Change(found, found, warning=text)
        gone = superseded(found, wanted.release, deploy.keep_releases)
        return Change(now, replace(wanted, gone=tuple(gone), complete=found.complete))

    def missing(
        self,
        deploy: Deploy,
        text: str | None,
        tools: str | None,
        above: str | None,
        *others: str | None,
    ) -> Iterator[Thing]:
        """Yield the programs, the folder above, the user and the shared files."""
        yield from missing_tools(deploy, tools)
        need_folder(deploy.place, above)
        if above is None:
            yield Thing("path", deploy.place.rpartition("/")[0])
        if deploy.user is not None and others[0] is None:
            yield Thing("user", deploy.user)
        absent = deploy.shared_files if text is None else parse_releases(text).absent_files
        for path in absent:
            yield Thing("path", f"{deploy.place}/shared/{path}")

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Build the release unless it is there, and switch to it."""
        found, wanted = change.found, change.wanted
        if wanted is None:
            if found is not None:
                yield remove(name, found)
        elif wanted.restores:
            yield put_back(name, found, wanted)
        elif not wanted.release:
            yield unlink(name, found, wanted)
        else:
            if wanted.release not in wanted.complete:
                yield make(name, wanted)
            yield switch(name, proven(found) if found is not None else None, wanted)

    def kept_path(self, name: str, found: State) -> str:
        """Return the folder of the application."""
        return found.path

    def there(self, state: State | None) -> bool:
        """Return whether there are releases."""
        return state is not None and state.exists

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Return the migration: no undo takes it back."""
        migrated = change.wanted is not None and change.wanted.migrates
        return "what the migration did" if migrated and change.fields else None

    def ask_back(self, deploy: Deploy, change: Change[State]) -> Deploy:
        """Return the resource at the commit from before, which needs no question."""
        commit = change.found.commit if change.found is not None else None
        if commit is None and change.wanted is not None:
            commit = change.wanted.commit
        return deploy if not commit else replace(deploy, action="rollback", to=commit)

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return the switch to the release from before, or the removal of all."""
        there = now if now is not None and self.there(now) else None
        before = change.found
        if before is None:
            return Change(there, None)
        before = replace(before, unfinished=None)
        if before.tree is not None:
            return Change(there, replace(before, restores=True))
        known = now.complete if now is not None else ()
        return Change(there, replace(before, complete=known, gone=(), holds=""))

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: the release from before is not on the host any more."""
        before = change.found
        if before is None:
            return None
        if before.unkept:
            return "the releases were too large to be kept"
        if before.tree is not None or not before.release:
            return None
        if now is None or before.release not in now.complete:
            return f"the release {before.release} is not on the host any more"
        return None

    def rehearsal(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask for the commits between."""
        (_, change), *_ = changes
        found, wanted = change.found, change.wanted
        if found is None or wanted is None or "commit" not in change.fields or not found.commit:
            return None
        folder = f"{found.path}/repo"
        there = wanted.release in wanted.complete  # it was verified then
        signed = None if there else ask_signature(wanted.signers, wanted.signing_keys)
        names = (found.commit or "", wanted.commit or "")
        asked = ask_between(folder, wanted.origin, *names, signed)
        return as_user(wanted.user, asked)

    def side_effects(self, changes: Sequence[tuple[str, Change[State]]], said: str) -> str | None:
        """Return the number of commits and their subject lines, and a missing signature."""
        return "; ".join(part for part in (between(said), unsigned(said)) if part) or None

    def about(self, deploy: Deploy) -> Iterable[Thing]:
        """Yield the application and its folder."""
        return [Thing("deploy", deploy.name), Thing("tree", deploy.place)]

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the folder and the link."""
        if change.wanted is None:
            return []
        path = change.wanted.path
        return [Thing("path", path), Thing("path", f"{path}/current")]

    def brings_anything(self, name: str) -> bool:
        """Return True: the files are not known before."""
        return True

    def releases(self) -> Command:
        """Return the question for the releases of all applications."""
        return ASK_ALL

    def release_list(self, text: str) -> Iterable[Release]:
        """Return the releases, those of one application from the latest on."""
        return parse_all(text)


def _refuse(deploy: Deploy, found: State) -> None:
    """Raise HostError for what is there and is no application of cook."""
    if found.path != deploy.place and deploy.action != "rollback":
        raise HostError(
            f"{deploy.name} is deployed in {found.path}",
            hint=f'give it another name, or path="{found.path}"',
        )
    if found.link and not found.release:
        raise HostError(
            f"{found.path}/current is no link to a release that cook has made",
            hint="remove it; what it leads to stays",
        )
    if found.failed:
        what, _, todo = found.failed.rpartition("\n")
        raise HostError(what, hint=todo or None)


def _rollback(deploy: Deploy, found: State | None) -> Change[State]:
    if found is None or not found.release:
        raise HostError(f"there is no release of {deploy.name} on the host")
    names = list(matching(found, deploy.to or ""))
    if len(names) != 1:
        some = ", ".join(names or found.complete)
        says = "means several releases" if names else "is no release that is on the host"
        raise HostError(f"{deploy.to} {says} of {deploy.name}", hint=f"there are: {some}")
    if names == [found.release]:
        return Change(found, found)
    wanted = at_release(found, names[0])
    return Change(found, replace(wanted, holds=found.release))


def _wanted(deploy: Deploy, commit: str | None) -> State:
    return State(
        commit,
        deploy.build_digest,
        exists=True,
        path=deploy.place,
        user=deploy.user,
        units=deploy.units,
        health_check=deploy.health_check or "",
        health_timeout=deploy.health_timeout,
        repository=deploy.repository or "",
        known_hosts=lines_of(deploy.known_hosts),
        username=deploy.username,
        key=deploy.key,
        token=deploy.token,
        signers=lines_of(deploy.allowed_signers),
        signing_keys=lines_of(deploy.signing_keys),
        submodules=deploy.submodules,
        shared_folders=tuple(deploy.shared_folders),
        shared_files=tuple(deploy.shared_files),
        steps=deploy.steps,
        environment=tuple(deploy.environment.items()),
        migrate=deploy.migrate,
        migrates=deploy.migrate is not None,
        revision=deploy.revision,
        latest=commit,
    )
