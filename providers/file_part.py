"""A state that is a file and more, such as a link or what has been loaded: its part of the file."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeVar

from cookbook.provider import Change
from cookbook.providers import writing


@dataclass(frozen=True)
class FileAndMore(writing.State):
    """A file, which may be absent although the rest is there."""

    defined: bool | None = None
    """True if there is the file."""


S = TypeVar("S", bound=FileAndMore)


def file_part(state: FileAndMore | None) -> writing.State | None:
    """Return the fields of the file; None if it is not there."""
    if state is None or not state.defined:
        return None
    return writing.State(**{f.name: getattr(state, f.name) for f in fields(writing.State)})


def file_change(change: Change[S]) -> Change[writing.State]:
    """Return the change as one of the file."""
    return Change(file_part(change.found), file_part(change.wanted))


def file_values(file: writing.State | None) -> dict[str, Any]:
    """Return the fields of a `FileAndMore` with this file, or without one."""
    values = {f.name: getattr(file, f.name) for f in fields(writing.State)} if file else {}
    return {**values, "defined": file is not None}
