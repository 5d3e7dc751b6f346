"""The interpreter of Python."""

from __future__ import annotations

from cookbook.provider import provides
from cookbook.providers.toolchains import ToolchainProvider
from cookbook.resources.python_runtime import PythonRuntime


@provides(PythonRuntime)
class PythonRuntimeProvider(ToolchainProvider[PythonRuntime]):
    """Packages of Debian, or an archive of python.org or python-build-standalone."""
