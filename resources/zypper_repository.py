"""Repositories of packages for zypper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from cookbook.provider import recipe_function
from cookbook.resources._rpm_repository import RpmRepository


class ZypperRepository(RpmRepository):
    """
    A repository of packages for zypper(8): Chef's `zypper_repository`.

    It is a file ID.repo in /etc/zypp/repos.d that has this repository only. Nothing is fetched: a
    file that is newer than the metadata has the next `zypper_package` refresh it. Keys are not
    imported; `rpm --import FILE` does that. It is tested with zypper 1.14 of Debian 12, not on
    openSUSE or SLES.

    Example::

        zypper_repository("example", baseurl="https://packages.example.com/leap", priority=90)
    """

    category: ClassVar[str] = "packages"
    unique: ClassVar[bool] = True
    folder: ClassVar[str] = "/etc/zypp/repos.d"
    own: ClassVar[Mapping[str, str]] = {
        name: name
        for name in (
            *("enabled", "autorefresh", "baseurl", "mirrorlist", "path", "type", "priority"),
            *("gpgcheck", "repo_gpgcheck", "gpgkey", "keeppackages"),
        )
    }

    autorefresh: bool = True
    """zypper(8) itself refreshes old metadata when it is called by hand."""

    path: str | None = None
    """The folder below the address; None: the address itself."""

    type: str | None = None
    """rpm-md, yast2 or plaindir; None: zypper(8) finds out."""

    keeppackages: bool = False
    """Keep the files of packages after they were installed."""

    def validate(self) -> None:
        """Check id, addresses, keys and values."""
        self.check()


zypper_repository = recipe_function(ZypperRepository)
