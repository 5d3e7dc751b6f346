"""
The optional parts of the contract of a provider, each with defaults that are right for most.

A provider overrides the methods of a trait only if its resource needs that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import (
    Any,
    ClassVar,
    Generic,
    TypeVar,
)

from cookbook.language.access_path import AccessPath, Risk
from cookbook.language.change import Change, S
from cookbook.language.probe import Thing
from cookbook.language.resource import Resource
from cookbook.script.shell import Command

R = TypeVar("R", bound=Resource)

COMMAND_TIMEOUT = 300.0
"""Seconds a command of a change may take, unless its provider says otherwise."""


class Ordered(Generic[R, S]):
    """
    What a resource needs from others on the host, and what it provides to them.

    Override it where a change needs something that another resource may create: a file needs its
    owner and its folder.

        def missing(self, file: File, *answers: Any) -> Iterable[Thing]:
            if file.owner is not None and answers[1] is None:
                yield Thing("user", file.owner)
    """

    def missing(self, resource: R, /, *answers: Any) -> Iterable[Thing]:
        """What a change would take, and the answers say is not there: an owner, a unit."""
        return ()

    def brings(self, name: str, change: Change[S], /) -> Iterable[Thing]:
        """What is there after the change, for resources that need it."""
        return ()

    def redefined(self, state: S | None, /) -> bool:
        """Return True if a change that `brings` the thing redefines one that exists already."""
        return False

    def brings_anything(self, name: str, /) -> bool:
        """Whether a change of it may bring things that nobody named: packages, commands."""
        return False

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


class Notified(Generic[R, S]):
    """
    Actions that other resources ask for by notifications.

    Override it where one action does what another one would do: a restart reloads, too.

        supersedes = {"restart": frozenset({"reload"})}
    """

    supersedes: ClassVar[Mapping[str, frozenset[str]]] = {}
    """Of two pending notifications: action -> those that it makes superfluous."""

    def amounts_to(self, change: Change[S], /) -> frozenset[str]:
        """The actions this change makes superfluous, if they were asked for before it."""
        return (
            frozenset({change.act} | self.supersedes.get(change.act, frozenset()))
            if change.act
            else frozenset()
        )


class Undoable(Generic[R, S]):
    """
    The reverse of a change, where swapping found and wanted is not enough.

    Override it where a change destroys what its state does not contain: the content of a file
    goes into the stash of the host before it is replaced.

        def keeps(self, name: str, change: Change[State]) -> Command | None:
            return keep_file(name) if change.found is not None else None
    """

    again: ClassVar[frozenset[str]] = frozenset()
    """Acts that are done once more after an undo, so that what is back takes effect."""

    essence: ClassVar[frozenset[str]] = frozenset()
    """Fields that say what a thing is at all: of another thing, an undo keeps its hands off."""

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

    def gone(self, state: S | None, /) -> bool:
        """Return True if the thing is absent, with nothing left of it to be undone."""
        return not self.there(state)

    def tells_all(self, state: S, /) -> bool:
        """Whether nothing is in the thing that its state does not tell of."""
        return True

    def ask_back(self, resource: R, change: Change[S], /) -> R:
        """The resource to ask about when the change is to be undone: which versions there are."""
        return resource

    def unobtainable(self, name: str, change: Change[S], now: S | None, /) -> str | None:
        """Why the change cannot be undone on this host any more; None if it can."""
        return None

    def back(self, name: str, change: Change[S], now: S | None, /) -> Change[S]:
        """The undo of a change where the state is `now`: what it touched goes back, no more."""
        before = change.found
        if before is None or now is None:
            return Change(now, before)
        touched = {name: pair[0] for name, pair in change.fields.items()}
        hints = {f.name: getattr(before, f.name) for f in fields(before) if not f.compare}
        return Change(now, replace(now, **touched, **hints))


class Prunable(Generic[R, S]):
    """
    The removal of a thing that no recipe declares any more.

    Override it where removing needs a question first: removing a package may remove others.

        owns = False  # what a service is belongs to its package
    """

    owns: ClassVar[bool] = True
    """Whether it makes things that can be removed again; what a service is, is the package's."""

    def removal(self, state: S, /) -> Change[S]:
        """The removal of a thing that no recipe declares any more, and of nothing else."""
        return Change(state, None)

    def preflight(self, changes: Sequence[tuple[str, Change[S]]], /) -> Command | None:
        """A question about all that is to be undone or removed; None: there is none."""
        return None

    def objection(self, name: str, said: str, going: Collection[Thing], /) -> str | None:
        """
        Why one of them must not be done, by what `preflight` has printed; None if it may.

        `going` is all that goes with it, whosoever's it is.
        """
        return None


class LockoutRisk(Generic[R, S]):
    """
    The risk that a change locks the operator out of the host.

    Override it where a change touches what login needs: the packet filter, sshd, sudo, accounts.

        def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
            return "may" if change.kind == "remove" else "no"
    """

    def lockout_risk(self, name: str, change: Change[S], way: AccessPath, /) -> Risk:
        """Whether the change may cut the way by which we came to the host, or is sure to."""
        return "no"


class Batched(Generic[R, S]):
    """
    One transaction for several changes, and the time that a change may take.

    Override it where a tool takes many things at once: apt-get installs all packages together.

        def together(self, changes: Sequence[tuple[str, Change[State]]]) -> Iterable[Command]:
            yield sh("apt-get install {}", join([name for name, _ in changes]))
    """

    timeout: ClassVar[float] = COMMAND_TIMEOUT
    """Seconds each command of a change may take."""

    whole: ClassVar[bool] = False
    """Whether a change must not be ended in the middle, whoever is in a hurry."""

    def together(self, changes: Sequence[tuple[str, Change[S]]], /) -> Iterable[Command] | None:
        """One transaction for adjacent changes; None if each goes by itself."""
        return None

    def limit(self, change: Change[S], /) -> float:
        """Seconds each command of this change may take."""
        return self.timeout
