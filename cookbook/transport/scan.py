"""Whose key a host shows: asked without logging in, for people to compare."""

from __future__ import annotations

import base64
import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cookbook.errors import Unreachable, UsageError
from cookbook.transport.connection import AUTH_TIMEOUT, Target, import_paramiko, open_socket
from cookbook.transport.known_hosts import fingerprint, host_name, load_known_hosts

State = Literal["known", "new", "changed", "revoked", "unexpected"]

_TYPES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512")
"""One key of a host is enough; these, in this order."""


@dataclass(frozen=True)
class Shown:
    """The key that a host has shown."""

    name: str
    """`host`, or `[host]:port`."""

    type: str
    key: bytes
    state: State
    file: Path
    """Where it is, or would be, written down."""

    @property
    def fingerprint(self) -> str:
        """Its SHA-256, as ssh-keygen -l prints it."""
        return fingerprint(self.key)

    @property
    def line(self) -> str:
        """As a line of known_hosts."""
        return f"{self.name} {self.type} {base64.b64encode(self.key).decode()}"


def scan(target: Target) -> Shown:
    """
    Ask a host for its key, and compare it with what is known.

    Raises Unreachable if it cannot be asked.
    """
    import_paramiko()
    from paramiko import SSHException, Transport

    known = load_known_hosts(target.known_hosts)
    connection = Transport(open_socket(target))
    try:
        options = connection.get_security_options()
        mine = [t for t in known.key_types(target.address, target.port) if t in options.key_types]
        options.key_types = [*dict.fromkeys([*mine, *_TYPES])]
        connection.start_client(timeout=AUTH_TIMEOUT)
        shown = connection.get_remote_server_key()
    except (SSHException, EOFError, OSError) as error:
        why = str(error) or "the host closed the connection"
        raise Unreachable(f"{target.address}:{target.port}: {why}") from error
    finally:
        connection.close()
    state = _state(target, shown.get_name(), shown.asbytes())
    name = host_name(target.address, target.port)
    return Shown(name, shown.get_name(), shown.asbytes(), state, target.known_hosts[0])


def _state(target: Target, key_type: str, key: bytes) -> State:
    entries = load_known_hosts(target.known_hosts).about(target.address, target.port)
    if any(entry.marker == "@revoked" and entry.key == key for entry in entries):
        return "revoked"
    plain = [entry for entry in entries if not entry.marker]
    if any(entry.key == key for entry in plain):
        return "known"
    return "changed" if any(entry.key_type == key_type for entry in plain) else "new"


def expected(path: Path) -> frozenset[str]:
    """
    The fingerprints in a list, one in each line: what `ssh-keygen -lf` prints will do.

    Raises UsageError if it cannot be read, or has none.
    """
    try:
        words = path.read_text("utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from None
    found = frozenset(word for word in words if word.startswith("SHA256:"))
    if not found:
        raise UsageError(
            f"{path}: there is no fingerprint in it",
            hint="each host prints its own by: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
        )
    return found


def accept(keys: Iterable[Shown]) -> None:
    """
    Write keys into their known_hosts files, all of one file at once or not at all.

    Raises UsageError if a file cannot be written.
    """
    files: dict[Path, list[str]] = {}
    for shown in keys:
        files.setdefault(shown.file, []).append(shown.line)
    for path, lines in files.items():
        try:
            _append(path, lines)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from None
    load_known_hosts.cache_clear()


def _append(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    before = path.read_bytes() if path.exists() else b""
    if before and not before.endswith(b"\n"):
        before += b"\n"
    with _beside(path) as new:
        new.write_bytes(before + "".join(f"{line}\n" for line in lines).encode())
        new.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o600)
        new.replace(path)


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(number)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
