"""Packages of Python in virtual environments."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Provider, Thing, provides, sh
from cookbook.providers import pip
from cookbook.providers.pip import PipState
from cookbook.resources._pip import canonical
from cookbook.resources.pip_package import PipPackage


@provides(PipPackage)
class PipPackageProvider(Provider[PipPackage, PipState]):
    """One package, with all that it depends on."""

    def probe(self, package: PipPackage) -> Sequence[Probe]:
        """Ask what is installed; for an upgrade, ask the index for the newest version, too."""
        asked = pip.ask_installed(package, None, [package.requirement])
        if "upgrade" not in package.doing:
            return asked
        state = pip.told(package, PipState(wanted=(package.requirement,)))
        newest = pip.newest(state)
        look = sh("[ ! -x {}/bin/python ] || {}", package.venv, newest)
        return [*asked, Probe(replace(look, called=newest.called), loose=True)]

    def parse(
        self, package: PipPackage, text: str, everything: str | None, newest: str | None = None
    ) -> PipState:
        """Return the installed version; one that equals the wanted one is called as that is."""
        state, versions = pip.parse_installed(package, text, everything)
        name = canonical(package.package.partition("[")[0])
        version = versions[name] or ""
        fits = not any(one.startswith(f"{name}") and " of " not in one for one in state.unmet or ())
        if version and fits and package.exact is not None:
            version = package.exact
        return replace(state, version=version, candidate=_candidate(name, newest))

    def plan(self, package: PipPackage, found: PipState | None) -> Change[PipState]:
        """Compare the version, and what it depends on."""
        there = found if self.there(found) else None
        if "remove" in package.doing:
            return Change(pip.told(package, there) if there is not None else None, None)
        newest = found.candidate if found is not None and "upgrade" in package.doing else None
        version = newest or package.exact or (there.version if there is not None else None)
        if there is not None and newest is None and package.exact is None and there.unmet:
            version = None  # which one pip will find is not known yet
        name = package.package
        wanted = pip.told(
            package,
            PipState(
                version=version,
                unmet=(),
                wanted=(f"{name}=={newest}" if newest else package.requirement,),
                everything=found.everything if found is not None else (),
                candidate=newest,
            ),
        )
        return Change(there, wanted)

    def commands(self, name: str, change: Change[PipState]) -> Iterator[Command]:
        """Install or remove it; an undo also removes, or brings back, what it depends on."""
        found, wanted = change.found, change.wanted
        package = name.rpartition(":")[2]
        if wanted is None:
            if found is not None:
                yield from pip.revert([package, *found.going], found)
        elif not wanted.wanted:
            yield from pip.revert(wanted.going, wanted)
        else:
            yield pip.install([wanted])
            yield pip.list_all(wanted.venv)

    def missing(self, package: PipPackage, text: str | None, *_rest: Any) -> Iterable[Thing]:
        """Yield the environment."""
        wanted = {"install", "upgrade"} & {*package.doing}
        return [Thing("venv", package.venv)] if text is None and wanted else []

    def brings_anything(self, name: str) -> bool:
        """Return True: a package may have commands."""
        return True

    def takes_anything(self, name: str) -> bool:
        """Return False: it is in its environment only."""
        return False

    def about(self, package: PipPackage) -> Iterable[Thing]:
        """Yield the package, the environment, and the requirements for that."""
        venv = package.venv
        return [
            Thing("pip_package", package.identity),
            Thing("venv", venv),
            Thing("pip_requirements", venv),
        ]

    def alters(self, package: PipPackage, change: Change[PipState] | None) -> Iterable[Thing]:
        """Yield the package, and the content of the environment."""
        return [Thing("pip_package", package.identity), Thing("packages", package.venv)]

    def there(self, state: PipState | None) -> bool:
        """Return whether it is installed."""
        return state is not None and state.version != ""

    def learned(self, change: Change[PipState], kept: str, said: str) -> Change[PipState]:
        """Add what is installed afterwards."""
        return pip.learn(change, said)

    def back(self, name: str, change: Change[PipState], now: PipState | None) -> Change[PipState]:
        """Return to the former version, and to those of its dependencies."""
        own = name.rpartition(":")[2]
        before, done = change.found if self.there(change.found) else None, change.wanted
        if done is None:
            if before is None or now is None:
                return Change(now, before)
            there = pip.named_in(before.everything, (own, *before.going, *before.restore))
            wanted = replace(before, unmet=None, going=(), restore=there)
            return Change(now, replace(wanted, everything=now.everything))
        if now is None:
            return Change(None, None)
        new, former = pip.changed_since(done.everything, done.after)
        target = replace(super().back(name, change, now).wanted or now, everything=now.everything)
        going = tuple(one for one in new if one != own or before is not None)
        reverted = replace(
            pip.like(target, done), wanted=(), going=going, restore=tuple(former), after=()
        )
        return Change(reverted, None) if before is None else Change(now, reverted)

    def rehearsal(self, changes: Sequence[tuple[str, Change[PipState]]]) -> Command | None:
        """Ask pip what it would install."""
        states = [change.wanted for _, change in changes]
        able = [state for state in states if state is not None and state.wanted]
        return pip.rehearse(able) if able else None

    def side_effects(
        self, changes: Sequence[tuple[str, Change[PipState]]], said: str
    ) -> str | None:
        """Return what pip would install besides."""
        return pip.also([change.wanted for _, change in changes if change.wanted is not None], said)

    def limit(self, change: Change[PipState]) -> float:
        """As the recipe says."""
        return change.wanted.timeout if change.wanted is not None else self.timeout


def _candidate(name: str, newest: str | None) -> str | None:
    """Return the version in a report of pip; None if there is no newer one."""
    if not newest:
        return None
    try:
        report = json.loads(newest)
    except ValueError:
        raise HostError(
            "pip cannot tell the newest version",
            hint="`upgrade` needs pip 22.2: pip_package('pip', version='>=22.2', venv=...)",
        ) from None
    found = {m["metadata"]["name"]: m["metadata"]["version"] for m in report["install"]}
    return {canonical(one): version for one, version in found.items()}.get(name)
