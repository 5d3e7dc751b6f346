"""Programs in Go, by go(1)."""

from __future__ import annotations

from cookbook.provider import Command, provides, sh
from cookbook.providers.built_from import BuiltProvider
from cookbook.resources.go_build import GoBuild


@provides(GoBuild)
class GoBuildProvider(BuiltProvider[GoBuild]):
    """Built in a private folder, and moved to its place."""

    apart = True
    packages = ("golang-go", "golang")

    def version(self, built: GoBuild) -> Command:
        """Return the command that prints the version of Go."""
        return sh("{} version", built.tools[0])
