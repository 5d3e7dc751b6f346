"""For people: what happens, while it happens, and what came of it; a plugin that listens."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from cookbook.language.resource import Resource
from cookbook.plugin import hookimpl
from cookbook.text.sanitize import one_line

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from cookbook.reports.report import HostReport
    from cookbook.reports.run_info import RunInfo
    from cookbook.reports.text import StyledLine

_SLOWEST = 5


def write(lines: Iterable[StyledLine], stream: TextIO) -> None:
    """Print: in colour on a terminal, plainly elsewhere."""
    if not stream.isatty():
        stream.writelines(f"{one_line(text)}\n" for _, text in lines)
        stream.flush()
        return
    from rich.console import Console  # takes 60 ms; a file or a pipe has no colours
    from rich.text import Text

    console = Console(file=stream, highlight=False, soft_wrap=True)
    for style, text in lines:
        console.print(Text(one_line(text), style=style))


@dataclass
class Progress:
    """Listens to a run; tells of it on the error stream."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    _hosts: dict[str, tuple[str, float]] = field(default_factory=dict)
    _states: Counter[str] = field(default_factory=Counter)
    _total: int = 0
    _live: Live | None = None

    @hookimpl
    def cookbook_started(self, run: RunInfo) -> None:
        """See `begin`."""
        self.begin(run.hosts)

    @hookimpl
    def cookbook_waiting(self, host: str, what: str) -> None:
        """See `waits`."""
        self.waits(host, what)

    @hookimpl
    def cookbook_working(self, host: str, resource: Resource) -> None:
        """See `works`."""
        self.works(host, str(resource))

    @hookimpl
    def cookbook_host(self, report: HostReport) -> None:
        """See `ended`."""
        self.ended(report.name, report.status)

    @hookimpl
    def cookbook_finished(self) -> None:
        """See `end`."""
        self.end()

    def begin(self, hosts: Sequence[str]) -> None:
        """Begin: a live display on a terminal, a line per host elsewhere."""
        now = time.monotonic()
        self._total = len(hosts)
        self._hosts = dict.fromkeys(hosts, ("connecting", now))
        if self.stream.isatty():
            from rich.console import Console
            from rich.live import Live

            console = Console(file=self.stream)
            live = Live(
                get_renderable=self._render, console=console, transient=True, refresh_per_second=8
            )
            live.start()
            self._live = live

    def waits(self, host: str, what: str) -> None:
        """Say what a host is waited for; on a terminal beside its name."""
        if host in self._hosts:
            self._hosts[host] = (what, self._hosts[host][1])
        if self._live is None:
            with contextlib.suppress(OSError):  # the stream may have been closed
                write([("", f"{host}: {what}")], self.stream)

    def works(self, host: str, resource: str) -> None:
        """Note where a host is."""
        self._hosts[host] = (resource, self._hosts[host][1])

    def ended(self, host: str, status: str) -> None:
        """Note that a host is done with."""
        self._hosts.pop(host, None)
        self._states[status] += 1
        if self._live is None and self._total > 1:
            done = f"{sum(self._states.values())}/{self._total}"
            with contextlib.suppress(OSError):  # the output is closed
                write([("", f"{done} {host}: {status}")], self.stream)

    def end(self) -> None:
        """End."""
        if self._live is not None:
            self._live.stop()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop drawing while something else uses the terminal."""
        live = self._live
        if live is not None:
            live.stop()
        try:
            yield
        finally:
            if live is not None:
                live.start()

    def _render(self) -> RenderableType:
        from rich.text import Text

        now = time.monotonic()
        states = " ".join(f"{count} {state}" for state, count in sorted(self._states.items()))
        lines = [f"{sum(self._states.values())}/{self._total} hosts  {states}"]
        slowest = sorted(self._hosts.items(), key=lambda item: item[1][1])[:_SLOWEST]
        lines += [f"  {name}  {now - since:.0f} s  {what}" for name, (what, since) in slowest]
        return Text("\n".join(map(one_line, lines)))
