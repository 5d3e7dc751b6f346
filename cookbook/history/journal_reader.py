"""The reader of a journal: a run that is finished, running, or was ended in the middle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from cookbook.errors import HistoryError
from cookbook.history import validation
from cookbook.history.journal import FORMAT
from cookbook.history.records import RecordedStep, RunState
from cookbook.planning.status import HostStatus, Mode, ResourceStatus
from cookbook.reports.schema import ErrorDocument, ResourceDocument
from cookbook.text.bounded_io import parsed_json
from cookbook.text.json_shape import shaped

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
    desired: str | None = None
    """The digest of the desired state; None if it is not known."""

    place: str | None = None
    """The place of the host, as the inventory had it (address and port); None if not known."""

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
    for number, line in enumerate(lines, 2):
        try:
            _hear(run, line)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    if run.state != "finished":
        run.state = "running" if alive else "interrupted"
        _give_up(run)
    return run


def _lines(file: BinaryIO) -> Iterator[dict[str, Any]]:
    """Whole lines only: the last one may have been cut off in the middle."""
    while data := file.readline(LONGEST_LINE):
        if not data.endswith(b"\n"):
            if len(data) == LONGEST_LINE:
                raise ValueError("it has a line that is too long")
            return
        yield validation.mapping(parsed_json(data))


def _begun(path: Path, line: dict[str, Any]) -> ToldRun:
    given = line.get("format")
    if line.get("kind") != "run" or not isinstance(given, int):
        raise ValueError("it does not begin as a journal does")
    if given > FORMAT:
        raise HistoryError(
            f"{path} was written by a newer version of cook ({line.get('version')})",
            hint="use that version; the journal waits there",
        )
    told = shaped(validation.RunLine, line)
    places = told.get("places", {})
    return ToldRun(
        run=told["run"],
        mode=told["mode"],
        started=told["started"],
        version=told["version"],
        by=told["by"],
        origin=told["origin"],
        command=told["command"],
        set=told["set"] or "",
        recipes=told["recipes"],
        hosts={host: ToldHost(place=places.get(host)) for host in told["hosts"]},
    )


def _hear(run: ToldRun, line: dict[str, Any]) -> None:
    match line.get("kind"):
        case "revision":
            run.revision = shaped(validation.RevisionLine, line)["revision"]
        case "sending":
            sending = shaped(validation.StepsLine, line)
            host = _host(run, sending["host"])
            host.machine_id = sending["machine_id"] or host.machine_id
            for step in _steps(sending):
                host.sent[step.document["id"], step.document["because"]] = step
        case "steps":
            done = shaped(validation.StepsLine, line)
            host = _host(run, done["host"])
            for step in _steps(done):
                host.sent.pop((step.document["id"], step.document["because"]), None)
                host.steps.append(step)
        case "host":
            _ended(run, shaped(validation.HostLine, line))
        case "judged":
            _judged(run, shaped(validation.JudgedLine, line))
        case "finished":
            _finished(run, shaped(validation.FinishedLine, line))
        case _:
            pass  # a later version of the same format may tell more


def _host(run: ToldRun, name: str) -> ToldHost:
    return run.hosts.setdefault(name, ToldHost())


def _steps(line: validation.StepsLine) -> Iterator[RecordedStep]:
    for step in line["steps"]:
        document = cast("ResourceDocument", step["document"])
        yield RecordedStep(document, step["state"])


def _ended(run: ToldRun, line: validation.HostLine) -> None:
    host = _host(run, line["host"])
    host.status = line["status"]
    host.began = line["began"]
    host.seconds = line["seconds"]
    host.exchanges = line["exchanges"]
    host.error = cast("ErrorDocument | None", line["error"])
    host.machine_id = line["machine_id"]
    host.in_line = line["in_line"]
    host.desired = line.get("desired")
    host.sent.clear()


def _judged(run: ToldRun, line: validation.JudgedLine) -> None:
    """Add the causes of a drift report to the steps."""
    host = _host(run, line["host"])
    host.in_line = line["in_line"]
    for place, (step, given) in enumerate(zip(host.steps, line["steps"], strict=True)):
        document = cast("ResourceDocument", {**step.document, **given})
        host.steps[place] = RecordedStep(document, step.state)


def _finished(run: ToldRun, line: validation.FinishedLine) -> None:
    run.state = "finished"
    run.exit = line["exit"]
    run.seconds = line["seconds"]
    run.recipes = line["recipes"]
    run.sources = line["sources"]
    run.revision = line["revision"]
    run.in_line = line["in_line"]


def _give_up(run: ToldRun) -> None:
    """Set changes without a result to `unknown`; their last known state is the found one."""
    for host in run.hosts.values():
        for step in host.sent.values():
            state = None if step.state is None else step.state.copy()
            if state is not None:
                state["left"] = state["found"]
            host.steps.append(RecordedStep({**step.document, "status": "unknown"}, state))
        host.sent.clear()
