"""Lines in text files."""

from __future__ import annotations

from dataclasses import dataclass

from cookbook.provider import provides
from cookbook.providers.text_edits import (
    TextEditProvider,
    TextState,
    bare,
    lines_of,
    place_in,
    refuse_no_place,
    text_with,
)
from cookbook.resources.line import Line


@dataclass(frozen=True)
class State(TextState):
    """The lines that are found."""

    lines: tuple[str, ...] | None = None


@provides(Line)
class LineProvider(TextEditProvider[Line, State]):
    """Lines in text files, edited on the controller."""

    def path(self, line: Line) -> str:
        """Return the path of the file."""
        return line.path

    def read(self, line: Line, text: str) -> State | None:
        """Return the lines that are found; the same line twice is the same."""
        found = [bare(one) for one in lines_of(text) if line.finds(bare(one))]
        if line.match is None and found:
            found = found[:1]
        return State(lines=tuple(found)) if found else None

    def edit(self, line: Line, text: str) -> str:
        """Replace the first line that is found, remove the others; or insert the line."""
        lines = lines_of(text)
        numbers = [i for i, one in enumerate(lines) if line.finds(bare(one))]
        new = line.text or ""
        if not numbers:
            at = place_in(lines, line.after, line.before)
            return text_with(lines, len(lines) if at is None else at, 0, [new])
        if line.match is None:
            return text
        for number in numbers[:0:-1]:
            lines = lines_of(text_with(lines, number, 1, []))
        first = numbers[0]
        return "".join(lines) if bare(lines[first]) == new else text_with(lines, first, 1, [new])

    def without(self, line: Line, text: str) -> str:
        """Remove each line that is found."""
        lines = lines_of(text)
        for number in [i for i, one in enumerate(lines) if line.finds(bare(one))][::-1]:
            lines = lines_of(text_with(lines, number, 1, []))
        return "".join(lines)

    def refuse(self, line: Line, text: str) -> None:
        """Raise HostError if there is no place for a new line."""
        if self.read(line, text) is None:
            refuse_no_place(line, text, line.after, line.before)
