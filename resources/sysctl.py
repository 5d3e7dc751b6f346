"""Parameters of the kernel."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources.file import absolute

_KEY = re.compile(r"[A-Za-z0-9_:@-]+(?:[./][A-Za-z0-9_:@-]+)+")


class Sysctl(Resource):
    """
    A parameter of the kernel: its value now, and in a file of its own for the next boot.

    A parameter that is removed keeps its value until the next boot; only the file goes.

    Example::

        sysctl("vm.swappiness", value=10)
    """

    category: ClassVar[str] = "system"

    unique: ClassVar[bool] = True

    key: str | None = None
    """Name of the parameter, with dots or slashes; None: the name of the resource."""

    value: str | int | float | Sequence[str | int] | None = None
    """The value; several words are a list, or a text with blanks."""

    comment: str | Sequence[str] | None = None
    """Lines of comment in the file."""

    ignore_error: bool = False
    """True: only the file is written where the kernel does not know the parameter."""

    conf_dir: str = "/etc/sysctl.d"
    """Folder of the file, which is named 99-cook-KEY.conf."""

    action: Literal["apply", "remove", "nothing"] = "apply"

    def validate(self) -> None:
        """Check key, value, comment and folder."""
        absolute(self, self.conf_dir)
        key = self.name if self.key is None else self.key
        if not _KEY.fullmatch(key):
            raise RecipeError(
                f"{self}: {key!r} cannot be the name of a parameter",
                hint="one name like vm.swappiness or net.ipv4.conf.eth0/100.rp_filter, no pattern",
            )
        if self.action == "apply" and not self.text:
            raise RecipeError(f"{self}: `apply` needs a value")
        if re.search(r"[\0\n\r]", self.text):
            raise RecipeError(f"{self}: a value is one line")
        if any(re.search(r"[\0\n\r]", line) for line in self.comments):
            raise RecipeError(f"{self}: a comment is one line, or a list of lines")

    @property
    def text(self) -> str:
        """The value as text, with one blank between words; empty if there is none."""
        value = self.value
        if isinstance(value, bool):
            value = int(value)
        if value is None or isinstance(value, str | int | float):
            return " ".join(("" if value is None else str(value)).split())
        return " ".join(" ".join(map(str, value)).split())

    @property
    def comments(self) -> Sequence[str]:
        """The lines of comment."""
        if self.comment is None:
            return ()
        return (self.comment,) if isinstance(self.comment, str) else tuple(self.comment)

    @property
    def identity(self) -> str:
        """The key with dots."""
        return dotted(self.name if self.key is None else self.key)

    @property
    def path(self) -> str:
        """The path of the file."""
        return f"{self.conf_dir}/99-cook-{self.identity.replace('/', '.')}.conf"


def dotted(key: str) -> str:
    """
    Return a key with dots; a dot within a name becomes a slash, as in sysctl(8).

    >>> dotted("net/ipv4/conf/eth0.100/rp_filter")
    'net.ipv4.conf.eth0/100.rp_filter'
    """
    first = re.search("[./]", key)
    swap = first is not None and first[0] == "/"
    return key.translate(str.maketrans("./", "/.")) if swap else key


sysctl = recipe_function(Sysctl)
