"""Packages of Ruby."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from cookbook.provider import Change, Command, Probe, Provider, Thing, provides
from cookbook.providers import gems
from cookbook.providers.gems import GemState
from cookbook.providers.stat import TARGET
from cookbook.resources.gem_package import GemPackage


@provides(GemPackage)
class GemPackageProvider(Provider[GemPackage, GemState]):
    """One gem, with all that it depends on."""

    def probe(self, gem: GemPackage) -> Sequence[Probe]:
        """Ask what is installed; for an upgrade, ask the sources for the newest version, too."""
        file = [TARGET.about(gem.file, loose=True)] if gem.file is not None else []
        newest = [gems.ask_newest(gem)] if gem.action == "upgrade" else []
        return [gems.ask_gem(gem), *file, *newest]

    def parse(self, gem: GemPackage, text: str, *rest: str | None) -> GemState:
        """Return the installed versions."""
        state, fits = gems.parse_gem(gem, text)
        state = gems.told(gem, state)
        if gem.action in ("remove", "purge"):
            named = {one for some in fits for one in some}
            if not gem.versions:
                named = set(state.versions or ())
            return replace(state, unmet=(), going=_named(gem.gem, named - set(state.fixed)))
        if gem.action == "upgrade":
            return replace(state, candidate=gems.parse_newest(gem, rest[-1]))
        return state

    def plan(self, gem: GemPackage, found: GemState | None) -> Change[GemState]:
        """Compare the versions, and what they depend on."""
        there = found if self.there(found) else None
        if gem.action in ("remove", "purge"):
            return _without(gem, there)
        if gem.action == "nothing":
            return Change(there, there)
        if there is not None and there.unmet == () and _newest(there):
            return Change(there, gems.told(gem, there))
        candidate = found.candidate if found is not None else None
        versions = _versions(gem, found, candidate)
        missing = _missing(gem, found) if candidate is None else (candidate,)
        state = GemState(
            versions,
            (),
            wanted=missing,
            candidate=candidate,
            everything=found.everything if found is not None else (),
            folder=found is not None and found.folder,
        )
        return Change(there, gems.told(gem, state))

    def commands(self, name: str, change: Change[GemState]) -> Iterator[Command]:
        """Install or remove versions; an undo also removes, or brings back, what came besides."""
        found, wanted = change.found, change.wanted
        gem = name.rpartition(":")[2]
        state = wanted or found
        if state is None:
            return
        if wanted is not None and wanted.wanted:
            for version in wanted.wanted:
                yield gems.install(gem, wanted, version)
            yield gems.list_all(wanted)
        else:
            removed = wanted is None and not state.going
            yield from gems.revert(_with_all(gem, state) if removed else state)

    def missing(self, gem: GemPackage, text: str | None, *rest: Any) -> Iterator[Thing]:
        """Yield the program, the user and the file."""
        if gem.action not in ("install", "upgrade"):
            return
        if text is None:
            program = gem.gem_binary
            yield Thing("path" if "/" in program else "tool", program)
        if gem.file is not None and (not rest or rest[0] is None):
            yield Thing("path", gem.file)

    def brings_anything(self, name: str) -> bool:
        """Return True: a gem may have programs."""
        return True

    def about(self, gem: GemPackage) -> Iterable[Thing]:
        """Yield the gem."""
        return [Thing("gem_package", gem.identity)]

    def alters(self, gem: GemPackage, change: Change[GemState] | None) -> Iterable[Thing]:
        """Yield the gem, and all gems of that Ruby or folder."""
        return [Thing("gem_package", gem.identity), Thing("gems", gem.install_dir or "")]

    def there(self, state: GemState | None) -> bool:
        """Return whether a version is installed."""
        return state is not None and state.versions != ()

    def learned(self, change: Change[GemState], kept: str, said: str) -> Change[GemState]:
        """Add what is installed afterwards."""
        return gems.learn(change, said)

    def back(self, name: str, change: Change[GemState], now: GemState | None) -> Change[GemState]:
        """Return to the former versions, and to those of its dependencies."""
        gem = name.rpartition(":")[2]
        before, done = change.found, change.wanted
        there = now if self.there(now) else None
        if done is None:
            if before is None:
                return Change(there, there)
            everything = now.everything if now is not None else ()
            before = before if before.going else _with_all(gem, before)
            wanted = replace(before, restore=before.going, going=(), everything=everything)
            return Change(there, wanted)
        was, after = set(done.everything), set(done.after or done.everything)
        state = replace(
            gems.like(before or done, done),
            wanted=(),
            going=tuple(sorted(after - was)),
            restore=tuple(sorted(was - after)),
            everything=now.everything if now is not None else (),
            after=(),
        )
        if before is None:
            return Change(state if there is None else replace(state, versions=there.versions), None)
        return Change(there, state)

    def rehearsal(self, changes: Sequence[tuple[str, Change[GemState]]]) -> Command | None:
        """Ask gem(1) what it would install."""
        (name, change), *_ = changes
        wanted = change.wanted
        if wanted is None or not wanted.wanted:
            return None
        return gems.rehearse(name.rpartition(":")[2], wanted, wanted.wanted[0])

    def side_effects(
        self, changes: Sequence[tuple[str, Change[GemState]]], said: str
    ) -> str | None:
        """Return what gem(1) would install besides."""
        return gems.also(changes[0][0].rpartition(":")[2], said)

    def limit(self, change: Change[GemState]) -> float:
        """As the recipe says."""
        return change.wanted.timeout if change.wanted is not None else self.timeout


def _named(gem: str, versions: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{gem} {version}" for version in sorted(versions))


def _with_all(gem: str, state: GemState) -> GemState:
    """Return the state with all versions to be removed, except those of Ruby itself."""
    return replace(state, going=_named(gem, set(state.versions or ()) - set(state.fixed)))


def _newest(state: GemState) -> bool:
    return state.candidate is None or state.candidate in (state.versions or ())


def _missing(gem: GemPackage, found: GemState | None) -> tuple[str, ...]:
    """Return the versions and conditions that nothing meets; all if a dependency is missing."""
    asked = tuple(gem.versions) or ("",)
    unmet = found.unmet or () if found is not None else ()
    named = tuple(one for one in asked if any(u.startswith(f"{gem.gem} {one}: ") for u in unmet))
    return named or asked


def _versions(
    gem: GemPackage, found: GemState | None, candidate: str | None
) -> tuple[str, ...] | None:
    """Return the versions that there will be; None if that is not known."""
    there = found.versions or () if found is not None else ()
    if candidate is not None:
        return tuple(sorted({*there, candidate}))
    exact = [one for one in gem.versions if one[:1].isdigit()]
    if gem.versions and len(exact) == len(gem.versions):
        return tuple(sorted({*there, *exact}))
    return None


def _without(gem: GemPackage, found: GemState | None) -> Change[GemState]:
    """Return the removal of the versions that are named; those of Ruby itself stay."""
    if found is None:
        return Change(None, None)
    kept = tuple(one for one in found.versions or () if f"{gem.gem} {one}" not in found.going)
    stays = sorted(set(found.fixed) & set(kept)) if not gem.versions else []
    warning = (
        f"{gem.gem} {', '.join(stays)} stays: it is part of Ruby, or of a package of the system"
        if stays
        else None
    )
    if kept:
        return Change(found, replace(found, versions=kept), warning=warning)
    return Change(found, None)
