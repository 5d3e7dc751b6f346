"""Ctrl-C, SIGTERM, a closed terminal: each host finishes what it is at, and does no more."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

from cookbook.errors import HostError
from cookbook.session import Session


class Interruption:
    """Whether we were told to stop, and who has to hear of it."""

    def __init__(self) -> None:
        self._told = threading.Event()
        self._sessions: set[Session] = set()

    @property
    def told(self) -> bool:
        """Whether somebody wants us to stop."""
        return self._told.is_set()

    @contextlib.contextmanager
    def watching(self, session: Session) -> Iterator[None]:
        """Have a session hear of it, even in the middle of a long chain."""
        self._sessions.add(session)
        if self.told:
            _halt(session)
        try:
            yield
        finally:
            self._sessions.discard(session)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """
        The first signal lets each host finish the resource it is at; the second does not wait.

        A signal that is ignored (nohup) stays so.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {
            number: signal.signal(number, self._stop)
            for number in signals
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, _number: int, _frame: object) -> None:
        if self.told:
            os._exit(130)
        self.tell()

    def tell(self) -> None:
        """Stop: after the resource that each host is at."""
        self._told.set()
        for session in list(self._sessions):
            threading.Thread(target=_halt, args=(session,), daemon=True).start()


def _halt(session: Session) -> None:
    with contextlib.suppress(HostError, OSError):  # it stops after what was sent, then
        session.halt()
