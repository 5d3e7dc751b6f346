"""Hashes of passwords in files of web servers: made and compared on the controller."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
from collections.abc import Iterator, Sequence

_LETTERS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@functools.lru_cache(maxsize=256)
def fits(password: bytes, hashed: str) -> bool:
    """Return whether a hash is that of a password; False for a method that is not known."""
    made = _again(password, hashed)
    return made is not None and hmac.compare_digest(made.encode(), hashed.encode())


@functools.lru_cache(maxsize=256)
def new_hash(method: str, password: bytes, about: str) -> str:
    """
    Return a hash of a password: bcrypt, sha512 or apr1.

    The salt is made of what the hash is about and of the password, so that a plan says what will be
    written; by scrypt, so that it does not help to guess the password.
    """
    where = hashlib.sha256(about.encode("utf-8", "surrogateescape")).digest()
    data = hashlib.scrypt(password, salt=where, n=2**14, r=8, p=1, dklen=16)
    salt = "".join(_LETTERS[byte % 64] for byte in data)
    if method == "bcrypt":
        # The last letter of its salt has two bits only.
        return _bcrypt(password, f"$2y$10${salt}{salt[:5]}{'.Oeu'[data[0] % 4]}") or ""
    if method == "sha512":
        return _sha_crypt(password, salt, 5000, "6")
    return _md5_crypt(password, salt[:8], "$apr1$")


def _again(password: bytes, hashed: str) -> str | None:
    """Return the hash of a password with the method and the salt of another hash."""
    if hashed.startswith("{SHA}"):
        digest = hashlib.sha1(password, usedforsecurity=False).digest()
        return "{SHA}" + base64.b64encode(digest).decode()
    kind, _, rest = hashed.removeprefix("$").partition("$")
    if kind in ("2a", "2b", "2y"):
        return _bcrypt(password, hashed[:29])
    words = rest.split("$")
    if kind in ("apr1", "1") and len(words) == 2:
        return _md5_crypt(password, words[0][:8], f"${kind}$")
    if kind in ("5", "6") and words:
        rounds, declared = 5000, words[0].startswith("rounds=")
        if declared and words[0][7:].isascii() and words[0][7:].isdigit():
            rounds = int(words.pop(0)[7:])
        if len(words) == 2 and 1000 <= rounds <= _MOST_ROUNDS:
            return _sha_crypt(password, words[0][:16], rounds, kind, declared=declared)
    return None


_MOST_ROUNDS = 1_000_000
"""More rounds than that take too long here."""


def _bcrypt(password: bytes, salt: str) -> str | None:
    import bcrypt  # comes with paramiko; rare

    try:
        cost = int(salt[4:6])
        if cost > 14:
            return None
        made = bcrypt.hashpw(password, b"$2b$" + salt[4:].encode("ascii"))
    except (ValueError, UnicodeEncodeError):
        return None
    return salt[:4] + made.decode()[4:]


def _letters(value: int, count: int) -> str:
    return "".join(_LETTERS[value >> 6 * i & 63] for i in range(count))


def _encoded(digest: bytes, groups: Sequence[Sequence[int]]) -> str:
    """Return bytes in groups of three as letters; a shorter group has as many as it needs."""
    text = ""
    for group in groups:
        value = sum(digest[at] << 8 * (len(group) - 1 - i) for i, at in enumerate(group))
        text += _letters(value, len(group) + 1)
    return text


def _repeated(digest: bytes, length: int) -> bytes:
    return (digest * (length // len(digest) + 1))[:length]


def _bits(length: int) -> Iterator[bool]:
    while length:
        yield bool(length & 1)
        length >>= 1


def _md5_crypt(password: bytes, salt: str, magic: str) -> str:
    """Return the MD5 hash of FreeBSD's crypt(3), which Apache uses with a magic of its own."""
    text = salt.encode("utf-8", "surrogateescape")

    def md5(data: bytes) -> bytes:
        return hashlib.md5(data, usedforsecurity=False).digest()

    start = password + magic.encode() + text
    start += _repeated(md5(password + text + password), len(password))
    start += b"".join(b"\0" if bit else password[:1] for bit in _bits(len(password)))
    digest = md5(start)
    for i in range(1000):
        data = password if i & 1 else digest
        data += text if i % 3 else b""
        data += password if i % 7 else b""
        digest = md5(data + (digest if i & 1 else password))
    groups = [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5), (11,)]
    return f"{magic}{salt}${_encoded(digest, groups)}"


def _sha_crypt(
    password: bytes, salt: str, rounds: int, kind: str, *, declared: bool = False
) -> str:
    """Return the hash of crypt(5) by SHA-256 (kind 5) or SHA-512 (kind 6)."""
    text = salt.encode("utf-8", "surrogateescape")
    size = 32 if kind == "5" else 64

    def sha(data: bytes) -> bytes:
        return (hashlib.sha256 if kind == "5" else hashlib.sha512)(data).digest()

    other = sha(password + text + password)
    start = password + text + _repeated(other, len(password))
    start += b"".join(other if bit else password for bit in _bits(len(password)))
    digest = sha(start)
    p = _repeated(sha(password * len(password)), len(password))
    s = _repeated(sha(text * (16 + digest[0])), len(text))
    for i in range(rounds):
        data = p if i & 1 else digest
        data += s if i % 3 else b""
        data += p if i % 7 else b""
        digest = sha(data + (digest if i & 1 else p))
    third = size // 3
    groups: list[tuple[int, ...]] = []
    a, b, c = 0, third, 2 * third
    for _ in range(third):
        groups.append((a, b, c))
        a, b, c = (c + 1, a + 1, b + 1) if kind == "5" else (b + 1, c + 1, a + 1)
    groups.append((31, 30) if kind == "5" else (63,))
    words = f"rounds={rounds}$" if declared else ""
    return f"${kind}${words}{salt}${_encoded(digest, groups)}"
