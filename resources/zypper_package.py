"""Packages by zypper."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import ClassVar

from cookbook.provider import recipe_function
from cookbook.resources._arguments import refuse_secrets
from cookbook.resources._rpm import RpmPackage


class ZypperPackage(RpmPackage):
    """
    One package, or several in one transaction, by zypper(8): Chef's `zypper_package`.

    Adjacent packages go into one transaction, too. rpm(8) is asked what is installed, zypper what
    its metadata offers. It is tested with zypper 1.14 of Debian 12 and a repository of its own, not
    on openSUSE or SLES.

    Example::

        zypper_package("nginx", action="upgrade")
    """

    category: ClassVar[str] = "packages"

    gpg_check: bool = True
    """False: take packages and metadata without checking their signatures."""

    global_options: str | Sequence[str] = ()
    """More options of zypper(8) itself, which go before its command."""

    def validate(self) -> None:
        """Check names, versions, and that the actions do not contradict each other."""
        refuse_secrets(self, self.global_options)
        self.check()

    @property
    def global_words(self) -> tuple[str, ...]:
        """The options of zypper(8) itself, word by word."""
        given = self.global_options
        words = shlex.split(given) if isinstance(given, str) else given
        return (*(() if self.gpg_check else ("--no-gpg-checks",)), *words)


zypper_package = recipe_function(ZypperPackage)
