"""The runtime of Node.js."""

from __future__ import annotations

from cookbook.provider import provides
from cookbook.providers.toolchains import ToolchainProvider
from cookbook.resources.node_runtime import NodeRuntime


@provides(NodeRuntime)
class NodeRuntimeProvider(ToolchainProvider[NodeRuntime]):
    """Packages of Debian, or an archive of nodejs.org."""
