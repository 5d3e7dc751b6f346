"""What happened, or would happen, to one resource of one host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cookbook.errors import HostError, Unapproved
from cookbook.language.change import Change
from cookbook.language.collection import Declared
from cookbook.language.provider import AnyProvider
from cookbook.language.resource import Resource
from cookbook.planning.decision import Decision
from cookbook.planning.status import Cause, Excuse, ResourceStatus
from cookbook.script.program import Guard
from cookbook.text.diff import Diff, texts_diff


@dataclass(frozen=True)
class Step:
    """What happened, or would happen, to one resource."""

    declared: Declared
    status: ResourceStatus
    change: Change[Any] | None = None
    provider: AnyProvider | None = None
    acting: Resource | None = None
    """The resource with the action that was asked for, where it was notified."""

    because: str | None = None
    """Who notified it; None where it was its own turn."""

    until: str | None = None
    """The resource that has to be done before anybody can know."""

    diff: Diff | None = None
    error: HostError | None = None
    ignored: bool = False
    """It failed, and its recipe says to go on."""

    seconds: float = 0.0
    began: float = 0.0
    """Seconds since the beginning of the run, when its turn came."""

    left: Any = None
    """The state that it was left in, where that was seen; None also for what is not there."""

    guard: Guard | None = None
    """In a plan: what the host has to answer for this change still to be the right one."""

    lost: str | None = None
    """What of this an undo does not bring back."""

    orphan: Literal["created", "adopted"] | None = None
    """It has left the recipe: did we create it, or was it there before us?"""

    cause: Cause | None = None
    since: str | None = None
    excused: Excuse | None = None

    @property
    def target(self) -> Resource:
        """What is, or would be, acted on."""
        return self.acting if self.acting is not None else self.declared.resource

    @property
    def resource(self) -> Resource:
        """What was declared."""
        return self.declared.resource


@dataclass(frozen=True)
class Listener:
    """Who hears of the work on a host before its steps are known."""

    working: Callable[[Resource], object] = lambda _: None
    """The change of a resource is begun."""

    sending: Callable[[Sequence[Step]], object] = lambda _: None
    """These changes are about to be sent, in one exchange."""


Permission = HostError | Literal["go", "skip", "stop"]
"""Whether a change may be sent; an error stops this host, `stop` the whole run."""

Permit = Callable[[Step, bool], Permission]
"""Asked before a change is sent; told whether it is tried again."""


def step_of(decision: Decision) -> Step:
    """The step that a decision amounts to, if what it says is done."""
    status: ResourceStatus = "changed" if decision.status == "change" else decision.status
    return Step(
        decision.item.declared,
        status,
        decision.change,
        decision.provider,
        acting=decision.item.resource,
        because=decision.item.because,
        orphan=decision.orphan,
        until=str(decision.until) if decision.until else None,
        error=decision.error,
        lost=_lost(decision),
        ignored=decision.status == "failed"
        and decision.item.resource.ignore_failure
        and not isinstance(decision.error, Unapproved),
    )


def _lost(decision: Decision) -> str | None:
    """What an undo would not bring back."""
    if decision.provider is None or decision.change is None or decision.status != "change":
        return None
    return decision.provider.lost(decision.item.resource.identity, decision.change)


def diff_of(decision: Decision, found: bytes | None) -> Diff | None:
    """How the text behind a change differs; sensitive ones show only that they do."""
    if decision.change is None or decision.provider is None:
        return None
    resource = decision.item.resource
    texts = decision.provider.texts(resource.identity, decision.change)
    if texts is None:
        return None
    contents = decision.provider.contents(resource)
    if texts.wanted is not None and texts.wanted not in contents:
        return None  # it is in the stash of the host
    wanted = contents.get(texts.wanted) if texts.wanted else None
    return texts_diff(resource.identity, found, wanted, secret=resource.confidential)
