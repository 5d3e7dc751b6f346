"""Targets of make(1)."""

from __future__ import annotations

from cookbook.provider import Change, Command, provides, sh
from cookbook.providers.built_commands import BuiltState
from cookbook.providers.built_from import BuiltProvider
from cookbook.resources.make import Make


@provides(Make)
class MakeProvider(BuiltProvider[Make]):
    """Made in the source folder, and where else the makefile says."""

    owns = False
    packages = ("make", "gcc", "build-essential", "clang", "tcc")

    def version(self, built: Make) -> Command:
        """Return the command that prints the versions of make and of the compiler."""
        return sh("{ make --version | head -n 1; {} --version | head -n 1; }", built.compiler)

    def brings_anything(self, name: str) -> bool:
        """Return True: a target may install things that it does not name."""
        return True

    def takes_anything(self, name: str) -> bool:
        """Return False."""
        return False

    def lost(self, name: str, change: Change[BuiltState]) -> str | None:
        """Return what make(1) may have done besides."""
        if change.wanted is None:
            return None
        return "what make did outside of the source folder, except for the files in creates"
