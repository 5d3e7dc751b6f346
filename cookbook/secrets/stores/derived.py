"""Passwords made from a master secret: the same each time, another one on each host."""

from __future__ import annotations

import hashlib
import hmac
import json
import string
from collections.abc import Iterator, Sequence
from itertools import islice

from cookbook.errors import SecretError
from cookbook.secrets.secret import Secret, in_the_clear

ALPHABET = string.ascii_letters + string.digits
LONGEST = 1024


def derive(
    master: Secret, whose: Sequence[str], generation: int, length: int, alphabet: str = ALPHABET
) -> Secret:
    """
    HMAC-SHA256 of the master over name, host and generation, as letters of an alphabet.

    Length and alphabet are part of it, so that no password is the beginning of another. A
    byte that would favour some letters is passed over.

    Raises SecretError for a length or an alphabet that makes no password.
    """
    if not 8 <= length <= LONGEST:
        raise SecretError(f"a derived secret has 8 to {LONGEST} characters, not {length}")
    if not 10 <= len(set(alphabet)) == len(alphabet) <= 256:
        raise SecretError("an alphabet has 10 to 256 characters, each of them once")
    asked = json.dumps(["cook derived 1", *whose, generation, length, alphabet]).encode()
    key = in_the_clear(master).encode()
    fair = len(alphabet) * (256 // len(alphabet))
    letters = (alphabet[byte % len(alphabet)] for byte in _bytes(key, asked) if byte < fair)
    return Secret("".join(islice(letters, length)))


def _bytes(key: bytes, asked: bytes) -> Iterator[int]:
    block = 0
    while True:
        yield from hmac.digest(key, b"%d:%s" % (block, asked), hashlib.sha256)
        block += 1
