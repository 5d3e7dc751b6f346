"""Questions at the terminal: to approve a plan, or a change."""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from cookbook.cli.progress import write
from cookbook.cli.report_lines import step_lines
from cookbook.errors import UsageError
from cookbook.planning.step import Permission, Step
from cookbook.reports.text import StyledLine
from cookbook.text.sanitize import one_line

_LOOK = 0.2
"""Seconds between two looks whether the run is to end meanwhile."""


@dataclass
class Terminal:
    """Reads lines of the standard input, and can be told to stop waiting for one."""

    _typed: bytes = b""

    def line(self, stopping: Callable[[], bool] = lambda: False) -> str | None:
        """Return the next line; None at the end of the input, or if `stopping` returns true."""
        while b"\n" not in self._typed:
            if stopping():
                return None
            if select.select([0], [], [], _LOOK)[0]:
                data = os.read(0, 4096)
                if not data:
                    return None
                self._typed += data
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode(errors="replace").strip().lower()

    def ask(self, question: str, stopping: Callable[[], bool] = lambda: False) -> str | None:
        """Ask, on the error stream: the results of the run are on the other one."""
        sys.stderr.write(f"{one_line(question)} ")
        sys.stderr.flush()
        answer = self.line(stopping)
        if answer is None:
            sys.stderr.write("\n")
        return answer


def need_terminal(option: str) -> None:
    """Raise UsageError unless standard input and output are a terminal."""
    if not sys.stdin.isatty():
        raise UsageError(
            f"{option} asks, and the standard input is no terminal",
            hint="save the plan with `cook plan -o FILE`, look at it, then `cook apply FILE`",
        )


def confirmed(terminal: Terminal, lines: Iterable[StyledLine]) -> bool:
    """Show what would be done, and ask; everything but yes is no."""
    write(lines, sys.stderr)
    return terminal.ask("Do this? [y/N]") in ("y", "yes")


@dataclass
class Stepper:
    """Asks before each change, one host after the other, however many are at work."""

    terminal: Terminal
    undisturbed: Callable[[], AbstractContextManager[None]]
    """Keeps others from drawing on the terminal meanwhile."""

    _one_by_one: threading.Lock = field(default_factory=threading.Lock)
    _all: bool = False
    _quit: bool = False

    def permit(
        self, host: str, step: Step, *, again: bool, stopping: Callable[[], bool]
    ) -> Permission:
        """See Approver: y sends it, n leaves this resource alone, a asks no more, q stops."""
        _ = again
        with self._one_by_one:
            if self._quit or stopping():
                return "stop"
            if self._all:
                return "go"
            with self.undisturbed():
                write([("bold", f"{host}:"), *step_lines(step)], sys.stderr)
                return self._answer(stopping)

    def _answer(self, stopping: Callable[[], bool]) -> Permission:
        while True:
            match self.terminal.ask("Do this? [y]es, [n]o, [a]ll, [q]uit", stopping):
                case "y" | "yes":
                    return "go"
                case "n" | "no":
                    return "skip"
                case "a" | "all":
                    self._all = True
                    return "go"
                case "q" | "quit" | None:
                    self._quit = True
                    return "stop"
                case _:
                    continue
