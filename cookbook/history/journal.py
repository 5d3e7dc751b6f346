"""
The journal of a run: written as it goes, so that a killed run is known, too.

One file of JSON lines for each run, locked while the run lives. Changes are written before they
are sent to a host (`sending`), and their results after it (`steps`): so the journal of a killed
run shows what may have been done. The history reads journals into tables later; a run itself
loads no database.

    {"kind": "run", "format": 1, "run": "...", "mode": "converge", "hosts": ["web1"], ...}
    {"kind": "revision", "revision": "..."}
    {"kind": "sending", "host": "web1", "machine_id": "...", "steps": [...]}
    {"kind": "steps", "host": "web1", "steps": [...]}
    {"kind": "host", "host": "web1", "status": "changed", ...}
    {"kind": "judged", "host": "web1", ...}
    {"kind": "finished", "exit": 0, ...}
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookbook import __version__
from cookbook.plugin import hookimpl
from cookbook.text.redaction import protected
from cookbook.text.user_dirs import private_folder

if TYPE_CHECKING:
    from cookbook.planning.step import Step
    from cookbook.reports.report import HostReport, Report
    from cookbook.reports.run_info import RunInfo

FORMAT = 1
SUFFIX = ".jsonl"
_QUIET = frozenset({"ok", "skipped", "not-run"})
"""Nothing was done to the host, so nothing is lost if they are written a moment later."""


JournalLine = dict[str, Any]


@dataclass
class Recorder:
    """
    Listens to a run, and writes its journal.

    What goes wrong here is kept in `error`, and costs the run nothing.
    """

    folder: Path
    error: Exception | None = None
    _file: int | None = None
    _waiting: dict[str, list[Step]] = field(default_factory=dict)
    """Quiet steps of each host, written together with what comes next."""
    _machines: dict[str, str] = field(default_factory=dict)
    """Which machine each host is."""
    _run: RunInfo | None = None
    _writing: threading.Lock = field(default_factory=threading.Lock)
    _told: bool = False
    """True if the revision is written."""

    @hookimpl
    def cookbook_started(self, run: RunInfo) -> None:
        """Open the journal and write its header: operator, time, origin and hosts."""
        self._run = run
        self._note(lambda: [_header(run)])

    @hookimpl
    def cookbook_connected(self, host: str, machine_id: str) -> None:
        """Remember which machine it is, until something is sent to it."""
        self._machines[host] = machine_id

    @hookimpl
    def cookbook_sending(self, host: str, steps: Sequence[Step]) -> None:
        """Write what may happen from now on."""
        machine = {"machine_id": self._machines.get(host, "")}
        self._note(lambda: [*self._waited(host), _steps_line("sending", host, steps) | machine])

    @hookimpl
    def cookbook_step(self, host: str, step: Step) -> None:
        """Write what came of a step; if nothing was done, with the next one."""
        self._waiting.setdefault(host, []).append(step)
        if step.status not in _QUIET:
            self._note(lambda: self._waited(host))

    @hookimpl
    def cookbook_host(self, report: HostReport) -> None:
        """Write how a host has ended."""
        self._note(lambda: [*self._waited(report.name), _host_line(report)])

    @hookimpl
    def cookbook_finished(self, report: Report) -> None:
        """Write what came of it all; of a drift report also what was seen against the past."""
        judged = report.hosts.values() if report.mode == "drift" else ()
        self._note(lambda: [*map(_judged_line, judged), _finished_line(report)])

    def close(self) -> None:
        """Release the lock: readers then know that the journal is complete."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _note(self, lines: Callable[[], Iterable[JournalLine]]) -> None:
        """Append lines with one write, unless one went wrong: after half a line, none is read."""
        with self._writing:
            if self.error is not None or self._run is None:
                return
            try:
                data = b"".join(map(_encoded, [*self._revision(), *lines()]))
                if self._file is None:
                    self._file = _create(self.folder, self._run.id, data)
                else:
                    _append(self._file, data)
            except Exception as error:  # noqa: BLE001 - a run does not fail for want of a record
                self.error = error

    def _waited(self, host: str) -> list[JournalLine]:
        steps = self._waiting.pop(host, None)
        return [_steps_line("steps", host, steps)] if steps else []

    def _revision(self) -> Iterable[JournalLine]:
        """Git's answer, once, as soon as it is there."""
        if self._file is None or self._told or self._run is None or not self._run.origin.known:
            return []
        self._told = True
        return [{"kind": "revision", "revision": self._run.origin.revision}]


def _create(folder: Path, run: str, header: bytes) -> int:
    """Create a journal that is locked before another process can open it."""
    private_folder(folder)
    path = folder / f"{run}.new"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        _append(file, header)
        path.rename(path.with_suffix(SUFFIX))
    except BaseException:
        os.close(file)
        path.unlink(missing_ok=True)
        raise
    return file


def _append(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _encoded(line: JournalLine) -> bytes:
    return json.dumps(protected(line), separators=(",", ":")).encode() + b"\n"


def _header(run: RunInfo) -> JournalLine:
    origin = run.origin
    return {
        "kind": "run",
        "format": FORMAT,
        "version": __version__,
        "run": run.id,
        "mode": run.mode,
        "started": origin.started,
        "by": origin.by,
        "origin": origin.origin,
        "command": list(origin.command),
        "set": run.set,
        "recipes": list(run.recipes),
        "hosts": list(run.hosts),
        "places": dict(run.places),
    }


def _steps_line(kind: str, host: str, steps: Iterable[Step]) -> JournalLine:
    from cookbook.history.step_record import state_record
    from cookbook.reports.report import step_json

    told = [{"document": step_json(step), "state": state_record(step)} for step in steps]
    return {"kind": kind, "host": host, "steps": told}


def _host_line(report: HostReport) -> JournalLine:
    from cookbook.reports.report import host_json, percent

    ended = host_json(replace(report, steps=()))
    del ended["resources"]  # type: ignore[misc]  # they have lines of their own
    return {**ended, "kind": "host", "host": report.name, "in_line": percent(report.in_line)}


def _judged_line(report: HostReport) -> JournalLine:
    """Return the line with the causes, in the order of the steps."""
    from cookbook.reports.report import percent

    told = [
        {"cause": step.cause, "since": step.since, "excused": step.excused} for step in report.steps
    ]
    share = percent(report.in_line)
    return {"kind": "judged", "host": report.name, "in_line": share, "steps": told}


def _finished_line(report: Report) -> JournalLine:
    from cookbook.reports.report import percent

    return {
        "kind": "finished",
        "exit": report.exit,
        "seconds": round(report.seconds, 3),
        "recipes": list(report.recipes),
        "sources": dict(report.sources),
        "revision": report.revision,
        "in_line": percent(report.in_line),
    }
