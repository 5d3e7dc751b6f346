"""The mechanism of types whose packages are in the database of rpm(8), for any tool above it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import ClassVar, Generic, TypeVar

from cookbook.provider import (
    Change,
    Command,
    Probe,
    Table,
    Thing,
    sh,
)
from cookbook.providers import rpm_goals, rpm_state
from cookbook.providers.named_packages import NamedPackagesProvider
from cookbook.providers.named_versions import ANY, text_of, versions
from cookbook.providers.rpm import INSTALLED, ask_others, parse_installed
from cookbook.providers.rpm_state import Goals, Manner, RepositoryOffer, State, is_exact
from cookbook.resources._rpm import RpmPackage

P = TypeVar("P", bound=RpmPackage)


class RpmProvider(NamedPackagesProvider[P, State], Generic[P]):
    """A provider of packages; the type of the tool adds its questions and its transaction."""

    lists: ClassVar[Thing]
    """The metadata of its repositories, which an upgrade is planned from."""

    @abstractmethod
    def offers(self, package: P, /) -> Table:
        """Return the table of offers, by `name`, `name=version` or `name=*`; see `parse_offer`."""

    @abstractmethod
    def age(self, package: P, /) -> Command:
        """Return the command that prints fresh, old or none, for the metadata."""

    @abstractmethod
    def transaction(self, goals: Goals, manner: Manner, /, *, downgrade: bool) -> Command:
        """Return the command that does it all, or fails; old metadata is refreshed before."""

    @property
    def state(self) -> type[State]:
        """The state of packages."""
        return State

    def probe(self, package: P) -> Sequence[Probe]:
        """Ask for the tool, the installed versions, and the offers if they are needed."""
        tool = Probe(sh("command -v {} || exit 4", self.tool), absent=4)
        installed = [INSTALLED.about(name) for name in package.names]
        if not _installs(package):
            return [tool, *installed]
        table = self.offers(package)
        any_ = "=*" if "upgrade" in package.doing else ""
        wanted = package.versions.items()
        keys = [f"{name}={version}" if version else f"{name}{any_}" for name, version in wanted]
        age = Probe(self.age(package), loose=True)
        # Versions are named to the tool, so what it offers meanwhile cannot change what is done.
        return [tool, *installed, *(table.about(key, loose=True) for key in keys), age]

    def parse(self, package: P, _tool: str, *answers: str | None) -> State:
        """Read a line of rpm for each package, one of the tool for some, and the age."""
        names = package.names
        said = dict(zip(names, answers, strict=False))
        found = {name: parse_installed(line) for name, line in said.items() if line is not None}
        rest = answers[len(names) :]
        return _with_hints(
            State(
                text_of(names, {name: v for name, (v, _) in found.items() if v is not None}),
                providers=tuple(" ".join((name, *by)) for name, (_, by) in found.items() if by),
                offers=tuple(parse_offer(line) for line in rest[:-1] if line is not None),
                metadata=(rest[-1] or "").strip() if rest else "fresh",
            ),
            package,
        )

    def plan(self, package: P, found: State | None) -> Change[State]:
        """Plan the packages to install or remove."""
        now = found if found is not None else _with_hints(State(metadata="none"), package)
        before = versions(package.identity, now)
        then = replace(_with_hints(now, package), offers=(), providers=())
        there = then if before else None
        if "remove" in package.doing:
            rpm_goals.refuse_removal(now, before)
            kept = {n: rpm_goals.others(package.versions[n], have) for n, have in before.items()}
            after = {name: version for name, version in kept.items() if version}
            text = text_of(package.names, after)
            return Change(there, replace(then, version=text) if after else None)
        after = {**before, **(rpm_goals.goals(package, now, before) if _installs(package) else {})}
        if not after:
            return Change(None, None)
        old = after != before and now.metadata != "fresh"
        note = "the metadata of the repositories is old: it is refreshed first" if old else None
        return Change(there, replace(then, version=text_of(package.names, after)), None, note)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Install or remove, in one transaction."""
        return self._commands([(name, change)])

    def together(self, changes: Sequence[tuple[str, Change[State]]]) -> Iterable[Command] | None:
        """One transaction of all that is to be installed, or removed, in the same manner."""
        kinds = {
            (bool(rpm_state.goals_of([one]).remove), rpm_state.manner_of(one[1])) for one in changes
        }
        return self._commands(changes) if len(kinds) == 1 else None

    def _commands(self, changes: Sequence[tuple[str, Change[State]]]) -> Iterable[Command]:
        goals, manner = rpm_state.goals_of(changes), rpm_state.manner_of(changes[0][1])
        if not (goals.install or goals.upgrade or goals.remove):
            return
        work = self.transaction(goals, manner, downgrade=rpm_state.goes_back(changes))
        whole = rpm_state.framed(rpm_state.named_in(changes), goals, manner, work)
        yield replace(whole, shown=work.shown, called=work.called)

    def missing(self, package: P, tool: str | None, *_: str | None) -> Iterable[Thing]:
        """Yield the program."""
        if tool is None and _installs(package):
            yield Thing("tool", self.tool)

    def learned(self, change: Change[State], _kept: str, said: str) -> Change[State]:
        """Add the packages that the transaction installed or removed besides."""
        return rpm_state.learned(change, said)

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Describe what else was upgraded with it."""
        return rpm_state.lost(name, change)

    def ask_back(self, package: P, change: Change[State]) -> P:
        """Which versions can still be had of what is to come back."""
        before = versions(package.identity, change.found)
        if not before:
            return package
        exact = [
            v.split(" ")[-1] if is_exact(v := before.get(n, ANY)) else None for n in package.names
        ]
        return replace(package, action="install", version=exact, allow_downgrade=True)

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former versions; or to none, without the packages that came with them."""
        return rpm_state.back(name, change, now)

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: no repository has the version any more."""
        return next(rpm_state.missed(name, change, now), None) if now is not None else None

    def preflight(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask which other packages need those that go."""
        going = {
            name: gone
            for name, change in changes
            if (gone := [one for one, _ in rpm_state.goals_of([(name, change)]).remove])
        }
        return ask_others(going) if going else None

    def objection(self, name: str, said: str, _going: Collection[Thing]) -> str | None:
        """Return the reason that other packages need it."""
        lines = dict(line.split("\t") for line in said.splitlines())
        return f"these would go, too: {lines[name]}" if name in lines else None

    def about(self, package: P) -> Iterable[Thing]:
        """Yield the packages; what an upgrade finds depends on the metadata as well."""
        return [*super().about(package), *([self.lists] if "upgrade" in package.doing else [])]

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the packages."""
        return [Thing("rpm", one) for one in versions(name, change.wanted)]


def parse_offer(text: str) -> RepositoryOffer:
    r"""
    Read a line of offers: the key, versions with the priority of their repository, and providers.

    >>> parse_offer("nginx=*\t99/1.22-1 10/1.20-1\t").candidate
    '1.20-1'
    """
    key, some, providers = text.rstrip("\n").split("\t")
    pairs = (one.partition("/") for one in some.split())
    return RepositoryOffer(
        key.partition("=")[0],
        tuple((int(priority), version) for priority, _, version in pairs),
        tuple(dict.fromkeys(providers.split())),
    )


def _installs(package: RpmPackage) -> bool:
    return "install" in package.doing or "upgrade" in package.doing


def _with_hints(state: State, package: RpmPackage) -> State:
    """Return the state with the hints for a transaction."""
    return replace(
        state,
        options=package.words,
        global_options=package.global_words,
        recommends=package.install_recommends,
        cache_max_age=package.cache_max_age,
        lock_timeout=package.lock_timeout,
        timeout=package.timeout,
    )
