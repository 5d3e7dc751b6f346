"""
Values that only the holder of a key can read, each bound to its place; and a seal for the rest.

The key is what is in a file: 32 random bytes, or a passphrase. scrypt (RFC 7914) makes of it and of
a salt that is new for each document an identity of age, which encrypts the values as it does the
secrets of a repository, and a key for HMAC-SHA256. The place of a value (host, resource, property)
is encrypted with it, so that a sealed value cannot be moved to where another one belongs.

The passphrase mode of age is not used: it takes seconds, adapts its cost to the machine that
writes, and refuses on a slow one what a fast one has written.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookbook.errors import PlanError, UsageError
from cookbook.text.bounded_io import parsed_json

if TYPE_CHECKING:
    from pyrage import x25519

LEAST_BYTES = 16
"""A shorter key could be guessed."""

_MOST_BYTES = 64 * 1024
_SALT_BYTES = 16
_KEY_BYTES = 32
_COST = 2**17
"""scrypt's N, with r = 8 and p = 1: a quarter of a second and 128 MiB for each guess."""

_MOST_MEMORY = 256 * 1024 * 1024
"""Bytes that OpenSSL may take for that."""

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
    _identity: x25519.Identity = field(repr=False)
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
        from pyrage import x25519  # most runs seal nothing

        keys = hashlib.scrypt(
            key.data, salt=salt, n=_COST, r=8, p=1, maxmem=_MOST_MEMORY, dklen=2 * _KEY_BYTES
        )
        identity = x25519.Identity.from_str(_written(keys[:_KEY_BYTES]))
        return cls(salt, identity, keys[_KEY_BYTES:])

    @property
    def header(self) -> dict[str, Any]:
        """Return the values that a document needs so that the same key opens it again."""
        salt = base64.b64encode(self._salt).decode()
        return {"salt": salt, "check": self.seal(_CHECKED, _CHECK)}

    def seal(self, value: object, place: tuple[object, ...]) -> dict[str, str]:
        """Return a JSON value that cannot be read without the key, or moved to another place."""
        import pyrage

        text = json.dumps([place, value]).encode()
        sealed: bytes = pyrage.encrypt(text, [self._identity.to_public()])
        return {_SEALED: base64.b64encode(sealed).decode()}

    def open(self, value: Any, place: tuple[object, ...]) -> Any:
        """
        Return the value that was sealed for this place; one that is not sealed unchanged.

        Raises PlanError if it was not sealed for this place by this key.
        """
        import pyrage

        if not is_sealed(value):
            return value
        try:
            sealed = base64.b64decode(value[_SEALED], validate=True)
            where, opened = parsed_json(pyrage.decrypt(sealed, [self._identity]))
        except (pyrage.DecryptError, ValueError, TypeError):
            where, opened = None, None
        if where != list(place):
            named = ", ".join(map(str, place))
            raise PlanError(f"a sealed value is not from where it stands ({named})")
        return opened

    def vouch(self, text: bytes) -> str:
        """Return the signature of a text, which only the holder of the key can make."""
        return hmac.new(self._mac_key, text, hashlib.sha256).hexdigest()


def is_sealed(value: object) -> bool:
    """Return whether this is an output of `seal`."""
    return isinstance(value, dict) and value.keys() == {_SEALED}


def _written(secret: bytes) -> str:
    """
    Return the text of an age identity with these 32 bytes: Bech32 (BIP 173).

    pyrage makes identities of texts only.
    """
    bits = int.from_bytes(secret, "big") << -len(secret) * 8 % 5
    count = -(-len(secret) * 8 // 5)
    words = [bits >> 5 * place & 31 for place in reversed(range(count))]
    prefix = [ord(sign) >> 5 for sign in _HUMAN] + [0] + [ord(sign) & 31 for sign in _HUMAN]
    check = _checksum([*prefix, *words, 0, 0, 0, 0, 0, 0]) ^ 1
    words += [check >> 5 * place & 31 for place in reversed(range(6))]
    return f"{_HUMAN}1{''.join(_ALPHABET[word] for word in words)}".upper()


_HUMAN = "age-secret-key-"
_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def _checksum(words: list[int]) -> int:
    check = 1
    for word in words:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ word
        for place, generator in enumerate(_GENERATOR):
            check ^= generator if top >> place & 1 else 0
    return check
