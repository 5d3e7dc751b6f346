"""Revisions of a git repository, and what a host needs to fetch them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import field
from urllib.parse import urlsplit

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, Resource, Secret

_PLAIN = re.compile(r"[A-Za-z0-9][\w.+-]*@[\w.-]+:[^:].*|/.+", re.ASCII)
"""An address without a scheme: USER@HOST:PATH of ssh(1), or a path on the host."""

_SCHEMES = ("https", "http", "ssh", "git", "file")

_BAD = re.compile(r"^[-/.]|[\0- \x7f~^:?*\[\\]|\.\.|@\{|//|[./]$|\.lock$")
"""The names that git-check-ref-format(1) refuses."""


class FromGit(Resource):
    """A resource that takes a revision of a git repository."""

    repository: str | None = None
    """The address of the repository: https, ssh (also USER@HOST:PATH), git, file, or a path on the
    host. It has no password in it: that is `token`."""

    revision: str = "HEAD"
    """A branch, a tag, or the 40 digits of a commit, which needs no question to the repository.
    `HEAD` is the default branch."""

    user: str | None = None
    """The user that fetches it and owns the files; None: the one that the run acts as."""

    key: str | None = field(default=None, metadata=SENSITIVE)
    """The private key for ssh, as text: a deploy key. It is on the host only while git runs, in a
    file in memory. Without it ssh(1) uses what the user has."""

    known_hosts: str | Sequence[str] = ()
    """Lines of known_hosts(5) with the keys of the server. Without them the server must be in a
    known_hosts file of the host (`ssh_known_hosts_entry`): an unknown key is always refused."""

    token: str | None = field(default=None, metadata=SENSITIVE)
    """The password or access token for https, sent to the origin of the repository only."""

    username: str = "git"
    """The name that is sent with the token; most servers take any."""

    allowed_signers: str | Sequence[str] = ()
    """Lines as in ALLOWED SIGNERS of ssh-keygen(1): the commit must be signed by one of these SSH
    keys."""

    signing_keys: str | Sequence[str] = ()
    """OpenPGP public keys, as text: the commit must be signed by one of them, also if a signed tag
    names it. A key that has expired or was revoked does not count."""

    def validate(self) -> None:
        """Check the address, the revision and the credentials."""
        if self.user is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", self.user):
            raise RecipeError(f"{self}: {self.user!r} is no name of a user")
        if self.repository is not None:
            check_address(self, "the repository", self.repository)
        if self.revision != "HEAD" and _BAD.search(self.revision):
            raise RecipeError(
                f"{self}: {self.revision!r} is no revision",
                hint="a branch, a tag, or the 40 digits of a commit",
            )
        self._check_login()
        if self.allowed_signers and self.signing_keys:
            raise RecipeError(f"{self}: allowed_signers and signing_keys exclude each other")
        if any("BEGIN PGP PUBLIC KEY BLOCK" not in one for one in lines_of(self.signing_keys)):
            raise RecipeError(f"{self}: signing_keys are texts with BEGIN PGP PUBLIC KEY BLOCK")

    def _check_login(self) -> None:
        if self.key is not None:
            if "PRIVATE KEY-----" not in self.key:
                raise RecipeError(f"{self}: key is not the text of a private key")
            object.__setattr__(self, "key", Secret(self.key))
        if self.token is not None:
            if not re.match("https?://", self.repository or ""):
                raise RecipeError(f"{self}: a token is for a repository by https")
            if re.search(r"[\0\n]", self.token) or not self.token:
                raise RecipeError(f"{self}: the token is one line")
            object.__setattr__(self, "token", Secret(self.token))
        if not re.fullmatch(r"[^\0\n]+", self.username):
            raise RecipeError(f"{self}: {self.username!r} is no name")

    @property
    def pinned(self) -> str | None:
        """The commit, if the revision is a full id; None for a name."""
        return self.revision if re.fullmatch("[0-9a-f]{40}", self.revision) else None


def check_address(resource: Resource, what: str, address: str) -> None:
    """Raise RecipeError for an address that git cannot use, or that has a password in it."""
    if re.search(r"[\0\n]", address) or address.startswith("-"):
        raise RecipeError(f"{resource}: {what} is no address")
    if _PLAIN.fullmatch(address):
        return
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in _SCHEMES or not (parts.netloc or parts.path.startswith("/")):
        raise RecipeError(
            f"{resource}: {what} is no address of a git repository",
            hint="https://..., ssh://..., git@HOST:PATH, git://..., or a path on the host",
        )
    if parts.password is not None:
        raise RecipeError(
            f"{resource}: {what} has a password in its address, which git would write into a file",
            hint='leave it out, and give token=secret("...")',
        )


def lines_of(value: str | Sequence[str]) -> tuple[str, ...]:
    """Return one text or several as a tuple."""
    return ((value,) if value else ()) if isinstance(value, str) else tuple(value)
