"""Files that are rendered from a template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, ClassVar

from cookbook.errors import RecipeError
from cookbook.language.template import render
from cookbook.provider import LARGE, SENSITIVE_AND_LARGE, recipe_function
from cookbook.resources.file import File


class Template(File):
    """
    A file whose content is a template filled with variables: Chef's `template`.

    The template is Jinja2 and stands beside the recipe in `templates/`. A variable without a value
    is an error; the trailing newline is kept.

    Example::

        template("/etc/app.conf", source="app.conf.j2", variables={"port": 8080})
    """

    category: ClassVar[str] = "files"

    source: str | None = field(default=None, metadata=LARGE)
    """The template's name below `templates/`; by default the file's own name and `.j2`."""

    variables: Mapping[str, Any] = field(default_factory=dict, metadata=SENSITIVE_AND_LARGE)
    """The variables of the template, in addition to `node`."""

    def validate(self) -> None:
        """Render it, once: a copy with another action has its text already."""
        if self.content is None and self.doing == ("delete",):
            self._validate_as(self.source)  # of what is to go, the source may have gone already
            return
        source = self.source or f"{self.identity.rpartition('/')[2]}.j2"
        if self.content is None:
            object.__setattr__(self, "content", render(source, self.variables))
        elif source != _RENDERED:
            raise RecipeError(f"{self}: a template has a source; for content there is `file`")
        self._validate_as(_RENDERED)

    def _validate_as(self, source: str | None) -> None:
        """As a file, which would look for a source among its own."""
        object.__setattr__(self, "source", None)
        super().validate()
        object.__setattr__(self, "source", source)


_RENDERED = "/"
"""The stand-in for a source that was used: no file can have that name."""

template = recipe_function(Template)
