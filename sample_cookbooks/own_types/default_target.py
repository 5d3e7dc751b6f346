"""A resource type of its own: what a host boots into. A neighbour that recipes import."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cookbook.provider import Change, Command, Probe, Provider, Resource, provides, sh
from cookbook.recipe import recipe_function


class DefaultTarget(Resource):
    """The target of systemd that a host boots into: `multi-user`, `graphical`, `rescue`."""

    action: Literal["set", "nothing"] = "set"


@dataclass(frozen=True)
class State:
    """The name of the unit."""

    unit: str


@provides(DefaultTarget)
class DefaultTargetProvider(Provider[DefaultTarget, State]):
    """Targets, by systemctl(1)."""

    def probe(self, target: DefaultTarget) -> Probe:
        """Ask for the name."""
        return Probe(sh("systemctl get-default"))

    def parse(self, target: DefaultTarget, text: str) -> State:
        """Return the name in the answer."""
        return State(text.strip())

    def plan(self, target: DefaultTarget, found: State | None) -> Change[State]:
        """Compare the names."""
        return Change(found, State(f"{target.name}.target"))

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Set the link in /etc/systemd/system."""
        if change.wanted is not None:
            yield sh("systemctl --quiet set-default {}", change.wanted.unit)


default_target = recipe_function(DefaultTarget)
