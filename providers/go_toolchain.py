"""The toolchain of Go."""

from __future__ import annotations

from cookbook.provider import provides
from cookbook.providers.toolchains import ToolchainProvider
from cookbook.resources.go_toolchain import GoToolchain


@provides(GoToolchain)
class GoToolchainProvider(ToolchainProvider[GoToolchain]):
    """Packages of Debian, or an archive of go.dev."""
