"""Files that a host fetches by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import field
from typing import ClassVar

from cookbook.errors import RecipeError
from cookbook.provider import LARGE, holds_secret, recipe_function
from cookbook.resources.file import File


class RemoteFile(File):
    """
    A file that the host fetches from a server: Chef's `remote_file`.

    The content is compared by its checksum, so nothing is fetched while the file has it. The host
    needs curl(1) or wget(1). Until the checksum was verified, the file in place is not touched.

    Example::

        remote_file(
            "/opt/tool.tar.gz",
            source="https://example.com/tool.tar.gz",
            checksum="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        )
    """

    category: ClassVar[str] = "files"

    source: str | Sequence[str] | None = field(default=None, metadata=LARGE)  # type: ignore[assignment]  # a file has one beside the recipe
    """
    The address: http, https, ftp, or file for a path of the host. Of several the first is taken
    that answers with the right content.
    """

    def validate(self) -> None:
        """Check the addresses and that there is a checksum."""
        source, wants = self.source, "delete" not in self.doing and "nothing" not in self.doing
        if self.content is not None:
            raise RecipeError(f"{self}: a remote_file has a source; for content there is `file`")
        if wants and (not source or self.checksum is None):
            raise RecipeError(f"{self}: it needs a source and its checksum (SHA-256)")
        for address in self.addresses:
            if not re.fullmatch(r"(https?|ftp)://[^\s/]\S*|file:///\S+", address):
                raise RecipeError(
                    f"{self}: {address!r} is no address", hint="e.g. https://example.org/app.tar.gz"
                )
            if holds_secret(address) or re.match(r"\w+://[^/@]*@", address):
                raise RecipeError(
                    f"{self}: an address with a password can be read in the list of processes"
                )
        object.__setattr__(self, "source", None)
        super().validate()
        object.__setattr__(self, "source", source)
        if self.checksum is not None:
            object.__setattr__(self, "checksum", self.checksum.lower())

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses, in order."""
        if self.source is None:
            return ()
        return (self.source,) if isinstance(self.source, str) else tuple(self.source)


remote_file = recipe_function(RemoteFile)
