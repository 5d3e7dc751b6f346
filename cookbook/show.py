"""For people: what happens, while it happens, and what came of it; a plugin that listens."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from cookbook.engine import Step
from cookbook.errors import CookError
from cookbook.hookspecs import hookimpl
from cookbook.report import HostReport, Report, shown_changes, visible
from cookbook.resource import Resource

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from cookbook.run import Run

Line = tuple[str, str]
"""A style, in rich's words, and a text."""

_VISIBLE = {n: f"\\x{n:02x}" for n in (*range(9), *range(11, 32), 127)} | {9: "\t"}
_VISIBLE |= {n: f"\\x{n:02x}" for n in range(128, 160)}
"""Control characters that a host sent could drive the terminal; they are shown, not obeyed."""

_MARKS = {
    "create": ("+", "green"),
    "remove": ("-", "red"),
    "update": ("~", "yellow"),
    "act": (">", "cyan"),
}

_HOST_STYLES = {
    "ok": "green",
    "changed": "yellow",
    "failed": "bold red",
    "unreachable": "bold magenta",
    "timeout": "bold red",
    "interrupted": "magenta",
    "refused": "bold red",
}

_SLOWEST = 5
_LONGEST_VALUE = 120


def clean(text: str) -> str:
    """Text that can do nothing to a terminal."""
    return visible(text).translate(_VISIBLE)


def write(lines: Iterable[Line], stream: TextIO) -> None:
    """Print: in colour on a terminal, plainly elsewhere."""
    if not stream.isatty():
        stream.writelines(f"{clean(text)}\n" for _, text in lines)
        stream.flush()
        return
    from rich.console import Console  # takes 60 ms; a file or a pipe has no colours
    from rich.text import Text

    console = Console(file=stream, highlight=False, soft_wrap=True)
    for style, text in lines:
        console.print(Text(clean(text), style=style))


def report_lines(report: Report, *, verbose: bool = False) -> Iterator[Line]:
    """
    The report: hosts to which the same happened together, then the sum.

    A diff that another host had already is named, not shown again.
    """
    planned = report.mode == "plan"
    groups: dict[tuple[object, ...], list[HostReport]] = {}
    for host in report.hosts.values():
        lines = tuple(_host_lines(host, planned=planned, verbose=verbose))
        groups.setdefault((host.status, *lines), []).append(host)
    diffs: dict[tuple[str, str], str] = {}
    for hosts in groups.values():
        yield _heading(hosts)
        yield from _host_lines(hosts[0], planned=planned, verbose=verbose, diffs=diffs)
    yield from objection_lines(report)
    yield _sum(report)


def objection_lines(report: Report) -> Iterator[Line]:
    """What reviewers have against a plan."""
    for objection in report.objections:
        yield "bold red", f"objection: {objection}"


def _heading(hosts: Sequence[HostReport]) -> Line:
    first = hosts[0]
    names = ", ".join(host.name for host in hosts)
    count = f" ({len(hosts)} hosts)" if len(hosts) > 1 else ""
    seconds = max(host.seconds for host in hosts)
    return _HOST_STYLES[first.status], f"{names}{count}: {first.status}, {seconds:.1f} s"


def _host_lines(
    host: HostReport,
    *,
    planned: bool,
    verbose: bool,
    diffs: dict[tuple[str, str], str] | None = None,
) -> Iterator[Line]:
    for step in host.steps:
        owed = step.status == "not-run" and step.because is not None
        if verbose or owed or step.status not in ("ok", "skipped", "not-run"):
            first = host.name
            if diffs is not None and step.diff is not None and len(step.diff.lines) > 1:
                first = diffs.setdefault((str(step.resource), str(step.diff)), host.name)
            yield from step_lines(
                step, planned=planned, as_on=None if first == host.name else first
            )
    if waiting := sum(s.status == "not-run" and s.because is None for s in host.steps):
        yield "dim", f"    {waiting} more were not run"
    if host.error is not None:
        yield from _error_lines(host.error, "  ")


def step_lines(step: Step, *, planned: bool, as_on: str | None = None) -> Iterator[Line]:
    """
    One resource: what it is, where it is declared, what differs and why it is so.

    `as_on` names a host whose diff was the same, and is shown already.
    """
    mark, style = _mark(step)
    words = [f"  {mark} {step.resource}"]
    if step.status == "unknown":
        words.append(f"unknown until {step.until}" if step.until else "unknown")
    elif step.status in ("failed", "skipped", "not-run"):
        words.append(step.status + (" (ignored)" if step.ignored else ""))
        if step.status == "not-run" and step.because:
            words.append(f"its {', '.join(step.target.doing)} is still to be done")
    elif step.status == "changed" and step.change is not None and step.change.act:
        words.append(_acted(step.change.act, planned=planned))
    if step.because:
        words.append(f"because {step.because} {'changes' if planned else 'changed'}")
    yield style, f"{'  '.join(words)}  [{step.declared.where}]"
    if step.status in ("changed", "unknown"):
        yield from _difference(step, as_on)
    if step.error is not None:
        yield from _error_lines(step.error, "      ")


def _mark(step: Step) -> Line:
    if step.status == "changed" and step.change is not None:
        return _MARKS.get(step.change.kind, ("~", "yellow"))
    return {
        "failed": ("!", "bold red"),
        "unknown": ("?", "magenta"),
        "ok": ("=", "green"),
    }.get(step.status, (" ", "dim"))


def _acted(act: str, *, planned: bool) -> str:
    if planned:
        return f"would {act}"
    return {"run": "ran", "touch": "touched"}.get(act, f"{act.removesuffix('e')}ed")


def _difference(step: Step, as_on: str | None) -> Iterator[Line]:
    for name, (found, wanted) in shown_changes(step).items():
        if not (name == "content" and step.diff is not None):
            yield "", f"      {name}: {_value(found)} -> {_value(wanted)}"
    if step.change is not None and step.change.note:
        yield "dim", f"      note: {step.change.note}"
    if as_on is not None:
        yield "dim", f"      (the same diff as on {as_on})"
    elif step.diff is not None:
        for line in str(step.diff).split("\n"):
            yield _diff_style(line), f"      {line}"


def _value(value: object) -> str:
    match value:
        case None:
            return "-"
        case [*items]:
            text = ", ".join(map(str, items)) or "(none)"
        case _:
            text = str(value)
    text = text.replace("\n", "\\n")
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def _diff_style(line: str) -> str:
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")


def _error_lines(error: CookError, indent: str) -> Iterator[Line]:
    for line in str(error).split("\n"):
        yield "red", f"{indent}{line}"
    if error.hint:
        yield "dim", f"{indent}next: {error.hint}"


def error_lines(error: CookError) -> Iterator[Line]:
    """An error that ended everything before it began."""
    yield "bold red", f"cook: {error}"
    if error.hint:
        yield "", f"      {error.hint}"


def _sum(report: Report) -> Line:
    hosts = Counter(host.status for host in report.hosts.values())
    totals = {
        ("to change" if report.mode == "plan" else "changed") if k == "changed" else k: v
        for k, v in report.totals.items()
    }
    resources = ", ".join(f"{count} {status}" for status, count in sorted(totals.items()))
    named = ", ".join(f"{count} {status}" for status, count in sorted(hosts.items()))
    style = "bold" if report.exit in (0, 2) else "bold red"
    noun = "host" if len(report.hosts) == 1 else "hosts"
    return style, f"{len(report.hosts)} {noun}: {named}. Resources: {resources or 'none'}."


@dataclass
class Progress:
    """Listens to a run; tells of it on the error stream."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    _hosts: dict[str, tuple[str, float]] = field(default_factory=dict)
    _states: Counter[str] = field(default_factory=Counter)
    _total: int = 0
    _live: Live | None = None

    @hookimpl
    def cookbook_started(self, run: Run) -> None:
        """Begin: a live display on a terminal, a line per host elsewhere."""
        now = time.monotonic()
        self._total = len(run.hosts)
        self._hosts = {host.name: ("connecting", now) for host in run.hosts}
        if self.stream.isatty():
            from rich.console import Console
            from rich.live import Live

            console = Console(file=self.stream)
            live = Live(
                get_renderable=self._render, console=console, transient=True, refresh_per_second=8
            )
            live.start()
            self._live = live

    @hookimpl
    def cookbook_working(self, host: str, resource: Resource) -> None:
        """Note where a host is."""
        self._hosts[host] = (str(resource), self._hosts[host][1])

    @hookimpl
    def cookbook_host(self, report: HostReport) -> None:
        """Note that a host is done with."""
        self._hosts.pop(report.name, None)
        self._states[report.status] += 1
        if self._live is None and self._total > 1:
            done = f"{sum(self._states.values())}/{self._total}"
            with contextlib.suppress(OSError):  # nobody looks any more
                write([("", f"{done} {report.name}: {report.status}")], self.stream)

    @hookimpl
    def cookbook_finished(self) -> None:
        """End."""
        if self._live is not None:
            self._live.stop()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to somebody else meanwhile."""
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
        return Text(clean("\n".join(lines)))
