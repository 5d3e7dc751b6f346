"""Files that come with the cookbook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import ClassVar

from cookbook.errors import RecipeError
from cookbook.language.recipe import find
from cookbook.provider import LARGE, recipe_function
from cookbook.resources.file import File


class CookbookFile(File):
    """
    A file with the content of one beside the recipe, in `files/`: Chef's `cookbook_file`.

    Example::

        cookbook_file("/etc/app.conf", source="app.conf", mode="0644")
    """

    category: ClassVar[str] = "files"

    source: str | Sequence[str] | None = field(default=None, metadata=LARGE)  # type: ignore[assignment]  # a file has one
    """The name below `files/`; of several the first that is there. None: the file's own name."""

    def validate(self) -> None:
        """Read the source, once: a copy with another action has its content already."""
        source = self.source
        if self.content is None and not {"delete", "nothing"}.issuperset(self.doing):
            object.__setattr__(self, "source", self._found())
        elif self.content is not None and source != _READ:
            raise RecipeError(f"{self}: it has a source; for content there is `file`")
        else:
            object.__setattr__(self, "source", None)
        super().validate()
        object.__setattr__(self, "source", source if self.content is None else _READ)

    def _found(self) -> str:
        """Return the first source that is there."""
        given = self.source if self.source is not None else self.identity.rpartition("/")[2]
        names = [given] if isinstance(given, str) else list(given)
        if not names:
            raise RecipeError(f"{self}: the list of sources is empty")
        for name in names[:-1]:
            try:
                find(name, "files")
            except RecipeError:
                continue
            return name
        return names[-1]  # if that is not there either, the error names it


_READ = "/"
"""The stand-in for a source that was read: no file can have that name."""

cookbook_file = recipe_function(CookbookFile)
