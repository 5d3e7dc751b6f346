"""
The contract between the engine and one kind of resource.

A provider makes values and never talks to a host: `probe` is the question,
`parse` understands the answer, `plan` compares it with the resource, and
`commands` is what would make the change. The engine does the rest.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    Literal,
    NamedTuple,
    TypeVar,
    final,
    get_args,
)

from cookbook.acting import as_user
from cookbook.errors import ProbeError, Unsupported
from cookbook.platform import Facts
from cookbook.resource import Resource
from cookbook.shell import Command, Content
from cookbook.way import Cuts, Way

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound=Resource)
S = TypeVar("S", bound="DataclassInstance")

Kind = Literal["none", "create", "update", "remove", "act"]

COMMAND_TIMEOUT = 300.0
"""Seconds a command of a change may take, unless its provider says otherwise."""


class Thing(NamedTuple):
    """Something on a host that one resource brings and another one needs."""

    kind: str
    """user, group, path, unit, tool ..."""

    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Probe:
    """
    One question to a host, which must not change it.

    Equal questions are asked once. Those that come from one `Table` are asked
    by one command, however many resources want an answer.
    """

    command: Command | None
    """The question by itself; None where a table asks it."""

    absent: int | None = None
    """The exit status that says: there is no such thing. Any other but 0 is an error."""

    loose: bool = False
    """Asked to tell the truth in a plan, but not part of the state: a change is not
    held up because the answer has become another one since."""

    table: Table | None = None
    key: str = ""

    user: str | None = None
    """Who asks it, where that is not the one we are there."""

    @property
    def question(self) -> Command:
        """What is sent where it is asked by itself."""
        if self.command is not None:
            return as_user(self.user, self.command)
        assert self.table is not None  # noqa: S101 - one of the two is there
        return as_user(self.user, self.table.ask([self.key]))


@dataclass(frozen=True, slots=True)
class Table:
    """
    A question that one command answers for many keys.

    What `ask` prints for some keys must be what it prints for each alone, in
    the order of the keys, with `between` in between; so a change can be
    guarded by the narrow question, whatever was asked with it at first. It ends
    with status 0 whenever it could look, and says nothing of keys that are not there.
    """

    ask: Callable[[Sequence[str]], Command]
    split: Callable[[str, Sequence[str]], Iterable[tuple[str, str]]]
    """What was printed, and for which keys -> (key, its part) in order; others are absent."""

    between: str = ""

    def about(self, key: str, *, loose: bool = False) -> Probe:
        """The question for one key."""
        return Probe(None, loose=loose, table=self, key=key)


class Texts(NamedTuple):
    """Where the two sides of a diff come from."""

    found: Command | None
    """A question whose answer is the found text; None if there was none."""

    wanted: Content | None
    """The digest of the wanted text; None if there is to be none."""


@dataclass(frozen=True)
class Change(Generic[S]):
    """
    From the state as found to the state as wanted; either may be nothing.

    Two fields of the states are compared with `==`; one that is None in
    `wanted` is left as found, and one declared with `compare=False` only says
    how to make the thing.
    """

    found: S | None
    wanted: S | None

    act: str | None = None
    """What is done besides, that is no state: restart, reload, run. It cannot be undone."""

    note: str | None = None
    """What people should know before it is applied."""

    @property
    def kind(self) -> Kind:
        """What it amounts to."""
        if self.wanted is None and self.found is not None:
            return "remove"
        if self.found is None and self.wanted is not None:
            return "create"
        if self.fields:
            return "update"
        return "act" if self.act else "none"

    @property
    def fields(self) -> dict[str, tuple[Any, Any]]:
        """What differs: property -> (found, wanted)."""
        side = self.wanted if self.wanted is not None else self.found
        names = [f.name for f in fields(side) if f.compare] if side is not None else []
        pairs = {n: (getattr(self.found, n, None), getattr(self.wanted, n, None)) for n in names}
        if self.wanted is None:
            return {n: pair for n, pair in pairs.items() if pair[0] is not None}
        return {n: (a, b) for n, (a, b) in pairs.items() if b is not None and a != b}

    @property
    def needed(self) -> bool:
        """Whether anything has to be done."""
        return self.kind != "none"


@contextlib.contextmanager
def making_sense(resource: Resource) -> Iterator[None]:
    """
    Something is made of answers that a host may have made up.

    Raises ProbeError where nobody can; what it was that could not is in the log.
    """
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        import logging

        logging.getLogger("cookbook").debug("an answer makes no sense", exc_info=error)
        raise ProbeError(
            f"what the host says of {resource} makes no sense ({type(error).__name__})",
            hint="is the tool that answers the one of the distribution? -vv shows the traceback",
        ) from error


class Provider(ABC, Generic[R, S]):
    """How one kind of resource is read from a host and brought into line. All pure."""

    swallows: ClassVar[Mapping[str, frozenset[str]]] = {}
    """Of two pending notifications: action -> those that it makes superfluous."""

    timeout: ClassVar[float] = COMMAND_TIMEOUT
    """Seconds each command of a change may take."""

    whole: ClassVar[bool] = False
    """Whether a change must not be ended in the middle, whoever is in a hurry."""

    owns: ClassVar[bool] = True
    """Whether it makes things that can be removed again; what a service is, is the package's."""

    again: ClassVar[frozenset[str]] = frozenset()
    """Acts that are done once more after an undo, so that what is back takes effect."""

    essence: ClassVar[frozenset[str]] = frozenset()
    """Fields that say what a thing is at all: of another thing, an undo keeps its hands off."""

    @abstractmethod
    def probe(self, resource: R, /) -> Probe | Sequence[Probe]:
        """
        The question, or questions, that find the state. Never changes anything.

        Where there are several, the first one decides: if it says absent, there
        is no such thing, and `parse` is not called.
        """

    @abstractmethod
    def parse(self, resource: R, /, *answers: Any) -> S | None:
        """The state in the answers (text, or None for absent); None if there is no such thing."""

    @final
    def understand(self, resource: R, /, *answers: Any) -> S | None:
        """
        What `parse` makes of answers that a host may have made up.

        Raises ProbeError for those that it was not written for.
        """
        with making_sense(resource):
            found = self.parse(resource, *answers)
            if any("\0" in answer for answer in answers if answer) and "\\x00" in repr(found):
                raise ValueError("nothing on a host has a NUL in its name")
            return found

    @abstractmethod
    def plan(self, resource: R, found: S | None, /) -> Change[S]:
        """What has to change. `plan(resource, change.wanted)` needs nothing."""

    @abstractmethod
    def commands(self, name: str, change: Change[S], /) -> Iterable[Command]:
        """The commands that make the change, from its values alone; `name` is the identity."""

    def watches(self, resource: R, /) -> Sequence[Probe]:
        """More questions that guard a change: not of the state, but of what goes with it."""
        return ()

    def together(self, changes: Sequence[tuple[str, Change[S]]], /) -> Iterable[Command] | None:
        """One transaction for adjacent changes; None if each goes by itself."""
        return None

    def contents(self, resource: R, /) -> Mapping[str, bytes]:
        """The bytes that a State of this resource names by digest."""
        return {}

    def texts(self, name: str, change: Change[S], /) -> Texts | None:
        """The texts behind the states, for a diff; None if there are none."""
        return None

    def missing(self, resource: R, /, *answers: Any) -> Iterable[Thing]:
        """What a change would take, and the answers say is not there: an owner, a unit."""
        return ()

    def brings(self, name: str, change: Change[S], /) -> Iterable[Thing]:
        """What is there after the change, for resources that need it."""
        return ()

    def about(self, resource: R, /) -> Iterable[Thing]:
        """
        What its state is about: another change of that makes the answers stale.

        A `path` is one file, a `tree` all that is below it as well.
        """
        return [Thing(resource.kind(), resource.identity)]

    def alters(self, resource: R, change: Change[S] | None, /) -> Iterable[Thing]:
        """What is another thing after the change; None if the change is not known yet."""
        return self.about(resource)

    def removes(self, resource: R, change: Change[S] | None, /) -> Iterable[Thing]:
        """What is gone after the change, or may be where the change is not known yet."""
        return self.alters(resource, change) if change is None or change.wanted is None else ()

    def amounts_to(self, change: Change[S], /) -> frozenset[str]:
        """The actions this change makes superfluous, if they were asked for before it."""
        return (
            frozenset({change.act} | self.swallows.get(change.act, frozenset()))
            if change.act
            else frozenset()
        )

    def brings_anything(self, name: str, /) -> bool:
        """Whether a change of it may bring things that nobody named: packages, commands."""
        return False

    def cuts(self, name: str, change: Change[S], way: Way, /) -> Cuts:
        """Whether the change may cut the way by which we came to the host, or is sure to."""
        return "no"

    # -- going back ----------------------------------------------------------------------------

    def keeps(self, name: str, change: Change[S], /) -> Command | None:
        """
        What the change will destroy, put into the stash; see cookbook.stash.

        It is run just before the change, under the same guard, and never fails.
        """
        return None

    def learned(self, change: Change[S], kept: str, said: str, /) -> Change[S]:
        """The change with what its keeping and its commands have printed, as hints."""
        return change

    def repeats(self, act: str, state: S | None, /) -> bool:
        """Whether the act means anything where the state is this one after an undo."""
        return act in self.again

    def lost(self, name: str, change: Change[S], /) -> str | None:
        """What an undo of the change would not bring back; None if nothing is lost."""
        return (
            f"what it did ({change.act})" if change.act and change.act not in self.again else None
        )

    def there(self, state: S | None, /) -> bool:
        """Whether a state as found says that the thing is there at all."""
        return state is not None

    def gone(self, state: S | None, /) -> bool:
        """Whether the thing is not there, nor anything of it left to be undone."""
        return not self.there(state)

    def redefined(self, state: S | None, /) -> bool:
        """Whether a change that `brings` the thing makes another one of what is there already."""
        return False

    def tells_all(self, state: S, /) -> bool:
        """Whether nothing is in the thing that its state does not tell of."""
        return True

    def ask_back(self, resource: R, change: Change[S], /) -> R:
        """The resource to ask about when the change is to be undone: which versions there are."""
        return resource

    def unobtainable(self, name: str, change: Change[S], now: S | None, /) -> str | None:
        """Why the change cannot be undone on this host any more; None if it can."""
        return None

    def removal(self, state: S, /) -> Change[S]:
        """The removal of a thing that no recipe declares any more, and of nothing else."""
        return Change(state, None)

    def rehearsal(self, changes: Sequence[tuple[str, Change[S]]], /) -> Command | None:
        """A question about all that is to be undone or removed; None: there is none."""
        return None

    def objection(self, name: str, said: str, going: Collection[Thing], /) -> str | None:
        """
        Why one of them must not be done, by what `rehearsal` has printed; None if it may.

        `going` is all that goes with it, whosoever's it is.
        """
        return None

    def back(self, name: str, change: Change[S], now: S | None, /) -> Change[S]:
        """The undo of a change where the state is `now`: what it touched goes back, no more."""
        before = change.found
        if before is None or now is None:
            return Change(now, before)
        touched = {name: pair[0] for name, pair in change.fields.items()}
        hints = {f.name: getattr(before, f.name) for f in fields(before) if not f.compare}
        return Change(now, replace(now, **touched, **hints))

    def limit(self, change: Change[S], /) -> float:
        """Seconds each command of this change may take."""
        return self.timeout

    @property
    def name(self) -> str:
        """What a saved plan calls it: `apt`, `systemd`."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def state(self) -> type[S]:
        """The class of its states, from its own declaration."""
        for base in getattr(type(self), "__orig_bases__", ()):
            if is_dataclass(kind := get_args(base)[-1]):
                return kind  # type: ignore[return-value]  # what [R, S] was filled with
        raise TypeError(f"{type(self).__name__} does not say which State it has")


AnyProvider = Provider[Any, Any]


def questions(provider: AnyProvider, resource: Resource) -> Sequence[Probe]:
    """What a provider asks about the state of a resource, as whom the resource says."""
    asked = provider.probe(resource)
    return asked_by(resource, [asked] if isinstance(asked, Probe) else asked)


def asked_by(resource: Resource, probes: Sequence[Probe]) -> Sequence[Probe]:
    """These questions about a resource, as whom it says."""
    if resource.become_user is None:
        return probes
    return [replace(probe, user=resource.become_user) for probe in probes]


P = TypeVar("P", bound=AnyProvider)


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider, and the hosts it is for."""

    provider: AnyProvider
    when: Callable[[Facts], bool]


def provides(
    kind: type[Resource], when: Callable[[Facts], bool] = lambda _: True
) -> Callable[[type[P]], type[P]]:
    """Have a provider serve a kind of resource, on the hosts whose facts it is for."""

    def register(cls: type[P]) -> type[P]:
        kind.providers.insert(0, Offer(cls(), when))
        return cls

    return register


class Catalog:
    """Who serves what."""

    def __init__(self, load: Callable[[type[Resource]], object] = lambda _: None) -> None:
        """`load` imports whatever serves a kind; it is called once for each."""
        self._load = load
        self._loaded: set[type[Resource]] = set()

    def choose(self, resource: Resource, facts: Facts) -> AnyProvider:
        """
        The provider for a resource on a host; the one registered last wins.

        Raises Unsupported if there is none.
        """
        offers = self._offers(resource)
        for offer in offers:
            if offer.when(facts):
                return offer.provider
        served = ", ".join(sorted(offer.provider.name for offer in offers)) or "none"
        raise Unsupported(
            f"no provider for {resource.kind()} on this host ({facts.summary})",
            hint=f"providers there are: {served}; does the host have their tool?",
        )

    def named(self, resource: Resource, name: str) -> AnyProvider:
        """
        The provider of this name, as a saved plan calls it.

        Raises Unsupported if there is none.
        """
        for offer in self._offers(resource):
            if offer.provider.name == name:
                return offer.provider
        raise Unsupported(f"there is no provider {name!r} for {resource.kind()} here")

    def _offers(self, resource: Resource) -> list[Offer]:
        kind = type(resource)
        if kind not in self._loaded:
            self._load(kind)
            self._loaded.add(kind)
        return kind.providers


def hint(*, default: Any = None) -> Any:
    """A field of a State that only says how to make the thing; it is never compared."""
    return field(default=default, compare=False)
