"""A command by a second connection, which may begin while the first one is still at work."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Thread

from cookbook.hosts.session import Session
from cookbook.script.program import Outcome
from cookbook.script.shell import Command


class Aside:
    """
    A command by a new login, beside the session of a host.

    Each call of `outcome` logs in anew; only the first one takes the login that `begin` has begun.
    """

    def __init__(self, session: Session, command: Command) -> None:
        """Create it; nothing is done yet."""
        self._session = session
        self._command = command
        self._begun: Future[Outcome] | None = None
        self._has_begun = False

    def begin(self) -> None:
        """Begin in a thread of its own; from the second call on, do nothing."""
        if self._has_begun:
            return
        self._has_begun = True
        future = self._begun = Future[Outcome]()
        Thread(target=self._fill, args=(future,), name="login beside", daemon=True).start()

    def outcome(self) -> Outcome:
        """
        Return the output of the command, by the login that has begun, or else by a new one.

        Raises Unreachable and its kin.
        """
        begun, self._begun = self._begun, None
        return self._session.aside(self._command) if begun is None else begun.result()

    def _fill(self, future: Future[Outcome]) -> None:
        try:
            future.set_result(self._session.aside(self._command))
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            future.set_exception(error)
