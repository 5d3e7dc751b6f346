"""
The hosts of the inventory, as a recipe sees them: `hosts(group="db")`.

It is imported when a recipe or a role first names `hosts`; a run without it pays nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cookbook.errors import RecipeError, UsageError
from cookbook.language.collection import FactsNeeded, Fleet, caller, current
from cookbook.script.facts import Facts


class OtherFactsNeeded(FactsNeeded):
    """The signal that a recipe has read the facts of a host that was not asked for them yet."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host


@dataclass(frozen=True)
class OtherHost:
    """A host of the inventory, as recipes of all hosts see it."""

    name: str
    """Its name in the inventory."""

    address: str
    """The name or IP address that cook connects to, by the inventory; else its name."""

    port: int
    """The port of SSH."""

    groups: Sequence[str]
    """The groups that it is in, nearest first."""

    _fleet: Fleet = field(repr=False, compare=False)

    @functools.cached_property
    def vars(self) -> Mapping[str, Any]:
        """Its variables, as `node.vars` on that host: secrets are looked up when they are read."""
        return self._fleet.variables(self.name)

    @property
    def facts(self) -> Facts:
        """
        Its facts, read before the recipes of the run are compiled.

        If it cannot be reached, these are the last known ones. Raises Missing if they are too old,
        or if there are none.
        """
        return self._fleet.facts(self.name)


def hosts(
    *, group: str | None = None, limit: str | Sequence[str] | None = None
) -> tuple[OtherHost, ...]:
    """
    Return hosts of the inventory, in its order; without arguments all of them.

        for db in hosts(group="db"):
            hosts_entry(db.name, ip=db.facts.addresses[0])

    `group` selects the members of a group, those of its subgroups too; `limit` selects by patterns
    as `--limit` does: `"web*,!web3"`. The limit of the run does not count, and the host that the
    recipe is compiled for is one of them. The result is the same for each host of a run.

    Raises RecipeError, with the line of the call, for a group or a pattern that is unknown.
    """
    fleet = current().node.fleet
    if fleet is None:
        raise RecipeError(f"{caller()}: there is no inventory here")
    patterns = (limit,) if isinstance(limit, str) else tuple(limit or ())
    try:
        names = fleet.select(group, patterns)
    except UsageError as error:
        raise RecipeError(f"{caller()}: hosts: {error}", hint=error.hint) from None
    return tuple(fleet.host(name) for name in names)
