"""The toolchain of Go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from cookbook.provider import recipe_function
from cookbook.resources._toolchains import Toolchain


class GoToolchain(Toolchain):
    """
    The toolchain of Go: Debian's package, or an archive of go.dev in a folder of its own.

    Several versions can be installed beside each other. The files of each are compared with those
    of its archive, and a damaged one is extracted again. An upgrade is another version in another
    folder; if it is the default, the links in /usr/local/bin lead to it then.

    Example::

        go_toolchain(
            "1.22.1",
            source="https://go.dev/dl/go1.22.1.linux-amd64.tar.gz",
            checksum="aab8e15785c997ae20f9c88422ee35d962c4562212bb0f879d052a35c8307c7f",
            default=True,
        )
    """

    category: ClassVar[str] = "applications"

    language: ClassVar[str] = "go"

    debian: ClassVar[Sequence[str]] = ("golang-go",)


go_toolchain = recipe_function(GoToolchain)
