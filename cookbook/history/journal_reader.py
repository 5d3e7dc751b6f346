"""The reader of a journal: a run that is finished, running, or was ended in the middle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from cookbook.errors import HistoryError
from cookbook.history import validation
from cookbook.history.journal import FORMAT
from cookbook.history.records import RecordedStep, RunState
from cookbook.planning.status import HostStatus, Mode, ResourceStatus
from cookbook.reports.schema import ErrorDocument
from cookbook.text.bounded_io import parsed_json

MOST_BYTES = 1 << 30
LONGEST_LINE = 1 << 28
"""The maximum length of a line in bytes; longer ones would exhaust the memory."""


@dataclass
class ToldHost:
    """The result of a host so far."""

    status: HostStatus = "interrupted"
    began: float = 0.0
    seconds: float = 0.0
    exchanges: int = 0
    error: ErrorDocument | None = None
    machine_id: str = ""
    in_line: float | None = None
    steps: list[RecordedStep] = field(default_factory=list)
    sent: dict[tuple[str, str | None], RecordedStep] = field(default_factory=dict)
    """Changes that were sent and have no result yet."""


@dataclass
class ToldRun:
    """A run, as far as its journal goes."""

    run: str
    mode: Mode
    started: str
    version: str
    by: str
    origin: str | None
    command: list[str]
    set: str
    recipes: list[str]
    hosts: dict[str, ToldHost]
    state: RunState = "interrupted"
    revision: str | None = None
    seconds: float | None = None
    exit: int | None = None
    sources: dict[str, str] = field(default_factory=dict)
    in_line: float | None = None

    def count(self, *statuses: ResourceStatus) -> int:
        """Return the number of resources with one of these statuses."""
        steps = (step for host in self.hosts.values() for step in host.steps)
        return sum(step.document["status"] in statuses for step in steps)


def told(path: Path, file: BinaryIO, *, alive: bool) -> ToldRun:
    """
    Read a journal; `alive` means that its writer still runs.

    Raises ValueError if it is no journal, HistoryError if a newer version has written it.
    """
    if os.fstat(file.fileno()).st_size > MOST_BYTES:
        raise ValueError("it is too large to be a journal")
    lines = _lines(file)
    first = next(lines, None)
    if first is None:
        raise ValueError("it has no first line")
    run = _begun(path, first)
    for line in lines:
        _hear(run, line)
    if run.state != "finished":
        run.state = "running" if alive else "interrupted"
        _give_up(run)
    return run


def _lines(file: BinaryIO) -> Iterator[dict[str, object]]:
    """Whole lines only: the last one may have been cut off in the middle."""
    while data := file.readline(LONGEST_LINE):
        if not data.endswith(b"\n"):
            if len(data) == LONGEST_LINE:
                raise ValueError("it has a line that is too long")
            return
        yield validation.mapping(parsed_json(data))


def _begun(path: Path, line: dict[str, object]) -> ToldRun:
    given = line.get("format")
    if line.get("kind") != "run" or not isinstance(given, int):
        raise ValueError("it does not begin as a journal does")
    if given > FORMAT:
        raise HistoryError(
            f"{path} was written by a newer version of cook ({line.get('version')})",
            hint="use that version; the journal waits there",
        )
    return ToldRun(
        run=validation.name(line.get("run")),
        mode=validation.mode(line.get("mode")),
        started=validation.name(line.get("started")),
        version=validation.name(line.get("version")),
        by=validation.name(line.get("by")),
        origin=validation.name_or_none(line.get("origin")),
        command=validation.names(line.get("command")),
        set=validation.name_or_none(line.get("set")) or "",
        recipes=validation.names(line.get("recipes")),
        hosts={host: ToldHost() for host in validation.names(line.get("hosts"))},
    )


def _hear(run: ToldRun, line: dict[str, object]) -> None:
    match line.get("kind"):
        case "revision":
            run.revision = validation.name_or_none(line.get("revision"))
        case "sending":
            host = _host(run, line)
            host.machine_id = validation.name_or_none(line.get("machine_id")) or host.machine_id
            for step in _steps(line):
                host.sent[step.document["id"], step.document["because"]] = step
        case "steps":
            host = _host(run, line)
            for step in _steps(line):
                host.sent.pop((step.document["id"], step.document["because"]), None)
                host.steps.append(step)
        case "host":
            _ended(_host(run, line), line)
        case "judged":
            _judged(_host(run, line), line)
        case "finished":
            _finished(run, line)
        case _:
            pass  # a later version of the same format may tell more


def _host(run: ToldRun, line: dict[str, object]) -> ToldHost:
    return run.hosts.setdefault(validation.name(line.get("host")), ToldHost())


def _steps(line: dict[str, object]) -> Iterator[RecordedStep]:
    for item in validation.items(line.get("steps")):
        given = validation.mapping(item)
        document = validation.resource(given.get("document"))
        yield RecordedStep(document, validation.state(given.get("state")))


def _ended(host: ToldHost, line: dict[str, object]) -> None:
    host.status = validation.host_status(line.get("status"))
    host.began = validation.number(line.get("began"))
    host.seconds = validation.number(line.get("seconds"))
    host.exchanges = validation.whole(line.get("exchanges"))
    host.error = validation.error(line.get("error"))
    host.machine_id = validation.name(line.get("machine_id"))
    host.in_line = validation.number_or_none(line.get("in_line"))
    host.sent.clear()


def _judged(host: ToldHost, line: dict[str, object]) -> None:
    """Add the causes of a drift report to the steps."""
    host.in_line = validation.number_or_none(line.get("in_line"))
    said = validation.items(line.get("steps"))
    for place, (step, given) in enumerate(zip(host.steps, said, strict=True)):
        document = validation.resource({**step.document, **validation.judgement(given)})
        host.steps[place] = RecordedStep(document, step.state)


def _finished(run: ToldRun, line: dict[str, object]) -> None:
    run.state = "finished"
    run.exit = validation.whole(line.get("exit"))
    run.seconds = validation.number(line.get("seconds"))
    run.recipes = validation.names(line.get("recipes"))
    run.sources = validation.name_by_name(line.get("sources"))
    run.revision = validation.name_or_none(line.get("revision"))
    run.in_line = validation.number_or_none(line.get("in_line"))


def _give_up(run: ToldRun) -> None:
    """Set changes without a result to `unknown`; their last known state is the found one."""
    for host in run.hosts.values():
        for step in host.sent.values():
            state = None if step.state is None else step.state.copy()
            if state is not None:
                state["left"] = state["found"]
            host.steps.append(RecordedStep({**step.document, "status": "unknown"}, state))
        host.sent.clear()
