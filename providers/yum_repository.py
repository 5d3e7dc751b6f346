"""Repositories of packages for dnf(8), by a file that it reads."""

from __future__ import annotations

from cookbook.provider import provides
from cookbook.providers.dnf_package import LISTS
from cookbook.providers.repository_file import RepositoryFileProvider
from cookbook.resources.yum_repository import YumRepository


@provides(YumRepository)
class YumRepositoryProvider(RepositoryFileProvider[YumRepository]):
    """The file; dnf reads all files whose names end with `.repo`."""

    lists = LISTS
