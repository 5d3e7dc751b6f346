"""Ctrl-C, SIGTERM, a closed terminal: each host finishes what it is at, and does no more."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from cookbook.errors import HostError

if TYPE_CHECKING:
    from cookbook.hosts.session import Session


@contextlib.contextmanager
def handled(handler: Callable[[int, object], object]) -> Iterator[None]:
    """
    Have SIGINT, SIGTERM and SIGHUP call a function, while the context is open.

    A signal that is ignored (nohup) stays ignored. In another thread than the main one it has no
    effect.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {
        number: signal.signal(number, handler)
        for number in numbers
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


class Signals:
    """The request to stop, and the sessions that must get it."""

    def __init__(self) -> None:
        self._told = threading.Event()
        self._sessions: set[Session] = set()
        self._signals = 0

    @property
    def told(self) -> bool:
        """True after a first signal."""
        return self._told.is_set()

    @contextlib.contextmanager
    def watching(self, session: Session) -> Iterator[None]:
        """Have a session hear of it, even in the middle of a long chain."""
        self._sessions.add(session)
        if self.told:
            _safely(lambda one: one.halt(), session)
        try:
            yield
        finally:
            self._sessions.discard(session)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """
        Handle signals: the first lets each host finish its current resource, the second ends that.

        A package transaction is finished in any case; the third signal waits for nothing.
        """
        with handled(self._stop):
            yield

    def _stop(self, _number: int, _frame: object) -> None:
        self._signals += 1
        match self._signals:
            case 1:
                say("stopping after the resource at work; once more ends that, too")
                self.tell()
            case 2:
                whole = any(session.whole for session in self._sessions)
                waits = "; a package transaction is not ended in the middle" if whole else ""
                say(f"ending what the hosts are at{waits}; once more leaves at once")
                self._each(lambda session: session.break_off())
            case _:
                say("left; what hosts are at may go on there: run again to see what is so")
                os._exit(130)

    def tell(self) -> None:
        """Stop: after the resource that each host is at."""
        self._told.set()
        self._each(lambda session: session.halt())

    def _each(self, do: Callable[[Session], None]) -> None:
        for session in list(self._sessions):
            threading.Thread(target=_safely, args=(do, session), daemon=True).start()


def _safely(do: Callable[[Session], None], session: Session) -> None:
    with contextlib.suppress(HostError, OSError):  # it stops after what was sent, then
        do(session)


def say(text: str) -> None:
    """Print a line on the error stream, from the handler of a signal."""
    with contextlib.suppress(OSError):  # a closed terminal
        os.write(2, f"cook: {text}\n".encode())
