"""The planner: it decides about each resource by the answers of a host."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cookbook.errors import (
    CookError,
    Failed,
    HostError,
    Missing,
    NotConverged,
    ProbeError,
    Unsupported,
)
from cookbook.hosts.probing import Answer, Answers, gather, state_text
from cookbook.hosts.session import Session
from cookbook.language.catalog import Catalog
from cookbook.language.change import Change
from cookbook.language.collection import Declared, Node, guard_says_no
from cookbook.language.lazy import Lazy
from cookbook.language.probe import Probe, Thing
from cookbook.language.provider import AnyProvider, asked_by, making_sense, questions
from cookbook.language.resource import Resource
from cookbook.planning.decision import Decision, Item, PlannedChange
from cookbook.planning.forecast import Forecast
from cookbook.script.facts import Facts
from cookbook.script.program import ANSWER_TIMEOUT, Do, Outcome, last_lines
from cookbook.script.run_as import NO_USER, turned_away
from cookbook.script.shell import Command, sh
from cookbook.text.diagnosis import why
from cookbook.transport.contract import TooSlow

_CANNOT_RUN = 126
"""The least exit status of a shell for a command that could not be run, or was killed."""


@dataclass(frozen=True)
class _Asked:
    """The probes of one resource: of its user and guards, of its state, and of what it watches."""

    provider: AnyProvider
    resource: Resource
    questions: Sequence[Probe]
    probes: list[Probe]

    @classmethod
    def of(cls, provider: AnyProvider, resource: Resource) -> _Asked:
        """Ask the provider for its probes; of a resource with lazy values only these are known."""
        guards = [_guard_probe(resource, text) for text in _guards(resource)]
        if resource.lazies is not None:
            who = [Probe(sh(":"), loose=True, user=resource.become_user)]
            return cls(provider, resource, [], [*who, *guards, *_lazy_probes(resource).values()])
        state = questions(provider, resource)
        watched = asked_by(resource, provider.watches(resource))
        user = resource.become_user
        there = [Probe(sh(":"), loose=True, user=user)] if user is not None else []
        besides = asked_by(resource, provider.besides(resource))
        return cls(provider, resource, state, [*there, *guards, *state, *watched, *besides])


class Planner:
    """The answers of one host, and the decisions from them; no decision uses a stale answer."""

    def __init__(
        self,
        node: Node,
        session: Session,
        facts: Facts,
        catalog: Catalog,
        left_out: Callable[[Declared], str | None] = lambda _: None,
    ) -> None:
        """Create a planner; declared resources with a reason of `left_out` are skipped."""
        self._left_out = left_out
        self._node = node
        self._session = session
        self._facts = facts
        self._catalog = catalog
        self._answers: dict[Probe, Answer] = {}
        self._age: dict[Probe, int] = {}
        self._epoch = 0
        self._facts_are_old = False
        self._asked: dict[int, _Asked] = {}
        """The questions about each resource, by its id."""
        self._known_values: dict[int, tuple[Resource, Mapping[Lazy, str], Resource]] = {}
        """By the id of a resource with lazy values: it, their outputs, the resource with them."""

    @property
    def answers(self) -> Answers:
        """The latest answer to each probe."""
        return self._answers

    def outdate(self) -> None:
        """Mark all answers, and the facts, as stale, because something has or may have changed."""
        self._epoch += 1
        self._facts_are_old = True

    def learn(self, answers: Mapping[Probe, Answer]) -> None:
        """Store answers that were read after the last change."""
        self._answers |= answers
        self._age |= dict.fromkeys(answers, self._epoch)

    def refresh(self, items: Iterable[Item], besides: Iterable[Probe] = ()) -> None:
        """
        Ask the probes whose answers are stale (law 5), in one exchange.

        Raises TooSlow, with the resources whose probe was not answered in time.
        """
        asked = list(items)
        self._refresh([*self.probes(asked), *besides], asked)
        if lazy := [item for item in asked if item.resource.lazies is not None]:
            self._refresh(self.probes(lazy), lazy)  # their values are known now

    def is_answered(self, item: Item) -> bool:
        """Return whether there is an answer to all that is asked about an item, and none stale."""
        return all(self._is_fresh(probe) for probe in self.probes([item]))

    def text(self, probe: Probe) -> str:
        """Return the answer to a probe that belongs to no resource; ask again if it is stale."""
        self._refresh([probe])
        return self._answers[probe].text

    def read(self, questions: Sequence[Command]) -> list[bytes]:
        """Return the output of questions that belong to no state, asked in one exchange."""
        return [outcome.stdout for outcome in self.outcomes(questions)]

    def outcomes(self, questions: Sequence[Command]) -> list[Outcome]:
        """Return the outcomes of questions that belong to no state, asked in one exchange."""
        return self._session.read(questions)

    def write(self, command: Command) -> None:
        """Run a command of the engine in a separate exchange; its exit status is ignored."""
        self._session.run([Do(command, ANSWER_TIMEOUT)])

    def probes(self, items: Iterable[Item]) -> list[Probe]:
        """Return the probes of these items."""
        probes: list[Probe] = []
        for item in items:
            if self._reason_to_skip(item):
                continue
            try:
                probes += self._probes(item)
                if item.resource.lazies is not None and self._values_are_fresh(item.resource):
                    probes += self._probes(self._resolved(item))
            except (Unsupported, ProbeError):
                continue  # judged when its turn comes: its tool may be there by then
        return probes

    def decide(self, item: Item, forecast: Forecast) -> Decision:
        """Decide about an item: ok, skipped, change, failed, or unknown until another is done."""
        resource = item.resource
        if resource.doing == ("nothing",):
            return Decision(item, "ok", None, None)
        if (reason := self._reason_to_skip(item)) is not None:
            return Decision(item, "skipped", None, None, left_out=reason)
        provider = None
        try:
            provider = self._provider(resource)
            probes = self._probes(item)
            self._refresh(probes, [item])
            if guarded := self._guarded(item, provider, probes, forecast):
                return guarded
            if resource.lazies is not None:
                return self.decide(self._resolved(item), forecast)
            if until := forecast.outdates(provider, resource):
                foretold = self._foretold(provider, resource, forecast)
                return Decision(item, "unknown", provider, None, until=until, foretold=foretold)
            change, until = self._change(provider, resource, forecast)
            if change is None:
                return Decision(item, "unknown", provider, None, until=until)
            change = self._warned(provider, resource, change)
        except HostError as error:
            error.phase = error.phase or ("probe" if isinstance(error, ProbeError) else "plan")
            missed = error.thing if isinstance(error, Missing) else ""
            if until := forecast.may_bring(missed):
                return Decision(item, "unknown", provider, None, until=until)
            return Decision(item, "failed", provider, None, error=error)
        return _decision(item, provider, change, probes)

    def _guarded(
        self, item: Item, provider: AnyProvider, probes: Sequence[Probe], forecast: Forecast
    ) -> Decision | None:
        """Return the decision that needs no state: a guard says no, or is unknown; None if not."""
        resource = item.resource
        if guard_says_no(resource, self._node):
            return Decision(item, "skipped", provider, None)
        until = self._user_is_to_come(resource, probes, forecast)
        if until := until or self._guard_depends_on(item, forecast):
            return Decision(item, "unknown", provider, None, until=until)
        if self._guards_say_no(resource):
            return Decision(item, "skipped", provider, None, probes)
        if until := self._values_depend_on(item, forecast):
            return Decision(item, "unknown", provider, None, until=until)
        return None

    def _change(
        self, provider: AnyProvider, resource: Resource, forecast: Forecast
    ) -> tuple[Change[Any] | None, Resource | None]:
        """Return the change; None with the resource that has to be done before it is known."""
        found = self.found(provider, resource)
        there = provider.there(found)
        stale = not there or provider.redefined(found)
        if stale and (until := forecast.brings_it(provider, resource)):
            return None, until
        change = provider.plan(resource, forecast.foreseen(resource, found))
        if change.needed:
            self._need(provider, resource, forecast)
        elif provider.absent(found) and (until := forecast.may_create(resource.identity)):
            return None, until
        return change, None

    def _reason_to_skip(self, item: Item) -> str | None:
        if item.because is not None:
            return None
        if item.declared.barrier is not None:
            return "the hosts of the run wait for one another here"
        return self._left_out(item.declared)

    def _foretold(
        self, provider: AnyProvider, resource: Resource, forecast: Forecast
    ) -> str | None:
        """Return what is known of a change although an earlier one makes it unknown."""
        states = forecast.states(provider.about(resource))
        with contextlib.suppress(HostError):  # by then the host may answer otherwise
            return provider.foretold(resource, self.found(provider, resource), states)
        return None

    def _warned(
        self, provider: AnyProvider, resource: Resource, change: Change[Any]
    ) -> Change[Any]:
        """Return the change with the warning of its provider, if there is one."""
        probes = asked_by(resource, provider.besides(resource))
        if not probes:
            return change
        texts = [state_text(probe, self._answers[probe]) for probe in probes]
        with making_sense(resource):
            warning = provider.warning(resource, *texts)
        told = "; ".join(filter(None, (change.warning, warning)))
        return change if warning is None else replace(change, warning=told)

    def left(self, planned: PlannedChange) -> tuple[Any, HostError | None]:
        """Return the state after a change, and an error if it is still not the wanted state."""
        now = None
        try:
            now = self.found(planned.provider, planned.resource)
            change = planned.still_needed(now)
        except HostError as error:
            error.phase = "verify"
            return now, error
        return now, self._not_converged(planned.resource, change)

    def _not_converged(self, resource: Resource, change: Change[Any]) -> HostError | None:
        if change.kind in ("none", "act"):
            return None
        hidden = change.fields if resource.confidential else change.sensitive
        differs = ", ".join(
            f"{n} differs" if n in hidden else f"{n} is {a!r}, not {b!r}"
            for n, (a, b) in change.fields.items()
        )
        return NotConverged(
            f"{resource} was applied, and still differs: {differs or change.kind}",
            hint="does something else on the host, or later in the recipe, set it back?",
        )

    def has_rebooted(self) -> bool:
        """Ask for the facts again; return whether the host was rebooted since the last time."""
        before, self._facts = self._facts, self._session.facts()
        return before.boot_id != self._facts.boot_id

    def found(self, provider: AnyProvider, resource: Resource) -> Any:
        """Return the state in the answers; None if the thing is absent. Raises ProbeError."""
        texts = self._texts(provider, resource)
        return None if texts and texts[0] is None else provider.understand(resource, *texts)

    def provider_or_none(self, resource: Resource) -> AnyProvider | None:
        """Return the provider of a resource; None if there is none for this host."""
        try:
            return self._provider(resource)
        except CookError:
            return None

    def _refresh(self, probes: Iterable[Probe], items: Sequence[Item] = ()) -> None:
        if stale := [probe for probe in probes if not self._is_fresh(probe)]:
            try:
                self.learn(self._session.ask(stale))
            except TooSlow as error:
                self.attribute(error, stale, items)
                raise

    def attribute(self, slow: TooSlow, probes: Sequence[Probe], items: Iterable[Item]) -> None:
        """Add the items that ask the question which was not answered in time."""
        if slow.failed is not None:
            slow.asked_for(list(self._who_asks(slow.failed.command, probes, items)))

    def _is_fresh(self, probe: Probe) -> bool:
        return self._age.get(probe, -1) >= self._epoch

    def _who_asks(
        self, question: str, probes: Sequence[Probe], items: Iterable[Item]
    ) -> Iterator[str]:
        """Which resources a question is about that is called so, be it one for many or for one."""
        meant = {probe for probe in probes if probe.question.brief == question}
        for one in gather(probes):
            meant |= set(one.probes) if one.command.brief == question else set()
        for item in items:
            with contextlib.suppress(Unsupported):
                if meant.intersection(self._probes(item)):
                    yield f"{item.resource} ({item.declared.where})"

    def _texts(self, provider: AnyProvider, resource: Resource) -> list[str | None]:
        probes = self._asked_about(provider, resource).questions
        try:
            return [state_text(probe, self._answers[probe]) for probe in probes]
        except ProbeError:
            if not resource.confidential:
                raise
            raise ProbeError(
                f"a question about {resource} failed; what it said is hidden: it may be secret"
            ) from None

    def _need(self, provider: AnyProvider, resource: Resource, forecast: Forecast) -> None:
        texts = self._texts(provider, resource)
        with making_sense(resource):
            missing = list(provider.missing(resource, *texts))
        for thing in missing:
            if not forecast.brings(thing):
                raise Missing(
                    f"{resource} needs the {thing}, which is not there",
                    thing=thing.name,
                    hint="is the name right? What brings it has to be declared before it",
                )

    def _provider(self, resource: Resource) -> AnyProvider:
        try:
            return self._catalog.choose(resource, self._facts)
        except Unsupported:
            if not self._facts_are_old:
                raise
            self._facts = self._session.facts()
            self._facts_are_old = False
            return self._catalog.choose(resource, self._facts)

    def _probes(self, item: Item) -> list[Probe]:
        return self._asked_about(self._provider(item.resource), item.resource).probes

    def _asked_about(self, provider: AnyProvider, resource: Resource) -> _Asked:
        """Return what is asked about a resource; it is worked out once for each provider."""
        known = self._asked.get(id(resource))
        if known is None or known.resource is not resource or known.provider is not provider:
            known = self._asked[id(resource)] = _Asked.of(provider, resource)
        return known

    def _guards_say_no(self, resource: Resource) -> bool:
        for text in _guards(resource):
            answer = self._answers[_guard_probe(resource, text)]
            if answer.status >= _CANNOT_RUN or turned_away(answer.status, answer.complaint):
                failed = Failed(text, answer.status, last_lines(answer.complaint.encode()))
                why_not = why(answer.complaint, answer.status)
                raise ProbeError(f"the guard {failed}", failed=failed, **why_not)
            if (answer.status == 0) == (text == resource.not_if):
                return True
        return False

    def _user_is_to_come(
        self, resource: Resource, probes: Sequence[Probe], forecast: Forecast
    ) -> Resource | None:
        """
        Return the earlier change that creates or alters the user of a resource, or None.

        Raises Missing if there is no such user, and no change creates one.
        """
        if resource.become_user is None:
            return None
        user = Thing("user", resource.become_user)
        if until := forecast.concerns(user):
            return until
        if self._answers[probes[0]].status == NO_USER:
            raise Missing(
                f"{resource} is to be looked after by the {user}, who is not there",
                thing=user.name,
                hint="declare the user before this resource",
            )
        return None

    def _values_are_fresh(self, resource: Resource) -> bool:
        probes = _lazy_probes(resource).values()
        return all(map(self._is_fresh, probes))

    def _values_depend_on(self, item: Item, forecast: Forecast) -> Resource | None:
        lazies = item.resource.lazies
        texts = [lazy.command for lazy in lazies.values] if lazies is not None else []
        return _influenced(item, texts, forecast)

    def _resolved(self, item: Item) -> Item:
        """Return the item of a resource whose lazy values are known. Raises ProbeError."""
        resource = item.resource
        outputs: dict[Lazy, str] = {}
        for lazy, probe in _lazy_probes(resource).items():
            answer = self._answers[probe]
            if answer.status != 0:
                failed = Failed(lazy.command, answer.status, last_lines(answer.complaint.encode()))
                reason = why(answer.complaint, answer.status)
                raise ProbeError(f"{resource}: the lazy value {failed}", failed=failed, **reason)
            outputs[lazy] = answer.text
        known = self._known_values.get(id(resource))
        if known is None or known[0] is not resource or known[1] != outputs:
            real = resource.lazies.resolved(resource, outputs)
            known = self._known_values[id(resource)] = (resource, outputs, real)
        declared = replace(item.declared, resource=known[2])
        return replace(item, declared=declared, resource=known[2])

    def _guard_depends_on(self, item: Item, forecast: Forecast) -> Resource | None:
        return _influenced(item, _guards(item.resource), forecast)


def _decision(
    item: Item, provider: AnyProvider, change: Change[Any], probes: Sequence[Probe]
) -> Decision:
    if change.needed:
        return PlannedChange(item, provider, change, probes)
    return Decision(item, "ok", provider, change, probes)


def _influenced(item: Item, texts: Iterable[str], forecast: Forecast) -> Resource | None:
    """Return the earlier change that may influence one of these shell texts of an item, or None."""
    block = item.declared.parallel if item.because is None else None
    told = (forecast.touches(text, block) for text in texts)
    return next(filter(None, told), None)


def _lazy_probes(resource: Resource) -> dict[Lazy, Probe]:
    """Return the question for each lazy value; it is no precondition of the change."""
    return {
        lazy: Probe(
            replace(sh("eval {}", lazy.command), called=lazy.command),
            loose=True,
            user=resource.become_user,
            apart=True,
        )
        for lazy in resource.lazies.values
    }


def _guards(resource: Resource) -> list[str]:
    return [g for g in (resource.only_if, resource.not_if) if isinstance(g, str)]


def _guard_probe(resource: Resource, text: str) -> Probe:
    """Return the probe of a guard; its output is dropped, because it may differ each time."""
    ask = replace(sh("eval {} >/dev/null", text), called=text)
    return Probe(ask, user=resource.become_user, apart=True)
