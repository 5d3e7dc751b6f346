"""Settings in configuration files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, holds_secret, recipe_function, tainted

_BY_PATH = (
    (r".*\.(ini|cfg)", "ini"),
    (r".*\.(service|socket|timer|mount|path|slice|network|netdev|link)", "ini"),
    (r"/etc/systemd/[a-z-]+\.conf(\.d/.*)?", "ini"),
    (r".*\.json", "json"),
    (r".*\.ya?ml", "yaml"),
    (r".*\.toml", "toml"),
    (r"/etc/default/.*|.*\.env|/etc/os-release|/etc/environment", "shell"),
    (r"/etc/ssh/sshd?_config(\.d/.*)?", "words"),
)
"""Patterns of paths whose format is known."""


class ConfigValue(Resource):
    """
    One setting in a configuration file; the rest of the file stays as it is, comments included.

    For sshd(8) and ssh(1) there are `sshd_config` and `ssh_config`, which know all their files.
    The file must exist: declare it before with `file(action="create_if_missing")` if it may not.

    Example::

        config_value("port", path="/etc/app.ini", section="server", value=8080)
    """

    category: ClassVar[str] = "files"

    unique: ClassVar[bool] = True

    path: str = ""
    """Absolute path of the file."""

    key: str | None = None
    """Name of the setting; None: the name of the resource."""

    value: str | bool | int | float | Sequence[Any] | Mapping[str, Any] | None = None
    """
    The wanted value, without quotes. In the file it is quoted where the format needs it. In the
    formats `json`, `yaml` and `toml` it has a type (`8080` is not `"8080"`), and may be a list or
    a mapping; in the others it is text or a number.
    """

    section: str | None = None
    """In the format `ini` the section, without brackets; None: before the first section."""

    format: Literal["ini", "shell", "words", "json", "yaml", "toml"] | None = None
    """
    `ini`: `key = value` in sections, the last one counts. `shell`: `KEY=value`, quoted as by sh(1),
    the last one counts. `words`: `Key value` before the first `Match` or `Host`, in any case of
    letters, the first one counts: sshd_config(5). `json`, `yaml`, `toml`: the key is a path, names
    and numbers of list items (from 0) with dots between them; a name with a dot is quoted:
    `a."b.c".0`. Comments stay. None: as the path says.
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
        wrong = f"{self}: {self.setting!r} cannot be the name of a setting"
        if self.dialect in STRUCTURED:
            if not keys_of(self.setting):
                raise RecipeError(wrong, hint='e.g. server.port, or server."a.b".0')
        elif not re.fullmatch(_KEYS[self.dialect or "ini"], self.setting):
            raise RecipeError(wrong)
        if self.section is not None and self.dialect != "ini":
            raise RecipeError(f"{self}: only the format ini has sections")
        if self.section is not None and not re.fullmatch(r"[^][\n]+", self.section):
            raise RecipeError(f"{self}: {self.section!r} cannot be the name of a section")
        if (self.value is None) == (self.action == "set"):
            raise RecipeError(f"{self}: `set` needs a value, `unset` must have none")
        if self.value is not None:
            self._validate_value()

    def _validate_value(self) -> None:
        """Check that the format can have the value."""
        if self.dialect in STRUCTURED:
            try:
                json.dumps(self.value, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise RecipeError(f"{self}: the value cannot be written: {error}") from None
        elif isinstance(self.value, bool | float) or not isinstance(self.value, str | int):
            raise RecipeError(f"{self}: in the format {self.dialect} a value is text or a number")
        elif re.search(r"[\0\n\r]|^\s|\s$", str(self.value)):
            raise RecipeError(f"{self}: a value is one line, without blanks at its ends")

    @property
    def text(self) -> str:
        """The wanted value as text, in structured formats as JSON; a Secret stays one."""
        if self.dialect not in STRUCTURED:
            return self.value if isinstance(self.value, str) else str(self.value)
        text = json.dumps(self.value, ensure_ascii=False)
        return tainted(text) if holds_secret(self.value) else text

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


STRUCTURED = frozenset({"json", "yaml", "toml"})
"""The formats whose values have types."""

_PART = re.compile(r'"([^"\n]+)"|([^".\s][^".\n]*)')


def keys_of(path: str) -> list[str]:
    """
    Return the names in a path of dots; an empty list for what is no path.

    >>> keys_of('a."b.c".0')
    ['a', 'b.c', '0']
    """
    keys, at = [], 0
    while found := _PART.match(path, at):
        keys.append(found[1] or found[2])
        at = found.end()
        if at == len(path):
            return keys
        if path[at] != ".":
            return []
        at += 1
    return []


config_value = recipe_function(ConfigValue)
