"""The text of certificates and requests, as openssl(1) prints it and as it takes it."""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import LiteralString

from cookbook.resources._x509 import FIELDS

USAGES = {
    "Digital Signature": "digitalSignature",
    "Non Repudiation": "nonRepudiation",
    "Key Encipherment": "keyEncipherment",
    "Data Encipherment": "dataEncipherment",
    "Key Agreement": "keyAgreement",
    "Certificate Sign": "keyCertSign",
    "CRL Sign": "cRLSign",
    "TLS Web Server Authentication": "serverAuth",
    "TLS Web Client Authentication": "clientAuth",
    "Code Signing": "codeSigning",
    "E-mail Protection": "emailProtection",
    "Time Stamping": "timeStamping",
    "OCSP Signing": "OCSPSigning",
}

EXTENDED = {*list(USAGES.values())[7:]}
"""The uses that are in an extension of their own."""

READ_REQUEST: LiteralString = """\
echo '= csr'; r={}; openssl req -in "$r" -noout -subject -nameopt multiline,-esc_msb,utf8 \\
2>/dev/null || echo none; openssl req -in "$r" -noout -text 2>/dev/null |
sed -n '/X509v3/{s/^ *//p;n;s/^ */    /p;}'"""
"""Prints a request as `openssl x509 -ext` prints a certificate."""

KEY_OF_REQUEST: LiteralString = (
    "r=$(openssl req -in {} -noout -verify -pubkey 2>/dev/null) &&"
    " printf '%s\\n' \"$r\" | sed -n '/^-----BEGIN/,/^-----END/p'"
)
"""Prints the public key of a request that this key has signed; OpenSSL 3.5 says so between."""


def subject_of(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the subject in the lines of `-subject -nameopt multiline`: ("O=Shop", "CN=a")."""
    known = {long: short for short, long in FIELDS.items()}
    pairs = [line.strip().partition(" = ") for line in lines if line.startswith("    ")]
    named = [(key.strip(), sep, value.replace("\\\\", "\\")) for key, sep, value in pairs]
    return tuple(f"{known.get(key, key)}={value}" for key, sep, value in named if sep)


def names_of(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the names in the lines of extensions, sorted."""
    return tuple(sorted(map(_name, after(lines, "Alternative Name"))))


def usage_of(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the uses in the lines of extensions, sorted."""
    usages = after(lines, "Extended Key Usage"), after(lines, "X509v3 Key Usage")
    return tuple(sorted(USAGES.get(one, one) for some in usages for one in some))


def is_ca(lines: Sequence[str]) -> bool:
    """Return whether the lines of extensions say that it is that of a CA."""
    return "CA:TRUE" in after(lines, "Basic Constraints")


def usage_lines(usage: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a configuration for these uses."""
    extended = [one for one in usage if one in EXTENDED]
    if simple := [one for one in usage if one not in EXTENDED]:
        yield f"keyUsage = critical, {', '.join(simple)}"
    if extended:
        yield f"extendedKeyUsage = {', '.join(extended)}"


def as_option(subject: Sequence[str]) -> str:
    """Return a subject as the option -subj of openssl(1) takes it."""
    return "".join("/" + re.sub(r"([\\/+])", r"\\\1", pair) for pair in subject)


def after(lines: Sequence[str], heading: str) -> list[str]:
    """Return the words in the line after a heading of an extension."""
    for line, following in itertools.pairwise(lines):
        if heading in line and not line.startswith("    "):
            return [one.strip() for one in following.split(",")]
    return []


def _name(word: str) -> str:
    """Return a name as it is declared: addresses are spelled otherwise in the text."""
    kind, _, value = word.partition(":")
    if kind == "IP Address":
        return f"IP:{ipaddress.ip_address(value).compressed}"
    return f"{kind}:{value}"
