"""Working copies of git repositories."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import recipe_function
from cookbook.resources._revisions import FromGit, check_address
from cookbook.resources.file import absolute


class Git(FromGit):
    """
    A working copy of a git repository: Chef's `git`.

    The commit is compared with that of the revision in the repository, the files with the commit.
    Local edits, untracked files and local commits are seen in a plan and never lost silently. A
    plan shows the commits between, as far as the host can know them.

    Example::

        git("/srv/shop", repository="https://git.example.org/shop.git", revision="main")
    """

    category: ClassVar[str] = "code"

    unique: ClassVar[bool] = True

    destination: str | None = None
    """The absolute path of the working copy, if it is not the resource's name."""

    remote: str = "origin"
    """The name of the remote that is the repository."""

    remotes: Mapping[str, str] = field(default_factory=dict)
    """Further remotes: name -> address. Others stay."""

    detached: bool = False
    """Check out the commit of a branch without the branch. A tag or a commit is always detached."""

    depth: int | None = None
    """The number of commits to fetch; None: all."""

    submodules: bool = False
    """Check out the submodules, at the commits that the commit names."""

    local_changes: Literal["refuse", "discard", "keep"] = "refuse"
    """The treatment of files that were edited, and of commits that are only here. `refuse`: an
    error, until they are gone. `discard`: the files get the content of the commit; commits
    stay under `refs/cook/kept/`. `keep`: edited files stay; the commit changes if git can do so
    beside them. A file that is untracked or ignored is never overwritten by one of a commit: it
    is in the way until it is moved, or `clean` removes it."""

    clean: bool = False
    """Remove untracked files too, but not ignored ones."""

    bare: bool = False
    """A bare repository with all branches and tags of `repository`; without one, an empty one to
    push to. `revision` is its default branch."""

    action: Literal["sync", "checkout", "export", "nothing"] = "sync"
    """`sync` keeps it at the revision. `checkout` and `export` act only where nothing is there;
    `export` leaves only the files, without the repository."""

    def validate(self) -> None:
        """Check also the path, the remotes, and what excludes each other."""
        super().validate()
        if self.user is not None:
            if self.become_user not in (None, self.user):
                raise RecipeError(f"{self}: user and become_user are two ways to say who runs it")
            object.__setattr__(self, "become_user", self.user)
        absolute(self, self.identity)
        if self.repository is None and not self.bare:
            raise RecipeError(f"{self}: it needs a repository")
        for name in (self.remote, *self.remotes):
            if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name, re.ASCII):
                raise RecipeError(f"{self}: {name!r} is no name of a remote")
        if self.remote in self.remotes:
            raise RecipeError(f"{self}: the remote {self.remote} is the repository itself")
        self._check_form()
        for name, address in self.remotes.items():
            check_address(self, f"the remote {name}", address)

    def _check_form(self) -> None:
        if self.depth is not None and self.depth < 1:
            raise RecipeError(f"{self}: depth is at least 1")
        if self.bare and (self.submodules or self.clean or self.action == "export"):
            raise RecipeError(f"{self}: a bare repository has no files")
        if self.bare and self.pinned is not None:
            raise RecipeError(f"{self}: revision of a bare repository is its default branch")
        if self.bare and self.depth is not None:
            raise RecipeError(f"{self}: a bare repository has all commits")

    @property
    def identity(self) -> str:
        """The path of the working copy."""
        return self.destination or self.name


git = recipe_function(Git)
