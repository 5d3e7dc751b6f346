"""Applications as services of systemd."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cookbook.provider import Probe, Thing, provides
from cookbook.providers.application_needs import ask_needs, missing_needs
from cookbook.providers.unit_sets import UnitSetProvider, Wanted
from cookbook.resources.app_service import AppService


@provides(AppService, when=lambda facts: facts.init == "systemd")
class AppServiceProvider(UnitSetProvider[AppService]):
    """A service, and its socket if it has one."""

    def mark(self, identity: str) -> str:
        """Return the first line of its units."""
        return f"# Made by cook: app_service[{identity}]"

    def wanted(self, app: AppService) -> Wanted:
        """Return the units."""
        if "create" not in app.doing:
            return Wanted((), app.inputs, app.timeout, others=[f"{app.identity}.service"])
        settle = 0.0 if app.type == "notify" else app.settle
        return Wanted(app.units(self.mark(app.identity)), app.inputs, app.timeout, settle)

    def probe(self, app: AppService) -> Sequence[Probe]:
        """Ask for the units, and for the user and the files that they need."""
        return [*super().probe(app), *ask_needs(app)]

    def missing(self, app: AppService, *answers: str | None) -> Iterator[Thing]:
        """Yield the user, the group and the files with variables that are absent."""
        return missing_needs(app, answers[1:]) if "create" in app.doing else iter(())
