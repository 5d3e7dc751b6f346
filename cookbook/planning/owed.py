"""Notifications that an earlier run may have left undone."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Owed:
    """A notification that an earlier run recorded in the manifest, and whether it was done."""

    owed: str
    """The notified resource: `service[nginx]`."""

    action: str
    because: str
    run: str
    done: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """The notified resource and the action."""
        return self.owed, self.action

    @property
    def line(self) -> str:
        """As it is written."""
        return json.dumps(vars(self), separators=(",", ":"))
