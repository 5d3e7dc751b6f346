"""The severities of controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

Severity = Literal["low", "medium", "high"]

SEVERITIES: Sequence[Severity] = get_args(Severity)
"""All severities, from the lowest to the highest."""


def at_least(severity: Severity, least: Severity | None) -> bool:
    """Return whether a severity is not below the least one; None is below all."""
    return least is None or SEVERITIES.index(severity) >= SEVERITIES.index(least)
