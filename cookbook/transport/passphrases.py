"""Private keys that are encrypted on disk, and the passphrases that somebody has given for them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from pathlib import Path

from cookbook.errors import UsageError
from cookbook.secret import Secret, in_the_clear

_ATTEMPTS = 3

_MAGIC = b"openssh-key-v1\0"

_given: dict[Path, Secret] = {}


def passphrase_of(file: Path) -> str | None:
    """What unlocks this key; None: nobody has said."""
    return in_the_clear(_given[file]) if file in _given else None


def unlock(files: Iterable[Path], ask: Callable[[str], str]) -> None:
    """
    Have somebody say the passphrases of those files that are locked, once for each.

    An empty answer leaves the file locked. Raises UsageError after three that are wrong.
    """
    for file in dict.fromkeys(files):
        if file not in _given and is_locked(file):
            _unlock(file, ask)


def is_locked(file: Path) -> bool:
    """Whether a private key is encrypted, as its first lines say."""
    try:
        text = file.read_text("ascii")
    except (OSError, UnicodeDecodeError):
        return False
    if "BEGIN OPENSSH PRIVATE KEY" not in text:
        return "ENCRYPTED" in text
    lines = [line for line in text.splitlines() if line and not line.startswith("-")]
    try:
        head = base64.b64decode("".join(lines)[:64])
    except ValueError:
        return False
    cipher = head.removeprefix(_MAGIC)[4:]  # a string, RFC 4251: its length goes before
    return head.startswith(_MAGIC) and not cipher.startswith(b"none")


def _unlock(file: Path, ask: Callable[[str], str]) -> None:
    from cookbook.transport.keys import load_key

    for _ in range(_ATTEMPTS):
        passphrase = ask(f"Passphrase of {file}: ")
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
