"""A resource type of its own: the time zone of a host. A neighbour that recipes import."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cookbook.provider import Change, Command, Probe, Provider, Resource, provides, sh
from cookbook.recipe import recipe_function


class Timezone(Resource):
    """The time zone of a host, by its name in /usr/share/zoneinfo."""

    action: Literal["set", "nothing"] = "set"


@dataclass(frozen=True)
class State:
    """Where /etc/localtime points."""

    zone: str


@provides(Timezone)
class TimezoneProvider(Provider[Timezone, State]):
    """By the link that localtime(5) describes."""

    def probe(self, timezone: Timezone) -> Probe:
        """Ask for the target of the link."""
        return Probe(sh("readlink /etc/localtime"), absent=1)

    def parse(self, timezone: Timezone, text: str) -> State:
        """Its last part is the name."""
        return State(text.strip().removeprefix("/usr/share/zoneinfo/"))

    def plan(self, timezone: Timezone, found: State | None) -> Change[State]:
        """Another name."""
        return Change(found, State(timezone.name))

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Point elsewhere."""
        if change.wanted is not None:
            zone = f"/usr/share/zoneinfo/{change.wanted.zone}"
            yield sh("test -e {} && ln -sfn {} /etc/localtime", zone, zone)


timezone = recipe_function(Timezone)
