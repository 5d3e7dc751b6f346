"""Toolchains that are packages of Debian: what apt finds and does, as states of a toolchain."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cookbook.provider import Change, Command, Provider, Thing, hint
from cookbook.providers.apt import AptProvider
from cookbook.providers.apt_get import LISTS
from cookbook.providers.apt_get import State as PackageState
from cookbook.providers.trees import TreeState
from cookbook.resources._toolchains import Toolchain
from cookbook.resources.package import Package

T = TypeVar("T", bound=Toolchain)

APT = AptProvider()


@dataclass(frozen=True)
class ToolchainState(TreeState):
    """A toolchain: packages of Debian, or the tree of an archive and the links to it."""

    version: str | None = None
    """The version of the package; None of an archive."""
    broken: tuple[str, ...] | None = None
    """Packages that are there by halves, and how."""
    default: str | None = None
    """The links to it in /usr/local/bin: yes, no, or partly."""
    language: str = hint(default="")
    foreign: tuple[str, ...] = hint(default=())
    full: bool = hint(default=False)
    sources: tuple[str, ...] = hint(default=())
    """The addresses of the archive."""
    build: tuple[str, ...] | None = hint()
    """The options of ./configure, if it is built."""
    above: str = hint(default="")
    """The folder above, if it is cook's as well."""
    replaced: tuple[str, ...] = hint(default=())
    """The links that were replaced: NAME TARGET."""
    relink: tuple[str, ...] = hint(default=())
    """The links that an undo sets."""
    stays: bool = hint(default=False)
    """True if its folder was there before, and empty."""
    timeout: float = hint(default=1800.0)
    package: PackageState | None = hint()
    """The state of the packages of Debian."""


def as_package(toolchain: Toolchain) -> Package:
    """Return the packages of Debian that a toolchain consists of."""
    return Package(
        toolchain.name,
        package_name=toolchain.names,
        install_recommends=toolchain.install_recommends,
        timeout=toolchain.timeout,
        action=toolchain.action,
    )


def of_packages(state: PackageState | None) -> ToolchainState | None:
    """Return the state of packages as one of a toolchain."""
    if state is None:
        return None
    return ToolchainState(
        differing=None, extra=None, version=state.version, broken=state.broken, package=state
    )


def packages_of(state: ToolchainState | None) -> PackageState | None:
    """Return the state of the packages."""
    return state.package if state is not None else None


def is_of_packages(change: Change[ToolchainState]) -> bool:
    """Return whether a change is one of packages."""
    return packages_of(change.found) is not None or packages_of(change.wanted) is not None


def inner(change: Change[ToolchainState]) -> Change[PackageState]:
    """Return the change of the packages."""
    return Change(packages_of(change.found), packages_of(change.wanted), change.act)


def outer(change: Change[PackageState]) -> Change[ToolchainState]:
    """Return the change of a toolchain for one of its packages, with the same remarks."""
    found, wanted = of_packages(change.found), of_packages(change.wanted)
    return Change(found, wanted, change.act, change.note, change.warning)


def all_inner(
    changes: Sequence[tuple[str, Change[ToolchainState]]],
) -> list[tuple[str, Change[PackageState]]]:
    """Return the changes of packages among these."""
    return [(name, inner(change)) for name, change in changes if is_of_packages(change)]


class PackageEffects(Provider[T, ToolchainState]):
    """The effects of packages besides, and the objections to their removal, as apt tells them."""

    rehearsed = LISTS

    def rehearsal(self, changes: Sequence[tuple[str, Change[ToolchainState]]]) -> Command | None:
        """Ask apt what it would do besides."""
        told = all_inner(changes)
        return APT.rehearsal(told) if told else None

    def side_effects(
        self, changes: Sequence[tuple[str, Change[ToolchainState]]], said: str
    ) -> str | None:
        """Return what apt would do besides."""
        return APT.side_effects(all_inner(changes), said)

    def unforeseen(self, change: Change[ToolchainState]) -> str | None:
        """Return what is not known of packages before."""
        return APT.unforeseen(inner(change)) if is_of_packages(change) else None

    def preflight(self, changes: Sequence[tuple[str, Change[ToolchainState]]]) -> Command | None:
        """Ask apt which other packages would be removed."""
        return APT.preflight(all_inner(changes))

    def objection(self, name: str, said: str, going: Collection[Thing]) -> str | None:
        """Return the reason that other packages would be removed."""
        return APT.objection(name, said, going)
