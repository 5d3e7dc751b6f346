"""
The executor of batches: sends one to a host and returns the result of each change.

A change that may lock the operator out runs under a timer of the host (`auto_rollback`). If
the link is lost, the executor reconnects and probes every resource again. A command that
leaves no state is repeated only if that is harmless; "changed" is reported only for a change
that was verified.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from cookbook.applying.auto_rollback import AutoRollback
from cookbook.applying.batch import (
    Sent,
    TransactionResult,
    announce,
    as_recorded,
    broken_off,
    each_alone,
    fate_of,
    keep_of,
    lost_in_it,
    read_all,
    traced,
)
from cookbook.applying.login_check import LoginCheck, names
from cookbook.errors import HostError, WouldLockOut, during
from cookbook.hosts.probing import Question
from cookbook.hosts.session import Session
from cookbook.language.access_path import Risk
from cookbook.language.probe import Probe
from cookbook.planning.decision import Decision, PlannedChange
from cookbook.planning.planner import Planner
from cookbook.planning.step import Listener, Step, diff_of, step_of
from cookbook.planning.transaction import Transaction
from cookbook.script import jobs, stash
from cookbook.script.jobs import JobReport, read_report
from cookbook.script.program import ANSWER_TIMEOUT, Do, Outcome, Part
from cookbook.script.trace import Trace
from cookbook.transport.contract import Interrupted, TooSlow


class Executor:
    """The sender of batches to one host."""

    def __init__(
        self, planner: Planner, session: Session, rescue: AutoRollback | None = None
    ) -> None:
        """Create an executor; `planner` gets the answers, `rescue` is the auto-rollback, if any."""
        self.planner = planner
        self._session = session
        self._rescue = rescue
        self._login = LoginCheck(session, rescue.way.user if rescue is not None else "")
        self._done_again: set[str] = set()
        """The resources whose act was repeated after a lost link."""

    def refusal(self, planned: PlannedChange) -> WouldLockOut | None:
        """Return the error for a change that is certain to lock the operator out, or None."""
        return self._rescue.refusal(planned) if self._rescue is not None else None

    @property
    def has_rollback(self) -> bool:
        """True if there is auto-rollback."""
        return self._rescue is not None

    @during("apply")
    def send(
        self,
        sent: Sequence[Sent],
        probes: Iterable[Probe],
        listener: Listener,
    ) -> list[TransactionResult]:
        """
        Send one batch and the probes that verify it, in one exchange; return the results.

        Raises Interrupted or TooSlow, whose `outcomes` are those of the batch so far, and
        LockedOut if no new login is possible afterwards.
        """
        contents = {d: data for one in sent for d, data in one.link.contents().items()}
        parts: list[Part] = [part for one in sent for part in one.parts]
        asked = self._session.questions(probes)
        keepers = {part.user for part in parts if isinstance(part, Do) and part.keeps}
        tidy = [Do(stash.TIDY, ANSWER_TIMEOUT, keeps=True, user=user) for user in keepers]
        changes = [planned for one in sent for planned in one.link.changes]
        arm = self._arm(changes)
        checks = self._rescue is not None
        ahead = [*arm, *(self._login.before(changes) if checks else [])]
        behind = [*tidy, *(self._login.behind(changes) if checks else [])]
        everything = [*ahead, *parts, *behind, *(question.part for question in asked)]
        self.planner.outdate()
        listener.sending([step_of(planned) for planned in changes])
        working = announce(sent, self._working(listener))

        def begun(part: int) -> None:
            working(part - len(ahead))
            if changes and part >= len(everything) - len(asked):
                self._begin_login()

        try:
            outcomes = self._session.run(everything, contents, begun)
        except (Interrupted, TooSlow) as error:
            error.outcomes = error.outcomes[len(ahead) :]
            if isinstance(error, Interrupted):
                return self._recover(sent, asked, error)
            _add_what_was_said(error, sent)
            if self._rescue is not None and error.refused is not None:
                with contextlib.suppress(Interrupted):  # that it took too long comes first
                    self._login.after(_begun(sent, read_all(sent, error.outcomes)), slow=error)
            raise
        if self._rescue is not None and arm and outcomes[0].status != 0:
            self._rescue.forget()
            raise HostError(
                f"{changes[0].resource} cannot be guarded: {outcomes[0].complaint}",
                hint="nothing was changed; the host has to keep its way back somewhere",
            )
        confirmed = self.confirm()
        outcomes = outcomes[len(ahead) :]
        answers = outcomes[len(parts) + len(behind) :]
        results = [*read_all(sent, outcomes)]
        try:
            self._check_login(sent, results, confirmed=confirmed)
        except Interrupted as error:  # the host goes down, and with it the open session
            error.outcomes = outcomes
            return self._recover(sent, asked, error)
        try:
            self.planner.learn(self._session.understand(asked, answers))
        except (Interrupted, TooSlow) as error:
            error.outcomes = outcomes
            raise
        return [*map(broken_off, results)] if self._session.ended else results

    def _begin_login(self) -> None:
        """Begin the new login after a batch, while its changes are verified."""
        if self._rescue is None:
            return
        if self._rescue.armed:
            self._rescue.begin()
        else:
            self._login.begin()

    def _check_login(
        self, sent: Sequence[Sent], results: Sequence[TransactionResult], *, confirmed: bool
    ) -> None:
        """
        Log in anew if a change was made, unless auto-rollback has just done that.

        Raises LockedOut if no login is possible; the changes were taken back then.
        """
        if self._rescue is None:
            return
        made = _begun(sent, results)
        if confirmed:
            self._login.note(made)
        else:
            self._login.after(made)

    def _working(self, listener: Listener) -> Callable[[Transaction | None], None]:
        """Return a callback for the transaction that begins; None is the end of the batch."""

        def working(link: Transaction | None) -> None:
            self._session.whole = link is not None and link.provider.whole
            if link is not None:
                for planned in link.changes if link.is_parallel else link.changes[:1]:
                    listener.working(planned.resource)

        return working

    def _recover(
        self, sent: Sequence[Sent], asked: Sequence[Question], error: Interrupted
    ) -> list[TransactionResult]:
        """
        Log in again after the link was lost, and probe everything; return the results.

        Raises `error` if the login fails, LockedOut if a change of the batch has caused that.
        """
        self.confirm()
        self._renew(error, sent)
        rebooted = self.planner.has_rebooted()
        record = self._session.trace_of(error.nonce, rebooted=rebooted)
        told = [report for one in sent for report in one.reports]
        outcomes = self._session.run([*told, *(question.part for question in asked)])
        self.planner.learn(self._session.understand(asked, outcomes[len(told) :]))
        if told:
            self._session.read([jobs.CLEAN_ALL])
        reports = map(read_report, outcomes)
        known = [[next(reports) for _ in one.reports] for one in sent]
        return list(self._what_became(sent, error.outcomes, record, known, rebooted=rebooted))

    def _renew(self, lost: Interrupted, sent: Sequence[Sent]) -> None:
        """
        Connect again; if that fails, raise `lost` (it has the outcomes) with the reason.

        Its message names the changes that ran or may have run: they may be the cause.
        """
        try:
            self._session.renew(lost, _absence(sent))
        except Interrupted as error:
            if error is lost:
                raise
            raise lost from error
        except HostError as error:
            results = read_all(sent, lost.outcomes)
            pairs = [pair for pair in zip(sent, results, strict=True) if pair[1].fate != "done"]
            may = names([planned for one, _ in pairs for planned in one.link.changes])
            made = names([planned for one in sent for planned in one.link.changes])
            when = f"while {may} was being applied" if may else f"after {made}"
            lost.message = (
                f"{lost.message}, {when}; no new connection could be made: {error.message}"
            )
            lost.hint = "if that is the cause, only the console of the host helps"
            lost.hint += f"; else: {error.hint}" if error.hint else ""
            raise lost from error

    def _what_became(
        self,
        sent: Sequence[Sent],
        heard: Sequence[Outcome],
        record: Trace | None,
        reports: Sequence[Sequence[JobReport | None]],
        *,
        rebooted: bool,
    ) -> Iterator[TransactionResult]:
        """
        Yield the result of each transaction after a lost connection.

        `reports` are those of the changes of each that have run in parallel.
        """
        stopped, is_cause_open = False, rebooted
        befores = read_all(sent, heard)
        for one, before, numbers, told in zip(sent, befores, traced(sent), reports, strict=True):
            stopped |= before.fate == "surprised" or before.error is not None
            result = before
            if one.link.is_parallel and not stopped and before.fate != "done":
                fate = record.fate(numbers) if record is not None else "begun"
                result = self._what_became_of_jobs(one, before, told, fate)
                stopped |= result.fate == "failed"
                yield result
                continue
            if not stopped and before.fate != "done" and record is not None:
                result = as_recorded(one, before, numbers, record)
                stopped |= result.error is not None
            decided = record is not None and result.fate == "not-reached"
            if stopped or decided or result.fate == "done":
                yield result
                continue
            acts = [planned for planned in one.link.changes if self._is_open(planned)]
            if not acts:
                yield replace(result, fate="lost")
            elif is_cause_open and all(self._left(planned) == "act" for planned in acts):
                is_cause_open = False
                yield replace(result, fate="lost")  # what brings the host down is sure to have run
            elif (rebooted and not is_cause_open) or self._may_do_again(acts):
                yield TransactionResult("not-reached")
            else:
                yield lost_in_it(result, begun=record is not None)

    def _what_became_of_jobs(
        self,
        one: Sent,
        before: TransactionResult,
        told: Sequence[JobReport | None],
        fate: Literal["done", "failed", "begun", "not-begun"],
    ) -> TransactionResult:
        """Return the result of changes in parallel, by their reports, else by the host's record."""
        if fate == "not-begun":
            return replace(before, fate="not-reached")
        reports = [report for report in told if report is not None]
        if len(reports) < len(told):  # the host has removed them, because all have ended
            if fate == "done":
                return replace(before, fate="done")
            reports = [JobReport(begun=True)] * len(told)
        result = one.by_reports(before, reports)
        alone = [
            self._by_state(planned, of_it)
            if of_it.fate == "failed" and not report.status
            else of_it
            for planned, of_it, report in zip(one.link.changes, result.alone, reports, strict=True)
        ]
        return replace(result, alone=alone)

    def _by_state(self, planned: PlannedChange, result: TransactionResult) -> TransactionResult:
        """Return the result of a change of which is only known that it began."""
        if self._is_open(planned):
            return lost_in_it(result, begun=True)
        return replace(result, fate="lost", error=None)

    def _may_do_again(self, acts: Sequence[PlannedChange]) -> bool:
        """Return whether acts may be repeated; only once, because they may cause the lost link."""
        able = [one for one in acts if one.change.act in one.provider.again]
        names = {str(one.resource) for one in acts}
        fresh = not names & self._done_again
        self._done_again |= names
        return fresh and len(able) == len(names)

    def _is_open(self, planned: PlannedChange) -> bool:
        """Return whether a change is more than a state, and the host does not say it was made."""
        return planned.change.act is not None and self._left(planned) not in ("", "none")

    def _left(self, planned: PlannedChange) -> str:
        """Return the kind of change that would still be needed; "" where that cannot be known."""
        with contextlib.suppress(HostError):
            now = self.planner.found(planned.provider, planned.resource)
            return planned.still_needed(now).kind
        return ""

    def _arm(self, changes: Sequence[PlannedChange]) -> list[Part]:
        risky = [planned for planned in changes if self.risk(planned) != "no"]
        return [self._rescue.arm(self._kept(risky))] if self._rescue is not None and risky else []

    def _kept(self, changes: Sequence[PlannedChange]) -> list[PlannedChange]:
        """
        Return risky changes with what they destroy stashed, so that it can be restored exactly.

        Raises Interrupted or TooSlow, before anything was changed.
        """
        known = {i: keep_of(one) for i, one in enumerate(changes) if _is_whole(one)}
        keeps = {i: keep for i, keep in known.items() if keep is not None}
        asked = [
            Do(keep, ANSWER_TIMEOUT, keeps=True, user=changes[i].resource.become_user)
            for i, keep in keeps.items()
        ]
        told = dict(zip(keeps, self._session.run(asked), strict=True))
        return [
            replace(one, change=one.provider.learned(one.change, told[i].text, ""))
            if i in told
            else one
            for i, one in enumerate(changes)
        ]

    def confirm(self) -> bool:
        """
        Confirm over a new login, if a timer runs, that the access path is open; return if so.

        Raises LockedOut if no new login is possible.
        """
        if self._rescue is None or not self._rescue.armed:
            return False
        self._rescue.confirm()
        return True

    def admits(
        self, link: Transaction, planned: PlannedChange, gap: Sequence[Decision] = ()
    ) -> bool:
        """
        Return whether a change can be part of a transaction, with the decisions between them.

        Of changes that may lock the operator out none runs beside others.
        """
        if link.admits_beside(planned, gap):
            return all(self.risk(one) == "no" for one in (link.changes[0], planned))
        return not gap and link.admits(planned)

    def beside(self, decisions: Sequence[Decision]) -> Mapping[object, tuple[str, ...]]:
        """Return, for each item that a run changes beside others, the resources of the others."""
        links: list[Transaction] = []
        gap: list[Decision] = []
        for decision in decisions:
            if not isinstance(decision, PlannedChange):
                gap.append(decision)
                continue
            waits = any(one.status in ("unknown", "failed") for one in gap)
            if links and not waits and self.admits(links[-1], decision, gap):
                links[-1].changes.append(decision)
            else:
                links.append(Transaction([], [decision]))
            gap = []
        parallel = (link for link in links if link.is_parallel)
        return {
            one.changes[0].item.key: tuple(one.beside) for link in parallel for one in link.apart()
        }

    def risk(self, planned: PlannedChange) -> Risk:
        """Return the risk that a change locks the operator out."""
        return self._rescue.risk(planned) if self._rescue is not None else "no"

    def verified(
        self, link: Transaction, result: TransactionResult
    ) -> Iterator[tuple[PlannedChange, Step]]:
        """
        Yield each change of a transaction with its step, by the answers after it.

        A change is "changed" only if the host then shows the wanted state.
        """
        texts = result.texts or [None] * len(link.changes)
        alone = len(link.changes) == 1
        for planned, text in zip(result.learned(link), texts, strict=True):
            state, differs = self.planner.left(planned)
            error = (result.error if alone or differs is not None else None) or differs
            step = step_of(planned if error is None else planned.ended(fate_of(error), error))
            seconds = result.seconds / len(link.changes)
            diff = diff_of(planned, text) if error is None else None
            step = replace(step, diff=diff, seconds=seconds, left=state)
            yield planned, replace(step, parallel=tuple(link.beside))


def _begun(sent: Sequence[Sent], results: Iterable[TransactionResult]) -> Sequence[PlannedChange]:
    """Return the changes that were begun, with what their commands told."""
    return [
        planned
        for link, result in each_alone((one.link for one in sent), results)
        if result.fate in ("done", "failed")
        for planned in result.learned(link)
    ]


def _absence(sent: Sequence[Sent]) -> float:
    """Return the seconds for which one of the changes may take the host away."""
    changes = [planned for one in sent for planned in one.link.changes]
    return max((one.provider.absence(one.change) for one in changes), default=0.0)


def _is_whole(planned: PlannedChange) -> bool:
    """Return whether a thing comes or goes: only then does `keeps` tell how to restore it."""
    return planned.change.kind in ("create", "remove")


def _add_what_was_said(error: TooSlow, sent: Sequence[Sent]) -> None:
    """Add the output of a command that took too long to the error, unless it may be secret."""
    resources = [planned.resource for one in sent for planned in one.link.changes]
    if error.failed is not None and not any(resource.confidential for resource in resources):
        error.failed = error.failed._replace(output=error.said)
