"""
The contract between the engine and one kind of resource.

A provider makes values and never talks to a host: `probe` is the question,
`parse` understands the answer, `plan` compares it with the resource, and
`commands` is what would make the change. The engine does the rest.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import (
    Any,
    ClassVar,
    Generic,
    TypeVar,
    final,
    get_args,
)

from cookbook.errors import ProbeError
from cookbook.language.access_path import AccessPath, LockoutRisk
from cookbook.language.change import Change, S, Texts
from cookbook.language.probe import Probe, Thing
from cookbook.language.resource import Resource
from cookbook.script.shell import Command

R = TypeVar("R", bound=Resource)


COMMAND_TIMEOUT = 300.0
"""Seconds a command of a change may take, unless its provider says otherwise."""


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

    def cuts(self, name: str, change: Change[S], way: AccessPath, /) -> LockoutRisk:
        """Whether the change may cut the way by which we came to the host, or is sure to."""
        return "no"

    # -- going back ----------------------------------------------------------------------------

    def keeps(self, name: str, change: Change[S], /) -> Command | None:
        """
        What the change will destroy, put into the stash; see cookbook.script.stash.

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
