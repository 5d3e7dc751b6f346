"""
The mechanism of packages that a lock file names: compared with what is installed.

The program of the packages' language reads both on the host, as the user that installs. What an
installation replaces is kept as a tree, so an undo needs no network.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, LiteralString, TypeVar

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Content, Probe, Provider, Thing, hint, join, sh
from cookbook.providers.stat import TARGET
from cookbook.resources._locked import FromLock
from cookbook.script.run_as import as_owner, as_user
from cookbook.text.bounded_io import parsed_json

NOTHING = "nothing"
"""The value of `installed` where there is no package."""

SHOWN = 30
"""Packages that a plan names."""


@dataclass(frozen=True)
class LockedState:
    """The differences between a lock file and what is installed."""

    unmet: tuple[str, ...] | None = None
    """Packages of the lock that are missing or damaged, or have another version."""
    extra: tuple[str, ...] | None = None
    """Packages that are installed, and not in the lock."""
    settings: tuple[str, ...] | None = None
    """The recorded way of installation."""
    installed: str | None = None
    """The number of packages, and a digest of their names and versions; None in what is wanted."""
    locked: bool = hint(default=True)
    """True if there is a lock file."""
    wrong: str = hint(default="")
    """The reason why the lock cannot be installed, as the program says it."""
    remark: str = hint(default="")
    """A difference that the program accepts."""
    broken: tuple[str, ...] = hint(default=())
    """Damaged packages, as the program calls them."""
    parts: tuple[str, ...] = hint(default=())
    """Files and folders that an installation replaces, relative to the application."""
    options: tuple[str, ...] = hint(default=())
    """The ways of the type to install."""
    source: tuple[str, ...] = hint(default=())
    """A registry, and the token for it."""
    program: str = hint(default="")
    user: str | None = hint()
    variables: tuple[tuple[str, ...], ...] = hint(default=())
    """Names and values of the environment."""
    former: str | None = hint()
    """The digest of what was replaced; `none`: nothing was; `-`: it was too large."""
    restores: bool = hint(default=False)
    """True if what was replaced is put back."""
    timeout: float = hint(default=1800.0)


# A run that was killed after a switch is led back by the next one. A user without a home has no
# place for caches, and some programs end for lack of it.
_INSTALL: LiteralString = """\
{}cd {} || exit; umask 022
t=$PWD/.cook-packages
cook_back() { [ ! -d "$t/former" ] || for p in {}; do rm -rf -- "$p"
[ ! -e "$t/former/$p" ] || mv -- "$t/former/$p" "$p"; done; rm -rf -- "$t"; }
cook_back; mkdir -- "$t" || exit
trap cook_back EXIT; trap 'exit 143' HUP INT TERM
[ -w "$HOME" ] || { HOME=$t/home; mkdir -- "$HOME"; export HOME; }
cook_switch() { mkdir -- "$t/former" && for p in {}; do case $p in */*)
mkdir -p -- "$t/former/${p%/*}" ;; esac; [ ! -e "$p" ] || mv -- "$p" "$t/former/$p" || return
[ ! -e "$t/new/$p" ] || mv -- "$t/new/$p" "$p" || return; done; }
{}
trap 'rm -rf -- "$t"' EXIT
"""


def first_in_path(program: str) -> Command:
    """Return shell text that puts the folder of a program first in the PATH."""
    if "/" not in program:
        return sh("")
    return sh('PATH={}:"$PATH"; export PATH\n', program.rpartition("/")[0])


def as_installer(folder: str, user: str | None, command: Command) -> Command:
    """Return the command that runs another one as the user that installs."""
    return as_user(user, command) if user is not None else as_owner(folder, command)


def install(folder: str, state: LockedState, body: Command, called: str) -> Command:
    """
    Return the command that installs, as the user, in the application's folder.

    It is `called` so in errors. The body makes the new parts in `$t/new`; `cook_switch` replaces
    the former ones, which come back if the body fails after it. `$t` is removed in any case.
    """
    variables = [sh("export {}={}\n", name, value) for name, value in state.variables]
    parts = list(state.parts)
    path = sh("{}{}", first_in_path(state.program), join(variables, ""))
    text = sh(_INSTALL.rstrip(), path, folder, parts, parts, body)
    return as_installer(folder, state.user, replace(text, called=called))


_KEPT: LiteralString = """\
cd {} 2>/dev/null && for p in {}; do [ ! -e "$p" ] && [ ! -L "$p" ] || printf '%s\\n' "$p"; done |
{ n=$(cat); [ "$n" ] && printf '%s\\n' "$n" |
cook_keep_by cook_tar --format=posix --numeric-owner -cf - -T - || echo none; } || echo none"""

_RESTORE: LiteralString = """\
cd {} && rm -rf -- {} || exit; f={}; umask 022; set --
for p in {}; do d=${p%/*}; [ "$d" = "$p" ] || { rmdir -- "$d" 2>/dev/null
[ -d "$d" ] || set -- "$@" "$d"; }; done
[ "$f" = none ] || content {} | tar -xpf - || exit
for d; do [ ! -d "$d" ] || chown --reference=. -- "$d"; done
"""


def keep_parts(folder: str, parts: Sequence[str]) -> Command:
    """
    Return the command that keeps files and folders, given relative to a folder, as one tar.

    It prints the digest; `none` if there is none of them; `-` for what could not be kept.
    """
    return sh(_KEPT, folder, list(parts))


def restore(folder: str, state: LockedState) -> Command:
    """Return the command that puts back what an installation has replaced."""
    parts, former = list(state.parts), state.former or "none"
    text = sh(_RESTORE.strip(), folder, parts, former, parts, Content(former))
    return replace(text, called=f"put back what was installed in {folder}")


R = TypeVar("R", bound=FromLock)


class LockedProvider(Provider[R, LockedState], Generic[R]):
    """A provider of what a lock file names; the identity of the resource is the folder."""

    owns = False

    verb: ClassVar[str] = "install"
    """The first argument of the program."""

    @property
    def state(self) -> type[LockedState]:
        """The state of what is installed."""
        return LockedState

    @abstractmethod
    def look(self, resource: R) -> Command:
        """Return the command that compares, and prints JSON with the fields of the state."""

    @abstractmethod
    def wanted(self, resource: R) -> LockedState:
        """Return the state that is wanted, with all that is needed to install it."""

    @abstractmethod
    def body(self, state: LockedState) -> Command:
        """Return the body of `install`."""

    def tools(self, resource: R) -> Sequence[str]:
        """Return the programs that are needed."""
        return [resource.command]

    def probe(self, resource: R) -> Sequence[Probe]:
        """Ask for the differences; for the lock file and the programs, if they may be absent."""
        folder, program = resource.identity, resource.command
        tools = sh(
            '{}for c in {}; do command -v -- "$c" >/dev/null || echo "$c"; done',
            first_in_path(program),
            list(self.tools(resource)),
        )
        there = sh('[ -d {} ] && [ -z "$({})" ] || exit 4\n', folder, tools)
        look = sh("{}{}", first_in_path(program), self.look(resource))
        asked = sh("{}{}", there, as_installer(folder, resource.user, look))
        return [
            Probe(replace(asked, called=f"compare the packages in {folder}"), absent=4),
            Probe(replace(tools, called=f"look for {' '.join(self.tools(resource))}"), loose=True),
            *(TARGET.about(f"{folder}/{name}", loose=True) for name in resource.locks),
        ]

    def parse(self, resource: R, text: str, *_rest: str | None) -> LockedState:
        """Return the differences."""
        said = parsed_json(text)
        settings = said.get("settings")
        return replace(
            self.wanted(resource),
            unmet=_some(said["unmet"]),
            extra=_some(said["extra"]),
            settings=tuple(map(str, settings)) if settings is not None else None,
            installed=str(said.get("installed") or NOTHING),
            locked=bool(said["locked"]),
            wrong=str(said.get("wrong") or ""),
            remark=str(said.get("remark") or ""),
            parts=tuple(map(str, said["parts"])),
            broken=tuple(map(str, said.get("broken") or ())),
        )

    def plan(self, resource: R, found: LockedState | None) -> Change[LockedState]:
        """Have no differences."""
        if resource.action != "install":
            return Change(found, found)
        if found is not None and found.wrong:
            unread = "cannot be read" in found.wrong
            advice = "it has to be correct JSON that the user may read" if unread else self.advice()
            raise HostError(f"{resource}: {found.wrong}", hint=advice)
        wanted = self.wanted(resource)
        if found is None or not found.locked:
            return Change(found if self.there(found) else None, wanted)
        wanted = replace(wanted, parts=found.parts, broken=found.broken)
        change = Change(found, wanted, note=found.remark or None)
        if self.there(found) or not change.needed:
            return change
        coming = f"installs {', '.join(found.unmet)}" if found.unmet else ""
        note = "; ".join(one for one in (found.remark, coming) if one)
        return replace(change, found=None, note=note.replace(": missing", "") or None)

    def there(self, state: LockedState | None) -> bool:
        """Return whether anything is installed."""
        return state is not None and state.installed != NOTHING

    def advice(self) -> str:
        """Return what to do about a lock file that cannot be installed."""
        return "make the lock file anew where the application is developed"

    def commands(self, name: str, change: Change[LockedState]) -> Iterator[Command]:
        """Install what the lock names, or put back what there was."""
        wanted, former = change.wanted, change.wanted or change.found
        if former is not None and former.restores:
            yield restore(name, former)
        elif wanted is not None:
            called = f"{wanted.program} {self.verb} in {name}"
            yield install(name, wanted, self.body(wanted), called)

    def missing(
        self, resource: R, text: str | None, tools: str | None, *files: str | None
    ) -> Iterator[Thing]:
        """Yield the lock file and the programs."""
        if resource.action != "install":
            return
        if not any(files):
            yield Thing("path", f"{resource.identity}/{resource.locks[0]}")
        for tool in self.tools(resource) if tools is None else tools.split("\n"):
            if tool and text is None:
                yield Thing("path" if "/" in tool else "tool", tool)

    def about(self, resource: R) -> Iterable[Thing]:
        """Yield the resource and the folder."""
        return [Thing(resource.kind(), resource.identity), Thing("tree", resource.identity)]

    def alters(self, resource: R, change: Change[LockedState] | None) -> Iterable[Thing]:
        """Yield the resource: what it installs is nothing that others declare."""
        return [Thing(resource.kind(), resource.identity)]

    def removes(self, resource: R, change: Change[LockedState] | None) -> Iterable[Thing]:
        """Return nothing."""
        return []

    def brings_anything(self, name: str) -> bool:
        """Return True: a package may have programs."""
        return True

    def takes_anything(self, name: str) -> bool:
        """Return False: all is in the folder of the application."""
        return False

    def keeps(self, name: str, change: Change[LockedState]) -> Command | None:
        """Keep what is replaced."""
        side = change.wanted or change.found
        return keep_parts(name, side.parts if side is not None else ())

    def learned(self, change: Change[LockedState], kept: str, said: str) -> Change[LockedState]:
        """Add where the former packages are kept."""
        former = kept.strip().partition("\n")[0] or "-"
        if change.wanted is not None:
            return replace(change, wanted=replace(change.wanted, former=former))
        if change.found is not None:
            return replace(change, found=replace(change.found, former=former))
        return change

    def back(
        self, name: str, change: Change[LockedState], now: LockedState | None
    ) -> Change[LockedState]:
        """Return to what was installed before."""
        done = change.wanted or change.found
        if done is None:
            return Change(now, now)
        there = _restoring(now, done) if now is not None and self.there(now) else None
        if change.found is None:
            return Change(there, None)
        before = replace(change.found, unmet=None, extra=None)
        return Change(there, _restoring(before, done), note=_named(change.found))

    def unobtainable(
        self, name: str, change: Change[LockedState], now: LockedState | None
    ) -> str | None:
        """Return the reason: what was there was too large to be kept."""
        done = change.wanted or change.found
        lost = done is not None and done.former in ("-", None)
        return "what was installed before was too large to be kept" if lost else None

    def limit(self, change: Change[LockedState]) -> float:
        """As the recipe says."""
        return change.wanted.timeout if change.wanted is not None else self.timeout


def _restoring(state: LockedState, done: LockedState) -> LockedState:
    """Return the state with what the change before has replaced."""
    return replace(state, former=done.former, parts=done.parts, restores=True)


def _named(former: LockedState) -> str | None:
    """Return which packages go and come if the change from this state is taken back."""
    going, coming = [], list(former.extra or ())
    for package, was in (one.rsplit(": ", 1) for one in former.unmet or () if ": " in one):
        going += [package] if was == "missing" else []
        coming += [f"{package.rpartition(' ')[0]} {was}"] if was[:1].isdigit() else []
    words = [("removes", going), ("brings back", coming)]
    return "; ".join(f"{verb} {', '.join(names)}" for verb, names in words if names) or None


def _some(names: Sequence[Any]) -> tuple[str, ...]:
    """Return the names that a plan shows."""
    more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return (*map(str, names[:SHOWN]), *more)
