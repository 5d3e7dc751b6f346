"""What the history knows of a resource on a machine, for who looks at it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Known:
    """What our latest run left, and since when it is not so any more."""

    left: dict[str, Any] | None
    """The state that it was left in, as JSON; None: it was not there."""

    wanted: dict[str, Any] | None
    in_line: bool
    """Whether that run left it as it was wanted."""

    run: str
    since: str | None
    """When it was first seen not to be in line, if it has not been seen in line since."""
