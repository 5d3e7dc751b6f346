"""Properties that the types of pip have in common."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import field

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, Resource, holds_secret
from cookbook.resources._arguments import refuse_secrets
from cookbook.resources.file import absolute

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
"""Names of packages, as of the specification of core metadata."""


class InVenv(Resource):
    """Packages in a virtual environment, installed by the user that it belongs to."""

    venv: str = ""
    """The absolute path of the environment: see `python_venv`."""

    index_url: str | None = field(default=None, metadata=SENSITIVE)
    """The package index; a Secret if there is a password in it. No process list shows it."""

    extra_index_url: str | Sequence[str] = field(default=(), metadata=SENSITIVE)
    """More package indexes, which pip takes for equal: a name in any of them can win."""

    options: Sequence[str] = ()
    """More arguments of `pip install`, e.g. ["--no-index", "--find-links", "/srv/wheels"]."""

    timeout: float = 1800.0
    """Seconds that it may take to install."""

    def check(self) -> None:
        """Raise RecipeError for a wrong path, index or option."""
        absolute(self, self.venv)
        if ":" in self.venv or "\n" in self.venv:
            raise RecipeError(f"{self}: {self.venv!r} cannot be a virtual environment")
        for url in self.indexes:
            if not re.fullmatch(r"(https?|file)://\S+", url):
                raise RecipeError(f"{self}: that is no URL of an index", hint="https://HOST/simple")
        if holds_secret(self.indexes):
            object.__setattr__(self, "sensitive", True)
        hint = "a password for an index belongs into `index_url`, which no process list shows"
        refuse_secrets(self, list(self.options), hint=hint)

    @property
    def indexes(self) -> Sequence[str]:
        """The URLs of the indexes."""
        more = self.extra_index_url
        extra = [more] if isinstance(more, str) else [*(more or ())]
        return [*([self.index_url] if self.index_url is not None else []), *extra]

    @property
    def variables(self) -> Sequence[tuple[str, str]]:
        """The environment by which pip is told of the indexes."""
        extra = self.indexes[1:] if self.index_url is not None else self.indexes
        pairs = [("PIP_INDEX_URL", self.index_url)] if self.index_url is not None else []
        return [*pairs, *([("PIP_EXTRA_INDEX_URL", " ".join(extra))] if extra else [])]


def canonical(name: str) -> str:
    """
    Return the name of a package in the form in which two names are compared.

    >>> canonical("Zope.Interface")
    'zope-interface'
    """
    return re.sub(r"[-_.]+", "-", name).lower()
