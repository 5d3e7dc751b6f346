"""A rollout in the team's store, beside the journal on this machine: another one can go on."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from cookbook.errors import HistoryError, UsageError
from cookbook.rollout.events import CommandGiven, Event, OperatorCommand, event_json
from cookbook.rollout.journal import Journal, rollouts_folder
from cookbook.text.bounded_io import parsed_json
from cookbook.text.json_shape import shaped
from cookbook.text.redaction import protected
from cookbook.text.user_dirs import private_folder, replace_private, state_folder

if TYPE_CHECKING:
    from cookbook.history.store.database import Database

T = TypeVar("T")

_LOOK = 2.0
"""Seconds between two looks for commands in the store."""

_ALIVE = 10.0
"""Seconds between two signs of life of a controller."""

_DEAD = 45.0
"""Seconds without a sign of life after which another machine may go on."""


class SharedJournal:
    """The copy of a rollout in a store; what the store does not take now, it gets later."""

    def __init__(self, journal: Journal, url: str) -> None:
        self._journal, self._url = journal, url
        self._header = _line({"kind": "rollout", **vars(journal.header)})
        self._waiting: list[str] = []
        self._sent = 0
        self._lock = threading.Lock()
        self._looked = self._told = 0.0
        self._database: Database | None = None
        self.error: HistoryError | None = None
        """The last error of the store, if it has not taken everything."""

    @contextlib.contextmanager
    def controlling(self) -> Iterator[None]:
        """
        Hold the rollout in the store, and copy each further event there.

        Raises UsageError if a controller elsewhere is alive, HistoryError if the store cannot be
        reached now.
        """
        try:
            self._take()
            self._journal.kept = self._keep
            try:
                yield
            finally:
                self._journal.kept = lambda _: None
                self._send(alive=0.0)
        finally:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _take(self) -> None:
        """Hold the rollout, unless a controller elsewhere is alive; send what is not there yet."""
        from cookbook.history.store import rollouts

        found = self._write(lambda connection: rollouts.read(connection, self._journal.id))
        if found is not None and found.holder != holder() and time.time() - found.alive < _DEAD:
            raise UsageError(
                f"{found.holder} controls the rollout {self._journal.id}",
                hint=f"if that machine is gone, try again in {_DEAD:.0f} s",
            )
        lines = [_line(event_json(event)) for event in self._journal.events()]
        self._sent = len(found.events) if found is not None else 0
        self._waiting = lines[self._sent :]
        self._send(alive=time.time(), must=True)

    def look(self) -> None:
        """Give a sign of life, and take commands, if the last time is a while ago."""
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return
        self._looked = now
        from cookbook.history.store import rollouts

        with contextlib.suppress(HistoryError):
            for body in self._write(lambda one: rollouts.take_orders(one, self._journal.id)):
                with contextlib.suppress(ValueError):
                    given = shaped(CommandGiven, parsed_json(body))
                    self._journal.order(given.command, given.by)
        if now - self._told >= _ALIVE or self._waiting:
            self._send(alive=time.time())

    def _keep(self, event: Event) -> None:
        with self._lock:
            self._waiting.append(_line(event_json(event)))
        self._send(alive=time.time())

    def _send(self, alive: float, *, must: bool = False) -> None:
        with self._lock:
            lines = list(self._waiting)
            try:
                self._write(lambda one: self._put(one, lines, alive))
            except HistoryError as error:
                if must:
                    raise
                self.error = error
                return
            self.error = None
            self._told = time.monotonic()
            self._sent += len(lines)
            self._waiting = self._waiting[len(lines) :]

    def _put(self, connection: Any, lines: Sequence[str], alive: float) -> None:
        from cookbook.history.store import rollouts

        rollouts.write(connection, self._journal.id, self._header, self._sent, lines)
        rollouts.hold(connection, self._journal.id, holder(), alive)

    def _write(self, do: Callable[[Any], T]) -> T:
        from cookbook.history.store.database import Database

        if self._database is None:
            self._database = Database(self._url)
        with self._database.writing() as connection:
            return do(connection)


def order(name: str, url: str, command: OperatorCommand, by: str) -> bool:
    """Leave a command for a controller elsewhere; return False if none is alive."""
    from cookbook.history.store import rollouts

    body = json.dumps({"command": command, "by": by, "at": time.time()})
    with _database(url) as database, database.writing() as connection:
        found = rollouts.read(connection, name)
        if found is None or time.time() - found.alive >= _DEAD:
            return False
        rollouts.order(connection, name, body)
    return True


def fetch(name: str, url: str) -> None:
    """
    Bring a rollout from the store to this machine, if the store knows more of it.

    `name` is as for `Journal.open`; a name that the store does not know is left to that. Raises
    HistoryError if the store cannot be read.
    """
    from cookbook.history.store import rollouts

    with _database(url) as database, database.reading() as connection:
        known = rollouts.names(connection)
        fitting = known[-1:] if name == "last" else [one for one in known if one == name]
        fitting = fitting or [one for one in known if one.startswith(name) or one.endswith(name)]
        found = rollouts.read(connection, fitting[0]) if len(fitting) == 1 else None
    if found is None:
        return
    folder = rollouts_folder() / fitting[0]
    path = folder / "journal.jsonl"
    here = sum(1 for _ in Journal.open(fitting[0]).events()) if path.exists() else -1
    if len(found.events) > here:
        private_folder(folder / "orders")
        replace_private(path, "".join(f"{line}\n" for line in (found.header, *found.events)))


@contextlib.contextmanager
def _database(url: str) -> Iterator[Database]:
    from cookbook.history.store.database import Database

    database = Database(url)
    try:
        yield database
    finally:
        database.close()


def _line(data: dict[str, Any]) -> str:
    return json.dumps(protected(data), separators=(",", ":"))


def holder() -> str:
    """Return the name of this machine, and of the folder of this user's state on it."""
    place = hashlib.sha256(str(state_folder()).encode()).hexdigest()[:8]
    return f"{os.uname().nodename} ({place})"
