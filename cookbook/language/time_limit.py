"""A time limit for foreign code in this process, e.g. for a recipe that does not end."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

_AGAIN = 1.0
"""Seconds until it is told once more; it may have caught what it was told."""


class OutOfTime(BaseException):
    """The signal that the time is over; no Exception, so that `except Exception` ignores it."""


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """
    Raise OutOfTime in this thread if the body of the context takes longer than so many seconds.

    In the main thread a signal raises it, which also ends a call that waits, e.g. for the
    network. In another thread the interpreter raises it, only when such a call returns.
    """
    if threading.current_thread() is threading.main_thread():
        with _alarm(seconds):
            yield
        return
    timer = threading.Timer(seconds, _tell, [threading.get_ident()])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(_number: int, _frame: object) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _tell(thread: int) -> None:
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(OutOfTime))
