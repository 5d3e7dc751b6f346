"""
A value that age encrypts for several people; pyrage is loaded when it is needed.

The name is encrypted as well, so that a writer of the repository cannot put one secret in the place
of another unnoticed.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.errors import SecretError
from cookbook.secrets.secret import Secret

if TYPE_CHECKING:
    from pyrage import ssh, x25519

    AgeIdentity = x25519.Identity | ssh.Identity
    AgeRecipient = x25519.Recipient | ssh.Recipient

_HEADING = "cook secret "


def encrypt(name: str, value: str, recipients: Sequence[str]) -> str:
    """
    Return a value as armored text.

    Raises SecretError without a recipient, or for an invalid one.
    """
    import pyrage

    if not recipients:
        raise SecretError("there is no entry under `recipients:`, so it could not be read")
    text = f"{_HEADING}{name}\n{value}"
    made: bytes = pyrage.encrypt(text.encode(), list(map(recipient, recipients)), armored=True)
    return made.decode()


def decrypt(name: str, armored: str, identities: Sequence[Path]) -> str:
    """
    Return the value, decrypted by any of the identities.

    Raises SecretError if none fits, or if it is the value of another name.
    """
    text = _opened(armored, tuple(identities))
    heading, _, value = text.partition("\n")
    if heading != f"{_HEADING}{name}":
        raise SecretError(
            f"what stands at {name!r} is the value of another secret",
            hint="who has changed it? look at the history of the file",
        )
    return value


def recipient(text: str) -> AgeRecipient:
    """Return the recipient. Raises SecretError unless it is an age or SSH public key."""
    from pyrage import RecipientError, ssh, x25519

    try:
        if text.startswith("ssh-"):
            return ssh.Recipient.from_str(text)
        return x25519.Recipient.from_str(text)
    except RecipientError as error:
        raise SecretError(
            f"{text[:60]!r} is no recipient: {error}",
            hint="a public key of age (age1...) or of SSH (ssh-ed25519 ..., ssh-rsa ...)",
        ) from None


@functools.cache
def _opened(armored: str, identities: tuple[Path, ...]) -> str:
    import pyrage

    keys = [key for path in identities for key in identity(path)]
    if not keys:
        raise SecretError(
            "there is no key to open the secrets with",
            hint="put yours into ~/.config/cook/age.key, or name its file in COOK_AGE_IDENTITY",
        )
    try:
        opened: bytes = pyrage.decrypt(armored.encode(), keys)
    except pyrage.DecryptError as error:
        raise SecretError(
            f"none of the keys ({', '.join(map(str, identities))}) opens it: {error}",
            hint="ask a recipient to add your public key: cook secret rekey --add KEY",
        ) from None
    return opened.decode()


def identity(path: Path) -> list[AgeIdentity]:
    """
    Return the private keys in a file of age-keygen or ssh-keygen.

    Raises SecretError if there is none, or it is locked with a passphrase.
    """
    from pyrage import IdentityError, ssh, x25519

    try:
        text = Secret(path.read_text("utf-8"))
        if "PRIVATE KEY-----" in text:
            return [ssh.Identity.from_buffer(bytes(text.encode()))]
        lines = [line for line in text.splitlines() if line.startswith("AGE-SECRET-KEY-")]
        keys: list[AgeIdentity] = [x25519.Identity.from_str(str.__str__(line)) for line in lines]
    except OSError as error:
        raise SecretError(f"{path}: {error.strerror or error}") from None
    except (ValueError, IdentityError) as error:
        raise SecretError(
            f"{path}: {error}", hint="is it locked with a passphrase? age cannot ask for that here"
        ) from None
    if not keys:
        raise SecretError(f"{path}: there is no private key in it")
    return keys


def new_identity(path: Path) -> str:
    """Make a key that only its owner can read; return the public one."""
    import os

    from pyrage import x25519

    key = x25519.Identity.generate()
    public = str(key.to_public())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"# public key: {public}\n{key}\n")
    return public


def public_keys(path: Path) -> list[str]:
    """Return the public keys of an age identity; of an SSH one, the content of its .pub file."""
    from pyrage import x25519

    found = [str(k.to_public()) for k in identity(path) if isinstance(k, x25519.Identity)]
    beside = path.with_name(f"{path.name}.pub")
    if not found and beside.is_file():
        found = [" ".join(beside.read_text("utf-8").split()[:2])]
    return found
