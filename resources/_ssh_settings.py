"""The properties of resources that are a setting of OpenSSH, and what they have in common."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, holds_secret

EACH = frozenset(
    {"port", "listenaddress", "hostkey", "hostcertificate", "identityfile", "certificatefile"}
    | {"localforward", "remoteforward", "dynamicforward"}
)
"""Keywords with one value in a line, and a line for each value."""

JOINED = EACH | {
    *("acceptenv", "allowusers", "denyusers", "allowgroups", "denygroups", "sendenv", "subsystem")
}
"""Keywords whose lines all count, not only the first one."""

_COMMAS = re.compile(r"ciphers|macs|kexalgorithms|.*algorithms|pubkeyacceptedkeytypes")


class SshSetting(Resource):
    """A setting of sshd_config(5) or ssh_config(5)."""

    keyword: str | None = None
    """The keyword; None: the name of the resource. Its letters may be small or capital."""

    value: str | int | bool | Sequence[str | int] | None = None
    """
    The wanted value, as the file has it; True is yes, False no. A list has all values of a keyword
    that may be given several times (`Port`, `AllowUsers`), or that takes several: others go.
    """

    action: Literal["set", "unset", "nothing"] = "set"

    def validate(self) -> None:
        """Check keyword and value."""
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", self.setting):
            raise RecipeError(f"{self}: {self.setting!r} is no keyword")
        if self.key in ("match", "host", "include"):
            raise RecipeError(f"{self}: {self.setting} begins a section or names a file")
        if (self.value is None) == (self.action == "set"):
            raise RecipeError(f"{self}: `set` needs a value, `unset` must have none")
        if holds_secret(self.value):
            raise RecipeError(f"{self}: every user can read the value of a setting")
        if self.value is not None and not self.values:
            raise RecipeError(f"{self}: an empty list is no value", hint='action="unset"')
        for value in self.values:
            if not value or re.search(r"[\0\n\r]|^\s|\s$", value):
                raise RecipeError(f"{self}: a value is one line, without blanks at its ends")

    @property
    def setting(self) -> str:
        """The keyword."""
        return self.name if self.keyword is None else self.keyword

    @property
    def key(self) -> str:
        """The keyword in small letters."""
        return self.setting.lower()

    @property
    def values(self) -> tuple[str, ...]:
        """The values as text."""
        if self.value is None:
            return ()
        some = [self.value] if isinstance(self.value, str | int) else self.value
        words = {True: "yes", False: "no"}
        return tuple(words[one] if isinstance(one, bool) else str(one) for one in some)

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of the setting in a file."""
        if self.key in EACH:
            return tuple(f"{self.setting} {value}" for value in self.values)
        between = "," if _COMMAS.fullmatch(self.key) else " "
        return (f"{self.setting} {between.join(self.values)}",) if self.values else ()

    @property
    def first_word(self) -> str:
        """The part of the value that belongs to the name: `sftp` of `Subsystem sftp`, or empty."""
        return ""
