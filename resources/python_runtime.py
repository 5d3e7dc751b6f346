"""The interpreter of Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from cookbook.provider import recipe_function
from cookbook.resources._toolchains import BuiltToolchain


class PythonRuntime(BuiltToolchain):
    """
    The interpreter of Python: Debian's packages, or an archive in a folder of its own.

    The archive is a prebuilt one, such as those of python-build-standalone (`install_only`), or
    with `build=True` that of the sources. Several versions can be installed beside each other. The
    files of each are compared with those of its archive, and a damaged one is installed again. As
    the default it is also the python3 of `#!/usr/bin/env python3`; a `python_venv` needs only its
    path.

    Example::

        python_runtime(
            "3.12.3",
            source="https://www.python.org/ftp/python/3.12.3/Python-3.12.3.tgz",
            checksum="a6b9459f45a6ebbbc1af44f5762623fa355a0c87208ed417628b379d762dddb0",
            build=True,
            configure=["--enable-optimizations"],
        )
    """

    category: ClassVar[str] = "applications"

    language: ClassVar[str] = "python"

    debian: ClassVar[Sequence[str]] = ("python3", "python3-venv")


python_runtime = recipe_function(PythonRuntime)
