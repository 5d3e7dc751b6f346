"""Services and other units, by systemctl(1) and journalctl(1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, LiteralString

from cookbook.errors import HostError
from cookbook.language.access_path import door, road
from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Probe,
    Provider,
    Risk,
    Thing,
    hint,
    provides,
    sh,
)
from cookbook.providers.units import FOLDERS, RESTARTS, UNITS, restarted, template_of
from cookbook.resources.service import Service

SETTLE = 2.0
"""Seconds a unit is watched that cannot tell when it is ready: see `Service.settle`."""

MARGIN = 10.0
"""Seconds more than it may take to start, for its journal to be read."""

_SILENT_TYPES = frozenset({"simple", "exec", "idle"})
"""systemctl(1) is back as soon as their process is there, whatever becomes of it."""


@dataclass(frozen=True)
class State:
    """A unit; what is None can be said neither of it nor of its opposite."""

    enabled: bool | None = None
    """True if it is started at the next boot; None if it cannot be enabled by itself."""
    active: bool | None = None
    """True if it runs; None while it starts or stops."""
    masked: bool | None = None
    """True if it cannot be started; None: only until the next boot."""
    outdated: bool | None = None
    """True if its unit file has changed since systemd has read it."""
    id: str = hint(default="")
    """The unit's own name, where it was asked for by another one: Alias=."""
    path: str = hint(default="")
    """The file that defines it."""
    load: str = hint(default="loaded")
    """LoadState: loaded, not-found, bad-setting, error, masked."""
    file: str = hint(default="")
    """UnitFileState, as systemctl(1) has it under `is-enabled`."""
    type: str = hint(default="")
    ends: bool = hint(default=False)
    """It does its work and is inactive again: a oneshot without RemainAfterExit."""
    reloads: bool = hint(default=False)
    failed: bool = hint(default=False)
    settle: float = hint(default=0.0)
    timeout: float = hint(default=900.0)


_ENABLED = {
    "enabled": True,
    "disabled": False,
    "enabled-runtime": False,  # gone at the next boot
    "linked": False,
    "linked-runtime": False,
}
_ENABLED_BY_OTHERS = {
    "static": "it has no [Install] section: others start it",
    "indirect": "others are enabled in its place, by its Also= or DefaultInstance=",
    "alias": "it is another name of a unit",
    "generated": "a generator decides about it: /etc/fstab, /etc/init.d",
}
_MASKED = {"masked": True, "masked-runtime": None}
_ACTIVE = {
    "active": True,
    "reloading": True,
    "refreshing": True,
    "inactive": False,
    "failed": False,
    "maintenance": False,
}


@provides(Service, when=lambda facts: facts.init == "systemd")
class SystemdProvider(Provider[Service, State]):
    """Chef's systemd provider; but it watches what it has started, and says when it dies."""

    owns = False
    again = frozenset({"restart", "reload"})
    supersedes: ClassVar[Mapping[str, frozenset[str]]] = {
        "restart": frozenset({"reload", "start"}),
    }

    def probe(self, service: Service) -> Probe:
        """One `systemctl show` for all units of a recipe."""
        return UNITS.about(service.identity)

    def parse(self, service: Service, text: str) -> State:
        """Read the output of `systemctl show` for one unit."""
        pairs = (line.partition("=") for line in text.splitlines())
        said = {name: value for name, _, value in pairs}
        load, kind = said["LoadState"], said.get("Type", "")
        file = said.get("IsEnabled") or said["UnitFileState"]
        there = load not in ("not-found", "masked")
        # systemd keeps a unit for a while after its file was removed, and may call it bad then.
        outdated = said.get("NeedDaemonReload") == "yes"
        stale = outdated or bool(said.get("FragmentPath"))
        vanished = (file in ("", "not-found") and stale) or (file == "bad" and outdated)
        unknown = (there and not vanished) or load == "masked"
        enabled = _ENABLED.get(file, None if unknown else False)
        return State(
            enabled=enabled and "Unlinked" not in said,
            active=_ACTIVE.get(said["ActiveState"]),
            masked=_MASKED.get(file, load == "masked"),
            outdated=outdated or "Script" in said,
            id=said.get("Id", ""),
            path=said.get("FragmentPath", ""),
            load="loaded" if "Script" in said else load,
            file=file,
            type=kind,
            ends=kind == "oneshot" and said.get("RemainAfterExit") == "no",
            reloads=said.get("CanReload") == "yes",
            failed=said["ActiveState"] == "failed",
        )

    def plan(self, service: Service, found: State | None) -> Change[State]:
        """Every action that is asked for; what systemd would refuse is an error here."""
        now = found if found is not None else State(load="not-found")
        doing = set(service.doing)
        _refuse(service.identity, now, doing)
        wanted = replace(
            now,
            enabled=_enabled(now, doing),
            active=None
            if now.ends and "start" in doing
            else _wish(doing, "start", "stop", found=now.active),
            masked=_wish(doing, "mask", "unmask", found=now.masked),
            outdated=False if now.outdated and doing & _READING else now.outdated,
            settle=_settle(service, now),
            timeout=service.timeout,
        )
        act, note = _act(now, doing)
        notes = filter(None, (_alias(service.identity, now), _note(now, wanted, doing), note))
        return Change(found, wanted, act, "; ".join(notes) or None)

    def besides(self, service: Service) -> Sequence[Probe]:
        """Ask how often systemd has restarted a unit that is to run."""
        return [RESTARTS.about(service.identity, loose=True)] if _runs(service) else []

    def warning(self, service: Service, said: str | None) -> str | None:
        """Tell that systemd has restarted the unit by itself, if that was a moment ago."""
        return restarted(service.identity, said)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Unmask first and mask last: in between, what is masked cannot be enabled or started."""
        found, wanted = change.found, change.wanted
        if wanted is None:
            return
        todo = {field: pair[1] for field, pair in change.fields.items()}
        name = wanted.id or name
        if "outdated" in todo:
            yield sh("systemctl daemon-reload")
        if todo.get("masked") is False:
            runtime = sh("--runtime") if found is not None and found.masked is None else sh("")
            yield sh("systemctl unmask {} -- {}", runtime, name)
        if "enabled" in todo:
            yield sh("systemctl {} -- {}", "enable" if todo["enabled"] else "disable", name)
        if change.act is not None or todo.get("active"):
            yield bring_up(change.act or "start", name, wanted)
        elif "active" in todo:
            yield sh("systemctl stop -- {}", name)
        if todo.get("masked"):
            yield sh("systemctl mask -- {}", name)

    def missing(self, service: Service, text: str | None) -> Iterable[Thing]:
        """Yield the unit, unless the action only removes or stops it."""
        if text is not None and ("LoadState=not-found\n" not in text or "Script=" in text):
            return
        if {"enable", "start", "restart", "reload"} & set(service.doing):
            yield Thing("unit", service.identity)

    def absent(self, state: State | None) -> bool:
        """Return whether systemd knows no such unit."""
        return state is None or state.load in ("not-found", "")

    def about(self, service: Service) -> Iterable[Thing]:
        """Yield the unit, and the template that it is an instance of."""
        template = template_of(service.identity)
        units = [service.identity, *([template] if template is not None else [])]
        return [Thing("unit", unit) for unit in units]

    def alters(self, service: Service, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the unit, by each of its names."""
        found = change.found if change is not None else None
        names = {service.identity, found.id if found is not None else ""} - {""}
        return [Thing("unit", name) for name in sorted(names)]

    def gone(self, state: State | None) -> bool:
        """Return whether the unit is absent and none of its processes runs."""
        return state is None or (state.load == "not-found" and not state.active)

    def redefined(self, state: State | None) -> bool:
        """Return whether the unit exists: a file in /etc takes precedence over a package."""
        return not self.gone(state)

    def removes(self, service: Service, change: Change[State] | None) -> Iterable[Thing]:
        """Nothing: a unit that is stopped or masked is still there."""
        return []

    def amounts_to(self, change: Change[State]) -> frozenset[str]:
        """Return the actions that a start includes: the service has read its configuration."""
        started = change.fields.get("active", (None, None))[1] is True
        return super().amounts_to(change) | (
            frozenset({"start", "restart", "reload"}) if started else frozenset()
        )

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk: units that accept the login, and those of the network."""
        stops = {"active", "enabled"} & {k for k, pair in change.fields.items() if pair[1] is False}
        masks = change.fields.get("masked", (None, None))[1] is True
        names = {name, change.wanted.id if change.wanted is not None else ""}
        if any(map(door, names)):
            return "will" if stops or masks else "may"
        return "may" if any(map(road, names)) else "no"

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former state; a masked unit has no enabled state."""
        undo = super().back(name, change, now)
        wanted = undo.wanted
        if wanted is None:
            return undo
        enabled = None if wanted.masked else wanted.enabled
        return replace(undo, wanted=replace(wanted, enabled=enabled, outdated=None))

    def repeats(self, act: str, state: State | None) -> bool:
        """Return whether the act is repeated: only for a service that runs."""
        return act in self.again and state is not None and state.active is True

    def limit(self, change: Change[State]) -> float:
        """As the recipe says, and the time it is watched."""
        wanted = change.wanted
        return wanted.timeout + wanted.settle + MARGIN if wanted is not None else self.timeout


def _wish(doing: set[str], yes: str, no: str, *, found: bool | None) -> bool | None:
    if yes in doing:
        return True
    return False if no in doing else found


def _enabled(found: State, doing: set[str]) -> bool | None:
    """Left alone where enabling means nothing; what was masked has yet to show what it is."""
    wish = _wish(doing, "enable", "disable", found=found.enabled)
    masked = found.masked is not False and "unmask" in doing
    return wish if found.enabled is not None or masked else None


_READING = {"enable", "disable", "start", "restart", "reload"}
"""Acts that make a unit use its current file."""


def _alias(name: str, found: State) -> str | None:
    return f"it is another name of {found.id}" if found.id not in ("", name) else None


def _note(found: State, wanted: State, doing: set[str]) -> str | None:
    if {"enable", "disable"} & doing and wanted.enabled is None:
        return f"{found.file}: {_ENABLED_BY_OTHERS.get(found.file, 'it is not started at boot')}"
    if "enable" in doing and found.file == "enabled-runtime":
        return "it is enabled until the next boot only"
    return None


def _runs(service: Service) -> bool:
    return bool({"start", "restart"} & {*service.doing})


def _settle(service: Service, found: State) -> float:
    if service.settle is not None:
        return service.settle
    return SETTLE if found.type in _SILENT_TYPES else 0.0


def _act(found: State, doing: set[str]) -> tuple[str | None, str | None]:
    """Return the act that is needed in any state, and a remark about it."""
    if "restart" in doing:
        return "restart", "it does not run: it is started" if found.active is False else None
    if "start" in doing and found.ends:
        if found.active is None:
            return None, "it is at its work"
        return "start", "it does its work and ends, so each run starts it again"
    if "reload" in doing and (found.active or found.load == "not-found"):
        return "reload", None
    if "reload" in doing and "start" not in doing:
        return None, "it does not run: there is nothing to reload"
    return None, "it has failed before" if found.failed and "start" in doing else None


def _refuse(unit: str, found: State, doing: set[str]) -> None:
    """Raise HostError for what systemd would refuse."""
    starting = "restart" in doing or ("start" in doing and found.active is not True)
    wanted = "enable" in doing or starting
    if wanted and found.masked is not False and "unmask" not in doing and found.load != "not-found":
        raise HostError(
            f"{unit} is masked, and cannot be {'started' if starting else 'enabled'}",
            hint='it is masked; to start it, declare "unmask" before',
        )
    if wanted and found.load in ("bad-setting", "error") and not found.outdated:
        raise HostError(
            f"systemd cannot read {unit} (its LoadState is {found.load})",
            hint=f"`systemd-analyze verify {unit}` says why",
        )
    if "enable" in doing and found.load == "loaded" and found.file in ("transient", "bad", ""):
        raise HostError(
            f"{unit} cannot be enabled: it has {_NO_FILES[found.file]}",
            hint="only a unit in /etc/systemd/system or /usr/lib/systemd/system can be",
        )
    if "mask" in doing and found.masked is False and found.path.startswith(f"{FOLDERS[0]}/"):
        raise HostError(
            f"{unit} cannot be masked: its unit file is {found.path}, where the mask would be",
            hint='say ["stop", "disable"], or move the file to /usr/local/lib/systemd/system',
        )
    cannot = not found.reloads and not found.outdated
    if "reload" in doing and found.active and cannot and "restart" not in doing:
        raise HostError(f"{unit} cannot be reloaded", hint='it has no ExecReload=: say "restart"')


_NO_FILES = {
    "transient": "a transient unit file, gone at the next boot",
    "bad": "a unit file that systemd cannot read",
    "": "no unit file",
}

# systemd reads unit files anew only where one has changed since, asked at this very moment;
# a unit that had failed too often is not refused for that, and one that is to be started
# again after a while (`RestartSec=`) need not wait for it.
_PREPARE: LiteralString = """\
u={}; since=$(date +%s)
now=$(systemctl show -p NeedDaemonReload,SubState -- "$u") || exit
case $now in *NeedDaemonReload=yes*) systemctl daemon-reload || exit ;; esac
case $now in *SubState=auto-restart*) systemctl stop -- "$u" || exit ;; esac
! systemctl is-failed -q -- "$u" || systemctl reset-failed -- "$u"
"""
# The process of a login that came in just before may still have to close the socket that listens:
# sshd then ends with 255, and systemd does not start it again (RestartPreventExitStatus=). Its name
# is asked for: journald may not know the unit of a process that has ended at once.
_PORT_HELD: LiteralString = """\
 || { s=$?; for pause in 1 2 4; do
[ $s != 124 ] || break; journalctl --sync 2>/dev/null
journalctl -t sshd -q -o cat --since "@$since" | grep -q 'Address already in use' || break
sleep $pause; systemctl reset-failed -- "$u"; ! {} || { s=0; break; }; done; (exit $s); }"""
_WATCH: LiteralString = """\
 && { restarts() { systemctl show -p NRestarts -- "$u"; }; before=$(restarts); sleep {}
systemctl is-active -q -- "$u" && [ "$before" = "$(restarts)" ]; }"""
# What is started again and again says the same each time; the last time may be half said.
_COMPLAIN: LiteralString = """\
 || { [ $? != 124 ] || echo "it was not up within {} s, and is still being started"
exec >&2; journalctl --sync 2>/dev/null
journalctl -u "$u" -n 200 --no-pager -q -o cat --since "@$since" |
sed '/: Scheduled restart job, /q' | tail -n 20
echo "$u is" $(systemctl show -p ActiveState,SubState,Result,ExecMainStatus -- "$u"); exit 1; }"""


def bring_up(verb: str, unit: str, wanted: State) -> Command:
    """
    Return the command that starts, restarts or reloads a unit.

    If that fails, or the unit dies within the seconds that it is watched, its journal says why.
    """
    shown = sh("systemctl {} -- {}", verb, unit)
    watched = verb != "reload" and wanted.settle > 0
    watch = sh(_WATCH, wanted.settle) if watched else sh("")
    bounded = sh("timeout {} {}", wanted.timeout, shown)
    once_more = sh("timeout {} systemctl start -- {}", wanted.timeout, unit)
    held = sh(_PORT_HELD, once_more) if door(unit) and verb != "reload" else sh("")
    complain = sh(_COMPLAIN, wanted.timeout)
    text = sh("{}{}{}{}{}", sh(_PREPARE, unit), bounded, held, watch, complain)
    return replace(text, shown=shown.shown)
