"""Settings of the SSH client."""

from __future__ import annotations

import re
from typing import ClassVar

from cookbook.errors import RecipeError
from cookbook.provider import recipe_function
from cookbook.resources._ssh_settings import SshSetting
from cookbook.resources.file import absolute


class SshConfig(SshSetting):
    """
    One setting of ssh(1) for some hosts: a keyword in a `Host` section.

    The first value wins in ssh_config(5). For all users it is written into
    /etc/ssh/ssh_config.d/00-cook.conf, in which the section `*` is the last; without an `Include`
    of that folder at the beginning, into /etc/ssh/ssh_config. For one user give the path of the
    file, and the user as `become_user`.

    Example::

        ssh_config("StrictHostKeyChecking", host="*.example.org", value="yes")
    """

    category: ClassVar[str] = "accounts"

    unique: ClassVar[bool] = True

    host: str = "*"
    """The patterns of the `Host` section, with blanks between them."""

    path: str | None = None
    """The file of a user, e.g. /home/ann/.ssh/config; None: for all users."""

    def validate(self) -> None:
        """Check also the patterns and the path."""
        super().validate()
        if not re.fullmatch(r"[^\s\"#=]+( +[^\s\"#=]+)*", self.host):
            raise RecipeError(f"{self}: {self.host!r} are no patterns of hosts")
        if self.path is not None:
            absolute(self, self.path)

    @property
    def identity(self) -> str:
        """The hosts and the keyword in small letters, and the path of a file of a user."""
        place = f"{self.path}:" if self.path is not None else ""
        return f"{place}{' '.join(self.host.split())} {self.key}"


ssh_config = recipe_function(SshConfig)
