"""Users in password files of web servers."""

from __future__ import annotations

import re
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, Resource, Secret, holds_secret, octal, recipe_function
from cookbook.resources.file import absolute

HASH = re.compile(r"\$(apr1|1|2[aby]|5|6|y)\$[!-9;-~]+|\{SHA\}[A-Za-z0-9+/=]{28}")


class Htpasswd(Resource):
    """
    A user in a password file of nginx or Apache.

    A password in the clear, which must be a Secret (`secret("ann")`), is compared with the hash in
    the file, of whatever method it is; only its hash reaches the host. Other users stay.

    Example::

        htpasswd(
            "ann",
            path="/etc/nginx/htpasswd",
            password="$apr1$abcdefgh$paCto.rW8wn6thJ8b0QQY.",
        )
    """

    category: ClassVar[str] = "accounts"

    unique: ClassVar[bool] = True

    path: str = ""
    """Absolute path of the file."""

    username: str | None = None
    """The user; None: the name of the resource."""

    password: str | None = field(default=None, metadata=SENSITIVE)
    """The password as a Secret; or its hash."""

    method: Literal["bcrypt", "sha512", "apr1"] = "bcrypt"
    """The method of a new hash; another one that fits the password is left alone."""

    group: str | None = None
    """The group of a new file, e.g. www-data: the server has to read it."""

    mode: str | int = "0640"
    """The permissions of a new file; those of a file that is there stay."""

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check user, path and password."""
        if not self.path:
            raise RecipeError(f"{self}: it needs the path of a file")
        absolute(self, self.path)
        object.__setattr__(self, "mode", octal(self.mode, str(self)))
        if not re.fullmatch(r"[^:\s\x00-\x1f#][^:\x00-\x1f]{0,254}", self.user):
            raise RecipeError(f"{self}: {self.user!r} cannot be the name of a user")
        if self.group is not None and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", self.group):
            raise RecipeError(f"{self}: {self.group!r} is no group")
        if self.password is None:
            return
        clear = isinstance(self.password, Secret) or holds_secret(self.password)
        object.__setattr__(self, "password", Secret(self.password))
        if HASH.fullmatch(self.password):
            return
        if not clear:
            raise RecipeError(
                f"{self}: the password is no hash",
                hint='a password in the clear must be a secret: secret("name")',
            )
        data = str.__str__(self.password).encode()
        if not data or b"\n" in data or b"\0" in data:
            raise RecipeError(f"{self}: a password is one line")
        if self.method == "bcrypt" and len(data) > 72:
            raise RecipeError(
                f"{self}: bcrypt takes 72 bytes of a password", hint='method="sha512" takes more'
            )

    @property
    def user(self) -> str:
        """The user."""
        return self.name if self.username is None else self.username

    @property
    def identity(self) -> str:
        """The file, and the user."""
        return f"{self.path}:{self.user}"


htpasswd = recipe_function(Htpasswd)
