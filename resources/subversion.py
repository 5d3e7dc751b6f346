"""Working copies of subversion repositories."""

from __future__ import annotations

import re
from dataclasses import field
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, Resource, Secret, recipe_function
from cookbook.resources.file import absolute

_SCHEMES = ("https", "http", "svn", "svn+ssh", "file")


class Subversion(Resource):
    """
    A working copy of a subversion repository: Chef's `subversion`.

    The revision in which the files last changed is compared with that in the repository, and the
    files with their revision. Local edits and unversioned files are seen in a plan and never lost
    silently. A plan shows the revisions between.

    Example::

        subversion("/srv/shop", repository="https://svn.example.org/shop/trunk")
    """

    category: ClassVar[str] = "code"

    unique: ClassVar[bool] = True

    repository: str = ""
    """The address: https, http, svn, svn+ssh or file. It has no password in it."""

    revision: int | str = "HEAD"
    """The number of a revision, or HEAD: the latest one."""

    destination: str | None = None
    """The absolute path of the working copy, if it is not the resource's name."""

    user: str | None = None
    """The user that fetches it and owns the files; None: the one that the run acts as."""

    group: str | None = None
    """The group of the files; None: as they come."""

    username: str | None = None
    """The name that is sent to the server."""

    password: str | None = field(default=None, metadata=SENSITIVE)
    """The password, sent on the standard input of svn(1) only, and never stored."""

    externals: bool = True
    """False: what other repositories bring (`svn:externals`) is left out."""

    local_changes: Literal["refuse", "discard", "keep"] = "refuse"
    """The treatment of files that were edited. `refuse`: an error, until they are gone.
    `discard`: they get the content of the revision. `keep`: they stay; the revision changes if
    svn can do so beside them."""

    clean: bool = False
    """Remove unversioned files too, but not ignored ones."""

    action: Literal["sync", "checkout", "export", "nothing"] = "sync"
    """`sync` keeps it at the revision. `checkout` and `export` act only where nothing is there;
    `export` leaves only the files, without the folder .svn."""

    def validate(self) -> None:
        """Check the address, the revision, the path and the login."""
        absolute(self, self.identity)
        self._check_address()
        if not re.fullmatch(r"HEAD|[1-9][0-9]{0,9}", str(self.revision)):
            raise RecipeError(f"{self}: {self.revision!r} is no revision", hint="a number, or HEAD")
        for what, name in (("user", self.user), ("group", self.group)):
            if name is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", name):
                raise RecipeError(f"{self}: {name!r} is no name of a {what}")
        if self.user is not None:
            if self.become_user not in (None, self.user):
                raise RecipeError(f"{self}: user and become_user are two ways to say who runs it")
            object.__setattr__(self, "become_user", self.user)
        if self.username is not None and not re.fullmatch(r"[^\0\n-][^\0\n]*", self.username):
            raise RecipeError(f"{self}: {self.username!r} is no name")
        if self.password is not None:
            if self.username is None:
                raise RecipeError(f"{self}: a password needs a username")
            if re.search(r"[\0\n]", self.password) or not self.password:
                raise RecipeError(f"{self}: the password is one line")
            object.__setattr__(self, "password", Secret(self.password))

    def _check_address(self) -> None:
        if not self.repository:
            raise RecipeError(f"{self}: it needs a repository")
        try:
            parts = urlsplit(self.repository)
        except ValueError:
            parts = urlsplit("")
        known = parts.scheme in _SCHEMES and (parts.netloc or parts.path.startswith("/"))
        if not known or re.search(r"[\0-\x20\x7f]", self.repository):
            raise RecipeError(
                f"{self}: {self.repository!r} is no address of a subversion repository",
                hint="https://..., svn://..., svn+ssh://... or file:///...",
            )
        if parts.password is not None:
            raise RecipeError(
                f"{self}: the repository has a password in its address, which svn would store",
                hint='leave it out, and give username and password=secret("...")',
            )

    @property
    def identity(self) -> str:
        """The path of the working copy."""
        return self.destination or self.name

    @property
    def address(self) -> str:
        """The address without a slash at its end, as svn(1) says it."""
        return self.repository.rstrip("/")

    @property
    def pinned(self) -> str | None:
        """The number of the revision; None for the latest one."""
        return None if self.revision == "HEAD" else str(self.revision)


subversion = recipe_function(Subversion)
