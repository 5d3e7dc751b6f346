"""Messages to systemd: sd_notify(3), the watchdog, and the unit file."""

from __future__ import annotations

import contextlib
import os
import re
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


def unit(template: str, words: Sequence[str], *, local: bool, writes: Sequence[Path] = ()) -> str:
    """
    Return a unit file with this command.

    With `local` the host changes itself, so it is not confined and runs as root; else it may write
    into its state and into the folders in `writes` only.
    """
    text = files("cookbook.watch").joinpath("units", template).read_text("utf-8")
    program = Path(sys.argv[0]).resolve()
    cook = [str(program)] if program.name == "cook" else [sys.executable, *_MODULE]
    confined = [*_CONFINED, *(f"ReadWritePaths=-{quoted(str(path))}" for path in writes)]
    if local:
        confined = ["# not confined: the host changes itself, as root"]
    # Variables are replaced in the arguments, and not in the path of the program.
    arguments = [quoted(word).replace("$", "$$") for word in (*cook[1:], *words)]
    command = " ".join([quoted(cook[0]), *arguments])
    lines = {"@COMMAND@": command, "@CONFINEMENT@": "\n".join(confined)}
    return re.sub("|".join(lines), lambda found: lines[found[0]], text)


def quoted(word: str) -> str:
    r"""
    Return a word as one item of a line in a unit file, see systemd.syntax(7).

    A percent sign begins a specifier there. A dollar sign is left as it is.

    >>> print(quoted('/srv/my "x"'), quoted("100%"), quoted("a;b"))
    "/srv/my \"x\"" 100%% "a;b"
    """
    found = word.replace("%", "%%")
    if re.fullmatch(r"[A-Za-z0-9_./:=,+@%$-]+", found):
        return found
    escaped = found.replace("\\", "\\\\").replace('"', '\\"')
    return '"{}"'.format(re.sub(r"[\0-\x1f\x7f]", lambda one: f"\\x{ord(one[0]):02x}", escaped))


_MODULE = ("-P", "-m", "cookbook.cli")
"""The command where there is no program `cook`."""


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
