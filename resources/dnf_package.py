"""Packages by dnf."""

from __future__ import annotations

from typing import ClassVar

from cookbook.provider import recipe_function
from cookbook.resources._rpm import RpmPackage


class DnfPackage(RpmPackage):
    """
    One package, or several in one transaction, by dnf(8): Chef's `dnf_package`.

    Adjacent packages go into one transaction, too. rpm(8) is asked what is installed, dnf what its
    metadata offers. It is tested with dnf 4.14 of Debian 12 and a repository of its own, not on
    Fedora or RHEL, and not with dnf5.

    Example::

        dnf_package("httpd", version="2.4.57")
    """

    category: ClassVar[str] = "packages"

    def validate(self) -> None:
        """Check names, versions, and that the actions do not contradict each other."""
        self.check()


dnf_package = recipe_function(DnfPackage)
