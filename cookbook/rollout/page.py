"""The page of a rollout: one HTML file that is rebuilt as it goes."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from cookbook.rollout.events import Event
from cookbook.rollout.journal import Header
from cookbook.rollout.state import RolloutState
from cookbook.rollout.view import batch_name, event_line, strategy_lines
from cookbook.text.redaction import protect
from cookbook.text.sanitize import one_line

_OFTEN = 0.5
"""Seconds between two versions of the page at least."""

_MOST_LINES = 500


class Page:
    """Writes the page of a rollout to a file."""

    def __init__(self, path: Path, header: Header, state: RolloutState) -> None:
        self._path, self._header, self._state = path, header, state
        self._lines: list[tuple[str, str]] = []
        self._written = 0.0
        self._waits = ""
        self.error: OSError | None = None
        """The last error of the file system, if the page was not written."""

    def add(self, events: Sequence[Event]) -> None:
        """Take events that happened before."""
        for event in events:
            if (line := event_line(event, self._state.plan)) is not None:
                when = dt.datetime.fromtimestamp(event.at).astimezone()
                self._lines.append((f"{when:%H:%M:%S}", one_line(line[1]).strip()))

    def hear(self, event: Event | None, waits: str) -> None:
        """Take an event, and rebuild the page, unless it is a moment old."""
        if event is not None:
            self.add([event])
            self._waits = ""
        elif waits == self._waits:
            return
        self._waits = waits or self._waits
        over = self._state.finished is not None
        if over or time.monotonic() - self._written >= _OFTEN:
            self.write()

    def write(self) -> None:
        """Write the page in one step, so that each reader gets a whole one; keep an error."""
        self._written = time.monotonic()
        partial = self._path.with_name(f".{self._path.name}.new")
        text = protect(self.text())
        try:
            partial.write_text(text, "utf-8")
            partial.replace(self._path)
        except OSError as error:  # a rollout does not end for want of a page
            self.error = error
        else:
            self.error = None

    def text(self) -> str:
        """Return the page."""
        state, header = self._state, self._header
        status = state.finished or ("paused" if state.paused else "at work")
        return str(
            _template().render(
                id=header.id,
                status=status,
                finished=state.finished is not None,
                source=header.source,
                by=header.by,
                started=header.started,
                revision=header.revision,
                waits=f"It waits {self._waits}." if self._waits and not state.finished else "",
                stages=[self._stage(number) for number in range(len(state.plan.stages))],
                lines=self._lines[: -_MOST_LINES - 1 : -1],
            )
        )

    def _stage(self, number: int) -> dict[str, Any]:
        stage = self._state.plan.stages[number]
        phases = Counter(self._state.hosts[host].phase for host in stage.hosts)
        return {
            "group": stage.group,
            "counts": ", ".join(f"{count} {phase}" for phase, count in phases.items()),
            "limits": list(strategy_lines(stage)),
            "batches": [
                {
                    "name": batch_name(batch, place),
                    "hosts": [self._host(host) for host in batch.hosts],
                }
                for place, batch in enumerate(stage.batches)
            ],
        }

    def _host(self, name: str) -> dict[str, Any]:
        host = self._state.hosts[name]
        return {
            "name": name,
            "phase": host.phase,
            "sick": host.healthy is False,
            "reason": one_line(host.reason),
        }


@cache
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined  # takes 60 ms

    pages = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    folder = files("cookbook.rollout") / "assets"
    return pages.from_string((folder / "page.html.j2").read_text("utf-8"))
