"""The mechanism of types of packages, whatever tool installs them; see `named_versions`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Generic, TypeVar

from cookbook.language.access_path import packages_on_it
from cookbook.provider import AccessPath, Change, Provider, Risk, Thing
from cookbook.providers.named_versions import names_of, versions
from cookbook.resources._named_packages import NamedPackages

P = TypeVar("P", bound=NamedPackages)
S = TypeVar("S", bound=Any)
"""A state as `named_versions` has it, with `timeout`, `lock_timeout` and `alone`."""


class NamedPackagesProvider(Provider[P, S], Generic[P, S]):
    """A provider of packages; all that is adjacent goes into one transaction."""

    whole = True
    tool: ClassVar[str]
    """The program that installs them."""

    def unforeseen(self, change: Change[S]) -> str | None:
        """Say that lists which are to come decide what the tool does besides."""
        if change.wanted is None or change.wanted.version is None:
            return None
        return f"what {self.tool} installs, upgrades or removes with it is not known before"

    def lockout_risk(self, name: str, change: Change[S], way: AccessPath) -> Risk:
        """sshd(8) and sudo(8) that would be gone."""
        gone = versions(name, change.found).keys() - versions(name, change.wanted).keys()
        return "will" if packages_on_it(frozenset(gone)) else "no"

    def there(self, state: S | None) -> bool:
        """Return whether a package is installed: leftovers of one are not the package."""
        return state is not None and state.version is not None

    def entries(self, package: P) -> Mapping[str, P]:
        """Return each package as a resource."""
        if len(package.names) == 1:
            return {package.identity: package}
        return {
            name: replace(package, name=name, package_name=None, version=version)
            for name, version in package.versions.items()
        }

    def holds(self, state: S, entry: P) -> bool:
        """Return whether the package is among those that are there."""
        return entry.identity in names_of(entry.identity, state)

    def removal(self, state: S) -> Change[S]:
        """Remove a package without the packages that need it."""
        return Change(replace(state, alone=True), None)

    def alters(self, package: P, change: Change[S] | None) -> Iterable[Thing]:
        """Yield the packages, not the lists that an upgrade is planned from."""
        return super().about(package)

    def brings_anything(self, name: str) -> bool:
        """Files, units, users: whatever is in them."""
        return True

    def limit(self, change: Change[S]) -> float:
        """As the recipe says, and the time to wait for a lock."""
        state = change.wanted if change.wanted is not None else change.found
        return self.timeout if state is None else state.timeout + state.lock_timeout
