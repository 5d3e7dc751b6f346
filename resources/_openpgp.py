"""Public keys of OpenPGP (RFC 4880 and 9580), as far as it takes to know which ones they are."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

BEGIN = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
_BLOCK = re.compile(rf"{BEGIN}\s*\n(.*?)\n-----END PGP PUBLIC KEY BLOCK-----", re.DOTALL)
_KEY, _SIGNATURE = 6, 2
_OWN = frozenset({0x10, 0x11, 0x12, 0x13, 0x1F})
"""Types of signatures in which a key says until when it is valid."""
_REVOKED = 0x20
_EXPIRATION = 9


@dataclass(frozen=True)
class OpenPgpKey:
    """A primary key."""

    fingerprint: str
    """40 upper-case hexadecimal digits."""
    revoked: bool = False
    expires: int | None = None
    """Seconds since the epoch; None: never."""


def read_keys(armored: str) -> list[OpenPgpKey]:
    """
    Return the primary keys in an armored text. No signature in it is verified.

    Raises ValueError if it is not one block of public keys of version 4.
    """
    blocks = _BLOCK.findall(armored.replace("\r", ""))
    if len(blocks) != 1:
        raise ValueError(f"there are {len(blocks)} armored blocks, not one")
    lines = blocks[0].split("\n")
    headers = next((i for i, line in enumerate(lines) if ":" not in line), 0)
    body = [line.strip() for line in lines[headers:] if not line.startswith("=")]
    try:
        data = base64.b64decode("".join(body), validate=True)
    except binascii.Error as error:
        raise ValueError(f"the armored block is broken ({error})") from None
    keys: list[OpenPgpKey] = []
    created = 0
    for tag, packet in _packets(data):
        if tag == _KEY:
            if packet[:1] != b"\x04":
                raise ValueError("a key is not of version 4")
            created = int.from_bytes(packet[1:5], "big")
            head = b"\x99" + len(packet).to_bytes(2, "big")
            digest = hashlib.sha1(head + packet, usedforsecurity=False).hexdigest()
            keys.append(OpenPgpKey(digest.upper()))
        elif tag == _SIGNATURE and keys and packet[:1] == b"\x04":
            keys[-1] = _signed(keys[-1], created, packet)
    if not keys:
        raise ValueError("there is no public key in it")
    return keys


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        first, *more = data[at : at + 6].ljust(6, b"\0")
        if first >= 192:
            tag = first - 192
            if more[0] < 192:
                head, size = 2, more[0]
            elif more[0] < 224:
                head, size = 3, ((more[0] - 192) << 8) + more[1] + 192
            else:
                head, size = 6, int.from_bytes(more[1:5], "big")
        elif first >= 128 and first % 4 < 3:
            tag, width = (first - 128) // 4, 1 << first % 4
            head, size = 1 + width, int.from_bytes(more[:width], "big")
        else:
            raise ValueError("it is no sequence of OpenPGP packets")
        if at + head + size > len(data):
            raise ValueError("it is cut off")
        yield tag, data[at + head : at + head + size]
        at += head + size


def _signed(key: OpenPgpKey, created: int, packet: bytes) -> OpenPgpKey:
    """Return the key with what one of its own signatures says of it."""
    if packet[1:2] == bytes([_REVOKED]):
        return OpenPgpKey(key.fingerprint, True, key.expires)
    if packet[1:2] and packet[1] in _OWN:
        hashed = packet[6 : 6 + int.from_bytes(packet[4:6], "big")]
        for kind, value in _subpackets(hashed):
            if kind == _EXPIRATION and any(value):
                return OpenPgpKey(
                    key.fingerprint, key.revoked, created + int.from_bytes(value, "big")
                )
    return key


def _subpackets(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        first, *more = data[at : at + 5].ljust(5, b"\0")
        if first < 192:
            head, size = 1, first
        elif first < 255:
            head, size = 2, ((first - 192) << 8) + more[0] + 192
        else:
            head, size = 5, int.from_bytes(more, "big")
        if size:
            yield data[at + head : at + head + 1][0] & 127, data[at + head + 1 : at + head + size]
        at += head + size
