"""
The journal of a rollout: a header, then a line for each event, on disk before the next step.

A folder for each rollout, in the state folder of the user:

    20261129T150000-3f9a/
        journal.jsonl     the header, then the events
        lock              held by the controller that is at work
        orders/           commands of operators, a file for each, until the controller takes them
        page.html         the page that is rebuilt as it goes
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from cookbook.errors import HistoryError, UsageError
from cookbook.retry import Retry
from cookbook.rollout.events import CommandGiven, Event, OperatorCommand, event_json, read_event
from cookbook.text.bounded_io import parsed_json
from cookbook.text.json_shape import shaped
from cookbook.text.redaction import protected
from cookbook.text.suggest import did_you_mean
from cookbook.text.user_dirs import private_folder, state_folder

FORMAT = 1
_LOCK_PAUSE, _LOCK_WAIT = 0.05, 30.0
"""Seconds between two tries to take the lock of the controller, and until the last one."""

_MOST_BYTES = 1 << 28
_COMMANDS = get_args(OperatorCommand)


@dataclass(frozen=True)
class Header:
    """The description of a rollout: all that another controller needs to go on."""

    format: int
    id: str
    started: str
    by: str
    revision: str | None
    recipes: list[str]
    inventory: str
    rollouts: dict[str, Any]
    """The content of rollout.yml."""

    folder: str
    """The folder that the paths in it are relative to."""

    source: str
    groups: dict[str, list[str]]
    """All hosts of each group."""

    hosts: list[str]
    """The hosts that are rolled out."""

    first: list[str]
    """Hosts that came first, because an earlier rollout left them."""

    out_of_service: list[str]
    """Hosts that an earlier rollout has left out of service."""

    places: dict[str, dict[str, str]]
    """By host: its value of the variable `spread`."""

    options: dict[str, Any]
    """Options of the command that each run has."""


def rollouts_folder() -> Path:
    """Return the folder with all rollouts of this user."""
    return state_folder() / "rollouts"


class Journal:
    """The journal of one rollout."""

    def __init__(self, folder: Path, header: Header) -> None:
        self.folder, self.header = folder, header
        self._lock: int | None = None
        self.kept: Callable[[Event], object] = lambda _: None
        """Called with each event that is on disk; a store elsewhere takes it."""

    @classmethod
    def create(cls, header: Header) -> Journal:
        """Begin a journal."""
        folder = rollouts_folder() / header.id
        private_folder(folder / "orders")
        journal = cls(folder, header)
        journal._append({"kind": "rollout", **vars(header)})
        return journal

    @classmethod
    def open(cls, name: str) -> Journal:
        """
        Return the journal of a rollout: its id, the beginning or the end of it, or `last`.

        Raises UsageError if there is none, or several; HistoryError if it cannot be read.
        """
        found = sorted(path.name for path in rollouts_folder().glob("*-*"))
        if name == "last" and (known := journals_of_rollouts()):
            return known[-1]
        fitting = [one for one in found if one == name]
        fitting = fitting or [one for one in found if one.startswith(name) or one.endswith(name)]
        if len(fitting) != 1:
            several = f": {', '.join(fitting)}" if fitting else ""
            what = "several rollouts are" if fitting else "there is no rollout"
            raise UsageError(
                f"{what} named {name!r}{several}",
                hint=did_you_mean(name, found) or "`cook rollout list` shows them",
            )
        folder = rollouts_folder() / fitting[0]
        first = next(_lines(folder / "journal.jsonl"), None)
        return cls(folder, _header(first))

    @property
    def id(self) -> str:
        """The id of the rollout."""
        return self.header.id

    def events(self) -> Iterator[Event]:
        """Yield all events. Raises HistoryError for a line that is none, unless it is the last."""
        lines = list(_lines(self.folder / "journal.jsonl"))[1:]
        for line in lines:
            yield read_event(line)

    def write(self, event: Event) -> None:
        """Append an event; return when it is on disk."""
        self._append(event_json(event))
        self.kept(event)

    def _append(self, line: dict[str, Any]) -> None:
        data = json.dumps(protected(line), separators=(",", ":")).encode() + b"\n"
        path = self.folder / "journal.jsonl"
        try:
            _append_durably(path, data)
        except OSError as error:
            raise HistoryError(
                f"the journal of the rollout, {path}: {error.strerror}",
                hint="hosts at work are completed; `cook rollout resume` begins them again",
            ) from error

    @contextlib.contextmanager
    def controlling(self) -> Iterator[None]:
        """
        Hold the lock of the controller. Raises UsageError if another process has it.

        Processes that only look share the lock for a moment, which may be long on a busy machine.
        They are waited for; a controller, with which no process shares it, is not.
        """
        file = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        retry = Retry(itertools.repeat(_LOCK_PAUSE), within=_LOCK_WAIT)
        try:
            while not _locked(file, fcntl.LOCK_EX):
                is_shared = _locked(file, fcntl.LOCK_SH)
                fcntl.flock(file, fcntl.LOCK_UN)
                if not (is_shared and retry.again()):
                    raise UsageError(
                        f"another process controls the rollout {self.id}",
                        hint="`cook rollout status` shows where it is; `pause`, `abort` reach it",
                    )
            yield
        finally:
            os.close(file)

    @property
    def controlled(self) -> bool:
        """True if a process controls the rollout."""
        file = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            return not _locked(file, fcntl.LOCK_SH)  # several processes may look at a time
        finally:
            os.close(file)

    def order(self, command: OperatorCommand, by: str) -> None:
        """Leave a command for the controller."""
        data = json.dumps({"command": command, "by": by, "at": time.time()})
        path = self.folder / "orders" / f"{time.time_ns():020d}-{secrets.token_hex(2)}"
        partial = path.with_suffix(".new")
        partial.write_text(data, "utf-8")
        partial.rename(path)

    def orders(self) -> Iterator[CommandGiven]:
        """Take the commands of operators, in order."""
        for path in sorted((self.folder / "orders").glob("*-*")):
            if path.suffix:
                continue
            with contextlib.suppress(ValueError):  # half a file, or no command
                yield shaped(CommandGiven, parsed_json(path.read_text("utf-8", "replace")))
            path.unlink()  # once it is in the journal


def _locked(file: int, kind: int) -> bool:
    """Take a lock; return False if another process has one that does not go with it."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def journals_of_rollouts() -> list[Journal]:
    """Return the journals of all rollouts, oldest first; those that cannot be read are left out."""
    found = []
    for path in sorted(rollouts_folder().glob("*-*")):
        with contextlib.suppress(UsageError, HistoryError):
            found.append(Journal.open(path.name))
    return sorted(found, key=lambda one: one.header.started)  # ids of one second are random


def _header(data: Any) -> Header:
    if isinstance(data, dict) and data.get("kind") == "rollout":
        if data.get("format") != FORMAT:
            raise HistoryError(
                "the journal of the rollout has another format: it is of another version of cook"
            )
        with contextlib.suppress(ValueError):
            return shaped(Header, {key: value for key, value in data.items() if key != "kind"})
    raise HistoryError("the journal of the rollout has no header")


def _lines(path: Path) -> Iterator[Any]:
    """Yield the JSON of each complete line; a last one that is not complete is left out."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES)
    except OSError as error:
        raise HistoryError(f"{path}: {error.strerror}") from None
    for line in text.split(b"\n"):
        if line:
            try:
                yield parsed_json(line.decode("utf-8", "replace"))
            except ValueError:
                continue  # half a line: its event was not acted upon


def _append_durably(path: Path, data: bytes) -> None:
    """Append to a file, and wait until it is on disk; end the line that a killed process began."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        if (size := os.fstat(file).st_size) and not _ends_a_line(path, size):
            data = b"\n" + data
        while data:
            data = data[os.write(file, data) :]
        os.fsync(file)
    finally:
        os.close(file)


def _ends_a_line(path: Path, size: int) -> bool:
    with path.open("rb") as file:
        file.seek(size - 1)
        return file.read(1) == b"\n"
