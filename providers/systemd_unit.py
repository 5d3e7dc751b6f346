"""Units that come with a recipe: their files as files, and the rest as services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, TypeVar

from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Probe,
    Provider,
    Risk,
    Texts,
    Thing,
    hint,
    provides,
    sh,
)
from cookbook.providers import systemd, writing
from cookbook.providers.by_hand import files_by_hand, named_by_file
from cookbook.providers.checkers import checker_of, named
from cookbook.providers.own_file import FILES
from cookbook.providers.units import UNITS, units_of
from cookbook.resources.file import File
from cookbook.resources.service import Service
from cookbook.resources.systemd_unit import FOLDER, SystemdUnit

UNIT = systemd.SystemdProvider()


@dataclass(frozen=True)
class State(writing.State, systemd.State):
    """A file, and the unit that it is, or is a part of."""

    defined: bool | None = None
    """True if there is the file."""
    drop_in: bool = hint(default=False)
    """True if the file is a part of the unit."""
    reread: bool = hint(default=True)
    """True if systemd reads all files after a change."""


UnitPart = TypeVar("UnitPart", writing.State, systemd.State)


def _part(kind: type[UnitPart], state: State | None) -> UnitPart | None:
    """Return the fields of one of the two; of a file that is not there, None."""
    if state is None or (kind is writing.State and not state.defined):
        return None
    return kind(**{field.name: getattr(state, field.name) for field in fields(kind)})


def _parts(change: Change[State]) -> tuple[Change[writing.State], Change[systemd.State]]:
    """Return the change as one of a file and one of a unit."""
    found, wanted = change.found, change.wanted
    if wanted is None and found is not None:
        wanted = _without(found)
    file = Change(_part(writing.State, found), _part(writing.State, wanted))
    unit = Change(_part(systemd.State, found), _part(systemd.State, wanted), change.act)
    return file, unit


def _joined(
    file: writing.State | None, unit: systemd.State | None, *, drop_in: bool = False
) -> State:
    values = {f.name: getattr(unit, f.name) for f in fields(systemd.State)} if unit else {}
    values |= {f.name: getattr(file, f.name) for f in fields(writing.State)} if file else {}
    return State(**values, defined=file is not None, drop_in=drop_in)


def _without(found: State) -> State:
    """Return the state without the file: of a unit that is gone nothing runs, or is enabled."""
    unit = _part(systemd.State, found)
    own = not found.drop_in and found.defined and found.path.startswith(f"{FOLDER}/")
    if unit is not None and own:
        unit = replace(unit, enabled=unit.enabled and False, active=unit.active and False)
    return _joined(None, unit, drop_in=found.drop_in)


@provides(SystemdUnit, when=lambda facts: facts.init == "systemd")
class SystemdUnitProvider(Provider[SystemdUnit, State]):
    """The fields of a file are handled as those of a file, the rest as those of a service."""

    essence = FILES.essence
    again = UNIT.again
    supersedes: ClassVar[Mapping[str, frozenset[str]]] = UNIT.supersedes

    def probe(self, unit: SystemdUnit) -> Sequence[Probe]:
        """Ask for the unit, and for the file."""
        ask = Probe(sh(":")) if "@." in unit.unit else UNITS.about(unit.unit)
        return [ask, *FILES.probe(_file(unit))]

    def parse(self, unit: SystemdUnit, text: str, *answers: Any) -> State:
        """Return both."""
        file = FILES.parse(_file(unit), *answers) if answers[0] is not None else None
        # systemctl(1) knows no templates; they are files only.
        template = "@." in unit.unit
        state = systemd.State(load="") if template else UNIT.parse(_service(unit), text)
        return _joined(file, state, drop_in=unit.drop_in is not None)

    def plan(self, unit: SystemdUnit, found: State | None) -> Change[State]:
        """Compare both."""
        now = found or State(load="not-found", defined=False)
        file_now, unit_now = _part(writing.State, now), _part(systemd.State, now)
        file: Change[writing.State] = Change(file_now, file_now)
        if {"create", "delete"} & set(unit.doing):
            file = FILES.plan(_file(unit), file_now)
        if "delete" in unit.doing:
            unit_now = _part(systemd.State, _without(now))
        rest = UNIT.plan(_service(unit), unit_now) if unit.rest else Change(unit_now, unit_now)
        wanted = _joined(file.wanted, rest.wanted, drop_in=unit.drop_in is not None)
        if "content" in file.fields:
            fresh = unit.triggers_reload and unit_now is not None and unit_now.outdated is not None
            wanted = replace(wanted, outdated=False if fresh else None, reread=unit.triggers_reload)
        notes = filter(None, (file.note, rest.note))
        return Change(found, wanted, rest.act, "; ".join(notes) or None)

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Write the file before the unit is started, and remove it after the unit was stopped."""
        file, unit = _parts(change)
        unit_name = _unit_of(name)
        acts = list(UNIT.commands(unit_name, unit)) if unit.needed else []
        if not file.needed:
            yield from acts
            return
        folder = name.rpartition("/")[0]
        if file.wanted is None:
            yield from acts
        for command in FILES.commands(name, file):
            new = file.wanted is not None and folder != FOLDER
            yield _in_folder(folder, command) if new else command
        if file.wanted is None and folder != FOLDER:
            yield sh("rmdir -- {} 2>/dev/null || :", folder)
        wanted = change.wanted
        if wanted is None or wanted.reread:
            yield sh("systemctl daemon-reload")
        if file.wanted is not None:
            yield from (one for one in acts if str(one) != "systemctl daemon-reload")

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Keep the former content."""
        return FILES.keeps(name, _parts(change)[0])

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add when it was modified."""
        file = FILES.learned(_parts(change)[0], kept, said).found
        if file is None or change.found is None:
            return change
        unit = _part(systemd.State, change.found)
        return replace(change, found=_joined(file, unit, drop_in=change.found.drop_in))

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former file and the former state of the unit."""
        file, unit = _parts(change)
        file_back = FILES.back(name, file, _part(writing.State, now))
        unit_back = UNIT.back(_unit_of(name), unit, _part(systemd.State, now))
        part = change.found is not None and change.found.drop_in
        wanted = _joined(file_back.wanted, unit_back.wanted, drop_in=part)
        fresh = file_back.needed and wanted.outdated is not None
        return Change(now, replace(wanted, outdated=False if fresh else None))

    def contents(self, unit: SystemdUnit) -> Mapping[str, bytes]:
        """Return the wanted content."""
        return FILES.contents(_file(unit))

    def texts(self, name: str, change: Change[State]) -> Texts | None:
        """Return the texts before and after."""
        file = _parts(change)[0]
        return FILES.texts(name, file) if file.needed else None

    def missing(self, unit: SystemdUnit, text: str | None, *answers: Any) -> Iterator[Thing]:
        """Yield what a file needs, and the unit, if it is not made here."""
        own = unit.identity.rpartition("/")[0]
        if "create" in unit.doing:
            for thing in FILES.missing(_file(unit), *answers):
                if unit.drop_in is None or thing != Thing("path", own):
                    yield thing
        if unit.rest and ("create" not in unit.doing or unit.drop_in is not None):
            yield from UNIT.missing(_service(unit), text)

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield file and unit."""
        wanted = change.wanted
        if wanted is None or not wanted.defined:
            return []
        units = [Thing("unit", _unit_of(name))] if name.rpartition("/")[0] == FOLDER else []
        return [Thing("path", name), *units]

    def about(self, unit: SystemdUnit) -> Iterable[Thing]:
        """Yield file and unit."""
        return [Thing("path", unit.identity), *UNIT.about(_service(unit))]

    def alters(self, unit: SystemdUnit, change: Change[State] | None) -> Iterable[Thing]:
        """Yield file and unit."""
        return [Thing("path", unit.identity), Thing("unit", unit.unit)]

    def removes(self, unit: SystemdUnit, change: Change[State] | None) -> Iterable[Thing]:
        """Yield file and unit, if they are removed."""
        goes = change is None or change.wanted is None or not change.wanted.defined
        if not goes or "create" in unit.doing:
            return []
        own = [Thing("unit", unit.unit)] if unit.drop_in is None else []
        return [Thing("path", unit.identity), *own] if "delete" in unit.doing else []

    def there(self, state: State | None) -> bool:
        """Return whether there is the file, or else a unit that comes from elsewhere."""
        if state is None or state.defined or state.drop_in:
            return state is not None and bool(state.defined)
        return state.load not in ("not-found", "") and not state.path.startswith(f"{FOLDER}/")

    def amounts_to(self, change: Change[State]) -> frozenset[str]:
        """Return the actions that a start includes."""
        return UNIT.amounts_to(_parts(change)[1])

    def repeats(self, act: str, state: State | None) -> bool:
        """Return whether the act is repeated: only for a unit that runs."""
        return UNIT.repeats(act, _part(systemd.State, state))

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk of the unit, or else that of the file."""
        file, unit = _parts(change)
        risk = UNIT.lockout_risk(_unit_of(name), unit, way)
        return FILES.lockout_risk(name, file, way) if risk == "no" and file.needed else risk

    def limit(self, change: Change[State]) -> float:
        """Return the seconds of the recipe."""
        return max(UNIT.limit(_parts(change)[1]), self.timeout)

    def everything(self) -> Command:
        """Ask for the units in /etc/systemd/system that no package has."""
        kinds = ("service", "timer", "socket", "path", "mount", "automount", "slice", "target")
        return files_by_hand("/etc/systemd/system", [f"*.{kind}" for kind in kinds])

    def unmanaged(self, text: str, declared: Sequence[SystemdUnit]) -> Iterable[tuple[str, Thing]]:
        """Yield those that are not declared, without the one of cook's firewall rules."""
        return [pair for pair in named_by_file(text) if not pair[0].startswith("cook-")]


def _in_folder(folder: str, command: Command) -> Command:
    """Return the command that makes the folder of a part first; it goes if the part fails."""
    whole = sh(
        "mkdir -p -- {} && { (\n{}\n) || { s=$?; rmdir -- {} 2>/dev/null; (exit $s); }; }",
        folder,
        command,
        folder,
    )
    return replace(whole, called=command.called)


def _service(unit: SystemdUnit) -> Service:
    """Return the service that has the actions of the unit."""
    name = unit.unit.replace("@.", "@any.")  # of a template, it stands for all
    return Service(name, action=unit.rest or "nothing", timeout=unit.timeout, settle=unit.settle)


def _file(unit: SystemdUnit) -> File:
    path = unit.identity
    if "create" not in unit.doing:
        return File(path, action="delete", backup=False)
    return File(
        path,
        content=unit.text,
        owner="root",
        group="root",
        mode="0644",
        backup=False,
        verify=_checks(unit) if unit.verify else [],
        sensitive=unit.sensitive,
    )


# A part says nothing by itself: it is checked in its place, by what is said of it.
_DROP_IN = """\
! command -v systemd-analyze >/dev/null || case $(systemd-analyze verify {unit} 2>&1) in
*"{own}:"*) systemd-analyze verify {unit} 2>&1 | grep -F "{own}:" >&2; false ;; esac"""


def _checks(unit: SystemdUnit) -> list[str]:
    path = unit.identity
    if unit.drop_in is None:
        checker = checker_of(path)
        return [named("systemd-analyze", checker)] if checker is not None else []
    quoted = unit.unit.replace("\\", "\\\\")
    check = _DROP_IN.replace("{unit}", f"'{quoted}'").replace("{own}", path)
    return [named("systemd-analyze", check)]


def _unit_of(path: str) -> str:
    """Return the unit that a path is, or is a part of."""
    return units_of(path)[0]
