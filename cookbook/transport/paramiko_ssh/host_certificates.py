"""
Certificates of host keys: a certificate authority says whose key it is, and until when.

The format is OpenSSH's (PROTOCOL.certkeys); what is asked of one is what ssh(1) asks.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import paramiko
from paramiko.message import Message
from paramiko.pkey import UnknownKeyType

from cookbook.transport.known_hosts import KnownHosts, fingerprint
from cookbook.transport.target import CERTIFICATE, Target

_FOR_HOSTS = 2
_FOREVER = (1 << 64) - 1

_KEY_FIELDS = {"ssh-ed25519": 1, "ssh-rsa": 2}
"""The number of fields of the key itself, by the certified type; ECDSA has two."""


@dataclass(frozen=True)
class Certificate:
    """The content of a certificate, and the bytes that its signature covers."""

    kind: int
    key_id: str
    principals: tuple[str, ...]
    valid_after: int
    valid_before: int
    critical: bytes
    authority: bytes
    signed: bytes
    signature: bytes


class _Exact(Message):
    """A message that ends where its data end: paramiko reads zeros for missing bytes."""

    def get_bytes(self, n: int) -> bytes:
        """Return these bytes. Raises SSHException if there are fewer."""
        data = self.packet.read(n)
        if len(data) < n:
            raise _broken()
        return data

    def get_text(self) -> str:
        """Return a text. Raises SSHException if it is none."""
        try:
            return super().get_text()
        except UnicodeDecodeError:
            raise _broken() from None


def _broken() -> paramiko.SSHException:
    return paramiko.SSHException("the certificate that it shows is broken")


def read_certificate(blob: bytes) -> Certificate:
    """Take one apart; the caller knows that it is one. Raises SSHException if it is broken."""
    message = _Exact(blob)
    _certified(message)
    message.get_int64()  # its serial number
    kind, key_id = message.get_int(), message.get_text()
    principals = _texts(message.get_binary())
    after, before = message.get_int64(), message.get_int64()
    critical = message.get_binary()
    message.get_binary()  # extensions, which hosts have none of
    message.get_binary()  # reserved
    authority = message.get_binary()
    signed = message.get_so_far()
    signature = message.get_binary()
    if not signature or message.get_remainder():
        raise _broken()
    return Certificate(
        kind, key_id, principals, after, before, critical, authority, signed, signature
    )


def is_certificate(blob: bytes) -> bool:
    """Return whether these bytes are a certificate, not the bare key."""
    return _Exact(blob).get_text().endswith(CERTIFICATE)


def certified_key(blob: bytes) -> bytes:
    """Return the bare key in a certificate. Raises SSHException."""
    return _certified(_Exact(blob))


def _certified(message: Message) -> bytes:
    plain, kind = Message(), message.get_text().removesuffix(CERTIFICATE)
    plain.add_string(kind)
    message.get_binary()  # a nonce
    for _ in range(_KEY_FIELDS.get(kind, 2)):
        plain.add_string(message.get_binary())
    return plain.asbytes()


def objection(known: KnownHosts, target: Target, blob: bytes, key: bytes) -> str | None:
    """
    Why this certificate of `key` is not to be believed; None if it is.

    Raises SSHException if it cannot be read.
    """
    shown = read_certificate(blob)
    name, port = target.known_as
    entries = [*known.about(name, port), *known.about(name, 22)]
    for entry in entries:
        if entry.marker == "@revoked" and entry.key in (shown.authority, key):
            what = "the key" if entry.key == key else "the authority that vouches"
            return f"{what} is revoked at {entry.where}"
    authorities = {entry.key for entry in entries if entry.marker == "@cert-authority"}
    if shown.authority not in authorities:
        return f"the authority {fingerprint(shown.authority)} is not trusted for it"
    return _wrong(shown, name) or _forged(shown, target.algorithms.ca_signature)


def _wrong(shown: Certificate, name: str) -> str | None:
    now = int(time.time())
    if shown.kind != _FOR_HOSTS:
        return "it is a user's certificate, and no host's"
    if name not in shown.principals:
        others = ", ".join(shown.principals) or "no host"
        return f"its certificate is for {others}, not for {name}"
    if now < shown.valid_after:
        return f"its certificate is not valid before {_day(shown.valid_after)}"
    if now >= shown.valid_before:
        return f"its certificate has expired at {_day(shown.valid_before)}"
    if shown.critical:
        return "its certificate has critical options, of which hosts have none"
    return None


def _forged(shown: Certificate, algorithms: Iterable[str]) -> str | None:
    kind = _Exact(shown.authority).get_text()
    how = _Exact(shown.signature).get_text()
    if algorithms and how not in algorithms:
        return f"its certificate is signed by {how}, which CASignatureAlgorithms leaves out"
    try:
        key = paramiko.PKey.from_type_string(kind, shown.authority)
        right = key.verify_ssh_sig(shown.signed, _Exact(shown.signature))
    except (UnknownKeyType, paramiko.SSHException, ValueError):
        return f"paramiko cannot verify the signature of a {kind} key; transport: openssh can"
    return None if right else "the signature of its certificate is wrong"


def _texts(data: bytes) -> tuple[str, ...]:
    message, texts = _Exact(data), list[str]()
    while message.get_remainder():
        texts.append(message.get_text())
    return tuple(texts)


def _day(seconds: int) -> str:
    if seconds == _FOREVER:
        return "the end of time"
    return datetime.fromtimestamp(min(seconds, 1 << 36), UTC).strftime("%Y-%m-%d %H:%M UTC")
