"""Entries of PAM: how users are authenticated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function


class PamEntry(Resource):
    """
    One entry in a file of /etc/pam.d; the others stay, in their order.

    An edit that would leave no way to authenticate, or that changes where the jump of another entry
    (`success=1`) leads, is refused. A change is applied with auto-rollback.

    Example::

        pam_entry("access of sshd", service="sshd", type="account", module="pam_access.so")
    """

    category: ClassVar[str] = "accounts"

    unique: ClassVar[bool] = True

    service: str = ""
    """The name of the file in /etc/pam.d."""

    type: Literal["auth", "account", "password", "session"] = "auth"
    """The task of the entry."""

    control: str = "required"
    """required, requisite, sufficient, optional, or `[success=1 default=ignore]`."""

    module: str = ""
    """The module, e.g. pam_access.so: with type and service it identifies the entry."""

    arguments: Sequence[str] | None = None
    """The arguments of the module; None: those that are there stay."""

    after: str | None = None
    """The module, or the included file, of an entry of this type that must come before."""

    before: str | None = None
    """The module, or the included file, of an entry of this type that must come after."""

    silent: bool = False
    """True: a module that does not exist is skipped without a message (`-session`)."""

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check that the parts of the entry fit on one line of the file."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+-]*", self.service):
            raise RecipeError(f"{self}: service is the name of a file in /etc/pam.d")
        if not re.fullmatch(r"(/[^\s#]+/)?[A-Za-z0-9_.-]+\.so", self.module):
            raise RecipeError(f"{self}: {self.module!r} is no module", hint="e.g. pam_access.so")
        words = "required|requisite|sufficient|optional|include|substack"
        if not re.fullmatch(rf"{words}|\[(\s*[a-z_]+=[a-z0-9]+)+\s*\]", self.control):
            raise RecipeError(f"{self}: {self.control!r} is no control of pam.d(5)")
        for word in self.arguments or ():
            if not re.fullmatch(r"[^\s#\[\]\\]+|\[[^\n#\]\\]*\]", word):
                raise RecipeError(
                    f"{self}: {word!r} is no argument", hint="with blanks in it: [an argument]"
                )
        if self.after is not None and self.before is not None:
            raise RecipeError(f"{self}: after and before cannot both be given")

    @property
    def path(self) -> str:
        """The path of the file."""
        return f"/etc/pam.d/{self.service}"

    @property
    def identity(self) -> str:
        """Service, type and module."""
        return f"{self.service} {self.type} {self.module}"


pam_entry = recipe_function(PamEntry)
