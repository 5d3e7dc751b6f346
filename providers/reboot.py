"""Reboots, by systemctl(1) or reboot(8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from cookbook.provider import Change, Command, Probe, Provider, Thing, hint, provides, sh
from cookbook.resources.reboot import Reboot

_STAYS = 120
"""Seconds that a host has for going down."""


@dataclass(frozen=True)
class State:
    """The wish of a package for a reboot."""

    required: bool | None = None
    """True if /run/reboot-required is there, which a reboot removes."""
    reason: str = hint(default="")
    seconds: float = hint(default=600.0)


@provides(Reboot)
class RebootProvider(Provider[Reboot, State]):
    """The command ends with the host; that the run goes on shows that it is there again."""

    owns = False
    after_anything = True

    def probe(self, reboot: Reboot) -> Probe:
        """Ask whether a reboot is wanted; only where that matters."""
        if reboot.action != "reboot_if_required":
            return Probe(sh("echo unknown"))
        return Probe(sh("if [ -e /run/reboot-required ]; then echo yes; else echo no; fi"))

    def parse(self, reboot: Reboot, text: str) -> State:
        """Return the state."""
        return State({"yes": True, "no": False}.get(text.strip()))

    def plan(self, reboot: Reboot, found: State | None) -> Change[State]:
        """Reboot always, or where it is required."""
        wanted = State(None, reboot.reason or "", reboot.timeout)
        if reboot.action == "reboot_now":
            return Change(found, wanted, act="reboot")
        if found is None or not found.required:
            return Change(found, replace(wanted, required=False))
        return Change(found, replace(wanted, required=False), act="reboot")

    def commands(self, _name: str, change: Change[State]) -> Iterator[Command]:
        """Reboot, and wait for the end; one that does not come is an error."""
        if change.act is None or change.wanted is None:
            return
        reason = change.wanted.reason
        text = sh(
            "! command -v wall >/dev/null || [ ! {} ] || wall {} || :;"
            " if [ -d /run/systemd/system ]; then systemctl reboot; else reboot; fi && sleep {};"
            " echo 'the host has not gone down' >&2; exit 1",
            reason,
            reason,
            _STAYS,
        )
        yield replace(text, shown="reboot", called="reboot")

    def about(self, reboot: Reboot) -> Iterable[Thing]:
        """Yield the wish of a package."""
        return [Thing("path", "/run/reboot-required")]

    def alters(self, reboot: Reboot, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the same."""
        return self.about(reboot)

    def absence(self, change: Change[State]) -> float:
        """Return the seconds of the recipe."""
        wanted = change.wanted
        return wanted.seconds if wanted is not None and change.act is not None else 0.0

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Return the reboot: it cannot be undone."""
        return "a reboot" if change.act is not None else None

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return nothing to do."""
        return Change(now, now)
