"""The keys that may log in as a user."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.language.resource import not_a_user
from cookbook.provider import Resource, recipe_function
from cookbook.resources._key_options import option_error
from cookbook.resources.file import absolute

Action = Literal["create", "remove", "nothing"]

_ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")

# sshd(8), AUTHORIZED_KEYS FILE FORMAT: [options] type base64 [comment]
_LINE = re.compile(
    r"""\s*(?:(?P<options>(?:[^\s"]|"(?:\\.|[^"\\])*")+)\s+)?"""
    r"(?P<type>(?:ssh-|ecdsa-|sk-)[a-z0-9@.-]+)\s+(?P<blob>AAAA[A-Za-z0-9+/]+=*)"
    r"(?:\s+(?P<comment>.*?))?\s*"
)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One line of an authorized_keys file. A key is its base64, whatever is around it."""

    type: str
    blob: str
    options: str = ""
    comment: str = ""

    @property
    def text(self) -> str:
        """The line without its comment."""
        return " ".join(filter(None, (self.options, self.type, self.blob)))


def parse_key(line: str) -> PublicKey | None:
    """Return the key in a line; None if there is none."""
    m = _LINE.fullmatch(line)
    if m is None:
        return None
    return PublicKey(m["type"], m["blob"], m["options"] or "", m["comment"] or "")


class AuthorizedKey(Resource):
    """
    Public keys that open an account over SSH.

    Lines of others in the same file stay, with their comments and options, unless
    the list is `exclusive`.

    Example::

        authorized_key(
            "deploy",
            key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEYDSmHGlf/NOa4D45whD3Wq1iSGSYeXqL3GJ4ZgJgi7",
        )
    """

    category: ClassVar[str] = "accounts"

    user: str | None = None
    """The account, if it is not the resource's name."""

    key: str | Sequence[str]
    """A public key as in a .pub file, or several: `type base64 comment`; options may precede."""

    key_options: str | None = None
    """The restrictions of the key, e.g. `restrict,command="backup"`; "" for none. See sshd(8)."""

    path: str | None = None
    """The file, where it is not `.ssh/authorized_keys` in the user's home."""

    manage_dir: bool = True
    """Have `.ssh` exist, belong to the user, and be closed to others. Not with `path`."""

    exclusive: bool = False
    """Remove every other key."""

    action: Action | Sequence[Action] = "create"

    @property
    def topic(self) -> str:
        """The file: the account, unless a path is given."""
        return self.path or self.identity

    def contradicts(self, other: AuthorizedKey) -> str | None:
        """Compare the options of keys that both declare, and keys that one of them removes."""
        ours, theirs = ({key.blob: key for key in one.keys} for one in (self, other))
        both = ours.keys() & theirs.keys()
        if set(self.doing) != set(other.doing) and both:
            return f"action ({_short(both)})"
        for blob in both:
            options = [
                key.options
                for one, key in ((self, ours[blob]), (other, theirs[blob]))
                if key.options or one.key_options is not None
            ]
            if len({*options}) > 1:
                return f"key_options ({_short([blob])})"
        for one, own, others in ((self, ours, theirs), (other, theirs, ours)):
            if one.exclusive and "create" in other.doing and others.keys() - own.keys():
                return (
                    f"keys, of which one list is exclusive ({_short(others.keys() - own.keys())})"
                )
        return None

    def validate(self) -> None:
        """Check the account, the keys and the path."""
        if not _ACCOUNT.fullmatch(self.identity):
            raise not_a_user(self, self.identity)
        if self.path is not None:
            absolute(self, self.path)
        if any("\n" in key.options for key in self.keys):
            raise RecipeError(f"{self}: key_options are one line")
        for key in self.keys:
            if wrong := option_error(key.options):
                raise RecipeError(
                    f"{self}: sshd would refuse these options: {wrong}",
                    hint="options are separated by commas without blanks, and values stand in"
                    ' double quotes: restrict,from="192.0.2.0/24"',
                )
        blobs = [key.blob for key in self.keys]
        if len(set(blobs)) != len(blobs):
            raise RecipeError(f"{self}: the same key is given twice")
        if not blobs and not self.exclusive:
            raise RecipeError(f"{self}: there is no key")
        if "remove" in self.doing and self.exclusive:
            raise RecipeError(f"{self}: exclusive makes sense only for keys that are to be there")

    @property
    def keys(self) -> list[PublicKey]:
        """
        The keys, with `key_options` in front.

        Raises RecipeError for what is no public key.
        """
        keys = []
        for line in [self.key] if isinstance(self.key, str) else self.key:
            text = line.strip()
            key = None if "PRIVATE" in text or "\n" in text else parse_key(text)
            if key is None:
                raise RecipeError(
                    f"{self}: this is no public key", hint="it is the one line of a .pub file"
                )
            if self.key_options is not None:
                if key.options:
                    raise RecipeError(f"{self}: the key has options already: {key.options}")
                key = PublicKey(key.type, key.blob, self.key_options, key.comment)
            keys.append(key)
        return keys

    @property
    def identity(self) -> str:
        """The account."""
        return self.user or self.name


def _short(blobs: Iterable[str]) -> str:
    """Return the ends of keys: their beginnings are the same."""
    return ", ".join(f"...{blob[-16:]}" for blob in sorted(blobs))


authorized_key = recipe_function(AuthorizedKey)
