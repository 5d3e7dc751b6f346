"""Certificates of an ACME server, such as Let's Encrypt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._arguments import refuse_secrets


class AcmeCertificate(Resource):
    """
    A certificate of an ACME server such as Let's Encrypt, by certbot(1).

    It is requested where names, server or the way of the challenge differ, where key, certificate
    and chain are not of each other, and `renew_before` days before it ends; the timer of certbot(1)
    renews it as well. That it was revoked is not seen. Key and chain are in
    /etc/letsencrypt/live/NAME. What must read a renewed one is a script in
    /etc/letsencrypt/renewal-hooks/deploy. An account that is registered for it stays.

    Example::

        acme_certificate(
            "shop.example.org", webroot="/var/www/html", email="ops@example.org", agree_tos=True
        )
    """

    category: ClassVar[str] = "certificates"

    unique: ClassVar[bool] = True

    domains: Sequence[str] | None = None
    """The names that it is for; by default the name of the resource."""

    agree_tos: bool = False
    """Agree to the terms of the server: they have to be agreed to."""

    email: str | None = None
    """The address for a new account; without it, the account has none."""

    webroot: str | None = None
    """The folder that a web server on port 80 serves, for the challenge. None: certbot(1) listens
    itself while it asks, so nothing else may listen there then."""

    http_port: int | None = None
    """The port on which certbot(1) listens, if what is on port 80 leads there."""

    server: str | None = None
    """The URL of the directory of the server; by default Let's Encrypt."""

    key_type: Literal["ecdsa", "rsa"] | None = None
    """The type of the key."""

    renew_before: int = 30
    """Days before its end on which it is requested anew."""

    timeout: float = 300
    """Seconds that a request may take."""

    action: Literal["create", "delete", "nothing"] = "create"
    """`delete` removes it with its key; it is not revoked."""

    def validate(self) -> None:
        """Check names, addresses and paths."""
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", self.name):
            raise RecipeError(f"{self}: {self.name!r} cannot be the name of a certificate")
        for domain in self.names:
            if not re.fullmatch(r"([a-z0-9_]([a-z0-9_-]*[a-z0-9])?\.)*[a-z0-9-]+", domain):
                raise RecipeError(
                    f"{self}: {domain!r} is no name of a host",
                    hint="one with * needs a challenge by DNS: not with this type",
                )
        if self.action == "create" and not self.agree_tos:
            raise RecipeError(f"{self}: the terms of the server have to be agreed to: agree_tos")
        if self.email is not None and not re.fullmatch(r"[^\s@,-][^\s@,]*@[^\s@,]+", self.email):
            raise RecipeError(f"{self}: {self.email!r} is no address")
        if self.webroot is not None and not re.fullmatch(r"/[^\0\n,]*", self.webroot):
            raise RecipeError(f"{self}: webroot is no absolute path")
        if self.server is not None and not re.fullmatch(r"https://[^\s]+", self.server):
            raise RecipeError(f"{self}: server is no URL that begins with https://")
        if self.webroot is not None and self.http_port is not None:
            raise RecipeError(f"{self}: http_port is for a certbot that listens, without webroot")
        if self.renew_before < 0 or self.timeout <= 0:
            raise RecipeError(f"{self}: renew_before and timeout cannot be negative")
        refuse_secrets(self, self.email, self.server, self.webroot)

    @property
    def names(self) -> tuple[str, ...]:
        """The names in small letters; the first one is the subject."""
        return tuple(dict.fromkeys(one.lower() for one in (self.domains or [self.name])))


acme_certificate = recipe_function(AcmeCertificate)
