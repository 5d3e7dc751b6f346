"""
Values that only the holder of a key can read, each bound to its place; and a seal for the rest.

The key is what is in a file: 32 random bytes, or a passphrase. scrypt (RFC 7914) makes of it
and of a salt that is new for each document two keys, one for ChaCha20-Poly1305 (RFC 8439),
one for HMAC-SHA256. The place of a value (host, resource, property) is authenticated with it, so
that a sealed value cannot be moved to where another one belongs.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cookbook.errors import PlanError, UsageError

LEAST_BYTES = 16
"""A shorter key could be guessed."""

_MOST_BYTES = 64 * 1024
_SALT_BYTES = 16
_NONCE_BYTES = 12
_KEY_BYTES = 32
_COST = 2**17
"""scrypt's N, with r = 8 and p = 1: a quarter of a second and 128 MiB for each guess."""

_SEALED = "!sealed"
_CHECK = ("check",)
_CHECKED = "this key opens it"


@dataclass(frozen=True)
class Key:
    """The content of a key file."""

    data: bytes = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Key:
        """
        Read a key file, or a pipe; white space around the key does not count.

        Raises UsageError if others may read it, or if it is too short to be a key.
        """
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                data = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}", hint=_MAKE) from None
        if mode & 0o077:
            raise UsageError(
                f"{path}: others can read or write this key", hint=f"chmod 600 {path}, or a new key"
            )
        if len(data) > _MOST_BYTES:
            raise UsageError(f"{path}: too large to be a key")
        if len(data := data.strip()) < LEAST_BYTES:
            raise UsageError(f"{path}: a key has at least {LEAST_BYTES} bytes", hint=_MAKE)
        return cls(data)


_MAKE = "to make one: (umask 077; head -c 32 /dev/urandom | base64 > plan.key)"


@dataclass(frozen=True)
class Sealer:
    """Seals and opens the values of one document, and vouches for the whole of it."""

    _salt: bytes
    _cipher_key: bytes = field(repr=False)
    _mac_key: bytes = field(repr=False)

    @classmethod
    def new(cls, key: Key) -> Sealer:
        """For a document that is to be written."""
        return cls._derived(key, os.urandom(_SALT_BYTES))

    @classmethod
    def of(cls, header: Any, key: Key) -> Sealer:
        """
        For a document that has this header.

        Raises PlanError if the key is not the one that it was sealed with.
        """
        try:
            sealer = cls._derived(key, base64.b64decode(header["salt"], validate=True))
            if sealer.open(header["check"], _CHECK) == _CHECKED:
                return sealer
        except (KeyError, TypeError, ValueError, PlanError):
            pass  # a damaged header fits no key either
        raise PlanError(
            "the plan is sealed with another key",
            hint="give the key that it was made with, or make the plan again with this one",
        )

    @classmethod
    def _derived(cls, key: Key, salt: bytes) -> Sealer:
        # Most runs seal nothing, and loading this takes longer than planning does.
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

        keys = Scrypt(salt=salt, length=2 * _KEY_BYTES, n=_COST, r=8, p=1).derive(key.data)
        return cls(salt, keys[:_KEY_BYTES], keys[_KEY_BYTES:])

    @property
    def header(self) -> dict[str, Any]:
        """Return the values that a document needs so that the same key opens it again."""
        salt = base64.b64encode(self._salt).decode()
        return {"salt": salt, "check": self.seal(_CHECKED, _CHECK)}

    def seal(self, value: object, place: tuple[object, ...]) -> dict[str, str]:
        """Return a JSON value that cannot be read without the key, or moved to another place."""
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        nonce = os.urandom(_NONCE_BYTES)
        text = json.dumps(value).encode()
        sealed = ChaCha20Poly1305(self._cipher_key).encrypt(nonce, text, _at(place))
        return {_SEALED: base64.b64encode(nonce + sealed).decode()}

    def open(self, value: Any, place: tuple[object, ...]) -> Any:
        """
        Return the value that was sealed for this place; one that is not sealed unchanged.

        Raises PlanError if it was not sealed for this place by this key.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        if not is_sealed(value):
            return value
        try:
            data = base64.b64decode(value[_SEALED], validate=True)
            nonce, sealed = data[:_NONCE_BYTES], data[_NONCE_BYTES:]
            return json.loads(ChaCha20Poly1305(self._cipher_key).decrypt(nonce, sealed, _at(place)))
        except (InvalidTag, binascii.Error, ValueError, TypeError):
            named = ", ".join(map(str, place))
            raise PlanError(f"a sealed value is not from where it stands ({named})") from None

    def vouch(self, text: bytes) -> str:
        """Return the signature of a text, which only the holder of the key can make."""
        return hmac.new(self._mac_key, text, hashlib.sha256).hexdigest()


def is_sealed(value: object) -> bool:
    """Return whether this is an output of `seal`."""
    return isinstance(value, dict) and value.keys() == {_SEALED}


def _at(place: tuple[object, ...]) -> bytes:
    return json.dumps(place).encode()
