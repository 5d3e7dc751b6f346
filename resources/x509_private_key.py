"""Private keys."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Literal

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, Secret, recipe_function
from cookbook.resources._pem import PemFile


class X509PrivateKey(PemFile):
    """
    A private key, made by openssl(1) on the host.

    One that is there is kept if it is of the type and size, and never overwritten without `force`.
    Nothing but its type and size reaches the controller.

    Example::

        x509_private_key("/etc/ssl/private/shop.key", type="ec", group="ssl-cert", mode="0640")
    """

    type: Literal["rsa", "ec", "ed25519"] = "rsa"
    """The type of the key."""

    size: int = 2048
    """The bits of an RSA key."""

    curve: str = "prime256v1"
    """The curve of an EC key, as openssl(1) names it."""

    passphrase: str | None = field(default=None, metadata=SENSITIVE)
    """The file is encrypted with it (AES-256). It is passed to openssl(1) on its input."""

    force: bool = False
    """Make the key anew if the one that is there is another one."""

    def validate(self) -> None:
        """Check also size, curve and passphrase."""
        super().validate()
        if not 1024 <= self.size <= 16384:
            raise RecipeError(f"{self}: size is between 1024 and 16384 bits")
        if not re.fullmatch(r"[A-Za-z0-9-]+", self.curve):
            raise RecipeError(f"{self}: {self.curve!r} is no curve")
        if self.passphrase is not None:
            object.__setattr__(self, "passphrase", Secret(self.passphrase))
            if len(self.passphrase) < 4 or re.search(r"[\0\n]", self.passphrase):
                raise RecipeError(f"{self}: a passphrase is one line of four characters or more")


x509_private_key = recipe_function(X509PrivateKey)
