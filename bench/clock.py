"""A process from its start to its end: how long it took, and how much memory."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_LINES_SHOWN = 15
_UNLIKE_USERS = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "SSH_AUTH_SOCK")
"""What workplaces set, and users' machines do not (an agent would offer keys of its own)."""


class BenchError(Exception):
    """A figure cannot be had, or would mean nothing."""


@dataclass(frozen=True)
class Call:
    """A contender, and how it is started."""

    who: str
    command: Sequence[str]
    changes: Callable[[str], int] = lambda _output: 0
    """How many changes its output tells of."""

    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: Path = Path(os.devnull)
    document: bool = False
    """Its output is a document, and nothing of its standard error."""


@dataclass(frozen=True)
class Sample:
    """One run of a call."""

    seconds: float
    megabytes: float
    """The most that its process held in memory at once (getrusage(2), ru_maxrss)."""

    output: str
    cpu: float = 0.0
    """Seconds of processor time, user and system."""


def run(call: Call) -> Sample:
    """
    Run it once, to its end.

    Raises BenchError if it fails.
    """
    environment = {k: v for k, v in os.environ.items() if k not in _UNLIKE_USERS}
    with _scratch() as output, _scratch() as errors, call.stdin.open() as stdin:
        start = time.perf_counter()
        process = subprocess.Popen(
            call.command,
            stdin=stdin,
            stdout=output,
            stderr=errors if call.document else output,
            env={**environment, **call.environment},
        )
        _pid, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        text, said = _all_of(output), _all_of(errors)
    if process.returncode != 0:
        raise BenchError(
            f"{call.who} ended with status {process.returncode}:\n{_reason(text, said)}"
        )
    return Sample(seconds, usage.ru_maxrss / 1024, text, usage.ru_utime + usage.ru_stime)


def _scratch() -> IO[str]:
    return tempfile.TemporaryFile("w+")


def _all_of(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def _reason(output: str, errors: str) -> str:
    """Why it failed: cook's JSON says so in the middle, others at the end."""
    lines = [*output.splitlines(), *errors.splitlines()]
    messages = [line.strip() for line in lines if '"message":' in line]
    return "\n".join((messages or lines)[-_LINES_SHOWN:])


def turns(rounds: Mapping[str, int]) -> Iterator[str]:
    """Who runs when: in turns, and those with fewer rounds spread over the others' time."""
    most = max(rounds.values(), default=0)
    for number in range(most):
        for who, count in rounds.items():
            # As many of the rounds as it has, evenly: 3 of 7 are the rounds 0, 3 and 5.
            if (number * count) % most < count:
                yield who


def alternate(calls: Sequence[Call], rounds: Mapping[str, int]) -> dict[str, list[Sample]]:
    """
    Run contenders in turns, after everybody has been found to have nothing to do.

    Raises BenchError if one of them made a change: then the others did not find what
    it found.
    """
    named = {call.who: call for call in calls if rounds.get(call.who)}
    samples: dict[str, list[Sample]] = {who: [] for who in named}
    for who in turns({who: rounds[who] for who in named}):
        sample = run(named[who])
        changed = named[who].changes(sample.output)
        if changed != 0:
            raise BenchError(f"{who} made {changed} changes where nothing was to do")
        samples[who].append(sample)
    return samples


def settle(calls: Sequence[Call]) -> None:
    """Let everybody once do what is to do; that also compiles their bytecode."""
    for call in calls:
        run(call)
