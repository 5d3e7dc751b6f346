"""All packages of Python that an application requires."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from cookbook.provider import Change, Command, Probe, Provider, Thing, provides
from cookbook.providers import pip
from cookbook.providers.pip import PipState
from cookbook.providers.stat import TARGET
from cookbook.resources.pip_requirements import PipRequirements


@provides(PipRequirements)
class PipRequirementsProvider(Provider[PipRequirements, PipState]):
    """Requirements are met by what is installed, or pip installs what is missing."""

    owns = False

    def probe(self, needs: PipRequirements) -> Sequence[Probe]:
        """Ask whether what is installed meets the requirements, and for their file."""
        asked = pip.ask_installed(needs, needs.source, needs.requirements or ())
        file = [TARGET.about(needs.source, loose=True)] if needs.source is not None else []
        return [*asked, *file]

    def parse(
        self, needs: PipRequirements, text: str, everything: str | None, *_rest: str | None
    ) -> PipState:
        """Return the requirements that are not met."""
        return pip.parse_installed(needs, text, everything)[0]

    def plan(self, needs: PipRequirements, found: PipState | None) -> Change[PipState]:
        """Have all of them met."""
        if "install" not in needs.doing:
            return Change(found, found)
        flags = ["--require-hashes"] if needs.require_hashes else []
        source = needs.source
        wanted = pip.told(
            needs,
            PipState(
                unmet=(),
                wanted=("-r", source) if source is not None else (),
                lines=tuple(needs.requirements or ()),
                everything=found.everything if found is not None else (),
            ),
        )
        return Change(found, replace(wanted, options=(*flags, *wanted.options)))

    def commands(self, name: str, change: Change[PipState]) -> Iterator[Command]:
        """Install what is missing; an undo removes it, and brings back former versions."""
        wanted = change.wanted
        if wanted is None:
            return
        if not (wanted.wanted or wanted.lines):
            yield from pip.revert(wanted.going, wanted)
            return
        yield pip.install([wanted])
        yield pip.list_all(wanted.venv)

    def missing(
        self, needs: PipRequirements, text: str | None, _all: str | None, *file: str | None
    ) -> Iterator[Thing]:
        """Yield the environment, and the file."""
        if text is not None or "install" not in needs.doing:
            return
        if file == (None,) and needs.source is not None:
            yield Thing("path", needs.source)
        if not file or file[0] is not None or _all is None:
            yield Thing("venv", needs.venv)

    def brings_anything(self, name: str) -> bool:
        """Return True: a package may have commands."""
        return True

    def takes_anything(self, name: str) -> bool:
        """Return False: all is in its environment only."""
        return False

    def about(self, needs: PipRequirements) -> Iterable[Thing]:
        """Yield the environment, what is in it, and the file."""
        yield Thing("venv", needs.venv)
        yield Thing("packages", needs.venv)
        yield Thing("pip_requirements", needs.venv)
        if needs.source is not None:
            yield Thing("path", needs.source)

    def alters(self, needs: PipRequirements, change: Change[PipState] | None) -> Iterable[Thing]:
        """Yield the content of the environment."""
        return [Thing("packages", needs.venv), Thing("pip_requirements", needs.venv)]

    def removes(self, needs: PipRequirements, change: Change[PipState] | None) -> Iterable[Thing]:
        """Return nothing."""
        return []

    def learned(self, change: Change[PipState], kept: str, said: str) -> Change[PipState]:
        """Add what is installed afterwards."""
        return pip.learn(change, said)

    def back(self, name: str, change: Change[PipState], now: PipState | None) -> Change[PipState]:
        """Return to the packages and versions that there were."""
        done = change.wanted
        if now is None or done is None:
            return Change(now, now)
        before = change.found.unmet if change.found is not None else None
        new, former = pip.changed_since(done.everything, done.after)
        wanted = replace(
            pip.like(now, done),
            unmet=before,
            wanted=(),
            lines=(),
            going=tuple(new),
            restore=tuple(former),
            everything=now.everything,
            after=(),
        )
        return Change(now, wanted)

    def rehearsal(self, changes: Sequence[tuple[str, Change[PipState]]]) -> Command | None:
        """Ask pip what it would install."""
        states = [change.wanted for _, change in changes]
        able = [state for state in states if state is not None and (state.wanted or state.lines)]
        return pip.rehearse(able) if able else None

    def side_effects(
        self, changes: Sequence[tuple[str, Change[PipState]]], said: str
    ) -> str | None:
        """Return what pip would install."""
        return pip.also([change.wanted for _, change in changes if change.wanted is not None], said)

    def limit(self, change: Change[PipState]) -> float:
        """As the recipe says."""
        return change.wanted.timeout if change.wanted is not None else self.timeout
