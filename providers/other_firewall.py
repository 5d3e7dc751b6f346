"""Hosts whose packet filter another program manages: ufw or firewalld."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Provider, Resource, provides, sh
from cookbook.resources.firewall import Firewall
from cookbook.resources.firewall_nat import FirewallNat
from cookbook.resources.firewall_rule import FirewallRule
from cookbook.resources.firewall_set import FirewallSet

_COMMANDS = {
    "ufw": ("`ufw allow 80/tcp`", "ufw disable"),
    "firewalld": ("`firewall-cmd --permanent --add-port=80/tcp`", "systemctl disable --now"),
}


@dataclass(frozen=True)
class State:
    """Nothing: it is not looked for."""


class OtherFirewallProvider(Provider[Resource, State]):
    """Refuses everything: two programs that write one packet filter undo each other's work."""

    program: ClassVar[str]

    @property
    def name(self) -> str:
        """The name of the program."""
        return self.program

    def probe(self, resource: Resource) -> Probe:
        """Ask nothing."""
        return Probe(sh(":"))

    def parse(self, resource: Resource, text: str) -> State:
        """Return nothing."""
        return State()

    def plan(self, resource: Resource, found: State | None) -> Change[State]:
        """Refuse, and name the program."""
        by_it, off = _COMMANDS[self.program]
        off = off if self.program == "ufw" else f"{off} {self.program}"
        raise HostError(
            f"{self.program} is active on the host: {resource} would work against it",
            hint=f"an execute with {by_it} and a guard, or `{off}` before the first rule of cook",
        )

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Do nothing."""
        return ()


class UfwIsActive(OtherFirewallProvider):
    """A host with an active ufw."""

    program = "ufw"


class FirewalldIsActive(OtherFirewallProvider):
    """A host with an active firewalld."""

    program = "firewalld"


for _not_of_ufw in (FirewallNat, FirewallSet):
    provides(_not_of_ufw, when=lambda facts: facts.firewall_tool == "ufw")(UfwIsActive)
for _kind in (Firewall, FirewallRule, FirewallNat, FirewallSet):
    provides(_kind, when=lambda facts: facts.firewall_tool == "firewalld")(FirewalldIsActive)
