"""The scan of a host key without a login, for comparison by the operator."""

from __future__ import annotations

import base64
import contextlib
import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cookbook.errors import Unreachable, UntrustedHost, UsageError
from cookbook.text.bounded_io import content_of
from cookbook.transport.known_hosts import fingerprint, host_name, load_known_hosts
from cookbook.transport.paramiko_ssh.connection import check_key, greeted, import_paramiko
from cookbook.transport.target import Target

if TYPE_CHECKING:
    from cookbook.transport.paramiko_ssh.client import Client

ScannedKeyStatus = Literal["known", "new", "changed", "revoked", "unexpected"]


@dataclass(frozen=True)
class Shown:
    """The key that a host has shown."""

    name: str
    """`host`, or `[host]:port`."""

    type: str
    key: bytes
    state: ScannedKeyStatus
    file: Path
    """The known_hosts file that has it, or would have it."""

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
    from paramiko import SSHException

    connection = greeted(target)
    try:
        key = connection.get_remote_server_key()
        state = _state(connection, target, key.get_name(), key.asbytes())
    except SSHException as error:
        raise Unreachable(f"{target.address}:{target.port}: {error}") from error
    finally:
        connection.close()
    name, files = host_name(*target.known_as), target.known_hosts
    if not files:
        raise UsageError(f"{name}: there is no known_hosts file to write its key into")
    return Shown(name, key.get_name(), key.asbytes(), state, files[0])


def _state(connection: Client, target: Target, key_type: str, key: bytes) -> ScannedKeyStatus:
    with contextlib.suppress(UntrustedHost):
        check_key(connection, target)
        return "known"
    entries = load_known_hosts(target.known_hosts).about(*target.known_as)
    if any(entry.marker == "@revoked" and entry.key == key for entry in entries):
        return "revoked"
    plain = [entry for entry in entries if not entry.marker]
    return "changed" if any(entry.key_type == key_type for entry in plain) else "new"


def expected(path: Path) -> frozenset[str]:
    """
    Return the fingerprints in a list, one in each line: the output of `ssh-keygen -lf`.

    Raises UsageError if it cannot be read, or has none.
    """
    try:
        words = content_of(path).decode().split()
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
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "is no file that keys could be written into")
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
