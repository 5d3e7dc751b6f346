"""Packages, by zypper(8) and rpm(8)."""

from __future__ import annotations

from collections.abc import Sequence

from cookbook.provider import Change, Command, Table, Thing, provides
from cookbook.providers import zypper
from cookbook.providers.rpm_packages import RpmProvider
from cookbook.providers.rpm_state import Goals, Manner, State, goes_back
from cookbook.resources.zypper_package import ZypperPackage

LISTS = Thing("packages", "the metadata of zypper")


@provides(ZypperPackage)
class ZypperPackageProvider(RpmProvider[ZypperPackage]):
    """Chef's zypper_package; all that is adjacent in one transaction, which asks nothing."""

    tool = "zypper"
    lists = LISTS
    rehearsed = LISTS

    def offers(self, package: ZypperPackage) -> Table:
        """Return what the metadata has."""
        return zypper.OFFERS

    def age(self, package: ZypperPackage) -> Command:
        """Ask how old the metadata is."""
        return zypper.age(package.cache_max_age)

    def transaction(self, goals: Goals, manner: Manner, *, downgrade: bool) -> Command:
        """Install and remove; without --oldpackage zypper does not go back."""
        return zypper.transaction(goals, manner, downgrade=downgrade)

    def rehearsal(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask zypper what it would do besides, by its metadata as it is."""
        return zypper.rehearse(changes, downgrade=goes_back(changes))

    def side_effects(self, changes: Sequence[tuple[str, Change[State]]], said: str) -> str | None:
        """Return what zypper would do besides."""
        return zypper.side_effects(changes, said)
