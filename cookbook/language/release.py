"""Releases of applications, as `cook releases` lists them."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Release(NamedTuple):
    """One release of an application on a host."""

    application: str
    name: str
    revision: str
    """The revision that was declared: a branch, a tag, a commit."""

    commit: str
    when: float
    """Seconds since the epoch when it last became current, or failed to."""

    state: Literal["current", "former", "failed", "rolled-back"]
    """`failed` and `rolled-back` are held back: a converge does not lead to them again."""
