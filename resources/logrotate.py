"""Rotation of logs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function

_TABOO = (
    ".bak",
    ".cfsaved",
    ".disabled",
    ".dpkg-dist",
    ".dpkg-new",
    ".dpkg-old",
    ".rpmsave",
    ".swp",
)
"""Endings of names that logrotate(8) passes over."""

_SCRIPTS = ("prerotate", "postrotate", "firstaction", "lastaction", "preremove")


class Logrotate(Resource):
    """
    Rotation of some logs, by a file in /etc/logrotate.d that `logrotate -d` has checked.

    Other files there stay; a log that two of them name is an error of logrotate(8).

    Example::

        logrotate("app", path="/var/log/app/*.log", frequency="daily", rotate=14)
    """

    category: ClassVar[str] = "services"

    unique: ClassVar[bool] = True

    namespace: ClassVar[str] = "path"

    path: str | Sequence[str] = ()
    """Logs, by absolute paths or patterns."""

    frequency: Literal["hourly", "daily", "weekly", "monthly", "yearly"] | None = "weekly"
    """Interval; None: only by `size`."""

    rotate: int | None = None
    """Number of old logs to keep."""

    size: str | int | None = None
    """Rotate only what is larger: bytes, or with k, M, G."""

    minsize: str | int | None = None
    """The same, but not before `frequency` says so."""

    maxsize: str | int | None = None
    """Rotate what is larger also before `frequency` says so."""

    maxage: int | None = None
    """Days after which old logs are removed."""

    dateformat: str | None = None
    """Ending of old logs, as of strftime(3); implies the option dateext."""

    create: str | bool | None = None
    """`"0640 root adm"`: mode and owner of the new log; False: none is made."""

    su: str | None = None
    """`"user group"` that acts, for logs in a folder that others may write."""

    options: str | Sequence[str] = (
        "missingok",
        "compress",
        "delaycompress",
        "copytruncate",
        "notifempty",
    )
    """More lines, as of logrotate(8)."""

    prerotate: str | Sequence[str] = ()
    """Shell that is run before a log is rotated."""

    postrotate: str | Sequence[str] = ()
    """Shell that is run after it."""

    firstaction: str | Sequence[str] = ()
    """Shell that is run once before all logs."""

    lastaction: str | Sequence[str] = ()
    """Shell that is run once after all logs."""

    preremove: str | Sequence[str] = ()
    """Shell that is run before an old log is removed."""

    sharedscripts: bool = False
    """Run prerotate and postrotate once for all logs."""

    action: Literal["enable", "disable", "nothing"] = "enable"

    def validate(self) -> None:
        """Check name, logs and values."""
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", self.name) or self.name.endswith(
            _TABOO
        ):
            raise RecipeError(f"{self}: {self.name!r} is no name that logrotate(8) would read")
        self._check_logs()
        for line in (*_several(self.options), self.dateformat or "", self.su or ""):
            if re.search(r"[\n\0{}]", line):
                raise RecipeError(f"{self}: {line!r} is not one line")
        for key in _SCRIPTS:
            if any(line.strip() == "endscript" for line in self.lines(key)):
                raise RecipeError(f"{self}: {key} cannot have the line `endscript`")

    def _check_logs(self) -> None:
        if self.action == "enable" and not self.logs:
            raise RecipeError(f"{self}: `enable` needs a path")
        for path in self.logs:
            if not re.fullmatch(r"/[^\"\n\0{}]+", path):
                raise RecipeError(f"{self}: {path!r} is no absolute path")
        for key in ("size", "minsize", "maxsize"):
            value = getattr(self, key)
            if value is not None and not re.fullmatch(r"\d+[kMG]?", str(value)):
                raise RecipeError(f"{self}: {key}={value!r} is no size", hint='like 100, "10M"')
        if self.frequency is None and self.size is None:
            raise RecipeError(f"{self}: it needs a frequency or a size")

    @property
    def logs(self) -> Sequence[str]:
        """The logs, one by one."""
        return _several(self.path)

    def lines(self, key: str) -> Sequence[str]:
        """Return the lines of a script."""
        return [line for text in _several(getattr(self, key)) for line in text.splitlines()]

    @property
    def identity(self) -> str:
        """The path of the file."""
        return f"/etc/logrotate.d/{self.name}"

    @property
    def text(self) -> str:
        """The text of the file."""
        sizes = [f"{k} {v}" for k in ("size", "minsize", "maxsize") if (v := getattr(self, k))]
        numbers = [f"{k} {v}" for k in ("rotate", "maxage") if (v := getattr(self, k)) is not None]
        dates = ["dateext", f"dateformat {self.dateformat}"] if self.dateformat else []
        create = [f"create {self.create}"] if isinstance(self.create, str) else []
        create = (
            ["create" if self.create else "nocreate"] if isinstance(self.create, bool) else create
        )
        body = [
            *([self.frequency] if self.frequency else []),
            *numbers,
            *sizes,
            *dates,
            *create,
            *([f"su {self.su}"] if self.su else []),
            *_several(self.options),
            *(["sharedscripts"] if self.sharedscripts else []),
        ]
        for key in _SCRIPTS:
            if lines := self.lines(key):
                body += [key, *(f"  {line}" for line in lines), "endscript"]
        head = " ".join(f'"{path}"' for path in self.logs)
        return f"{head} {{\n" + "".join(f"  {line}\n" for line in body) + "}\n"


def _several(value: str | Sequence[str]) -> Sequence[str]:
    return (value,) if isinstance(value, str) else tuple(value)


logrotate = recipe_function(Logrotate)
