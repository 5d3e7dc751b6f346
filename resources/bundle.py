"""The gems of an application of Ruby."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import recipe_function
from cookbook.resources._locked import FromLock


class Bundle(FromLock):
    """
    The gems of an application of Ruby, as its Gemfile.lock names them, by Bundler.

    What is installed is compared with the lock; nothing is asked of a source for that. The lock is
    never changed. Gems are installed beside the former ones, which are removed at the end: an
    installation that fails leaves the application as it was.

    Example::

        bundle("/srv/shop", without=["development", "test"])
    """

    category: ClassVar[str] = "applications"

    tool: ClassVar[str] = "bundle"

    vendor: str = "vendor/bundle"
    """The folder that gems are installed into, relative to the application. The application finds
    it in its .bundle/config, where other settings stay."""

    without: str | Sequence[str] = ()
    """Groups of the Gemfile that are not installed."""

    frozen: bool = True
    """Let the application refuse to change its lock by itself."""

    clean: bool = True
    """Remove gems that the lock does not name."""

    jobs: int | None = None
    """Gems to install at the same time; None: Bundler's own choice."""

    action: Literal["install", "nothing"] = "install"

    @property
    def locks(self) -> tuple[str, ...]:
        """The lock file."""
        return ("Gemfile.lock",)

    def validate(self) -> None:
        """Check the folder, the groups and the number of jobs."""
        self.check()
        self.folder_inside("vendor", self.vendor)
        for group in self.groups:
            if not re.fullmatch(r"[A-Za-z0-9_]+", group):
                raise RecipeError(f"{self}: {group!r} is no group")
        if self.jobs is not None and self.jobs < 1:
            raise RecipeError(f"{self}: jobs is at least 1")

    @property
    def groups(self) -> Sequence[str]:
        """The groups that are not installed."""
        return [self.without] if isinstance(self.without, str) else [*(self.without or ())]


bundle = recipe_function(Bundle)
