"""Marked blocks in text files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cookbook.errors import HostError
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
from cookbook.resources.block import Block


@dataclass(frozen=True)
class State(TextState):
    """The lines between the marks."""

    content: str | None = None


@provides(Block)
class BlockProvider(TextEditProvider[Block, State]):
    """Marked blocks in text files, edited on the controller."""

    def path(self, block: Block) -> str:
        """Return the path of the file."""
        return block.path

    def read(self, block: Block, text: str) -> State | None:
        """Return the lines between the marks."""
        lines = lines_of(text)
        span = _span(block, lines)
        if span is None:
            return None
        return State(content="\n".join(bare(one) for one in lines[span[0] + 1 : span[1]]))

    def edit(self, block: Block, text: str) -> str:
        """Replace the lines between the marks, or insert the block."""
        lines = lines_of(text)
        if (span := _span(block, lines)) is not None:
            first, last = span
            inside = [bare(one) for one in lines[first + 1 : last]]
            same = inside == block.lines
            return text if same else text_with(lines, first + 1, last - first - 1, block.lines)
        at = place_in(lines, block.after, block.before)
        new = [block.begin, *block.lines, block.end]
        return text_with(lines, len(lines) if at is None else at, 0, new)

    def without(self, block: Block, text: str) -> str:
        """Remove the block with its marks."""
        lines = lines_of(text)
        span = _span(block, lines)
        return text if span is None else text_with(lines, span[0], span[1] + 1 - span[0], [])

    def refuse(self, block: Block, text: str) -> None:
        """Raise HostError if there is no place for a new block."""
        if _span(block, lines_of(text)) is None:
            refuse_no_place(block, text, block.after, block.before)


def _span(block: Block, lines: Sequence[str]) -> tuple[int, int] | None:
    """
    Return the numbers of the marks; None if there are none.

    Raises HostError unless there is one pair of them.
    """
    begins = [i for i, one in enumerate(lines) if bare(one) == block.begin]
    ends = [i for i, one in enumerate(lines) if bare(one) == block.end]
    if not begins and not ends:
        return None
    if len(begins) != 1 or len(ends) != 1 or begins > ends:
        raise HostError(
            f"{block.path} has {len(begins)} of {block.begin!r} and {len(ends)} of {block.end!r}"
            f"{', in the wrong order' if len(begins) == len(ends) == 1 else ''}",
            hint="a block has one mark before it and one after it: repair the file by hand",
        )
    return begins[0], ends[0]
