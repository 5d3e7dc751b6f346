"""Limits of the resources that a user's processes may use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function

Limit = int | Literal["unlimited", "infinity"]

_ITEMS = {
    "filehandle": "nofile",
    "process": "nproc",
    "memory": "memlock",
    "core": "core",
    "stack": "stack",
    "rtprio": "rtprio",
    "as": "as",
}
"""The items of limits.conf(5) that have properties of their own, by the names of these."""

_FURTHER = (
    *("cpu", "data", "fsize", "locks", "maxlogins", "maxsyslogins", "msgqueue", "nice"),
    *("priority", "rss", "sigpending"),
)
"""Further items of limits.conf(5)."""


class UserUlimit(Resource):
    """
    Limits of a user, a group (`@name`) or all (`*`), in a file in /etc/security/limits.d.

    They hold from the next login on, and not for services: those have LimitNOFILE= and the like.

    Example::

        user_ulimit("app", filehandle_limit=65536)
    """

    category: ClassVar[str] = "accounts"

    unique: ClassVar[bool] = True

    username: str | None = None
    """The user, `@group`, or `*`; None: the name of the resource."""

    filehandle_limit: Limit | None = None
    """Open files: nofile, soft and hard."""

    filehandle_soft_limit: Limit | None = None
    """Open files, soft."""

    filehandle_hard_limit: Limit | None = None
    """Open files, hard."""

    process_limit: Limit | None = None
    """Processes: nproc, soft and hard."""

    process_soft_limit: Limit | None = None
    """Processes, soft."""

    process_hard_limit: Limit | None = None
    """Processes, hard."""

    memory_limit: Limit | None = None
    """Locked memory in KiB: memlock, soft and hard."""

    core_limit: Limit | None = None
    """Size of core files in KiB, soft and hard."""

    core_soft_limit: Limit | None = None
    """Size of core files in KiB, soft."""

    core_hard_limit: Limit | None = None
    """Size of core files in KiB, hard."""

    stack_limit: Limit | None = None
    """Size of the stack in KiB, soft and hard."""

    stack_soft_limit: Limit | None = None
    """Size of the stack in KiB, soft."""

    stack_hard_limit: Limit | None = None
    """Size of the stack in KiB, hard."""

    rtprio_limit: Limit | None = None
    """Real-time priority, soft and hard."""

    rtprio_soft_limit: Limit | None = None
    """Real-time priority, soft."""

    rtprio_hard_limit: Limit | None = None
    """Real-time priority, hard."""

    as_limit: Limit | None = None
    """Address space in KiB, soft and hard: Chef's `virt_limit`."""

    limits: Mapping[str, Limit] = field(default_factory=dict)
    """Further items of limits.conf(5), soft and hard, e.g. {"maxlogins": 4}."""

    filename: str | None = None
    """Name of the file; None: the name of the user and `_limits.conf`."""

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check user, file and limits."""
        if not re.fullmatch(r"[@%]?[A-Za-z_][A-Za-z0-9_.-]*|\*", self.who):
            raise RecipeError(f"{self}: {self.who!r} is no user, @group or *")
        if not re.fullmatch(r"/etc/security/limits\.d/[A-Za-z0-9@%_.-]+\.conf", self.identity):
            raise RecipeError(f"{self}: the name of the file must end with .conf")
        for item in self.limits:
            if item not in _FURTHER:
                raise RecipeError(f"{self}: {item!r} is none of {', '.join(_FURTHER)}")
        for kind, item, value in self.lines:
            if isinstance(value, bool) or (isinstance(value, int) and value < -20):
                raise RecipeError(f"{self}: {value!r} is no limit of {item} ({kind})")
        if self.action == "create" and not list(self.lines):
            raise RecipeError(f"{self}: `create` needs a limit")
        for prefix, item in _ITEMS.items():
            if not _fits(self._of(prefix, "soft"), self._of(prefix, "hard")):
                raise RecipeError(f"{self}: the soft limit of {item} is above the hard one")

    @property
    def who(self) -> str:
        """The user, group or all."""
        return self.name if self.username is None else self.username

    def _of(self, prefix: str, kind: str) -> Limit | None:
        """Return a limit; the one of its kind counts more than the common one."""
        own: Limit | None = getattr(self, f"{prefix}_{kind}_limit", None)
        common: Limit | None = getattr(self, f"{prefix}_limit")
        return common if own is None else own

    @property
    def lines(self) -> Iterator[tuple[str, str, int | str]]:
        """Kind, item and value of each line of the file."""
        for prefix, item in _ITEMS.items():
            soft, hard = self._of(prefix, "soft"), self._of(prefix, "hard")
            if soft is not None and soft == hard:
                yield "-", item, soft
            else:
                pairs = (("soft", soft), ("hard", hard))
                yield from ((kind, item, value) for kind, value in pairs if value is not None)
        yield from (("-", item, value) for item, value in self.limits.items())

    @property
    def identity(self) -> str:
        """The path of the file."""
        default = "00_all_limits.conf" if self.who == "*" else f"{self.who}_limits.conf"
        return f"/etc/security/limits.d/{default if self.filename is None else self.filename}"

    @property
    def text(self) -> str:
        """The text of the file."""
        return "".join(f"{self.who} {kind} {item} {value}\n" for kind, item, value in self.lines)


def _fits(soft: Limit | None, hard: Limit | None) -> bool:
    if soft is None or hard is None or not isinstance(hard, int) or hard == -1:
        return True
    return isinstance(soft, int) and soft != -1 and soft <= hard


user_ulimit = recipe_function(UserUlimit)
