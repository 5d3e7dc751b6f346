"""The properties that certificates and their requests share: a key, a subject, names and uses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Literal

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, Secret, holds_secret
from cookbook.resources._pem import PemFile, check_place

KeyUsage = Literal[
    "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
    "keyCertSign", "cRLSign",
]  # fmt: skip
ExtendedKeyUsage = Literal[
    "serverAuth", "clientAuth", "codeSigning", "emailProtection", "timeStamping", "OCSPSigning"
]

FIELDS = {
    "CN": "commonName",
    "O": "organizationName",
    "OU": "organizationalUnitName",
    "C": "countryName",
    "ST": "stateOrProvinceName",
    "L": "localityName",
    "emailAddress": "emailAddress",
}


class SubjectOfKey(PemFile):
    """A file in PEM that says whose a key is."""

    private_key: str | None = None
    """The path of its key, which must be there."""

    passphrase: str | None = field(default=None, metadata=SENSITIVE)
    """The passphrase of the key."""

    subject: str | Mapping[str, str] = ""
    """The common name, or all of it: {"C": "DE", "O": "Shop", "CN": "shop.example.org"}."""

    names: Sequence[str] | None = None
    """Names and addresses that it is for (subjectAltName): "shop.example.org", "192.0.2.1",
    "email:x@example.org". None: the common name, unless it is that of a CA."""

    key_usage: Sequence[KeyUsage] | None = None
    """The uses of the key."""

    extended_key_usage: Sequence[ExtendedKeyUsage] | None = None
    """More of them."""

    ca: bool = False
    """It is that of a certificate authority."""

    mode: str | int = "0644"
    """Permissions; it is no secret."""

    def check_key(self) -> None:
        """Check the path of the key, and make its passphrase a Secret."""
        if self.private_key is not None:
            check_place(self, "private_key", self.private_key)
        if self.passphrase is not None:
            object.__setattr__(self, "passphrase", Secret(self.passphrase))

    def check_subject(self) -> None:
        """Raise RecipeError for a subject or a name that cannot be."""
        pairs = self.pairs
        if not pairs or holds_secret([*pairs.values(), *self.wanted_names]):
            raise RecipeError(f"{self}: a subject is needed, and nothing in it is secret")
        for key, value in pairs.items():
            if key not in FIELDS or not value.strip() or re.search(r"[\0-\x1f]", value):
                raise RecipeError(
                    f"{self}: {key}={value!r} is no field of a subject",
                    hint=f"one of {', '.join(FIELDS)}, one line each",
                )
        for name in self.wanted_names:
            if not re.fullmatch(r"(DNS|IP|email):[A-Za-z0-9*.:@_+-]+", name):
                raise RecipeError(f"{self}: {name!r} cannot be a name in a certificate")

    @property
    def pairs(self) -> Mapping[str, str]:
        """The fields of the subject."""
        if isinstance(self.subject, str):
            return {"CN": self.subject} if self.subject else {}
        return self.subject

    @property
    def wanted_names(self) -> tuple[str, ...]:
        """The names with their types, as openssl(1) takes them."""
        common = self.pairs.get("CN", "")
        names = [] if self.ca or not common else [common]
        return tuple(sorted({_typed(one) for one in (self.names or names)}))


def _typed(name: str) -> str:
    if re.match("(DNS|IP|email):", name):
        return name
    try:
        return f"IP:{ipaddress.ip_address(name).compressed}"
    except ValueError:
        return f"DNS:{name.lower()}"
