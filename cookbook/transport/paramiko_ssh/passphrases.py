"""Private keys that are encrypted on disk, and their passphrases."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from pathlib import Path

from cookbook.errors import UsageError
from cookbook.secrets.secret import Secret, in_the_clear

_ATTEMPTS = 3

_MAGIC = b"openssh-key-v1\0"

_given: dict[Path, Secret] = {}


def passphrase_of(file: Path) -> str | None:
    """Return the passphrase of this key; None if it is not known."""
    return in_the_clear(_given[file]) if file in _given else None


def unlock(files: Iterable[Path], ask: Callable[[str], str]) -> None:
    """
    Ask for the passphrase of each locked file, once.

    An empty answer leaves the file locked. Raises UsageError after three wrong ones.
    """
    for file in dict.fromkeys(files):
        if file not in _given and is_locked(file):
            _unlock(file, ask)


def is_locked(file: Path) -> bool:
    """Return whether a private key is encrypted, by its first lines."""
    try:
        text = file.read_text("ascii")
    except (OSError, UnicodeDecodeError):
        return False
    if "BEGIN OPENSSH PRIVATE KEY" not in text:
        return "ENCRYPTED" in text
    return not _fields(text).startswith(_string(b"none"))


def public_part(file: Path) -> bytes:
    """Return the public key before the encrypted one; empty if there is none."""
    try:
        fields = _fields(file.read_text("ascii"))
    except (OSError, UnicodeDecodeError):
        return b""
    for _ in range(3):  # the cipher, how its key is derived, and with what
        fields = _after(fields)
    key = fields[4:]  # their number goes before, which is 1
    return key[4 : len(key) - len(_after(key))]


def _fields(text: str) -> bytes:
    """Return the data after the first word of an OpenSSH private key (its PROTOCOL.key)."""
    lines = [line for line in text.splitlines() if line and not line.startswith("-")]
    try:
        data = base64.b64decode("".join(lines))
    except ValueError:
        return _string(b"none")
    return data.removeprefix(_MAGIC) if data.startswith(_MAGIC) else _string(b"none")


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4) + data


def _after(fields: bytes) -> bytes:
    """Return the data after a string (RFC 4251, 5)."""
    return fields[4 + int.from_bytes(fields[:4]) :]


def _unlock(file: Path, ask: Callable[[str], str]) -> None:
    from cookbook.transport.paramiko_ssh.private_key import load_key

    for _ in range(_ATTEMPTS):
        try:
            passphrase = ask(f"Passphrase of {file}: ")
        except EOFError:
            return
        if not passphrase:
            return
        try:
            load_key(file, passphrase)
        except ValueError:
            continue
        _given[file] = Secret(passphrase)
        return
    raise UsageError(
        f"{file}: this is not its passphrase", hint="ssh-add it, and cook asks no more"
    )
