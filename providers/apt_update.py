"""The package lists, by `apt-get update`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cookbook.provider import Change, Command, Probe, Provider, Thing, hint, provides
from cookbook.providers.apt_get import LISTS, fresh, update_all
from cookbook.resources.apt_update import AptUpdate


@dataclass(frozen=True)
class State:
    """The age of the lists."""

    fresh: bool = hint(default=False)
    lock_timeout: int = hint(default=120)


@provides(AptUpdate, when=lambda facts: facts.package_tool == "apt")
class AptUpdateProvider(Provider[AptUpdate, State]):
    """The age is that of apt's own folder, so no hook has to note it."""

    owns = False
    traceless = frozenset({"update"})

    def probe(self, update: AptUpdate) -> Probe:
        """Ask for the age."""
        return Probe(fresh(update.frequency))

    def parse(self, update: AptUpdate, text: str) -> State:
        """Return the age."""
        return State(text == "fresh\n", update.lock_timeout)

    def plan(self, update: AptUpdate, found: State | None) -> Change[State]:
        """Fetch them if they are old, or in any case."""
        wanted = State(True, update.lock_timeout)
        if update.action == "periodic" and found is not None and found.fresh:
            return Change(found, wanted)
        return Change(found or State(), wanted, act="update")

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Fetch them."""
        if change.wanted is not None and change.act is not None:
            yield update_all(change.wanted.lock_timeout)

    def about(self, update: AptUpdate) -> Iterable[Thing]:
        """Yield nothing: a repository keeps the age of the lists."""
        return []

    def alters(self, update: AptUpdate, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the lists."""
        return [LISTS]

    def removes(self, update: AptUpdate, change: Change[State] | None) -> Iterable[Thing]:
        """Yield nothing."""
        return []

    def brings_anything(self, name: str) -> bool:
        """Return True: a package may be known afterwards."""
        return True

    def there(self, state: State | None) -> bool:
        """Return False: nothing is to be undone."""
        return False

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return no change."""
        return Change(now, now)
