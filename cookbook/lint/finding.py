"""Findings, edits that mend them, and the description of a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cookbook.lint.project import Project


class Edit(NamedTuple):
    """A piece of a file, in bytes from its beginning, and the text that replaces it."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Finding:
    """One place at which a rule is broken."""

    code: str
    path: Path
    line: int
    column: int
    """Of the first character, from 1."""

    message: str
    fix: tuple[Edit, ...] = ()
    """The edits that mend it; none if a person has to."""

    @property
    def place(self) -> tuple[str, int, int]:
        """Path, line and column: the order in which findings are shown."""
        return str(self.path), self.line, self.column


@dataclass(frozen=True)
class LintRule:
    """One check, with its documentation."""

    code: str
    name: str
    summary: str
    """One sentence without a full stop."""

    why: str
    bad: str
    """A recipe that breaks the rule; with `files`, beside these."""

    good: str
    """The same, as it should be."""

    check: Callable[[Project], Iterator[Finding]]
    fixes: bool = False
    """True if `--fix` mends it, in many cases."""

    files: Sequence[tuple[str, str]] = ()
    """Files beside the recipes of the example: path, text."""
