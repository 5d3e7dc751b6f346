"""Diversions, by dpkg-divert(1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cookbook.errors import HostError
from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Probe,
    Provider,
    Risk,
    Thing,
    file_is_on_it,
    hint,
    provides,
    sh,
)
from cookbook.providers.stat import TARGET
from cookbook.resources.dpkg_divert import DpkgDivert


@dataclass(frozen=True)
class State:
    """A local diversion."""

    to: str
    rename: bool = hint(default=True)


@provides(DpkgDivert, when=lambda facts: facts.package_tool == "apt")
class DpkgDivertProvider(Provider[DpkgDivert, State]):
    """Local diversions; those of packages are theirs."""

    def probe(self, diversion: DpkgDivert) -> Sequence[Probe]:
        """Ask for the owner of the diversion and its target, and for the folder of the target."""
        path = diversion.identity
        ask = sh("dpkg-divert --listpackage {} && dpkg-divert --truename {}", path, path)
        folder = diversion.target.rpartition("/")[0] or "/"
        return [Probe(ask), TARGET.about(folder, loose=True)]

    def parse(self, diversion: DpkgDivert, text: str, _folder: str | None) -> State | None:
        """Return the diversion; one of a package is not replaced."""
        *owner, target = text.splitlines()
        if not owner:
            return None
        if owner != ["LOCAL"]:
            raise HostError(
                f"{diversion.identity} is diverted by the package {owner[0]} to {target}",
                hint="its diversion goes with the package",
            )
        return State(target, diversion.rename)

    def plan(self, diversion: DpkgDivert, found: State | None) -> Change[State]:
        """Compare the target."""
        wanted = State(diversion.target, diversion.rename)
        return Change(found, None if diversion.action == "remove" else wanted)

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Remove the former diversion, and add the new one."""
        for verb, state in (("remove", change.found), ("add", change.wanted)):
            if state is not None:
                yield sh(
                    "dpkg-divert --quiet --local {} --divert {} --{} {}",
                    sh("--rename") if state.rename else sh("--no-rename"),
                    state.to,
                    sh("remove") if verb == "remove" else sh("add"),
                    name,
                )

    def missing(self, diversion: DpkgDivert, *answers: str | None) -> Iterable[Thing]:
        """Yield the folder of the target."""
        if answers[-1] is None and diversion.action == "add":
            yield Thing("path", diversion.target.rpartition("/")[0])

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield nothing: where the file is depends on what was there."""
        return []

    def about(self, diversion: DpkgDivert) -> Iterable[Thing]:
        """Yield the diversion."""
        return [Thing("diversion", diversion.identity)]

    def alters(self, diversion: DpkgDivert, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the diversion, and both files."""
        paths = [diversion.identity, diversion.target]
        if change is not None and change.found is not None:
            paths.append(change.found.to)
        return [*self.about(diversion), *(Thing("path", path) for path in paths)]

    def removes(self, diversion: DpkgDivert, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the diversion; the files are renamed."""
        gone = change is None or change.wanted is None
        return self.about(diversion) if gone else []

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former diversion, with the files renamed as they were."""
        if now is not None and change.wanted is not None:
            now = replace(now, rename=change.wanted.rename)
        return Change(now, change.found)

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk: the file is away until another one takes its place."""
        return "may" if file_is_on_it(name) else "no"
