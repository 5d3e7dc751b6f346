"""Servers of our own, which do not behave as sshd(8) does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from cookbook.transport.target import Target


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[tuple[int, list[float]]]:
    """A server of our own; its port, and when it was connected to."""
    came: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                came.append(time.monotonic())
                serve(connection)

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield server.getsockname()[1], came
        finally:
            server.shutdown(socket.SHUT_RDWR)


def here(port: int, seconds: float, **more: object) -> Target:
    return replace(Target("127.0.0.1", port, connect_timeout=seconds, agent=False), **more)  # type: ignore[arg-type]
