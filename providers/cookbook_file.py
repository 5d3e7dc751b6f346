"""Files of the cookbook: they are files once they are read."""

from __future__ import annotations

from cookbook.provider import provides
from cookbook.providers.file import FileProvider
from cookbook.resources.cookbook_file import CookbookFile

provides(CookbookFile)(FileProvider)
