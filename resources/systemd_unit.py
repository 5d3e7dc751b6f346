"""Units of systemd that come with a recipe."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import LARGE, Resource, recipe_function
from cookbook.resources.service import Action as ServiceAction
from cookbook.resources.service import Service

Action = Literal[
    "create", "delete", "enable", "disable", "start", "stop", "restart", "reload", "mask", "unmask",
    "nothing",
]  # fmt: skip
UnitValue = str | int | bool | Sequence[str]
Sections = Mapping[str, Mapping[str, UnitValue]]

_KINDS = "service|socket|mount|automount|swap|target|path|timer|slice"

FOLDER = "/etc/systemd/system"


class SystemdUnit(Resource):
    """
    A unit of systemd, or a part of one (a drop-in): its file, and whether it is enabled and runs.

    The file is checked by systemd-analyze(1), and systemd reads it at once. A unit that runs goes
    on with its former file until it is restarted: notify `restart`, or declare it.

    Example::

        systemd_unit(
            "app.service",
            content={
                "Service": {"ExecStart": "/srv/app/run", "User": "app"},
                "Install": {"WantedBy": "multi-user.target"},
            },
            action=["create", "enable", "start"],
        )
    """

    category: ClassVar[str] = "services"

    unique: ClassVar[bool] = True

    namespace: ClassVar[str] = "path"

    unit_name: str | None = None
    """Full name of the unit, like app.service; None: the name of the resource."""

    content: str | Sections | None = field(default=None, metadata=LARGE)
    """
    The text of the file, or section -> setting -> value. A list is a line for each of its values,
    True and False are yes and no.
    """

    drop_in: str | None = None
    """Name of a part of the unit, without .conf: only the settings in it are added or replaced."""

    verify: bool = True
    """False: the file is written unchecked."""

    triggers_reload: bool = True
    """False: systemd does not read the file before something else has it read all files."""

    timeout: float = 900.0
    """Seconds it may take to start or to stop."""

    settle: float | None = None
    """Seconds it is watched after it was started: see `service`."""

    action: Action | Sequence[Action] = "nothing"

    def validate(self) -> None:
        """Check name, content and actions."""
        self._check_names()
        if "create" in self.doing and "delete" in self.doing:
            raise RecipeError(f"{self}: create and delete contradict each other")
        if "create" in self.doing and not self.text.strip():
            raise RecipeError(f"{self}: `create` needs content")
        if "delete" in self.doing and {"enable", "start", "restart", "reload"} & set(self.doing):
            raise RecipeError(f"{self}: what is deleted cannot be started or enabled")
        if "@." in self.unit and self.rest:
            raise RecipeError(f"{self}: {self.unit} is a template", hint="enable an instance of it")
        if self.rest:
            Service(self.unit, action=self.rest, timeout=self.timeout, settle=self.settle)
        if "\0" in self.text:
            raise RecipeError(f"{self}: a unit is text")

    def _check_names(self) -> None:
        if not re.search(rf"\.({_KINDS})$", self.unit):
            raise RecipeError(f"{self}: {self.unit} is no full name of a unit", hint="app.service")
        if not re.fullmatch(r"[A-Za-z0-9:_.\\@-]+", self.unit) or self.unit.startswith("-"):
            raise RecipeError(f"{self}: {self.unit!r} is no name of a unit")
        if self.drop_in is not None and not re.fullmatch(r"[A-Za-z0-9_@+.-]+", self.drop_in):
            raise RecipeError(f"{self}: {self.drop_in!r} cannot be the name of a drop-in")

    @property
    def unit(self) -> str:
        """The full name of the unit."""
        return self.name if self.unit_name is None else self.unit_name

    @property
    def rest(self) -> list[ServiceAction]:
        """The actions that are not about the file."""
        return [one for one in self.doing if one not in ("create", "delete", "nothing")]  # type: ignore[misc]  # by the annotation

    @property
    def identity(self) -> str:
        """The path of the file."""
        if self.drop_in is None:
            return f"{FOLDER}/{self.unit}"
        return f"{FOLDER}/{self.unit}.d/{self.drop_in.removesuffix('.conf')}.conf"

    @property
    def text(self) -> str:
        """The text of the file; empty without content."""
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        sections = (self._section(name, body) for name, body in self.content.items())
        return "\n".join(sections)

    def _section(self, name: str, body: Mapping[str, UnitValue]) -> str:
        lines = [f"[{name}]"]
        for key, value in body.items():
            values = [value] if isinstance(value, str | int) else value
            for one in values:
                shown = {True: "yes", False: "no"}[one] if isinstance(one, bool) else str(one)
                if re.search(r"[\0\n]", shown) or not re.fullmatch(r"[A-Za-z0-9-]+", key):
                    raise RecipeError(f"{self}: {key}={shown!r} is no setting of a unit")
                lines.append(f"{key}={shown}")
        return "".join(f"{line}\n" for line in lines)


systemd_unit = recipe_function(SystemdUnit)
