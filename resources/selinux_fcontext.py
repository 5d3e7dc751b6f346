"""File contexts in the policy of SELinux."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._arguments import refuse_secrets
from cookbook.resources._selinux import check_type


class SelinuxFcontext(Resource):
    """
    The type that SELinux gives to files whose paths match an expression.

    Where SELinux is enabled, `restorecon` then gives it to the files below the part of the path
    that is no expression. Source: semanage-fcontext(8); Chef: selinux_fcontext.

    Example::

        selinux_fcontext("/srv/www(/.*)?", secontext="httpd_sys_content_t")
    """

    category: ClassVar[str] = "system"

    unique: ClassVar[bool] = True

    file_spec: str | None = None
    """An absolute path, as a regular expression; None: the name of the resource."""

    secontext: str | None = None
    """The type: "httpd_sys_content_t"; required, but not for `delete`."""

    file_type: Literal["a", "f", "d", "c", "b", "s", "l", "p"] = "a"
    """Kind of file: all, file, directory, character or block device, socket, link, pipe."""

    restore: bool = True
    """False: files that exist keep the labels they have."""

    action: Literal["manage", "delete", "nothing"] = "manage"

    def validate(self) -> None:
        """Check expression and type."""
        refuse_secrets(self, self.spec)
        if not self.spec.startswith("/") or re.search(r"\s", self.spec):
            raise RecipeError(f"{self}: {self.spec!r} is no absolute path without spaces")
        check_type(self, self.secontext, needed=self.action == "manage")

    @property
    def spec(self) -> str:
        """The expression."""
        return self.name if self.file_spec is None else self.file_spec

    @property
    def identity(self) -> str:
        """Kind and expression: `a /srv/www(/.*)?`."""
        return f"{self.file_type} {self.spec}"


selinux_fcontext = recipe_function(SelinuxFcontext)
