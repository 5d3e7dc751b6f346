"""Repositories of packages for zypper(8), by a file that it reads."""

from __future__ import annotations

from cookbook.provider import provides
from cookbook.providers.repository_file import RepositoryFileProvider
from cookbook.providers.zypper_package import LISTS
from cookbook.resources.zypper_repository import ZypperRepository


@provides(ZypperRepository)
class ZypperRepositoryProvider(RepositoryFileProvider[ZypperRepository]):
    """The file; zypper reads all files whose names end with `.repo`."""

    lists = LISTS
