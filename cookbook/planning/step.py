"""Steps: the results for the resources of a host, and the interface that reports them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from cookbook.errors import CookError, HostError, Unapproved
from cookbook.language.change import Change
from cookbook.language.collection import Declared
from cookbook.language.feature_answer import FeatureAnswer
from cookbook.language.provider import AnyProvider
from cookbook.language.resource import Resource
from cookbook.planning.decision import Decision, PlannedChange
from cookbook.planning.status import Cause, Excuse, ResourceStatus
from cookbook.script.program import Precondition
from cookbook.text.diff import Diff, texts_diff


@dataclass(frozen=True)
class FeatureEffect:
    """A feature that a step is due to."""

    answer: FeatureAnswer
    is_decisive: bool
    """True if there would be no such step with the opposite answer; else the step would differ."""


@dataclass(frozen=True)
class Step:
    """The result, or the planned result, for one resource of one host."""

    declared: Declared
    status: ResourceStatus
    change: Change[Any] | None = None
    provider: AnyProvider | None = None
    acting: Resource | None = None
    """For a notification: the resource with the requested action."""

    because: str | None = None
    """The resource that notified it, as text; None if it is declared."""

    until: str | None = None
    """The resource that has to be done before the result is known, if `unknown`."""

    wanted: Change[Any] | None = None
    """In a plan, if `unknown`: the change that would be made if the thing were absent."""

    foretold: str | None = None
    """The known part of an `unknown` change."""

    diff: Diff | None = None
    error: HostError | None = None
    ignored: bool = False
    """True if it failed and has `ignore_failure`."""

    left_out: str | None = None
    """The reason if it is skipped for another one than its guards: its tags are not chosen."""

    done_on: str | None = None
    """For the end of a block that one host does for all: that host, if it is another one."""

    seconds: float = 0.0
    began: float = 0.0
    """Seconds from the beginning of the run to the beginning of the step."""

    left: Any = None
    """The state after the step, if it was probed; None also for an absent thing."""

    parallel: tuple[str, ...] = ()
    """The resources whose changes run at the same time."""

    features: tuple[FeatureEffect, ...] = ()
    """The features without which the step would not be, or would be another one."""

    precondition: Precondition | None = None
    """In a plan: the precondition of the change."""

    lost: str | None = None
    """The effects that an undo does not restore; None without any."""

    destroyed: bool = False
    """In an undo: the former content exists no more, so that the thing cannot be restored."""

    orphan: Literal["created", "adopted"] | None = None
    """For an orphan: whether cook created the thing, or found it and kept it in line."""

    cause: Cause | None = None
    since: str | None = None
    excused: Excuse | None = None

    def begun_at(self, began: float) -> Step:
        """Return the step with its beginning; `replace` of so many fields takes much longer."""
        step = object.__new__(Step)
        vars(step).update(vars(self), began=began)
        return step

    @property
    def target(self) -> Resource:
        """The resource with the action of this step."""
        return self.acting if self.acting is not None else self.declared.resource

    @property
    def resource(self) -> Resource:
        """The resource as declared."""
        return self.declared.resource

    @property
    def is_barrier(self) -> bool:
        """True if it stands for a barrier."""
        return self.declared.barrier is not None

    @property
    def complaint(self) -> str:
        """The resource with the message of its error, for other hosts; empty without an error."""
        return "" if self.error is None else f"{self.resource}: {self.error.message}"


@dataclass(frozen=True)
class Listener:
    """The callbacks for work on a host whose steps are not known yet."""

    working: Callable[[Resource], object] = lambda _: None
    """Called when the change of a resource begins."""

    sending: Callable[[Sequence[Step]], object] = lambda _: None
    """Called before these changes are sent in one exchange."""


Permission = HostError | Literal["go", "skip", "stop"]
"""The answer to whether a change may be sent; an error stops the host, `stop` the run."""

Permit = Callable[[Step, bool], Permission]
"""A callback before a change is sent; its second argument is true for a further attempt."""


def step_of(decision: Decision) -> Step:
    """Return the step of a decision whose change succeeds."""
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
        left_out=decision.left_out,
        foretold=decision.foretold,
        lost=lost_by(decision) if isinstance(decision, PlannedChange) else None,
        ignored=decision.status == "failed"
        and decision.item.resource.ignore_failure
        and not isinstance(decision.error, Unapproved),
    )


def any_changed(steps: Iterable[Step]) -> bool:
    """Return whether a host with these steps was changed, or in a plan: is, or may be, changed."""
    return any(step.status in ("changed", "unknown") for step in steps)


def with_note(step: Step, note: str | None) -> Step:
    """Return the step whose change has one more remark, if there is one."""
    if step.change is None or note is None:
        return step
    notes = "; ".join(filter(None, (step.change.note, note)))
    return replace(step, change=replace(step.change, note=notes))


def lost_by(planned: PlannedChange) -> str | None:
    """Return the effects that an undo does not restore; None without any."""
    return planned.provider.lost(planned.name, planned.change)


def diff_of(decision: Decision, found: bytes | None) -> Diff | None:
    """Return the diff of the text behind a change, or None; a sensitive one hides the content."""
    return _diff(decision, decision.change, found)


def with_wanted(step: Step, decision: Decision) -> Step:
    """Return the step of an unknown decision with the state and the text that are wanted."""
    resource, provider = decision.item.resource, decision.provider
    if decision.status != "unknown" or provider is None or step.because is not None:
        return step
    if resource.lazies is not None:
        return step
    try:
        wanted = provider.plan(resource, None)
    except CookError:
        return step  # it depends on what the other resource brings
    return replace(step, wanted=wanted, diff=_diff(decision, wanted, None, known=False))


def _diff(
    decision: Decision, change: Change[Any] | None, found: bytes | None, *, known: bool = True
) -> Diff | None:
    if change is None or decision.provider is None:
        return None
    resource = decision.item.resource
    texts = decision.provider.texts(resource.identity, change)
    if texts is None:
        return None
    contents = decision.provider.contents(resource)
    if texts.wanted is not None and texts.wanted not in contents:
        return None  # it is in the stash of the host
    wanted = contents.get(texts.wanted) if texts.wanted else None
    return texts_diff(resource.identity, found, wanted, secret=resource.confidential, known=known)
