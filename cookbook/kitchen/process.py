"""Processes identified so that a reused pid is never taken for the same process."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process, by its pid and the moment it started (boot id and clock ticks, proc(5))."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """Return the process that has this pid now, or None if there is none, or a zombie."""
        fields = _stat(pid)
        if fields is None or fields[0] in "ZX":
            return None
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        return cls(pid, f"{boot}+{fields[19]}")

    @property
    def alive(self) -> bool:
        """Return True if this process still runs."""
        return Process.of(self.pid) == self

    def send(self, number: int) -> None:
        """Send a signal; one that is gone already needs none."""
        with suppress(ProcessLookupError):
            if self.alive:
                os.kill(self.pid, number)

    def kill_group(self) -> None:
        """End it and what it started in its own process group."""
        with suppress(ProcessLookupError):
            if self.alive:
                os.killpg(self.pid, signal.SIGKILL)

    def ended(self, seconds: float) -> bool:
        """Wait for its end, at most so many seconds; return whether it ended."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            if not self.alive:
                return True
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            return bool(poll.poll(seconds * 1000))
        finally:
            os.close(descriptor)


def find_init(supervisor: int) -> Process | None:
    """
    Return the init of the container below `supervisor`, if there is one yet.

    It is the grandchild, by way of systemd-nspawn, that is process 1 in its own pid
    namespace; nspawn has other, short-lived children while it starts.
    """
    parents = {pid: int(fields[1]) for pid in _pids() if (fields := _stat(pid)) is not None}
    for pid, parent in parents.items():
        if parents.get(parent) == supervisor and _is_init(pid):
            return Process.of(pid)
    return None


def find_leaders(argument: str) -> list[Process]:
    """Return the session leaders that have this argument on their command line."""
    found = [
        Process.of(pid)
        for pid in _pids()
        if argument in _command(pid) and (fields := _stat(pid)) and int(fields[3]) == pid
    ]
    return [process for process in found if process is not None]


def _pids() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def _command(pid: int) -> list[str]:
    try:
        return (PROC / str(pid) / "cmdline").read_text(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat from the third (state) on; the name may hold anything."""
    try:
        return (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _is_init(pid: int) -> bool:
    try:
        lines = (PROC / str(pid) / "status").read_text(errors="replace").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return False
    numbers = next((line.split()[1:] for line in lines if line.startswith("NSpid:")), [])
    return len(numbers) > 1 and numbers[-1] == "1"
