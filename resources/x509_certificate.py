"""Certificates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, Secret, recipe_function
from cookbook.resources._pem import check_place, is_pem
from cookbook.resources._x509 import ExtendedKeyUsage, KeyUsage, SubjectOfKey


class X509Certificate(SubjectOfKey):
    """
    A certificate, signed by its own key or by a certificate authority (CA), by openssl(1).

    It is made anew if it is of another key, subject, name or usage, if the CA did not sign it, if
    it is not valid yet, or `renew_before` days before it ends. That it was revoked is not seen. The
    CA is on the host, or comes from the controller as PEM, for the moment of signing.

    Example::

        x509_certificate(
            "/etc/ssl/shop.crt", private_key="/etc/ssl/private/shop.key", subject="shop.example.org"
        )
    """

    csr: str | None = None
    """The path of a request on the host that the CA signs. Key, subject and names are those of the
    request then; the uses are declared here, because the CA decides about them."""

    days: int = 365
    """Days that a new one is valid."""

    renew_before: int = 30
    """Days before its end on which it is made anew."""

    key_usage: Sequence[KeyUsage] | None = None
    """The uses of the key. None: signatures and key encipherment, or certificates for a CA."""

    extended_key_usage: Sequence[ExtendedKeyUsage] | None = None
    """More of it; by default serverAuth, nothing for a CA."""

    ca_certificate: str | None = None
    """The certificate of the CA that signs it: a path on the host, or PEM. None: its own key."""

    ca_key: str | None = None
    """The key of the CA: a path on the host, or PEM, as a secret."""

    ca_passphrase: str | None = field(default=None, metadata=SENSITIVE)
    """The passphrase of the key of the CA."""

    def validate(self) -> None:
        """Check also subject, names, times and the CA."""
        super().validate()
        self._check_request()
        self.check_key()
        alone = self.ca_key is None and not self.sensitive  # a record has no key that is a secret
        if (self.ca_certificate is None and self.ca_key is not None) or (
            self.ca_certificate is not None and alone
        ):
            raise RecipeError(f"{self}: ca_certificate and ca_key belong together")
        for what, given in (("ca_certificate", self.ca_certificate), ("ca_key", self.ca_key)):
            if given is not None and not is_pem(given):
                check_place(self, what, given)
        if self.ca_passphrase is not None:
            object.__setattr__(self, "ca_passphrase", Secret(self.ca_passphrase))
        if self.ca_key is not None and is_pem(self.ca_key):
            object.__setattr__(self, "ca_key", Secret(self.ca_key))
        if not 0 < self.days <= 36500 or not 0 <= self.renew_before < self.days:
            raise RecipeError(f"{self}: days are more than renew_before, and at most 36500")
        if self.csr is None:
            self.check_subject()

    def _check_request(self) -> None:
        """Raise RecipeError unless it is either of a key, or of a request that a CA signs."""
        if self.csr is None:
            if self.private_key is None:
                raise RecipeError(
                    f"{self}: it needs private_key, or a csr that a CA signs",
                    hint='e.g. private_key="/etc/ssl/private/shop.key"',
                )
            return
        check_place(self, "csr", self.csr)
        for what in ("private_key", "subject", "names", "passphrase"):
            if getattr(self, what):
                raise RecipeError(f"{self}: csr and {what} cannot both be given")
        if self.ca_certificate is None:
            raise RecipeError(f"{self}: a csr is signed by a CA: ca_certificate and ca_key")


x509_certificate = recipe_function(X509Certificate)
