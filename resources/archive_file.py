"""Archives that are extracted."""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.language.recipe import find
from cookbook.provider import LARGE, Content, Resource, octal, recipe_function
from cookbook.resources._archives import FORMS, form_of
from cookbook.resources.file import absolute, owned


class ArchiveFile(Resource):
    """
    An archive that is extracted into a folder: Chef's `archive_file`.

    It is compared by content: the archive by its digest, and each member on the host by a record
    of what was extracted. A changed or missing member has the archive extracted again. Names and
    links that lead outside of the folder are refused before anything is there. Files of others
    stay; members that a newer archive does not have are removed.

    Example::

        archive_file("/opt/tool", path="/var/cache/tool.tar.gz", strip_components=1)
    """

    category: ClassVar[str] = "files"

    unique: ClassVar[bool] = True

    path: str | None = None
    """Absolute path of the archive on the host; the file may come from a resource before."""

    source: str | None = None
    """The archive beside the recipe, in `files/`, instead of `path`."""

    destination: str | None = None
    """Absolute path of the folder; None: the name of the resource."""

    strip_components: int = 0
    """Leading folders of each name that are left out."""

    owner: str | int | None = None
    """Owner of all that is extracted; None: the user that the run acts as."""

    group: str | int | None = None
    """Group of all that is extracted."""

    mode: str | int | None = None
    """Permissions of the folder; None: 0755 if it is new. Those of members are the archive's."""

    overwrite: bool = True
    """Replace what differs. False: extract only where the folder does not exist."""

    content: bytes | None = field(default=None, metadata=LARGE)
    """The content of the source; it is read."""

    checksum: str | None = None
    """The SHA-256 of the source; it is computed."""

    action: Literal["extract", "nothing"] = "extract"

    def validate(self) -> None:
        """Check the paths, and that the name says which archive it is."""
        absolute(self, self.identity)
        owned(self)
        if (self.path is None) == (self.source is None):
            raise RecipeError(f"{self}: it needs a path on the host or a source of the cookbook")
        if self.path is not None:
            absolute(self, self.path)
        if self.form is None:
            raise RecipeError(
                f"{self}: the form of {self.path or self.source} is not known",
                hint=FORMS,
            )
        if self.strip_components < 0:
            raise RecipeError(f"{self}: strip_components cannot be {self.strip_components}")
        if self.mode is not None:
            object.__setattr__(self, "mode", octal(self.mode, str(self)))
        if self.source is not None and self.checksum is None:
            data = find(self.source, "files").read_bytes()
            object.__setattr__(self, "content", data)
            object.__setattr__(self, "checksum", str(Content.of(data)))

    @property
    def form(self) -> tuple[str, str] | None:
        """The form, and the program that the host needs; None if the name does not say."""
        return form_of(self.path or self.source or "")

    @property
    def identity(self) -> str:
        """The destination."""
        return self.name if self.destination is None else self.destination


archive_file = recipe_function(ArchiveFile)
