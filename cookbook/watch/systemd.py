"""Messages to systemd: sd_notify(3), the watchdog, and the unit file."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from cookbook.watch.loop import WatchListener
from cookbook.watch.settings import WatchSettings


def notify(state: str, environ: Mapping[str, str] | None = None) -> bool:
    """
    Send lines such as `READY=1` to systemd; return False if there is none that wants them.

    A library for this needs one in C; it is one datagram (sd_notify(3)).
    """
    name = (os.environ if environ is None else environ).get("NOTIFY_SOCKET", "")
    if not name.startswith(("/", "@")):
        return False
    address = f"\0{name[1:]}" if name.startswith("@") else name
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to,
    ):
        to.sendto(state.encode(), address)
        return True
    return False


class SystemdListener(WatchListener):
    """Tells systemd about the loop: it is ready, its state, that it is alive."""

    def __init__(self) -> None:
        self._interval = float(os.environ.get("WATCHDOG_USEC", "inf")) / 2e6
        self._alive = -float("inf")
        self._state = ""

    def ready(self) -> None:
        """Say that the settings are read and turns begin."""
        notify("READY=1")

    def ending(self) -> None:
        """Say that the program ends."""
        notify("STOPPING=1")

    def reloaded(self, settings: WatchSettings) -> None:
        """Say that a reload is over."""
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        notify("READY=1")

    def tick(self, state: str) -> None:
        """Say that it is alive, and what it does, if that is new."""
        now = time.monotonic()
        if now - self._alive >= self._interval:
            self._alive = now
            notify("WATCHDOG=1")
        if state != self._state:
            self._state = state
            notify(f"STATUS={state}")


def unit(template: str, words: Sequence[str], *, local: bool) -> str:
    """
    Return a unit file with this command.

    With `local` the host changes itself, so it is not confined and runs as root.
    """
    text = files("cookbook.watch").joinpath("units", template).read_text("utf-8")
    program = Path(sys.argv[0]).resolve()
    cook = str(program) if program.name == "cook" else f"{sys.executable} -P -m cookbook.cli"
    confined = [] if local else _CONFINED
    command = " ".join(shlex.quote(word).replace("%", "%%") for word in words)
    return text.replace("@COMMAND@", f"{cook} {command}").replace(
        "@CONFINEMENT@", "\n".join(confined) or "# not confined: the host changes itself, as root"
    )


_CONFINED = [
    "User=cook",
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "ProtectSystem=strict",
    "ProtectHome=read-only",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallErrorNumber=EPERM",
]
"""All that a controller does not need: it opens connections, and writes below its state only."""
