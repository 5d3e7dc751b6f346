"""Default policies of the packet filter."""

from __future__ import annotations

import contextlib
from typing import ClassVar, Literal, Self

from cookbook.errors import RecipeError
from cookbook.language.collection import Collection, current
from cookbook.provider import Resource, recipe_function
from cookbook.resources._packets import refuse_flushed_rules
from cookbook.resources.firewall_rule import FirewallRule

Policy = Literal["accept", "drop", "reject"]


class Firewall(Resource):
    """
    The packet filter of the host: the firewall cookbook's `firewall`.

    A policy is for the packets that no `firewall_rule` is about. Replies to what passed, the
    loopback and the neighbour discovery of IPv6 pass nevertheless. It is about IPv4 and IPv6, and
    about the rules of cook only: those of others (Docker, fail2ban, ufw) stay.

    A policy that would close the port by which the run came is refused before anything is
    changed. Declare a rule for that port before this one, or right after it.

    Example::

        firewall("default", input="drop")
    """

    category: ClassVar[str] = "network"

    unique: ClassVar[bool] = True

    input: Policy | None = "drop"
    """The policy for packets to this host; None: as it is."""

    forward: Policy | None = None
    """The policy for packets through this host, such as those of containers."""

    output: Policy | None = None
    """The policy for packets from this host."""

    action: Literal["create", "flush", "disable", "nothing"] = "create"
    """
    `flush` removes all rules that cook wrote; the policies stay. `disable` removes the policies
    too, now and at boot.
    """

    def validate(self) -> None:
        """Check that no rule of the recipe is flushed."""
        with contextlib.suppress(RecipeError):
            object.__setattr__(self, "_recipe", current())
        refuse_flushed_rules(self)

    @property
    def identity(self) -> str:
        """There is one."""
        return "default"

    def contradicts(self, other: Self) -> str | None:
        """Return the first policy that both want differently: a default counts, too."""
        for name in ("input", "forward", "output"):
            wanted = {getattr(self, name), getattr(other, name)} - {None}
            if len(wanted) == 2:
                return name
        return super().contradicts(other)

    @property
    def neighbours(self) -> list[FirewallRule]:
        """The rules that the recipe declares before it, and right after it."""
        recipe: Collection | None = getattr(self, "_recipe", None)
        found: list[FirewallRule] = []
        passed = False
        for declared in recipe or ():
            resource = declared.resource
            passed |= resource.kind() == self.kind() and resource.name == self.name
            if passed and not resource.kind().startswith("firewall"):
                break
            if isinstance(resource, FirewallRule) and "create" in resource.doing:
                found.append(resource)
        return found


firewall = recipe_function(Firewall)
