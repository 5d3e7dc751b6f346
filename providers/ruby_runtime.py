"""The interpreter of Ruby."""

from __future__ import annotations

from cookbook.provider import provides
from cookbook.providers.toolchains import ToolchainProvider
from cookbook.resources.ruby_runtime import RubyRuntime


@provides(RubyRuntime)
class RubyRuntimeProvider(ToolchainProvider[RubyRuntime]):
    """Packages of Debian, or an archive of ruby-lang.org."""
