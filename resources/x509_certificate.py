"""Certificates."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Literal

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, Secret, holds_secret, recipe_function
from cookbook.resources._pem import PemFile, check_place, is_pem

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


class X509Certificate(PemFile):
    """
    A certificate, signed by its own key or by a certificate authority (CA), by openssl(1).

    It is made anew if it is of another key, subject, name or usage, if the CA did not sign it, or
    `renew_before` days before it ends. The CA is on the host, or comes from the controller as PEM,
    for the moment of signing.

    Example::

        x509_certificate(
            "/etc/ssl/shop.crt", private_key="/etc/ssl/private/shop.key", subject="shop.example.org"
        )
    """

    private_key: str
    """The path of its key, which must be there."""

    passphrase: str | None = field(default=None, metadata=SENSITIVE)
    """The passphrase of the key."""

    subject: str | Mapping[str, str] = ""
    """The common name, or all of it: {"C": "DE", "O": "Shop", "CN": "shop.example.org"}."""

    names: Sequence[str] | None = None
    """Names and addresses that it is for (subjectAltName): "shop.example.org", "192.0.2.1",
    "email:x@example.org". None: the common name, unless it is that of a CA."""

    days: int = 365
    """Days that a new one is valid."""

    renew_before: int = 30
    """Days before its end on which it is made anew."""

    key_usage: Sequence[KeyUsage] | None = None
    """The uses of the key. None: signatures and key encipherment, or certificates for a CA."""

    extended_key_usage: Sequence[ExtendedKeyUsage] | None = None
    """More of it; by default serverAuth, nothing for a CA."""

    ca: bool = False
    """It is that of a certificate authority."""

    ca_certificate: str | None = None
    """The certificate of the CA that signs it: a path on the host, or PEM. None: its own key."""

    ca_key: str | None = None
    """The key of the CA: a path on the host, or PEM, as a secret."""

    ca_passphrase: str | None = field(default=None, metadata=SENSITIVE)
    """The passphrase of the key of the CA."""

    mode: str | int = "0644"
    """Permissions; a certificate is no secret."""

    def validate(self) -> None:
        """Check also subject, names, times and the CA."""
        super().validate()
        check_place(self, "private_key", self.private_key)
        alone = self.ca_key is None and not self.sensitive  # a record has no key that is a secret
        if (self.ca_certificate is None and self.ca_key is not None) or (
            self.ca_certificate is not None and alone
        ):
            raise RecipeError(f"{self}: ca_certificate and ca_key belong together")
        for what, given in (("ca_certificate", self.ca_certificate), ("ca_key", self.ca_key)):
            if given is not None and not is_pem(given):
                check_place(self, what, given)
        for what in ("passphrase", "ca_passphrase", "ca_key"):
            if (given := getattr(self, what)) is not None and (what != "ca_key" or is_pem(given)):
                object.__setattr__(self, what, Secret(given))
        if not 0 < self.days <= 36500 or not 0 <= self.renew_before < self.days:
            raise RecipeError(f"{self}: days are more than renew_before, and at most 36500")
        self._check_subject()

    def _check_subject(self) -> None:
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


x509_certificate = recipe_function(X509Certificate)
