"""Names that a module of Python cannot have, since another one has them."""

from __future__ import annotations

import keyword
import sys

_RESERVED = {"cookbook", "resources", "providers", "tests", "test", "site", "jinja2", "yaml"}
"""Names that a recipe or a package must not have: an import of something else would find it."""


def is_taken(name: str) -> bool:
    """Return whether a recipe cannot have a name: it is a word of Python, or another module's."""
    return keyword.iskeyword(name) or name in _RESERVED or name in sys.stdlib_module_names
