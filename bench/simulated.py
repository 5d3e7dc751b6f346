"""
A transport that answers like a host: for fleets that are larger than any lab.

What a program is answered is recorded once, of a shell of this machine, and kept in a folder that
all processes share. Each host gives the recorded answer, as a machine of its own, after a pause; a
share of the hosts cannot be reached, and a share loses its first connection in mid-exchange.

The settings are variables of the hosts, so that every process of a run knows them:

    simulation: {folder: /tmp/answers, latency: 0.02, away: 0.01, lost: 0.002}
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cookbook.errors import Unreachable
from cookbook.inventory import Host
from cookbook.plugin import hookimpl
from cookbook.script.program import Lock, Pace, Program
from cookbook.transport.contract import Interrupted, Reply
from cookbook.transport.local import LocalTransport

_NONCE = b"<nonce>"
_LOGIN = 3
"""Round trips of a login."""

_IDS = [Path("/etc/machine-id"), Path("/proc/sys/kernel/random/boot_id")]
_known: dict[str, tuple[bytes, bytes]] = {}
_lost: set[str] = set()


@hookimpl
def cookbook_transports() -> Mapping[str, str]:
    """Return the transport `simulated`."""
    return {"simulated": "bench.simulated:connect"}


def connect(host: Host, _password: object, _waiting: object) -> SimulatedTransport:
    """Connect to a host. Raises Unreachable for the share of hosts that is away."""
    settings: Any = host.vars["simulation"]
    time.sleep(settings["latency"] * _LOGIN)
    if _chance(host.name, "away") < settings["away"]:
        raise Unreachable(f"{host.address}:{host.port}: connection refused")
    return SimulatedTransport(host.name, settings)


def _chance(name: str, of: str) -> float:
    """
    Return a number between 0 and 1 that is always the same for this host.

    >>> 0 <= _chance("web1", "away") < 1
    True
    """
    return int(hashlib.sha256(f"{of} {name}".encode()).hexdigest()[:8], 16) / (1 << 32)


class SimulatedTransport:
    """The connection to a simulated host."""

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        """Create one; `settings` are as the module says."""
        self._name, self._settings = name, settings
        self._folder = Path(settings["folder"])

    def exchange(self, program: Program, pace: Pace) -> Reply:
        """See Transport."""
        _ = program.script  # every transport has to make it
        time.sleep(self._settings["latency"])
        if self._name not in _lost and _chance(self._name, "lost") < self._settings["lost"]:
            _lost.add(self._name)
            raise Interrupted("the connection was lost", Reply(b"", b""))
        for number, said in enumerate(self._answer(program)):
            pace.hear(said, stream=number)
        return Reply.kept(pace)

    def close(self) -> None:
        """See Transport."""

    def _answer(self, program: Program) -> tuple[bytes, ...]:
        """Return what this host says to a program, on both streams."""
        nonce = program.nonce.encode()
        recorded = _recorded(_key(program), program, self._folder)
        own = [_digest(f"{self._name} {number}") for number in range(len(_IDS))]
        return tuple(self._as_own(said, own).replace(_NONCE, nonce) for said in recorded)

    def _as_own(self, said: bytes, own: list[bytes]) -> bytes:
        for number, other in enumerate(own):
            said = said.replace(b"<id%d>" % number, other)
        return said


def _key(program: Program) -> str:
    """Return a digest that equal programs have: of all parts, but for the holder of the lock."""
    parts = [("lock",) if isinstance(part, Lock) else (repr(part),) for part in program.parts]
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).hexdigest()[:32].encode()


def _recorded(key: str, program: Program, folder: Path) -> tuple[bytes, bytes]:
    """Return the recorded answer; record it if there is none."""
    if key in _known:
        return _known[key]
    path = folder / f"{key}.json"
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second shell would find the lock of the host taken
        if not path.exists():
            path.write_text(json.dumps([said.decode("latin-1") for said in _ask(program, folder)]))
    out, err = json.loads(path.read_text())
    return _known.setdefault(key, (out.encode("latin-1"), err.encode("latin-1")))


def _ask(program: Program, folder: Path) -> list[bytes]:
    """Ask a shell of this machine, whose state is in the folder."""
    shell = LocalTransport(("env", f"COOK_HOME={folder}/home", "sh"))
    try:
        reply = shell.exchange(program, Pace(program))
    finally:
        shell.close()
    said = [one.replace(program.nonce.encode(), _NONCE) for one in (reply.stdout, reply.stderr)]
    for number, path in enumerate(_IDS):
        if path.exists() and (own := path.read_bytes().strip()):
            said = [one.replace(own, b"<id%d>" % number) for one in said]
    return said
