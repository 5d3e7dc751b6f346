"""Requests for certificates."""

from __future__ import annotations

from cookbook.errors import RecipeError
from cookbook.provider import recipe_function
from cookbook.resources._x509 import SubjectOfKey


class X509Csr(SubjectOfKey):
    """
    A certificate signing request (PKCS #10) of a key on the host, by openssl(1).

    It is made anew if it is of another key, subject, name or usage. What signs it, signs it
    elsewhere, or is an `x509_certificate` with this `csr`.

    Example::

        x509_csr(
            "/etc/ssl/shop.csr", private_key="/etc/ssl/private/shop.key", subject="shop.example.org"
        )
    """

    def validate(self) -> None:
        """Check also the key, subject and names."""
        super().validate()
        if self.private_key is None:
            raise RecipeError(
                f"{self}: it needs private_key", hint='e.g. "/etc/ssl/private/shop.key"'
            )
        self.check_key()
        self.check_subject()


x509_csr = recipe_function(X509Csr)
