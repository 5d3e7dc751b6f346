"""People and services that have an account."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, Resource, Secret, holds_secret, recipe_function

Action = Literal["create", "remove", "modify", "manage", "lock", "unlock", "nothing"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,30}[A-Za-z0-9_.$-]?")

# crypt(5): `$id$...`; `*` is a hash that nothing fits; `!` in front locks. The old DES
# hashes are left out: any 13 letters look like one, a password in the clear, too.
_HASH = re.compile(r"!*(\$[a-z0-9]+\$[^:\s]+|\*)|!+")


class User(Resource):
    """
    An account: Chef's `user`.

    Only what is declared is compared. `groups` adds the user to groups; Chef
    has that in `group` alone.

    Example::

        user("ann", shell="/bin/bash", manage_home=True)
    """

    category: ClassVar[str] = "accounts"

    unique: ClassVar[bool] = True

    username: str | None = None
    """The name of the account, if it is not the resource's."""

    comment: str | None = None
    """Usually the full name (GECOS)."""

    home: str | None = None
    """The home directory. It is only made, moved and removed with `manage_home`."""

    uid: int | None = None
    """The number of the user."""

    gid: int | str | None = None
    """The primary group: a name, or a number."""

    shell: str | None = None
    """The login shell."""

    password: str | None = field(default=None, metadata=SENSITIVE)
    """
    The hash of the password, as crypt(5) has it: `openssl passwd -6` makes one. Or a Secret, e.g.
    `secret("ann")`, that is the password itself: perl(1) on the host compares it with the hash
    that is there, and nothing is changed if it fits; else chpasswd(8) makes a hash as the host is
    configured. Neither is shown; both reach the host on standard input only.
    """

    min_days: int | None = None
    """Days before a password may be changed again; -1 for no limit, here and below."""

    max_days: int | None = None
    """Days after which a password has to be changed."""

    warn_days: int | None = None
    """Days before that on which the user is warned."""

    groups: Sequence[str] | None = None
    """Further groups the user belongs to."""

    append_groups: bool = True
    """Add `groups` to those there are; False: they are the exact list."""

    expire_date: str | None = None
    """The first day on which the account is disabled, as "YYYY-MM-DD"; "" for never."""

    inactive: int | None = None
    """Days between the expiry of the password and the end of logins; -1 for never."""

    generate_ssh_key: bool = False
    """Make a key pair without a passphrase in `~/.ssh`; one that is there is never replaced."""

    ssh_key_type: Literal["ed25519", "rsa", "ecdsa"] = "ed25519"
    """The type of the key pair: the file is `~/.ssh/id_TYPE`."""

    ssh_key_bits: int | None = None
    """Bits of a new key of the types rsa and ecdsa; None: as ssh-keygen(1) has it."""

    system: bool = False
    """Take the number from the system range. Only matters on creation."""

    manage_home: bool = False
    """Make the home directory with the account, move it along, and remove it with it."""

    non_unique: bool = False
    """Allow a number that another user has."""

    force: bool = False
    """Remove the account even while it is logged in."""

    action: Action | Sequence[Action] = "create"
    """`modify` fails if there is no such user; `manage`, `lock` and `unlock` leave it at that."""

    def validate(self) -> None:
        """Check what would end up in passwd(5) and shadow(5)."""
        if not _NAME.fullmatch(self.identity):
            raise RecipeError(f"{self}: {self.identity!r} cannot be the name of a user")
        for what, text in (("comment", self.comment), ("home", self.home), ("shell", self.shell)):
            if text is not None and re.search(r"[:\n]", text):
                raise RecipeError(f"{self}: a {what} has neither colons nor newlines in it")
        if self.home is not None:
            if not self.home.startswith("/"):
                raise RecipeError(f"{self}: home {self.home!r} is no absolute path")
            object.__setattr__(self, "home", self.home.rstrip("/") or "/")
        if "remove" in self.doing and set(self.doing) - {"remove", "nothing"}:
            raise RecipeError(f"{self}: remove cannot be combined with another action")
        if {"lock", "unlock"} <= set(self.doing):
            raise RecipeError(f"{self}: it cannot be locked and unlocked")
        self._check_password()
        self._check_dates()

    def _check_password(self) -> None:
        if self.password is None:
            return
        clear = isinstance(self.password, Secret) or holds_secret(self.password)
        object.__setattr__(self, "password", Secret(self.password))
        if _HASH.fullmatch(self.password):
            return
        if not clear or not self.password:
            raise RecipeError(
                f"{self}: the password is no hash that crypt(5) knows",
                hint="make one with: openssl passwd -6; a password in the clear must be a secret:"
                ' secret("name")',
            )
        if re.search(r"[\0\n\r]", self.password):
            raise RecipeError(f"{self}: a password is one line")

    def _check_dates(self) -> None:
        if self.expire_date:
            try:
                dt.date.fromisoformat(self.expire_date)
            except ValueError:
                raise RecipeError(
                    f"{self}: expire_date {self.expire_date!r} is no date",
                    hint='give it as "YYYY-MM-DD", or "" for never',
                ) from None
        for what in ("inactive", "min_days", "max_days", "warn_days"):
            days = getattr(self, what)
            if days is not None and days < -1:
                raise RecipeError(f"{self}: {what} is a number of days, or -1 for never")
        bits, kind = self.ssh_key_bits, self.ssh_key_type
        allowed = {"rsa": range(2048, 16385), "ecdsa": (256, 384, 521)}.get(kind, ())
        if bits is not None and bits not in allowed:
            raise RecipeError(f"{self}: a key of the type {kind} cannot have {bits} bits")

    @property
    def clear(self) -> str | None:
        """The password in the clear; None if there is none, or its hash is declared."""
        given = self.password
        return None if given is None or _HASH.fullmatch(given) else given

    @property
    def identity(self) -> str:
        """The name of the account."""
        return self.username or self.name


user = recipe_function(User)
