"""
The mechanism of types that are several units of systemd: an application with its processes.

The type says which units, with their texts. Those that it has no more are found by the mark in
their first line. A process is restarted if anything it was started with has changed since: its
unit, a drop-in of that, or one of the `inputs`, such as its environment. What it was started with
is noted by the unit itself, so a start by hand counts as well.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, LiteralString, NamedTuple, TypeVar

from cookbook.errors import HostError
from cookbook.provider import (
    Change,
    Command,
    Content,
    Probe,
    Provider,
    Resource,
    Texts,
    Thing,
    hint,
    join,
    script,
    sh,
)
from cookbook.providers import systemd
from cookbook.providers.checkers import check_of_unit
from cookbook.providers.small_files import ages, times, write_small
from cookbook.providers.units import RESTARTS, restarted
from cookbook.resources._units import NOTE, RECORDS, Unit
from cookbook.resources.systemd_unit import FOLDER

R = TypeVar("R", bound=Resource)

_OWNED = "644 root root"
"""Mode, owner and group of a unit file."""

_WAY_BACK = 60.0
"""Seconds in which the former processes have to run again, if the new ones do not start."""

_MOST = 1_000_000
"""Bytes of a unit file that are read."""


@dataclass(frozen=True)
class State:
    """The units of an application, in the order in which they are started."""

    units: tuple[str, ...] = ()
    """The units that have a file."""
    content: Content | None = None
    """The digest of all files."""
    owned: tuple[str, ...] | None = None
    """Files that are not root's alone to write: unit, mode, owner and group."""
    enabled: tuple[str, ...] = ()
    """The units that are started at boot."""
    active: tuple[str, ...] = ()
    """The units that run."""
    changed: tuple[str, ...] | None = None
    """The files and links that have changed since a process was started that uses them."""
    outdated: bool | None = None
    """True if systemd has not read a file since it was changed."""
    texts: tuple[str, ...] = hint(default=())
    """The texts of the files, in the order of the units."""
    modified: tuple[str | None, ...] = hint(default=())
    """When the files were last modified, in seconds since the epoch; known of what was kept."""
    stale: tuple[str, ...] = hint(default=())
    """The running units that use something which has changed; of a wanted state, all units that
    are restarted."""
    timeout: float = hint(default=900.0)
    settle: float = hint(default=systemd.SETTLE)

    def text(self, unit: str) -> str | None:
        """Return the text of the file of a unit; None without one."""
        return dict(zip(self.units, self.texts, strict=False)).get(unit)


class Wanted(NamedTuple):
    """The units that a resource wants, all enabled."""

    units: Sequence[Unit]
    inputs: Sequence[str] = ()
    """The paths of the files and links that their processes use."""
    timeout: float = 900.0
    settle: float = systemd.SETTLE
    others: Sequence[str] = ()
    """Units that belong to the application even without the mark, if they are there."""


# The answer has no time and no number in it: of what has changed, only the path is told.
_ASK: LiteralString = r"""
cook_used() { [ -e "$r" ] || { printf '%s\n' "$@"; return; }
[ "$(for p; do {}; done)" != "$(cat -- "$r")" ] || return 0; n=
for p; do l=$({}); grep -qxF -e "$l" -- "$r" || { printf '%s\n' "$p"; n=1; }; done
[ "$n" ] || printf '%s\n' "$PWD/$u.d"; } 2>/dev/null
cd {} || exit; set -- {}
for f in $(grep -slxF -e {} -- *.service *.socket *.target); do
for u; do [ "$u" != "$f" ] || continue 2; done; set -- "$@" "$f"; done
for u; do printf '%s\0' "$u"
if [ -L "$u" ]; then printf '%s\0' "-> $(readlink -- "$u")"
elif [ -f "$u" ]; then stat -c '%a %U %G' -- "$u" | tr '\n' '\0'; head -c {} -- "$u" | tr '\0' '?'
elif [ -e "$u" ]; then printf 'no file\0'; else printf -- '-\0'; fi; printf '\0'
for l in *.wants/"$u"; do [ ! -L "$l" ] || printf 'enabled '; done
s=$(systemctl show -p ActiveState,NeedDaemonReload -- "$u"); case $s in
*ActiveState=active*|*ActiveState=re*) printf 'active ' ;; esac
case $s in *NeedDaemonReload=yes*) printf 'outdated ' ;; esac
printf '\0'; r={}/$u
cook_used "$PWD/$u" "$PWD/$u.d"/*.conf {}; printf '\0'; done
"""


class UnitSetProvider(Provider[R, State], Generic[R]):
    """A provider of several units; the identity of the resource is the name of the application."""

    again = frozenset({"restart"})
    supersedes: ClassVar[Mapping[str, frozenset[str]]] = {"restart": frozenset({"start"})}

    @abstractmethod
    def wanted(self, resource: R, /) -> Wanted:
        """Return the units that the resource wants; none if it removes them."""

    @abstractmethod
    def mark(self, identity: str, /) -> str:
        """Return the first line of each unit of the application."""

    @property
    def state(self) -> type[State]:
        """The state of a set of units."""
        return State

    def probe(self, resource: R) -> Sequence[Probe]:
        """Ask for the files, whether they are enabled and run, and what has changed since."""
        wanted = self.wanted(resource)
        units = [*(unit.name for unit in wanted.units), *wanted.others]
        mark, inputs = self.mark(resource.identity), list(wanted.inputs)
        note = script(NOTE)
        ask = sh(_ASK.strip(), note, note, FOLDER, units, mark, _MOST, RECORDS, inputs)
        return [Probe(replace(ask, called=f"look at the units of {resource.identity}"))]

    def parse(self, resource: R, text: str, *_others: Any) -> State | None:
        """Return the units that have a file."""
        words = text.split("\0")
        found = [_Found(*words[at : at + 5]) for at in range(0, len(words) - 1, 5)]
        for one in found:
            if one.head.startswith("->") or one.head == "no file":
                what = f"a link ({one.head})" if one.head != "no file" else "no file"
                raise HostError(
                    f"{FOLDER}/{one.unit} is {what}",
                    hint=f"`systemctl unmask {one.unit}`, or remove it",
                )
        there = [one for one in found if one.head != "-"]
        return _state(there, found, self.mark(resource.identity)) if there else None

    def plan(self, resource: R, found: State | None) -> Change[State]:
        """Compare the units; what runs with something that has changed is restarted."""
        if "delete" in resource.doing:
            return Change(found, None)
        if "create" not in resource.doing:
            return _notified(resource, found)
        want = self.wanted(resource)
        names = tuple(unit.name for unit in want.units)
        wanted = State(
            units=names,
            content=_digest(names, [unit.text for unit in want.units]),
            enabled=tuple(unit.name for unit in want.units if unit.enabled),
            active=tuple(unit.name for unit in want.units if unit.running),
            texts=tuple(unit.text for unit in want.units),
            timeout=want.timeout,
            settle=want.settle,
        )
        now = _ordered(found, names) if found is not None else None
        wanted = _in_order(now, wanted)
        wanted = replace(wanted, stale=_restarted(now, wanted))
        if "restart" in resource.doing and now is not None:
            wanted = replace(wanted, stale=tuple(u for u in now.active if u in wanted.active))
        return Change(now, wanted, act="restart" if wanted.stale else None)

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """
        Check and write the files, start what is to run, then remove the files of other units.

        If one does not start, the former files are put back, and what ran before runs again.
        """
        found, wanted = change.found or State(), change.wanted or State()
        gone = [unit for unit in found.units if unit not in wanted.units]
        changed = change.wanted is not None and (change.found is None or "content" in change.fields)
        new = [u for u in wanted.units if changed and wanted.text(u) != found.text(u)]
        yield from map(check_of_unit, new, [wanted.text(u) or "" for u in new])
        if gone:
            # All at once: a socket would start its service again.
            yield sh("systemctl stop -- {}", gone)
            yield sh("systemctl disable -q -- {}", gone)
            # One that failed while it was stopped would stay in the list of units.
            yield sh("systemctl reset-failed -- {} 2>/dev/null || :", gone)
        for unit in new:
            at = wanted.units.index(unit)
            modified = wanted.modified[at] if at < len(wanted.modified) else None
            yield write_small(f"{FOLDER}/{unit}", wanted.text(unit) or "", modified)
        yield from _own(found, wanted, new)
        if change.wanted is not None:
            if new or "outdated" in change.fields:
                yield sh("systemctl daemon-reload")
            yield from _run(change, new, gone)
        if gone:
            yield sh("rm -f -- {}", [f"{FOLDER}/{u}" for u in gone])
            yield sh("rm -f -- {}", [f"{RECORDS}/{u}" for u in gone])
            yield sh("systemctl daemon-reload")

    def besides(self, resource: R) -> Sequence[Probe]:
        """Ask how often systemd has restarted the processes that are to run."""
        return [RESTARTS.about(unit, loose=True) for unit in self._running(resource)]

    def warning(self, resource: R, *answers: str | None) -> str | None:
        """Tell which processes systemd has restarted by itself a moment ago."""
        pairs = zip(self._running(resource), answers, strict=True)
        told = [(unit, restarted(unit, said)) for unit, said in pairs]
        return "; ".join(f"{unit}: {text}" for unit, text in told if text is not None) or None

    def _running(self, resource: R) -> Sequence[str]:
        if "create" not in resource.doing:
            return []
        return [unit.name for unit in self.wanted(resource).units if unit.running]

    def contents(self, resource: R) -> Mapping[str, bytes]:
        """Return the wanted texts."""
        units = self.wanted(resource).units
        text = _text([u.name for u in units], [u.text for u in units]).encode()
        return {Content.of(text): text}

    def texts(self, name: str, change: Change[State]) -> Texts | None:
        """Return the texts of all units before and after."""
        if change.wanted is not None and "content" not in change.fields:
            return None
        units = change.found.units if change.found is not None else ()
        cat = [sh("echo {}; cat -- {}", f"# {FOLDER}/{u}", f"{FOLDER}/{u}") for u in units]
        wanted = change.wanted.content if change.wanted is not None else None
        return Texts(join(cat) if cat else None, wanted)

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the units and their files."""
        return _things(change.wanted.units) if change.wanted is not None else []

    def about(self, resource: R) -> Iterable[Thing]:
        """Yield the units, their files, and what their processes use."""
        wanted = self.wanted(resource)
        yield Thing(resource.kind(), resource.identity)
        yield from _things([*(unit.name for unit in wanted.units), *wanted.others])
        yield from (Thing("path", path) for path in wanted.inputs)

    def alters(self, resource: R, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the units and their files."""
        found = change.found.units if change is not None and change.found is not None else ()
        wanted = self.wanted(resource)
        names = dict.fromkeys([*(unit.name for unit in wanted.units), *wanted.others, *found])
        return [Thing(resource.kind(), resource.identity), *_things(names)]

    def removes(self, resource: R, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the units that are removed."""
        if change is None or change.found is None:
            return []
        kept = change.wanted.units if change.wanted is not None else ()
        return _things([unit for unit in change.found.units if unit not in kept])

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Ask when the files were modified."""
        return ages([f"{FOLDER}/{u}" for u in change.found.units]) if change.found else None

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add the times of modification."""
        if change.found is None or not kept:
            return change
        return replace(change, found=replace(change.found, modified=tuple(times(kept))))

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former units; their processes run with what there is."""
        undo = super().back(name, change, now)
        if undo.wanted is None:
            return undo
        wanted = replace(undo.wanted, changed=None, outdated=None)
        return replace(undo, wanted=replace(wanted, stale=_restarted(now, wanted)))

    def amounts_to(self, change: Change[State]) -> frozenset[str]:
        """Return the actions that a start includes: a process has read what it uses."""
        started = "active" in change.fields or change.kind == "create"
        acts = frozenset({"start", "restart"}) if started else frozenset[str]()
        return super().amounts_to(change) | acts

    def repeats(self, act: str, state: State | None) -> bool:
        """Return whether the act is repeated: only for what runs."""
        return act in self.again and state is not None and bool(state.active)

    def limit(self, change: Change[State]) -> float:
        """As the recipe says, and the time a unit is watched."""
        wanted = change.wanted or State()
        return wanted.timeout + wanted.settle + systemd.MARGIN + _WAY_BACK


class _Found(NamedTuple):
    """The answer about one unit."""

    unit: str
    head: str
    text: str
    words: str
    changed: str


def _state(there: Sequence[_Found], asked: Sequence[_Found], mark: str) -> State:
    """
    Return the state of the units that have a file; one without may still run.

    A unit without the mark notes nothing; it is replaced, and restarted for that.
    """
    names = tuple(one.unit for one in there)
    texts = tuple(one.text for one in there)
    runs = [one for one in asked if "active" in one.words.split()]
    noting = [one for one in runs if one.unit.endswith(".service") and one.text.startswith(mark)]
    stale = [one for one in noting if one.changed]
    return State(
        units=names,
        content=_digest(names, texts),
        owned=tuple(f"{one.unit} {one.head}" for one in there if one.head != _OWNED),
        enabled=tuple(one.unit for one in asked if "enabled" in one.words.split()),
        active=tuple(one.unit for one in runs),
        changed=tuple(dict.fromkeys(p for one in stale for p in one.changed.splitlines())),
        outdated=any("outdated" in one.words.split() for one in asked),
        texts=texts,
        stale=tuple(one.unit for one in stale),
    )


def _ordered(found: State, names: Sequence[str]) -> State:
    """Return the state with its units in the order of the wanted ones; others are last."""

    def order(units: Sequence[str]) -> tuple[str, ...]:
        known = [unit for unit in names if unit in units]
        return (*known, *(unit for unit in units if unit not in names))

    units = order(found.units)
    texts = tuple(found.text(unit) or "" for unit in units)
    return replace(
        found,
        units=units,
        texts=texts,
        content=_digest(units, texts),
        enabled=order(found.enabled),
        active=order(found.active),
    )


def _in_order(now: State | None, wanted: State) -> State:
    """Return the state with nothing wrong in it; of units that are new, nothing can be."""
    if now is None:
        return wanted
    owned = None if now.owned is None else ()
    changed = None if now.changed is None else ()
    return replace(wanted, owned=owned, changed=changed, outdated=now.outdated and False)


def _notified(resource: Resource, found: State | None) -> Change[State]:
    """Return the change of a notification."""
    if "restart" not in resource.doing:
        return Change(found, found)
    if found is None:
        return Change(None, None, note="there is no unit yet that could be restarted")
    return Change(found, replace(found, stale=found.active or found.enabled), act="restart")


def _restarted(now: State | None, wanted: State) -> tuple[str, ...]:
    """Return the units that run and would not yet run as wanted."""
    if now is None:
        return ()
    new = {u for u in wanted.units if now.text(u) != wanted.text(u)}
    again = {*now.active} if now.outdated else {*new, *now.stale}
    return tuple(u for u in wanted.active if u in now.active and u in again)


def _own(found: State, wanted: State, new: Sequence[str]) -> Iterator[Command]:
    """Yield the commands that set modes and owners; a new file is root's with 0644."""
    said = dict(one.split(" ", 1) for one in wanted.owned or ())
    before = dict(one.split(" ", 1) for one in found.owned or ())
    for unit in wanted.units:
        to, was = said.get(unit, _OWNED), before.get(unit, _OWNED)
        if to != was and not (unit in new and unit not in found.units and to == _OWNED):
            mode, owner, group = to.split(" ")
            path = f"{FOLDER}/{unit}"
            yield sh("chown {} -- {} && chmod {} -- {}", f"{owner}:{group}", path, mode, path)


def _run(change: Change[State], new: Sequence[str], gone: Sequence[str]) -> Iterator[Command]:
    """Enable and disable, then stop, start and restart: one after the other, each is watched."""
    found, wanted = change.found or State(), change.wanted or State()
    was, down = found.active, [*gone]
    kept = [unit for unit in found.units if unit in wanted.units]
    if enable := [u for u in wanted.enabled if u not in found.enabled]:
        yield sh("systemctl enable -q -- {}", enable)
    if disable := [u for u in found.enabled if u in kept and u not in wanted.enabled]:
        yield sh("systemctl disable -q -- {}", disable)
    if stop := [u for u in found.active if u in kept and u not in wanted.active]:
        yield sh("systemctl stop -- {}", stop)
    sockets = [u for u in wanted.active if u.endswith(".socket") and u in found.active]
    if any(socket in new for socket in sockets):
        # A socket takes a new address only while no service has it.
        services = [u for u in found.active if u.endswith(".service") and u in kept]
        yield sh("systemctl stop -- {}", [*services, *sockets])
        found = replace(found, active=tuple(u for u in found.active if u not in services + sockets))
        down += services + sockets
    down = [unit for unit in down if unit in was]
    how = systemd.State(timeout=wanted.timeout, settle=wanted.settle)
    for unit in dict.fromkeys([*wanted.active, *wanted.stale]):
        verb = "restart" if unit in found.active else "start"
        if verb == "start" or (unit in wanted.stale and unit.endswith(".service")):
            watched = how if unit.endswith(".service") else replace(how, settle=0.0)
            down += [unit] if unit in was and unit not in down else []
            start = systemd.bring_up(verb, unit, watched)
            back = _way_back(change, new, gone, down)
            yield start if back is None else _or_else(start, back)


def _or_else(start: Command, back: Command) -> Command:
    return replace(sh("(\n{}\n) || {\n{}\nexit 1; }", start, back), shown=start.shown)


def _way_back(
    change: Change[State], new: Sequence[str], gone: Sequence[str], down: Sequence[str]
) -> Command | None:
    """
    Return the command that puts former files back, and starts what was stopped for new ones.

    None if no former process used them: what has failed before is not put back.
    """
    found = change.found or State()
    if not any(unit in found.active for unit in (*new, *gone)):
        return None
    added = [unit for unit in new if unit not in found.units]
    parts = []
    if added:
        files = [f"{FOLDER}/{unit}" for unit in added]
        text = "systemctl stop -- {}\nsystemctl disable -q -- {}\nrm -f -- {}\n"
        parts.append(sh(text, added, added, files))
    parts += [
        sh("{}\n", write_small(f"{FOLDER}/{unit}", found.text(unit) or ""))
        for unit in new
        if unit in found.units
    ]
    parts.append(sh("systemctl daemon-reload\n"))
    if enabled := [unit for unit in gone if unit in found.enabled]:
        parts.append(sh("systemctl enable -q -- {}\n", enabled))
    if again := [unit for unit in down if unit in found.active]:
        text = (
            "systemctl reset-failed -- {} 2>/dev/null\n"
            "if timeout {} systemctl restart -- {}\nthen echo {} >&2; else echo {} >&2; fi"
        )
        names = ", ".join(again)
        said = f"the former units are back, and run: {names}", f"{names} of before: no start either"
        parts.append(sh(text, again, _WAY_BACK, again, *said))
    return join(parts, "")


def _digest(names: Sequence[str], texts: Sequence[str]) -> Content:
    return Content.of(_text(names, texts).encode("utf-8", "surrogateescape"))


def _text(names: Sequence[str], texts: Sequence[str]) -> str:
    """Return the texts of all units as one, each below its path."""
    return "".join(f"# {FOLDER}/{n}\n{t}" for n, t in zip(names, texts, strict=True))


def _things(units: Iterable[str]) -> list[Thing]:
    return [t for u in units for t in (Thing("unit", u), Thing("path", f"{FOLDER}/{u}"))]
