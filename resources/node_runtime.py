"""The runtime of Node.js."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from cookbook.provider import recipe_function
from cookbook.resources._toolchains import Toolchain


class NodeRuntime(Toolchain):
    """
    The runtime of Node.js: Debian's packages, or an archive of nodejs.org in a folder of its own.

    Several versions can be installed beside each other. The files of each are compared with those
    of its archive, and a damaged one is extracted again. An upgrade is another version in another
    folder; if it is the default, the links in /usr/local/bin lead to it then.

    Example::

        node_runtime("node", packages=["nodejs", "npm"], install_recommends=False)
    """

    category: ClassVar[str] = "applications"

    language: ClassVar[str] = "node"

    debian: ClassVar[Sequence[str]] = ("nodejs", "npm")


node_runtime = recipe_function(NodeRuntime)
