"""Services that are enabled, masked or disabled unlike their packages have it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from cookbook.importing.declaration import Declaration, HostItem, LeftOut, Raw
from cookbook.importing.ownership import Ownership
from cookbook.importing.questions import Seen
from cookbook.providers.firewall_boot import UNIT

_SETTINGS = {
    "/etc/systemd/journald.conf": "systemd-journald.service",
    "/etc/systemd/logind.conf": "systemd-logind.service",
    "/etc/systemd/timesyncd.conf": "systemd-timesyncd.service",
    "/etc/systemd/resolved.conf": "systemd-resolved.service",
}
"""Files, and the folders `FILE.d`, of services that are part of systemd."""

_FILTERS = {
    "/etc/ufw/": "ufw.service",
    "/etc/default/ufw": "ufw.service",
    "/etc/nftables": "nftables.service",
    "/etc/iptables/": "netfilter-persistent.service",
}
"""The units that load the files of a packet filter; the rules may be live without them."""

_NEVER = re.compile(r"(?:dbus|getty|console|serial|user|systemd-|rescue|emergency|init).*|.*@.*")


class Units:
    """The units of a host."""

    def __init__(self, seen: Seen, ownership: Ownership) -> None:
        """Read the answers of systemctl(1)."""
        self._seen, self._ownership = seen, ownership
        fields = (line.split() for line in seen.lines("units"))
        self.states = {one[0]: one[1:] for one in fields if len(one) >= 2}
        self.active = {line.split()[0] for line in seen.lines("active")}
        helped = seen.lines("helper")
        self.aliases = set(seen.lines("aliases"))
        self._tracked = {name.removesuffix(".dsh-also") for name in helped if ".dsh-also" in name}
        self._enabled = {name for name in helped if not name.endswith(".dsh-also")}
        folder = "/etc/systemd/system/"
        entries = {
            one.path.removeprefix(folder): one for one in seen.entries() if folder in one.path
        }
        self.own = {name for name, one in entries.items() if one.type == "f" and "/" not in name}
        self.masked = {name for name, one in entries.items() if one.target == "/dev/null"}

    def state(self, unit: str) -> str:
        """Return what `systemctl list-unit-files` says of it; empty if there is none."""
        return next(iter(self.states.get(unit, ())), "")

    def actions(self, unit: str) -> list[str]:
        """Return the actions that a unit needs that is not as its package has it."""
        state = self.state(unit)
        if unit in self.masked:
            return ["stop", "mask"] if state == "masked" else []
        if state not in ("enabled", "disabled"):
            return []
        if unit in self.own:
            return self.enabling(unit) if state == "enabled" else []
        if unit in self._tracked:
            if (state == "enabled") == (unit in self._enabled):
                return []
        elif state == "disabled" or self._preset(unit) == "enabled":
            return []
        return self.enabling(unit) if state == "enabled" else self._disabling(unit)

    def _preset(self, unit: str) -> str:
        words = self.states.get(unit, [])
        return words[1] if len(words) > 1 else "enabled"

    def enabling(self, unit: str) -> list[str]:
        """Return the actions for a unit that is enabled, and may run."""
        return ["enable", "start"] if unit in self.active else ["enable"]

    def _disabling(self, unit: str) -> list[str]:
        return ["disable"] if unit in self.active else ["stop", "disable"]

    def owners(self, unit: str) -> list[str]:
        """Return the packages of a unit."""
        owners = self._ownership.owners
        paths = (f"{folder}/systemd/system/{unit}" for folder in ("/lib", "/usr/lib", "/etc"))
        return next((owners[path] for path in paths if path in owners), [])

    def reading(self, path: str) -> list[str]:
        """Return the running services that probably read a file: those of the same package."""
        for setting, unit in _SETTINGS.items():
            if path == setting or path.startswith(f"{setting}.d/"):
                return [unit] if unit in self.active else []
        for start, unit in _FILTERS.items():
            if path.startswith(start):
                return [unit] if self.state(unit) == "enabled" else []
        packages = set(self._ownership.packages_of(path))
        return sorted(
            unit
            for unit in self.states
            if unit.endswith(".service")
            and not _NEVER.fullmatch(unit)
            and self.state(unit) == "enabled"
            and unit in self.active
            and packages & {*self.owners(unit)}
        )


def services(units: Units) -> Iterator[HostItem]:
    """Yield the services that differ, each with its actions."""
    for unit in sorted(units.states):
        actions = units.actions(unit)
        if not actions or unit == UNIT:
            continue
        if "mask" in actions and unit in units.aliases:
            yield _masked_name(unit)
            continue
        if "@." in unit:
            yield LeftOut("service", unit, "a template is no unit that can be started")
            continue
        yield declared_service(unit, actions)


def _masked_name(unit: str) -> Declaration:
    """Mask a name that a unit has besides its own: `service` would mask the unit itself."""
    properties = {"to": "/dev/null", "owner": "root", "group": "root"}
    return Declaration("service", "link", f"/etc/systemd/system/{unit}", properties)


def declared_service(unit: str, actions: list[str]) -> Declaration:
    """Return the declaration of a service; `.service` is left out of its name."""
    action = actions[0] if len(actions) == 1 else actions
    name = unit.removesuffix(".service")
    return Declaration("service", "service", name, {"action": action})


def notifying(
    declarations: Iterable[HostItem], units: Units
) -> tuple[list[HostItem], dict[str, Declaration]]:
    """
    Have files notify the services that read them.

    Return the declarations with their notifications, and the services that are notified.
    """
    found: list[HostItem] = []
    notified: dict[str, Declaration] = {}
    for one in declarations:
        if isinstance(one, LeftOut) or one.kind not in (
            "cookbook_file",
            "file",
            "link",
            "systemd_unit",
        ):
            found.append(one)
            continue
        readers = _readers(one, units)
        for unit in readers:
            notified[unit] = declared_service(unit, units.enabling(unit))
        found.append(_with_notices(one, readers))
    return found, notified


def _readers(one: Declaration, units: Units) -> list[str]:
    if one.kind == "systemd_unit":
        unit = one.properties.get("unit_name", one.name)
        running = unit in units.active and unit.endswith(".service")
        return [unit] if running and units.state(unit) == "enabled" else []
    return units.reading(one.path)


def _with_notices(one: Declaration, readers: list[str]) -> Declaration:
    if not readers:
        return one
    more = [
        Raw(f'delayed("restart", "service[{unit.removesuffix(".service")}]")') for unit in readers
    ]
    notices = [*one.properties.get("notifies", ()), *more]
    instead = _with_notices(one.instead, readers) if one.instead is not None else None
    return replace(one, properties={**one.properties, "notifies": notices}, instead=instead)
