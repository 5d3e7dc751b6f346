"""Settings in configuration files."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function

_BY_PATH = (
    (r".*\.(ini|cfg)", "ini"),
    (r".*\.(service|socket|timer|mount|path|slice|network|netdev|link)", "ini"),
    (r"/etc/systemd/[a-z-]+\.conf(\.d/.*)?", "ini"),
    (r"/etc/default/.*|.*\.env|/etc/os-release|/etc/environment", "shell"),
    (r"/etc/ssh/sshd?_config(\.d/.*)?", "words"),
)
"""Patterns of paths whose format is known."""


class ConfigValue(Resource):
    """
    One setting in a configuration file; the rest of the file stays as it is, comments included.

    The file must exist: declare it before with `file(action="create_if_missing")` if it may not.

    Example::

        config_value("PermitRootLogin", path="/etc/ssh/sshd_config", value="no")
    """

    category: ClassVar[str] = "files"

    unique: ClassVar[bool] = True

    path: str = ""
    """Absolute path of the file."""

    key: str | None = None
    """Name of the setting; None: the name of the resource."""

    value: str | int | None = None
    """The wanted value, without quotes. In the file it is quoted where the format needs it."""

    section: str | None = None
    """In the format `ini` the section, without brackets; None: before the first section."""

    format: Literal["ini", "shell", "words"] | None = None
    """
    `ini`: `key = value` in sections, the last one counts. `shell`: `KEY=value`, quoted as by sh(1),
    the last one counts. `words`: `Key value` before the first `Match` or `Host`, in any case of
    letters, the first one counts: sshd_config(5). None: as the path says.
    """

    action: Literal["set", "unset", "nothing"] = "set"

    def validate(self) -> None:
        """Check that path, key, value and format fit together."""
        if not self.path.startswith("/") or "\n" in self.path or self.path.endswith("/"):
            raise RecipeError(f"{self}: path must be an absolute path of a file")
        if self.format is None and self.dialect is None:
            raise RecipeError(
                f"{self}: the format of {self.path} is not known", hint='give it: format="ini"'
            )
        if not re.fullmatch(_KEYS[self.dialect or "ini"], self.setting):
            raise RecipeError(f"{self}: {self.setting!r} cannot be the name of a setting")
        if self.section is not None and self.dialect != "ini":
            raise RecipeError(f"{self}: only the format ini has sections")
        if self.section is not None and not re.fullmatch(r"[^][\n]+", self.section):
            raise RecipeError(f"{self}: {self.section!r} cannot be the name of a section")
        if (self.value is None) == (self.action == "set"):
            raise RecipeError(f"{self}: `set` needs a value, `unset` must have none")
        if self.value is not None and re.search(r"[\0\n\r]|^\s|\s$", str(self.value)):
            raise RecipeError(f"{self}: a value is one line, without blanks at its ends")

    @property
    def setting(self) -> str:
        """The name of the setting in the file."""
        return self.name if self.key is None else self.key

    @property
    def dialect(self) -> str | None:
        """The format of the file; None if it is neither given nor known by the path."""
        known = (form for pattern, form in _BY_PATH if re.fullmatch(pattern, self.path))
        return self.format or next(known, None)

    @property
    def identity(self) -> str:
        """File, section and setting."""
        place = f"{self.path}:"
        return place + (f"[{self.section}]" if self.section is not None else "") + self.setting


_KEYS = {
    "ini": r"[^\s=:\[#;][^=:\n]*(?<!\s)",
    "shell": r"[A-Za-z_][A-Za-z0-9_]*",
    "words": r"[A-Za-z][A-Za-z0-9]*",
}
"""The possible names of settings, by format."""


config_value = recipe_function(ConfigValue)
