"""Repositories of packages for dnf and yum."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import ClassVar

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, recipe_function
from cookbook.resources._rpm_repository import RpmRepository, several


class YumRepository(RpmRepository):
    """
    A repository of packages for dnf(8) and yum(8): Chef's `yum_repository`.

    It is a file ID.repo in /etc/yum.repos.d that has this repository only. Nothing is fetched: a
    file that is newer than the metadata has the next `dnf_package` refresh it. dnf refuses every
    installation while a repository is checked, has no `gpgkey`, and rpm(8) knows no key. It is
    tested with dnf 4.14 of Debian 12, not on Fedora or RHEL.

    Example::

        yum_repository(
            "example",
            baseurl="https://packages.example.com/el9/$basearch",
            gpgkey="https://packages.example.com/key.asc",
        )
    """

    category: ClassVar[str] = "packages"
    unique: ClassVar[bool] = True
    folder: ClassVar[str] = "/etc/yum.repos.d"
    own: ClassVar[Mapping[str, str]] = {
        **{
            name: name
            for name in (
                *("baseurl", "mirrorlist", "metalink", "enabled", "gpgcheck", "repo_gpgcheck"),
                *("gpgkey", "priority", "cost", "exclude", "includepkgs", "metadata_expire"),
                *("module_hotfixes", "skip_if_unavailable", "proxy", "proxy_username"),
                *("proxy_password", "username", "password", "sslverify", "sslcacert"),
                *("sslclientcert", "sslclientkey", "timeout", "throttle"),
            )
        },
        "max_retries": "retries",
    }

    metalink: str | None = None
    """The address of a metalink file, which has mirrors and checksums."""

    cost: int | None = None
    """The cost of access, compared with other repositories that have the same version."""

    exclude: str | Sequence[str] = ()
    """Packages, or patterns, that are not taken from it."""

    includepkgs: str | Sequence[str] = ()
    """The only packages, or patterns, that are taken from it."""

    metadata_expire: str | int | None = None
    """The time for which its metadata is good: seconds, "6h", "7d", "never"."""

    module_hotfixes: bool | None = None
    """True: its packages count although a module has others."""

    skip_if_unavailable: bool | None = None
    """True: go on without it if it cannot be reached."""

    proxy: str | None = field(default=None, metadata=SENSITIVE)
    """The address of a proxy; "_none_" for none."""

    proxy_username: str | None = None
    """The user at the proxy."""

    proxy_password: str | None = field(default=None, metadata=SENSITIVE)
    """The password at the proxy, best a Secret."""

    username: str | None = None
    """The user at the repository."""

    password: str | None = field(default=None, metadata=SENSITIVE)
    """The password at the repository, best a Secret."""

    sslverify: bool | None = None
    """False: take any certificate. None: as dnf is configured, which is to verify."""

    sslcacert: str | None = None
    """The path of the certificates of authorities."""

    sslclientcert: str | None = None
    """The path of the certificate by which the host shows who it is."""

    sslclientkey: str | None = None
    """The path of its key."""

    max_retries: int | None = None
    """The number of times that a file is tried."""

    timeout: int | None = None
    """Seconds to wait for a connection."""

    throttle: str | int | None = None
    """The most bytes in a second, e.g. "100k"."""

    def validate(self) -> None:
        """Check id, addresses, keys and values."""
        self.check()
        for path in (self.sslcacert, self.sslclientcert, self.sslclientkey):
            if path is not None and not path.startswith("/"):
                raise RecipeError(f"{self}: {path!r} is no absolute path")
        expire = str(self.metadata_expire)
        if self.metadata_expire is not None and not re.fullmatch(r"\d+[smhd]?|never|-1", expire):
            raise RecipeError(f"{self}: metadata_expire={expire!r} is no time", hint='like "6h"')

    @property
    def sources(self) -> Sequence[str]:
        """The addresses of the repository, and of lists of mirrors."""
        return [*several(self.baseurl), *several(self.mirrorlist), *several(self.metalink)]

    @property
    def confidential(self) -> bool:
        """True if there is a secret in the file: a password counts if it is a plain text, too."""
        return super().confidential or bool(self.password or self.proxy_password)


yum_repository = recipe_function(YumRepository)
