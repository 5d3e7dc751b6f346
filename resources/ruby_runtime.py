"""The interpreter of Ruby."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from cookbook.provider import recipe_function
from cookbook.resources._toolchains import BuiltToolchain


class RubyRuntime(BuiltToolchain):
    """
    The interpreter of Ruby: Debian's package, or an archive in a folder of its own.

    The archive is a prebuilt one, or with `build=True` that of the sources. Several versions can be
    installed beside each other. The files of each are compared with those of its archive, and a
    damaged one is installed again.

    Example::

        ruby_runtime("ruby", packages=["ruby", "ruby-dev"])
    """

    category: ClassVar[str] = "applications"

    language: ClassVar[str] = "ruby"

    debian: ClassVar[Sequence[str]] = ("ruby",)


ruby_runtime = recipe_function(RubyRuntime)
