"""Users who may have crontabs."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.language.resource import not_a_user
from cookbook.provider import Resource, recipe_function


class CronAccess(Resource):
    """
    A user who may, or may not, have a crontab: Chef's `cron_access`.

    Where /etc/cron.allow exists, only the users in it may; else all may who are not in
    /etc/cron.deny. The file that decides is edited. The files of at(1) are the same.

    Example::

        cron_access("deploy", action="deny")
    """

    category: ClassVar[str] = "accounts"

    unique: ClassVar[bool] = True

    user: str | None = None
    """The user; None: the name of the resource."""

    tool: Literal["cron", "at"] = "cron"
    """The program: crontab(1) or at(1)."""

    create_allow: bool = False
    """True: `allow` creates the list of the users who may, which locks all others out of it."""

    action: Literal["allow", "deny", "nothing"] = "allow"
    """`allow` and `deny` edit the list that decides: with /etc/cron.allow that, else the other."""

    def validate(self) -> None:
        """Check the user."""
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*\$?", self.identity.partition(":")[2]):
            raise not_a_user(self, self.user or self.name)
        if self.create_allow and self.action == "deny":
            raise RecipeError(f"{self}: create_allow makes sense only with `allow`")

    @property
    def identity(self) -> str:
        """The program, and the user."""
        return f"{self.tool}:{self.user or self.name}"


cron_access = recipe_function(CronAccess)
