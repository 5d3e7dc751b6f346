"""The key by which secrets count in the digest of a desired state: one for each state folder."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress

from cookbook.text.user_dirs import private_folder, state_folder

_BYTES = 32


def desired_key() -> bytes:
    """
    Return the key; it is made when it is first asked for.

    Without it, a digest does not tell whether a secret that was guessed is the right one. Raises
    OSError if the state folder cannot be read or written.
    """
    path = state_folder() / "desired.key"
    with suppress(FileNotFoundError):
        return path.read_bytes()
    private_folder(path.parent)
    partial = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, secrets.token_bytes(_BYTES))
    finally:
        os.close(file)
    with suppress(FileExistsError):  # of two runs that begin together, one has made it
        os.link(partial, path)
    partial.unlink()
    return path.read_bytes()
