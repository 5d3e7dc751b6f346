"""Access control lists of files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources.file import absolute

_KEY = r"(default:)?(user:[^:\s]+|group:[^:\s]+|mask:)"


class Acl(Resource):
    """
    Entries of the access control list of a file or a folder: acl(5). Other entries stay.

    The owner, the owning group and all others have their permissions by the mode: see `file`.

    Example::

        acl("/srv/site", entries=["user:ann:rwx", "default:user:ann:rwx"])
    """

    category: ClassVar[str] = "files"

    unique: ClassVar[bool] = True

    path: str | None = None
    """Absolute path; None: the name of the resource. A symbolic link is not followed."""

    entries: Sequence[str] = ()
    """
    Entries as getfacl(1) prints them: `user:ann:rw-`, `group:www:r-x`, `mask::rwx`; of a folder
    `default:user:ann:rwx` as well. With `remove`, without permissions: `user:ann`.

    The mask is never widened silently: if the one that is there limits a declared entry, that is
    an error, unless the mask is declared as well.
    """

    action: Literal["create", "remove", "nothing"] = "create"

    def validate(self) -> None:
        """Check the path and the form of the entries."""
        absolute(self, self.identity)
        if not self.entries:
            raise RecipeError(f"{self}: it needs entries", hint='e.g. ["user:ann:r--"]')
        pattern = _KEY + (":[r-][w-][x-]" if self.action == "create" else ":?")
        for entry in self.entries:
            if not re.fullmatch(pattern, entry):
                raise RecipeError(
                    f"{self}: {entry!r} is no entry",
                    hint="e.g. user:ann:r-x, group:www:rw-, mask::rwx; with default: before it for"
                    " new files of a folder; to remove one, leave out the permissions",
                )
        keys = [key_of(entry) for entry in self.entries]
        if len(set(keys)) != len(keys):
            raise RecipeError(f"{self}: an entry is there twice")

    @property
    def identity(self) -> str:
        """The path."""
        return self.name if self.path is None else self.path


def key_of(entry: str) -> str:
    """
    Return an entry without its permissions.

    >>> key_of("default:user:ann:rwx"), key_of("user:ann"), key_of("mask::r--")
    ('default:user:ann', 'user:ann', 'mask:')
    """
    parts = entry.split(":")
    return ":".join(parts[: 3 if parts[0] == "default" else 2])


acl = recipe_function(Acl)
