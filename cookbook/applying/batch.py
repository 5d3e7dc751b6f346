"""A batch: many changes in one exchange, each made only if its precondition holds."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from cookbook.errors import BrokenOff, CommandError, Failed, HostError
from cookbook.hosts.probing import Answers, precondition
from cookbook.language.probe import with_name
from cookbook.language.provider import AnyProvider
from cookbook.language.resource import Resource
from cookbook.planning.decision import Decision, PlannedChange
from cookbook.planning.transaction import Transaction
from cookbook.script import jobs
from cookbook.script.jobs import Job, JobReport, read_report
from cookbook.script.program import Ask, Do, Outcome, Part, Precondition
from cookbook.script.run_as import as_user, called
from cookbook.script.shell import Command
from cookbook.script.trace import Trace
from cookbook.text.diagnosis import why
from cookbook.transport.contract import TooSlow

Notes = Callable[[Sequence[PlannedChange]], tuple[Command | None, Command | None]]
"""Returns the commands that add lines to the manifest before and after changes."""


def no_notes(_: Sequence[PlannedChange]) -> tuple[None, None]:
    """Return no commands."""
    return None, None


@dataclass(frozen=True, slots=True)
class TransactionResult:
    """The result of one transaction."""

    fate: Literal["done", "failed", "surprised", "not-reached", "lost"]
    """`lost`: the link ended meanwhile, and the host has been asked again."""

    error: HostError | None = None
    texts: Sequence[bytes | None] = ()
    """The found text of each change, for its diff."""

    kept: Sequence[str] = ()
    """The output of the commands that kept the former state of each change."""

    said: str = ""
    """The output of its commands."""

    seconds: float = 0.0
    alone: Sequence[TransactionResult] = ()
    """The result of each change, if they have run in parallel."""

    def learned(self, link: Transaction) -> Iterator[PlannedChange]:
        """Yield the changes of the transaction with the hints that their commands have printed."""
        for i, planned in enumerate(link.changes):
            kept = self.kept[i] if i < len(self.kept) else ""
            said = self.said if i == 0 else ""
            yield replace(planned, change=planned.provider.learned(planned.change, kept, said))


@dataclass
class Sent:
    """One transaction as parts of a program, and the reader of its outcomes."""

    link: Transaction
    parts: list[Part] = field(default_factory=list)
    _looks: list[int | None] = field(default_factory=list)
    _keeps: list[int | None] = field(default_factory=list)
    reports: Sequence[Ask] = ()
    """The questions for the reports of the changes, if they run in parallel."""

    @classmethod
    def of(cls, link: Transaction, answers: Answers, notes: Notes = no_notes) -> Sent:
        """Return the parts: precondition from the answers, reads of replaced texts, commands."""
        probes = [probe for decision in [*link.gap, *link.changes] for probe in decision.probes]
        return cls.under(link, precondition(probes, answers), notes)

    @classmethod
    def under(cls, link: Transaction, by: Precondition, notes: Notes = no_notes) -> Sent:
        """Return the parts with a precondition that already exists."""
        sent = cls(link, [by])
        for look in map(look_at, link.changes):
            sent._looks.append(len(sent.parts) if look else None)
            sent.parts += [Ask(look)] if look else []
        for planned, keep in zip(link.changes, map(keep_of, link.changes), strict=True):
            user = planned.resource.become_user
            sent._keeps.append(len(sent.parts) if keep else None)
            sent.parts += [Do(keep, link.limit, keeps=True, user=user)] if keep else []
        if link.is_parallel:
            sent._add_jobs(notes)
            return sent
        before, after = notes(link.changes)
        sent.parts += [Do(before, link.limit)] if before is not None else []
        sent.parts += link.work
        sent.parts += [Do(after, link.limit)] if after is not None else []
        return sent

    def _add_jobs(self, notes: Notes) -> None:
        """Add the changes as jobs, their reports, and the command that forgets both."""
        token, work = secrets.token_hex(8), []
        for planned in self.link.changes:
            before, after = notes([planned])
            self.parts += [Do(before, self.link.limit)] if before is not None else []
            user = planned.resource.become_user
            commands = [as_user(user, one, from_stash=True) for one in planned.commands]
            work.append(Job(commands, after))
        self.parts.append(
            Do(jobs.running(token, work, self.link.at_once), self.link.limit, traced=True)
        )
        self.reports = [Ask(jobs.report(token, i)) for i in range(len(work))]
        self.parts += [*self.reports, Ask(jobs.clean(token))]

    def read(self, outcomes: Sequence[Outcome]) -> TransactionResult:
        """Return the result from the outcomes of its parts; a lost link leaves out some of them."""
        if not outcomes or outcomes[0].status is None:
            return TransactionResult("not-reached")
        seconds = sum(outcome.seconds for outcome in outcomes)
        if outcomes[0].status != 0:
            return TransactionResult("surprised", seconds=seconds)
        texts = [outcomes[i].stdout if i and i < len(outcomes) else None for i in self._looks]
        kept = [outcomes[i].text if i and i < len(outcomes) else "" for i in self._keeps]
        said = "".join(
            outcome.text
            for part, outcome in zip(self.parts, outcomes, strict=False)
            if isinstance(part, Do) and not part.keeps
        )
        if self.reports and len(outcomes) == len(self.parts):
            at = self.parts.index(self.reports[0])
            if outcomes[at - 1].status not in (None, jobs.NO_FOLDER):
                result = TransactionResult("done", None, texts, kept, said, seconds)
                told = [read_report(outcome) or JobReport() for outcome in outcomes[at:-1]]
                return self.by_reports(result, told)
        for part, outcome in zip(self.parts, outcomes, strict=False):
            if isinstance(part, Do) and outcome.status != 0:
                hidden = any(is_hidden(v.item.resource, v.provider) for v in self.link.changes)
                error = explain(part.command, outcome, hidden=hidden)
                error.phase = "notify" if self.link.changes[0].item.because else "apply"
                return TransactionResult("failed", error, texts, kept, said, seconds)
        if len(outcomes) < len(self.parts):
            return TransactionResult("failed", None, texts, kept, said, seconds)
        return TransactionResult("done", None, texts, kept, said, seconds)

    def by_reports(
        self, result: TransactionResult, reports: Iterable[JobReport]
    ) -> TransactionResult:
        """Return the result with those of changes that have run in parallel, by their reports."""
        pairs = zip(self.link.changes, reports, strict=True)
        known = [_result_of(planned, one) for planned, one in pairs]
        alone = [
            replace(one, texts=result.texts[i : i + 1], kept=result.kept[i : i + 1])
            for i, one in enumerate(known)
        ]
        error = next((one.error for one in alone if one.error is not None), None)
        done = all(one.fate == "done" for one in alone)
        return replace(result, fate="done" if done else "failed", error=error, alone=alone)


def _result_of(planned: PlannedChange, report: JobReport) -> TransactionResult:
    """Return the result of a change that has run in parallel."""
    commands = planned.commands
    if not report.begun:
        return TransactionResult("not-reached")
    if report.is_done(len(commands)):
        said = report.outcome.text
        return TransactionResult("done", said=said, seconds=report.seconds)
    if not report.status:
        error: HostError = BrokenOff(
            "it began, and was ended before its end: how far it got is unknown",
            hint="look at the host; where it may run twice, run again",
        )
        return TransactionResult("failed", error, seconds=report.seconds)
    command, user = commands[min(report.command, len(commands) - 1)], planned.resource.become_user
    if user is not None:
        command = replace(command, called=called(user, command))
    error = explain(command, report.outcome, hidden=is_hidden(planned.resource, planned.provider))
    return TransactionResult("failed", error, seconds=report.seconds)


def each_alone(
    links: Iterable[Transaction], results: Iterable[TransactionResult]
) -> Iterator[tuple[Transaction, TransactionResult]]:
    """Yield each transaction with its result; changes that ran in parallel one by one."""
    for link, result in zip(links, results, strict=True):
        if not link.is_parallel:
            yield link, result
            continue
        for i, one in enumerate(link.apart()):
            texts, kept = result.texts[i : i + 1], result.kept[i : i + 1]
            yield one, result.alone[i] if result.alone else replace(result, texts=texts, kept=kept)


def read_all(sent: Sequence[Sent], outcomes: Sequence[Outcome]) -> Iterator[TransactionResult]:
    """Yield the result of each transaction."""
    start = 0
    for one in sent:
        yield one.read(outcomes[start : start + len(one.parts)])
        start += len(one.parts)


def broken_off(result: TransactionResult) -> TransactionResult:
    """Return the result with BrokenOff as its error if it failed: the user has ended it."""
    if result.fate != "failed" or result.alone:
        return result  # a change that ran beside others says itself whether it has ended
    error = BrokenOff(
        "it was ended in the middle: what it has done is unknown",
        hint="run again: that goes on from what is so then",
    )
    return replace(result, error=error)


def lost_in_it(result: TransactionResult, *, begun: bool) -> TransactionResult:
    """Return the result of an action that was, or may have been, at work when the link was lost."""
    said = "the link was lost while it ran, or before: whether it has run is unknown"
    if begun:
        said = "it began, and did not end before the link was lost: how far it got is unknown"
    error = BrokenOff(said, hint="look at the host; where it may run twice, run again")
    return replace(result, fate="failed", error=error)


def traced(sent: Sequence[Sent]) -> Iterator[list[int]]:
    """Return for each link the numbers that its commands have in the host's record."""
    last = 0
    for one in sent:
        first = last + 1
        last += sum(isinstance(part, Do) and part.traced for part in one.parts)
        yield list(range(first, last + 1))


def as_recorded(
    one: Sent, result: TransactionResult, numbers: Sequence[int], record: Trace
) -> TransactionResult:
    """Return the result of a link by the host's record, where the reply does not tell enough."""
    match record.fate(numbers):
        case "not-begun":
            return replace(result, fate="not-reached")
        case "done":
            return replace(result, fate="done")
        case "failed":
            commands = one.link.work
            status = next(s for n in numbers if (s := record.ended.get(n, 0)) != 0)
            at = next(i for i, n in enumerate(numbers) if record.ended.get(n, 0) != 0)
            part = commands[at]
            assert isinstance(part, Do)  # noqa: S101 - work is made of commands
            error = explain(part.command, Outcome(status))
            error.hint = error.hint or "what it printed was lost with the link"
            error.phase = "notify" if one.link.changes[0].item.because else "apply"
            return replace(result, fate="failed", error=error)
        case _:
            return replace(result, fate="lost")


def fate_of(error: HostError) -> Literal["failed", "unknown"]:
    """Return the status of a change with this error."""
    return "unknown" if isinstance(error, BrokenOff) else "failed"


def cut_off(
    sent: Sequence[Sent], heard: Sequence[Outcome], error: HostError
) -> Iterator[tuple[Decision, dict[str, Any]]]:
    """
    Yield each change of a lost batch with the fields of its step: what is known, and no more.

    The host may continue with the batch after the link was lost. So a change was certainly
    not made only if it comes after a reported failure, after a precondition that did not
    hold, or after a command that was ended because it took too long. Those are left out.
    """
    stopped = False
    ended = isinstance(error, TooSlow) and error.ended
    for one, result in zip(sent, read_all(sent, heard), strict=True):
        passed = result.fate in ("done", "failed")
        stopped |= result.fate == "surprised" or result.error is not None
        stopped |= ended and result.fate != "done"
        if stopped and not passed:
            return
        yield from ((decision, {}) for decision in one.link.gap if passed)
        for link, alone in each_alone([one.link], [result]):
            if result.alone and alone.fate == "not-reached":
                continue
            why = alone.error if alone.error is not None else error
            status = "failed" if alone.error is not None else "unknown"
            yield from ((decision, {"status": status, "error": why}) for decision in link.changes)
        if stopped:
            return


def announce(
    sent: Sequence[Sent], working: Callable[[Transaction | None], object]
) -> Callable[[int], None]:
    """Return a callback from the number of a begun part to its transaction, None after all."""
    whose = [one.link for one in sent for _ in one.parts]

    def begun(part: int) -> None:
        if part >= 0:
            working(whose[part] if part < len(whose) else None)

    return begun


def is_hidden(resource: Resource, provider: AnyProvider | None) -> bool:
    """Return True if the output of a failed command could have a secret of the resource in it."""
    safe = provider is not None and provider.tells_no_secret and not resource.sensitive
    return resource.confidential and not safe


def explain(command: Command, outcome: Outcome, *, hidden: bool = False) -> CommandError:
    """
    Return the error of a failed command with its last lines; `hidden` leaves them out.

    A known cause is told in any case: its words are not those of the command.
    """
    said = outcome.last_words
    known = why(said, outcome.status)
    if not hidden:
        failed = Failed(command.brief, outcome.status, said)
        return CommandError(str(failed), failed=failed, **known)
    failed = Failed(command.brief, outcome.status)
    hints = (known.get("hint"), "what it said is hidden, because the resource is sensitive")
    hint = "; ".join(filter(None, hints))
    return CommandError(str(failed), failed=failed, cause=known.get("cause"), hint=hint)


def keep_of(planned: PlannedChange) -> Command | None:
    """Return the command that stashes the state that the change destroys, or None."""
    keep = planned.provider.keeps(planned.name, planned.change)
    return with_name(keep, f"keep the former state of {planned.resource}") if keep else None


def look_at(decision: Decision) -> Command | None:
    """Return the question for the text that a change replaces, or None if no diff is shown."""
    if decision.provider is None or decision.change is None or decision.item.resource.confidential:
        return None
    resource = decision.item.resource
    texts = decision.provider.texts(resource.identity, decision.change)
    return as_user(resource.become_user, texts.found) if texts and texts.found else None
