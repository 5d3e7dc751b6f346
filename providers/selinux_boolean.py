"""Booleans in the policy of SELinux, by semanage(8) and setsebool(8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Provider, Table, Thing, provides, sh
from cookbook.providers.selinux import TOOL, by_key, by_list, semanage
from cookbook.resources.selinux_boolean import SelinuxBoolean


@dataclass(frozen=True)
class State:
    """A boolean."""

    live: str | None = None
    """`on` or `off` now; None where SELinux is not enabled."""
    saved: str | None = None
    """`on` or `off` after a boot."""


_ASK: LiteralString = r"""
cook_booleans() { PATH=$PATH:/usr/sbin:/sbin; command -v semanage >/dev/null || return 0
e=no; [ ! -e /sys/fs/selinux/enforce ] || e=yes; a=$(cook_list booleans) || return
for k; do printf '%s\n' "$a" | tr -d '(),' | awk -v k="$k" -v e=$e '
$1 == k { print k, e, $2, $3; f = 1 } END { if (!f) print k, "none" }'; done; }; cook_booleans {}
"""


def _ask(keys: Sequence[str]) -> Command:
    return replace(by_list(_ASK.strip(), keys), called=f"semanage boolean -l: {' '.join(keys)}")


BOOLEANS = Table(_ask, by_key)


@provides(SelinuxBoolean)
class SelinuxBooleanProvider(Provider[SelinuxBoolean, State]):
    """Sets what is now, and what is after a boot."""

    owns = False

    def probe(self, boolean: SelinuxBoolean) -> Sequence[Probe]:
        """Ask for the boolean, and for semanage."""
        return [BOOLEANS.about(boolean.identity), TOOL]

    def parse(self, boolean: SelinuxBoolean, text: str, _tool: str | None) -> State:
        """Return both values."""
        _, enabled, *values = text.split()
        if enabled == "none":
            raise HostError(
                f"the policy of SELinux has no boolean {boolean.identity}",
                hint="`semanage boolean -l` on the host lists them",
            )
        live, saved = values
        return State(live if enabled == "yes" else None, saved)

    def plan(self, boolean: SelinuxBoolean, found: State | None) -> Change[State]:
        """Compare both values, as far as they are declared and known."""
        enabled = found is None or found.live is not None
        live = boolean.wanted if enabled else None
        warning = None if enabled else "SELinux is not enabled: what holds now is not known"
        return Change(
            found, State(live, boolean.wanted if boolean.persistent else None), warning=warning
        )

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Set the value after a boot, which sets it now as well; or now only."""
        wanted = change.wanted or State()
        if "saved" in change.fields and wanted.saved is not None:
            yield semanage("boolean", "-m", f"--{wanted.saved}", name)
        elif "live" in change.fields and wanted.live is not None:
            yield sh("[ ! -e /sys/fs/selinux/enforce ] || setsebool {} {}", name, wanted.live)

    def missing(
        self, boolean: SelinuxBoolean, _text: str | None, tool: str | None
    ) -> Iterable[Thing]:
        """Yield semanage."""
        return [Thing("tool", "semanage")] if tool is None else []
