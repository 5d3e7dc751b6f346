"""Settings of the SSH server."""

from __future__ import annotations

import re
from typing import ClassVar

from cookbook.errors import RecipeError
from cookbook.provider import recipe_function
from cookbook.resources._ssh_settings import SshSetting


class SshdConfig(SshSetting):
    """
    One setting of sshd(8), in effect: what `sshd -T` shows decides, wherever it is written.

    The first value wins in sshd_config(5), so a file in /etc/ssh/sshd_config.d may defeat a line
    of the main file. The setting is written where it wins: into
    /etc/ssh/sshd_config.d/00-cook.conf; without an `Include` of that folder at the beginning,
    into the file that has it. All files are checked together before the new one is in its place,
    and a change is applied with auto-rollback. sshd(8) reads it when it is
    reloaded: `notifies=[delayed("reload", "service[ssh]")]`.

    Example::

        sshd_config("PasswordAuthentication", value="no", match="User deploy")
    """

    category: ClassVar[str] = "accounts"

    unique: ClassVar[bool] = True

    match: str | None = None
    """The criteria of a `Match` block to which it is limited: "User deploy"; None: for all."""

    def validate(self) -> None:
        """Check also the criteria."""
        super().validate()
        words = (self.match or "all").split()
        pairs = len(words) % 2 == 0 or [word.lower() for word in words] == ["all"]
        if self.match is not None and ("\n" in self.match or "#" in self.match or not pairs):
            raise RecipeError(f"{self}: {self.match!r} is no `Match`", hint='e.g. "User deploy"')
        if self.key == "subsystem":
            wrong = self.action == "set" and not re.fullmatch(r"\S+\s+\S.*", self.values[0])
            if wrong or len(self.values) > 1 or self.action == "unset":
                raise RecipeError(
                    f"{self}: a subsystem has a name and a command, and is one resource",
                    hint='value="sftp internal-sftp"; none is unset',
                )

    @property
    def first_word(self) -> str:
        """The name of a subsystem."""
        return self.values[0].split()[0].lower() if self.key == "subsystem" else ""

    @property
    def identity(self) -> str:
        """The keyword in small letters, and the criteria."""
        key = f"{self.key} {self.first_word}".strip()
        return key if self.match is None else f"{key} (Match {' '.join(self.match.split())})"


sshd_config = recipe_function(SshdConfig)
