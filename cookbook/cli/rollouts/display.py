"""The display of a rollout while it goes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cookbook.rollout.events import Event
    from cookbook.rollout.progress import RolloutProgress


class Display:
    """The display of a rollout: a live table on a terminal, a line for each event elsewhere."""

    def __init__(self, progress: RolloutProgress) -> None:
        self._progress = progress
        self._waits = ""
        self._live: Any = None

    def hear(self, event: Event | None, waits: str) -> None:
        """Take an event, or what the rollout waits for."""
        from cookbook.cli.progress import write
        from cookbook.rollout.view import event_line

        if event is None:
            if waits != self._waits and "at work" not in waits and self._live is None:
                write([("", f"waits {waits}")], sys.stderr)
            self._waits = waits
            return
        if (line := event_line(event, self._progress.plan)) is None:
            return
        if self._live is None:
            write([line], sys.stderr)
        else:
            from rich.text import Text

            from cookbook.text.sanitize import one_line

            self._live.console.print(Text(one_line(line[1]), style=line[0]))

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
