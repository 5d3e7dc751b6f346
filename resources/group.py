"""Groups of users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from cookbook.provider import Resource, word

Action = Literal["create", "remove", "modify", "manage", "nothing"]


class Group(Resource):
    """
    A Unix group: Chef's `group`.

    Unlike Chef's, it leaves members alone that nobody named: `members` adds,
    `excluded_members` takes away, and only `append=False` makes `members` the
    exact list.
    """

    group_name: str | None = None
    """The name of the group, if it is not the resource's."""

    gid: int | None = None
    """The number of the group."""

    system: bool = False
    """Take the number from the system range. Only matters on creation."""

    members: Sequence[str] | None = None
    """Users who belong to it."""

    excluded_members: Sequence[str] = ()
    """Users who must not belong to it."""

    append: bool = True
    """Add `members` to those who are there; False: they are the exact list."""

    non_unique: bool = False
    """Allow a number that another group has."""

    action: Action | Sequence[Action] = "create"
    """`modify` fails if there is no such group, `manage` leaves it at that."""

    @property
    def identity(self) -> str:
        """The name of the group."""
        return self.group_name or self.name


group = word(Group)
