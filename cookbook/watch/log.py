"""The lines of `cook watch` for the journal: each turn, and each host that is not in line."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from typing import Literal

from cookbook.errors import Locked
from cookbook.planning.status import Mode
from cookbook.reports.phrases import (
    OUT_OF_LINE,
    HostState,
    error_sentence,
    host_state,
    outcome,
)
from cookbook.reports.schema import Document, HostDocument
from cookbook.text.listing import named
from cookbook.text.sanitize import one_line
from cookbook.watch.loop import WatchListener
from cookbook.watch.settings import WatchGroup
from cookbook.watch.turn import TurnResult

_MOST = 10
"""Resources, and hosts, that are named in one line."""


def say(text: str) -> None:
    """Print a line at once; it has no secret, and controls no terminal."""
    sys.stdout.write(f"{one_line(text)}\n")
    sys.stdout.flush()


class WatchLog(WatchListener):
    """Prints what turns do."""

    def began(self, group: WatchGroup, mode: str) -> None:
        """Print that a turn begins."""
        outside = ", outside of the window" if group.do == "converge" and mode == "drift" else ""
        say(f"{group.name}: {mode} begins{outside}")

    def skipped(self, group: WatchGroup, count: int) -> None:
        """Print that turns were skipped."""
        turns = "a turn is" if count == 1 else f"{count} turns are"
        say(f"{group.name}: {turns} skipped: the one before is still at work")

    def ended(self, result: TurnResult) -> None:
        """Print the result of a turn."""
        for line in result_lines(result):
            say(line)


def result_lines(result: TurnResult) -> Iterator[str]:
    """Yield the result of a turn in a line, and one for hosts with an equal result."""
    document = result.document
    if document is None:
        yield f"{result.group}: {result.mode} failed ({_ended(result)}): {_first(result.error)}"
        return
    states = Counter(turn_state(host, document["mode"]) for host in document["hosts"].values())
    counted = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    yield f"{result.group}: {result.mode} ended: {counted or 'no hosts'} ({result.seconds:.1f} s)"
    equal: dict[tuple[str, str], list[str]] = {}
    for name, host in document["hosts"].items():
        ended = turn_state(host, document["mode"])
        if ended != "ok":
            equal.setdefault((ended, reasons(host, document)), []).append(name)
    for (what, why), names in equal.items():
        yield f"{result.group}: {named(names, _MOST)}: {what}: {why}"


def turn_state(host: HostDocument, mode: Mode) -> HostState | Literal["locked"]:
    """
    Return the worst result of a host; `locked` if another run or an operator has it.

    That is no failure of the host: the turn has left it alone, and knows nothing new of it.
    """
    error = host["error"]
    is_locked = error is not None and error["code"] == Locked.code
    return "locked" if is_locked else host_state(host, mode)


def reasons(host: HostDocument, document: Document) -> str:
    """Return why a host is not ok: its error, or its resources."""
    if host["error"] is not None:
        said = error_sentence(host["error"])
        is_locked = turn_state(host, document["mode"]) == "locked"
        return f"{said}; it was left alone, and the next turn tries again" if is_locked else said
    wrong = [
        one["id"]
        for one in host["resources"]
        if (what := outcome(one, document["mode"])) in OUT_OF_LINE or what == "changed"
    ]
    return named(wrong, _MOST)


def _ended(result: TurnResult) -> str:
    status = result.exit
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def _first(error: str) -> str:
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    said = [line for line in lines if line.startswith("cook:")] or lines or ["it said nothing"]
    return "; ".join(said[:3])
