"""Passwords as PostgreSQL stores them: verifiers of SCRAM-SHA-256 (RFC 5802, RFC 7677)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata

_VERIFIER = re.compile(
    r"SCRAM-SHA-256\$([0-9]{1,7}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)"
)
_MD5 = re.compile(r"md5[0-9a-f]{32}")
_ROUNDS = 4096
"""The default of `scram_iterations`."""
_MOST_ROUNDS = 1_000_000


def is_verifier(text: str) -> bool:
    """Return whether a text is a stored form of a password, and no password."""
    return _VERIFIER.fullmatch(text) is not None or _MD5.fullmatch(text) is not None


def fits(verifier: str, password: str) -> bool:
    """
    Return whether a stored verifier is that of a password.

    One by MD5 never fits: it is to be replaced, as it is as good as the password.
    """
    found = _VERIFIER.fullmatch(verifier)
    if found is None or int(found[1]) not in range(1, _MOST_ROUNDS):
        return False
    salt = base64.b64decode(found[2])
    return hmac.compare_digest(_verifier(password, salt, int(found[1])), verifier)


def verifier_of(password: str, role: str) -> str:
    """
    Return a verifier of a password.

    Its salt is made of password and role, as slowly as the verifier itself, so that a plan that
    is made twice is the same plan, and guessing is no faster than with a salt by chance.
    """
    data = _prepared(password)
    salt = hashlib.pbkdf2_hmac("sha256", data, f"cook {role}".encode(), _ROUNDS, 16)
    return _verifier(password, salt, _ROUNDS)


def _verifier(password: str, salt: bytes, rounds: int) -> str:
    salted = hashlib.pbkdf2_hmac("sha256", _prepared(password), salt, rounds)
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored = hashlib.sha256(client).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    a, b, c = (base64.b64encode(one).decode() for one in (salt, stored, server))
    return f"SCRAM-SHA-256${rounds}:{a}${b}:{c}"


def _prepared(password: str) -> bytes:
    """Return the bytes that are hashed: SASLprep (RFC 4013), or the password where it cannot be."""
    if password.isascii():
        return password.encode()
    import stringprep as prep  # rare: it loads a database

    space = (" " if prep.in_table_c12(c) else c for c in password if not prep.in_table_b1(c))
    text = unicodedata.normalize("NFKC", "".join(space))
    prohibited = (
        *(prep.in_table_c12, prep.in_table_c21_c22, prep.in_table_c3, prep.in_table_c4),
        *(prep.in_table_c5, prep.in_table_c6, prep.in_table_c7, prep.in_table_c8),
        *(prep.in_table_c9, prep.in_table_a1),
    )
    right = any(map(prep.in_table_d1, text))
    mixed = right and (
        any(map(prep.in_table_d2, text)) or not all(map(prep.in_table_d1, (text[0], text[-1])))
    )
    if not text or mixed or any(is_in(c) for c in text for is_in in prohibited):
        return password.encode()
    return text.encode()
