"""Limits of users, by a file that pam_limits(8) reads."""

from __future__ import annotations

from cookbook.provider import provides
from cookbook.providers.own_file import OwnFileProvider
from cookbook.resources.file import File
from cookbook.resources.user_ulimit import UserUlimit


@provides(UserUlimit)
class UserUlimitProvider(OwnFileProvider[UserUlimit]):
    """One file; too low a limit may lock out, so a login has to confirm it."""

    def file(self, limit: UserUlimit) -> File:
        """Return the file."""
        path = limit.identity
        if limit.action == "delete":
            return File(path, action="delete", backup=False)
        content = limit.text
        return File(path, content=content, owner="root", group="root", mode="0644", backup=False)
