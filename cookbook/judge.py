"""What the answers of a host say about each resource: in line, to be changed, unknown, an error."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from cookbook import stash
from cookbook.acting import NO_USER, turned_away
from cookbook.causes import why
from cookbook.chain import (
    Item,
    Link,
    Result,
    Sent,
    Verdict,
    announce,
    broken_off,
    lost_in_it,
    read_all,
)
from cookbook.errors import (
    CookError,
    Failed,
    HostError,
    Missing,
    NotConverged,
    ProbeError,
    Unsupported,
    during,
)
from cookbook.forecast import Forecast
from cookbook.platform import Facts
from cookbook.provider import (
    AnyProvider,
    Catalog,
    Change,
    Probe,
    Thing,
    asked_by,
    making_sense,
    questions,
)
from cookbook.questions import Answer, Answers, Question, gather, state_text
from cookbook.recipe import Node, guard_says_no
from cookbook.rescue import Rescue
from cookbook.resource import Resource
from cookbook.session import Session
from cookbook.shell import Command, sh
from cookbook.step import Listener, step_of
from cookbook.transport import Interrupted, TooSlow
from cookbook.way import Cuts
from cookbook.wire import ANSWER_TIMEOUT, Do, Outcome, Part, last_lines

_CANNOT_RUN = 126
"""From here on a shell's exit status says that a command could not be run, or was killed."""


class Judge:
    """Knows what a host has answered, and never judges by an answer that a change has outdated."""

    def __init__(self, node: Node, session: Session, facts: Facts, catalog: Catalog) -> None:
        self._node = node
        self._session = session
        self._facts = facts
        self._catalog = catalog
        self.rescue: Rescue | None = None
        """What watches over changes that may cut the way by which we came."""

        self._answers: dict[Probe, Answer] = {}
        self._age: dict[Probe, int] = {}
        self._epoch = 0
        self._facts_are_old = False
        self._done_again: set[str] = set()
        """Restarts during which the link was lost."""

    @property
    def answers(self) -> Answers:
        """The latest answer to each probe."""
        return self._answers

    def outdate(self) -> None:
        """Something has changed, or may have: every answer so far is of an earlier epoch."""
        self._epoch += 1
        self._facts_are_old = True

    def learn(self, answers: Mapping[Probe, Answer]) -> None:
        """Take note of answers that are younger than the last change."""
        self._answers |= answers
        self._age |= dict.fromkeys(answers, self._epoch)

    def refresh(self, items: Iterable[Item], besides: Iterable[Probe] = ()) -> None:
        """Ask what has no answer younger than the last change (law 5), in one exchange."""
        self._refresh([*self.probes(items), *besides])

    def text(self, probe: Probe) -> str:
        """What a host says to a question that is about no resource, asked anew if need be."""
        self._refresh([probe])
        return self._answers[probe].text

    def read(self, questions: Sequence[Command]) -> list[bytes]:
        """What questions print that are about no state, in one exchange."""
        return [outcome.stdout for outcome in self._session.read(questions)]

    def write(self, command: Command) -> None:
        """Send something of our own, in an exchange of its own, whatever comes of it."""
        self._session.run([Do(command, ANSWER_TIMEOUT)])

    def probes(self, items: Iterable[Item]) -> list[Probe]:
        """What has to be asked about these items."""
        probes: list[Probe] = []
        for item in items:
            try:
                probes += self._probes(item)
            except Unsupported:
                continue  # judged when its turn comes: its tool may be there by then
        return probes

    def judge(self, item: Item, forecast: Forecast) -> Verdict:
        """One of: ok, skipped, change, unknown until something before it is done, failed."""
        resource = item.resource
        if resource.doing == ("nothing",):
            return Verdict(item, "ok")
        provider = None
        try:
            provider = self._provider(resource)
            probes = self._probes(item)
            self._refresh(probes)
            if guard_says_no(resource, self._node):
                return Verdict(item, "skipped", provider)
            until = self._user_is_to_come(resource, probes, forecast)
            if until := until or self._guard_depends_on(resource, forecast):
                return Verdict(item, "unknown", provider, until=until)
            if self._guards_say_no(resource):
                return Verdict(item, "skipped", provider, probes=probes)
            if until := forecast.outdates(provider, resource):
                return Verdict(item, "unknown", provider, until=until)
            found = self.found(provider, resource)
            there = provider.there(found)
            if not there and (until := forecast.brings_it(provider, resource)):
                return Verdict(item, "unknown", provider, until=until)
            change = provider.plan(resource, forecast.foreseen(resource, found))
            if change.needed:
                self._need(provider, resource, forecast)
        except HostError as error:
            error.phase = error.phase or ("probe" if isinstance(error, ProbeError) else "plan")
            missed = error.thing if isinstance(error, Missing) else ""
            if until := forecast.may_bring(missed):
                return Verdict(item, "unknown", provider, until=until)
            return Verdict(item, "failed", provider, error=error)
        status: Literal["change", "ok"] = "change" if change.needed else "ok"
        return Verdict(item, status, provider, change, probes)

    @during("apply")
    def send(
        self,
        sent: Sequence[Sent],
        probes: Iterable[Probe],
        listener: Listener,
    ) -> list[Result]:
        """
        One exchange: a guarded chain, and questions again, by which it is verified.

        Raises Interrupted or TooSlow, whose `outcomes` tell what is known of the chain.
        """
        contents = {d: data for one in sent for d, data in one.link.contents().items()}
        parts: list[Part] = [part for one in sent for part in one.parts]
        asked = gather(probes)
        keepers = {part.user for part in parts if isinstance(part, Do) and part.keeps}
        tidy = [Do(stash.TIDY, ANSWER_TIMEOUT, keeps=True, user=user) for user in keepers]
        changes = [verdict for one in sent for verdict in one.link.changes]
        arm = self._arm(changes)
        everything = [*arm, *parts, *tidy, *(question.part for question in asked)]
        self.outdate()
        listener.sending([step_of(verdict) for verdict in changes])
        begun = announce(sent, self._working(listener))
        try:
            outcomes = self._session.run(everything, contents, lambda i: begun(i - len(arm)))
        except (Interrupted, TooSlow) as error:
            error.outcomes = error.outcomes[len(arm) :]
            if isinstance(error, Interrupted):
                return self._recover(sent, asked, error)
            _add_what_was_said(error, sent)
            raise
        if self.rescue is not None and arm and outcomes[0].status != 0:
            self.rescue.forget()
            raise HostError(
                f"{changes[0].item.resource} cannot be guarded: {outcomes[0].complaint}",
                hint="nothing was changed; the host has to keep its way back somewhere",
            )
        self.confirm()
        outcomes = outcomes[len(arm) :]
        try:
            self.learn(self._session.understand(asked, outcomes[len(parts) + len(tidy) :]))
        except (Interrupted, TooSlow) as error:
            error.outcomes = outcomes
            raise
        results = read_all(sent, outcomes)
        return [*map(broken_off, results)] if self._session.ended else [*results]

    def _working(self, listener: Listener) -> Callable[[Link | None], None]:
        """Who hears of each link as its turn comes, and that there is none any more."""

        def working(link: Link | None) -> None:
            self._session.whole = link is not None and link.provider.whole
            if link is not None:
                listener.working(link.changes[0].item.resource)

        return working

    def _recover(
        self, sent: Sequence[Sent], asked: Sequence[Question], error: Interrupted
    ) -> list[Result]:
        """
        Go on after the link was lost: log in again, and ask how everything is now.

        Raises `error` where we cannot log in again, CutOff where that is what a change did.
        """
        self.confirm()
        self._session.renew(error)
        outcomes = self._session.run([question.part for question in asked])
        self.learn(self._session.understand(asked, outcomes))
        return list(self._what_became(sent, error.outcomes))

    def _what_became(self, sent: Sequence[Sent], heard: Sequence[Outcome]) -> Iterator[Result]:
        """What is known of each link when the connection was lost, and what the host says now."""
        stopped = False
        rebooted: bool | None = None
        for one, result in zip(sent, read_all(sent, heard), strict=True):
            stopped |= result.fate == "surprised" or result.error is not None
            if stopped or result.fate == "done":
                yield result
                continue
            acts = [verdict for verdict in one.link.changes if self._leaves_no_trace(verdict)]
            if not acts:
                yield Result("lost")
            elif rebooted is None and (rebooted := self._has_rebooted()):
                yield Result("lost")  # what brings the host down is sure to have run
            elif rebooted or self._may_do_again(acts):
                yield Result("not-reached")
            else:
                yield lost_in_it()

    def _has_rebooted(self) -> bool:
        before, self._facts = self._facts, self._session.facts()
        return before.boot_id != self._facts.boot_id

    def _may_do_again(self, acts: Iterable[Verdict]) -> bool:
        """A restart, once more; not a second time, lest it is what cuts the link."""
        able = [v for v in acts if v.provider and v.change and v.change.act in v.provider.again]
        names = {str(verdict.item.resource) for verdict in acts}
        fresh = not names & self._done_again
        self._done_again |= names
        return fresh and len(able) == len(names)

    def _leaves_no_trace(self, verdict: Verdict) -> bool:
        """Whether the host's answers do not tell that it was done."""
        provider, resource = verdict.provider, verdict.item.resource
        assert provider is not None  # noqa: S101 - it makes the change
        with contextlib.suppress(HostError):
            now = self.found(provider, resource)
            goal = verdict.goal(now) if verdict.goal else provider.plan(resource, now)
            return goal.kind == "act"
        return False

    def _arm(self, changes: Sequence[Verdict]) -> list[Part]:
        risky = [verdict for verdict in changes if self.risk(verdict) != "no"]
        return [self.rescue.arm(risky)] if self.rescue is not None and risky else []

    def confirm(self) -> None:
        """
        See that we can log in again, if a change was made that may have put an end to that.

        Raises CutOff if nobody can.
        """
        if self.rescue is not None and self.rescue.armed:
            self.rescue.confirm()

    def risk(self, verdict: Verdict) -> Cuts:
        """Whether a change may cut our way, or is sure to."""
        return self.rescue.risk(verdict) if self.rescue is not None else "no"

    def left(self, verdict: Verdict) -> tuple[Any, HostError | None]:
        """How a change has left its resource; and what is still not as wanted, if something is."""
        provider, resource = verdict.provider, verdict.item.resource
        assert provider is not None  # noqa: S101 - it made the change
        now = None
        try:
            now = self.found(provider, resource)
            change = verdict.goal(now) if verdict.goal else provider.plan(resource, now)
        except HostError as error:
            error.phase = "verify"
            return now, error
        return now, self._not_converged(resource, change)

    def _not_converged(self, resource: Resource, change: Change[Any]) -> HostError | None:
        if change.kind in ("none", "act"):
            return None
        differs = ", ".join(f"{n} is {a!r}, not {b!r}" for n, (a, b) in change.fields.items())
        return NotConverged(
            f"{resource} was applied, and still differs:"
            f" {'redacted' if resource.confidential else differs or change.kind}",
            hint="does something else on the host, or later in the recipe, set it back?",
        )

    def found(self, provider: AnyProvider, resource: Resource) -> Any:
        """The state that the answers tell of; None if there is no such thing."""
        texts = self._texts(provider, resource)
        return None if texts and texts[0] is None else provider.understand(resource, *texts)

    def provider_or_none(self, resource: Resource) -> AnyProvider | None:
        """Who serves a resource; None if nobody does."""
        try:
            return self._provider(resource)
        except CookError:
            return None

    def _refresh(self, probes: Iterable[Probe]) -> None:
        if stale := [probe for probe in probes if self._age.get(probe, -1) < self._epoch]:
            self.learn(self._session.ask(stale))

    def _texts(self, provider: AnyProvider, resource: Resource) -> list[str | None]:
        probes = questions(provider, resource)
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
                    hint="declare it before this resource",
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
        provider, resource = self._provider(item.resource), item.resource
        guards = [_guard_probe(resource, text) for text in _guards(resource)]
        watched = asked_by(resource, provider.watches(resource))
        user = resource.become_user
        there = [Probe(sh(":"), loose=True, user=user)] if user is not None else []
        return [*there, *guards, *questions(provider, resource), *watched]

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
        The change before that brings the user who is to look after a resource, or alters him.

        Raises Missing if there is no such user, and none to come.
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

    def _guard_depends_on(self, resource: Resource, forecast: Forecast) -> Resource | None:
        return next(filter(None, map(forecast.touches, _guards(resource))), None)


def _add_what_was_said(error: TooSlow, sent: Sequence[Sent]) -> None:
    """What a command has printed before it took too long, where nothing of it may be secret."""
    resources = [verdict.item.resource for one in sent for verdict in one.link.changes]
    if error.failed is not None and not any(resource.confidential for resource in resources):
        error.failed = error.failed._replace(output=error.said)


def _guards(resource: Resource) -> list[str]:
    return [g for g in (resource.only_if, resource.not_if) if isinstance(g, str)]


def _guard_probe(resource: Resource, text: str) -> Probe:
    """Only the status of a guard is an answer; what it prints may differ each time."""
    return Probe(sh("eval {} >/dev/null", text), user=resource.become_user)
