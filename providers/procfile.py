"""Applications of several processes, as units of systemd."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cookbook.provider import Probe, Thing, provides
from cookbook.providers.application_needs import ask_needs, missing_needs
from cookbook.providers.unit_sets import UnitSetProvider, Wanted
from cookbook.resources.procfile import Procfile


@provides(Procfile, when=lambda facts: facts.init == "systemd")
class ProcfileProvider(UnitSetProvider[Procfile]):
    """A target, and a service for each process."""

    def mark(self, identity: str) -> str:
        """Return the first line of its units."""
        return f"# Made by cook: procfile[{identity}]"

    def wanted(self, app: Procfile) -> Wanted:
        """Return the units."""
        if "create" not in app.doing:
            return Wanted((), app.inputs, app.timeout)
        return Wanted(app.units(self.mark(app.identity)), app.inputs, app.timeout, app.settle)

    def probe(self, app: Procfile) -> Sequence[Probe]:
        """Ask for the units, and for the user and the files that they need."""
        return [*super().probe(app), *ask_needs(app)]

    def missing(self, app: Procfile, *answers: str | None) -> Iterator[Thing]:
        """Yield the user, the group and the files with variables that are absent."""
        return missing_needs(app, answers[1:]) if "create" in app.doing else iter(())
