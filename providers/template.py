"""Templates: they are files once they are rendered."""

from __future__ import annotations

from cookbook.provider import provides
from cookbook.providers.file import FileProvider
from cookbook.resources.template import Template

provides(Template)(FileProvider)
