"""Packages, by dnf(8) and rpm(8)."""

from __future__ import annotations

from collections.abc import Sequence

from cookbook.provider import Change, Command, Table, Thing, provides
from cookbook.providers import dnf
from cookbook.providers.rpm_packages import RpmProvider
from cookbook.providers.rpm_state import Goals, Manner, State
from cookbook.resources.dnf_package import DnfPackage

LISTS = Thing("packages", "the metadata of dnf")


@provides(DnfPackage)
class DnfPackageProvider(RpmProvider[DnfPackage]):
    """Chef's dnf_package; all that is adjacent in one transaction, which never asks anything."""

    tool = "dnf"
    lists = LISTS
    rehearsed = LISTS

    def offers(self, package: DnfPackage) -> Table:
        """Return what the metadata has."""
        return dnf.offers_of(dnf.repository_words(package.words))

    def age(self, package: DnfPackage) -> Command:
        """Ask how old the metadata is."""
        return dnf.age(package.cache_max_age, dnf.repository_words(package.words))

    def transaction(self, goals: Goals, manner: Manner, *, downgrade: bool) -> Command:
        """Install and remove; `dnf install` goes back by itself to a version that is named."""
        return dnf.transaction(goals, manner)

    def rehearsal(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask dnf what it would do besides, by its metadata as it is."""
        return dnf.rehearse(changes)

    def side_effects(self, changes: Sequence[tuple[str, Change[State]]], said: str) -> str | None:
        """Return what dnf would do besides."""
        return dnf.side_effects(changes, said)
