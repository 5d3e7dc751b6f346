"""Groups of users."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function

Action = Literal["create", "remove", "modify", "manage", "nothing"]


class Group(Resource):
    """
    A Unix group: Chef's `group`.

    Unlike Chef's, it keeps members that are not named: `members` adds, `excluded_members` removes,
    and only `append=False` makes `members` the exact list.

    Example::

        group("ops", members=["ann", "bob"], append=True)
    """

    category: ClassVar[str] = "accounts"

    unique: ClassVar[bool] = True

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

    def validate(self) -> None:
        """Check the name, and that no list contradicts another."""
        if not re.fullmatch(r"[^-+~\s:,/][^\n:,/]*", self.identity):
            raise RecipeError(f"{self}: {self.identity!r} cannot be the name of a group")
        if "remove" in self.doing and set(self.doing) - {"remove", "nothing"}:
            raise RecipeError(f"{self}: remove cannot be combined with another action")
        if both := {*(self.members or ())} & {*self.excluded_members}:
            names = ", ".join(sorted(both))
            raise RecipeError(f"{self}: {names} cannot be in members and in excluded_members")

    @property
    def identity(self) -> str:
        """The name of the group."""
        return self.group_name or self.name


group = recipe_function(Group)
