"""A notification that an earlier run may have left undone."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Owed:
    """A notification that a run was not to leave undone, and may have."""

    owed: str
    """Who has to act: `service[nginx]`."""

    action: str
    because: str
    run: str
    done: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Who, and what."""
        return self.owed, self.action

    @property
    def line(self) -> str:
        """As it is written."""
        return json.dumps(vars(self), separators=(",", ":"))
