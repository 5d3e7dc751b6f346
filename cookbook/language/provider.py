"""
The contract between the engine and one kind of resource.

A provider makes values and never contacts a host: `probe` returns the question,
`parse` makes a state of the answer, `plan` compares the state with the resource, and
`commands` returns the commands that make the change. The engine does the rest.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass, replace
from typing import (
    Any,
    TypeVar,
    final,
    get_args,
)

from cookbook.errors import ProbeError
from cookbook.language.change import Change, S, Texts
from cookbook.language.probe import Probe
from cookbook.language.resource import Resource
from cookbook.language.traits import (
    Batched,
    Listed,
    LockoutRisk,
    Notified,
    Ordered,
    Prunable,
    Released,
    Undoable,
    Warned,
)
from cookbook.script.shell import Command

R = TypeVar("R", bound=Resource)


@contextlib.contextmanager
def making_sense(resource: Resource) -> Iterator[None]:
    """
    Turn the errors of a parser into ProbeError: an answer of a host may be arbitrary text.

    Raises ProbeError for ValueError, LookupError, TypeError, AttributeError and
    ArithmeticError; the debug log has the traceback.
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


class Provider(
    Ordered[R, S],
    Notified[R, S],
    Undoable[R, S],
    Prunable[R, S],
    LockoutRisk[R, S],
    Batched[R, S],
    Warned[R, S],
    Listed[R, S],
    Released[R, S],
    ABC,
):
    """
    The provider of a resource type: it reads and changes it on a host. All methods are pure.

    Four methods are required: probe, parse, plan, commands. The rest have defaults; those in
    `traits` say when to override them.
    """

    @abstractmethod
    def probe(self, resource: R, /) -> Probe | Sequence[Probe]:
        """
        Return the question, or questions, whose answers are the state. They change nothing.

        With several questions the first one decides: if its answer is absent, the thing
        is absent, and `parse` is not called.
        """

    @abstractmethod
    def parse(self, resource: R, /, *answers: Any) -> S | None:
        """Return the state in the answers (text, or None for absent); None for an absent thing."""

    @final
    def understand(self, resource: R, /, *answers: Any) -> S | None:
        """
        Return the result of `parse`, for answers that may be arbitrary text.

        Raises ProbeError for answers that `parse` fails on.
        """
        with making_sense(resource):
            found = self.parse(resource, *answers)
            if any("\0" in answer for answer in answers if answer) and "\\x00" in repr(found):
                raise ValueError("nothing on a host has a NUL in its name")
            return found

    @abstractmethod
    def plan(self, resource: R, found: S | None, /) -> Change[S]:
        """Return the change that is needed. `plan(resource, change.wanted)` must need nothing."""

    @abstractmethod
    def commands(self, name: str, change: Change[S], /) -> Iterable[Command]:
        """Return the commands of the change, from its values alone; `name` is the identity."""

    def watches(self, resource: R, /) -> Sequence[Probe]:
        """Return more questions for the precondition of a change: about related things."""
        return ()

    def contents(self, resource: R, /) -> Mapping[str, bytes]:
        """Return the bytes that a State of this resource names: digest -> content."""
        return {}

    def texts(self, name: str, change: Change[S], /) -> Texts | None:
        """Return the sources of the texts behind the states, for a diff; None if there are none."""
        return None

    @property
    def name(self) -> str:
        """The name of the provider in saved plans: `apt`, `systemd`."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def state(self) -> type[S]:
        """The class of its states, from the parameters of its base class."""
        for base in getattr(type(self), "__orig_bases__", ()):
            if is_dataclass(kind := get_args(base)[-1]):
                return kind  # type: ignore[return-value]  # what [R, S] was filled with
        raise TypeError(f"{type(self).__name__} does not say which State it has")


AnyProvider = Provider[Any, Any]


def questions(provider: AnyProvider, resource: Resource) -> Sequence[Probe]:
    """Return the probes for the state of a resource, with the resource's `become_user`."""
    asked = provider.probe(resource)
    return asked_by(resource, [asked] if isinstance(asked, Probe) else asked)


def asked_by(resource: Resource, probes: Sequence[Probe]) -> Sequence[Probe]:
    """Return these probes with the `become_user` of the resource."""
    if resource.become_user is None:
        return probes
    return [replace(probe, user=resource.become_user) for probe in probes]
