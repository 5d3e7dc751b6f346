"""The display of a rollout while it goes."""

from __future__ import annotations

import contextlib
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TextIO

from cookbook.rollout.events import Finished

if TYPE_CHECKING:
    from cookbook.reports.text import StyledLine
    from cookbook.rollout.events import Event
    from cookbook.rollout.progress import RolloutProgress


_WIDTH = 100
"""Columns where there is no terminal."""

_NARROWEST = 40


def show(lines: Iterable[StyledLine], stream: TextIO) -> None:
    """Print lines, long ones on several lines."""
    from cookbook.cli.progress import write

    columns = shutil.get_terminal_size((_WIDTH, 0)).columns if stream.isatty() else _WIDTH
    write(wrapped(lines, columns), stream)


def wrapped(lines: Iterable[StyledLine], columns: int) -> Iterator[StyledLine]:
    """
    Yield the lines, none longer than the columns, unless a word is; the rest is indented.

    A reason that has several lines, such as the output of a command, keeps them, indented, too.
    """
    for style, text in lines:
        indent = " " * (len(text) - len(text.lstrip(" ")))
        first, *more = text.split("\n")
        for number, part in enumerate((first, *filter(str.strip, more))):
            folded = textwrap.wrap(
                part.strip(),
                max(columns, _NARROWEST),
                initial_indent=f"{indent}    " if number else indent,
                subsequent_indent=f"{indent}    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
            yield from ((style, one) for one in folded or [""])


class Display:
    """The display of a rollout: a live table on a terminal, a line for each event elsewhere."""

    def __init__(self, progress: RolloutProgress) -> None:
        self._progress = progress
        self._waits = ""
        self._live: Any = None

    def hear(self, event: Event | None, waits: str) -> None:
        """Take an event, or what the rollout waits for; its end is told with the state."""
        with contextlib.suppress(OSError):  # the output is closed: the rollout goes on
            self._hear(event, waits)

    def _hear(self, event: Event | None, waits: str) -> None:
        from cookbook.rollout.view import event_line

        if event is None:
            if waits != self._waits and "at work" not in waits and self._live is None:
                show([("", f"waits {waits}")], sys.stderr)
            self._waits = waits
            return
        line = event_line(event, self._progress.plan)
        if line is None or isinstance(event, Finished):
            return
        if self._live is None:
            show([line], sys.stderr)
        else:
            from rich.text import Text

            from cookbook.text.sanitize import one_line

            console = self._live.console
            for style, text in wrapped([line], console.width):
                console.print(Text(one_line(text), style=style))

    def warn(self, text: str) -> None:
        """Show a warning."""
        with contextlib.suppress(OSError):
            show([("yellow", f"cook: {text}")], sys.stderr)

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Draw the table below the events, on a terminal."""
        if not sys.stderr.isatty():
            yield
            return
        from rich.console import Console
        from rich.live import Live

        console = Console(stderr=True, highlight=False)
        with Live(
            get_renderable=self._table, console=console, transient=True, refresh_per_second=4
        ) as self._live:
            yield
        self._live = None

    def _table(self) -> Any:
        from rich.table import Table
        from rich.text import Text

        from cookbook.rollout.view import state_lines
        from cookbook.text.sanitize import one_line

        table = Table.grid()
        for style, text in state_lines(self._progress, self._waits):
            table.add_row(Text(one_line(text), style=style))
        return table
