"""Files in PEM."""

from __future__ import annotations

from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, octal
from cookbook.resources.file import owned


class PemFile(Resource):
    """A file that openssl(1) makes."""

    category: ClassVar[str] = "certificates"

    unique: ClassVar[bool] = True

    path: str | None = None
    """The path of the file, if it is not the resource's name."""

    owner: str | None = None
    """The name of the owner."""

    group: str | None = None
    """The name of the group."""

    mode: str | int = "0600"
    """Permissions, from the moment that the file exists."""

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check path, owner and mode."""
        check_place(self, "its path", self.identity)
        octal(self.mode, str(self))
        owned(self)

    @property
    def identity(self) -> str:
        """The path of the file."""
        return self.path or self.name


def is_pem(text: str) -> bool:
    """Return whether a text is a key or a certificate itself, and no path."""
    return text.lstrip().startswith("-----BEGIN ")


def check_place(resource: Resource, what: str, path: str) -> None:
    """Raise RecipeError unless it is an absolute path."""
    if not path.startswith("/") or "\0" in path or "\n" in path:
        raise RecipeError(f"{resource}: {what} is no absolute path")
