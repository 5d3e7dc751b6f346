"""
The convergence of one host: probe, plan, apply, verify.

The steps of a run:

1. One exchange asks every probe and every guard of every resource.
2. In declared order the planner decides about each resource: ok, change, skipped by a
   guard, unknown until an earlier resource is done, or an error.
3. A dry run stops here; it sends only questions.
4. The changes are sent as one *batch*: for each change, in order, the host asks again,
   compares the answer with the precondition, and applies the change. If an answer
   differs, the batch stops there. In the same exchange these are probed again, and what
   comes after them, up to the first resource that waits for a change not sent yet.
5. A change was made if no difference is left; else it has failed. Resources that the
   batch did not reach are decided again, by answers after the last change: step 2.
6. At a barrier the host waits for others, after all that precedes it was sent; what comes
   after it is decided again if something was changed on any host.
7. Delayed notifications come last, each once, in the same steps.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cookbook.applying.batch import Sent, TransactionResult, cut_off, each_alone
from cookbook.applying.change_set import (
    PATIENCE,
    ChangeSet,
    earlier_ones,
    fickle,
    taken_back,
)
from cookbook.applying.dry_run import DryRun
from cookbook.applying.executor import Executor
from cookbook.applying.manifest import QUESTION
from cookbook.applying.options import ConvergenceOptions
from cookbook.applying.orphans import Orphans
from cookbook.applying.walk import Walk
from cookbook.errors import (
    BarrierBroken,
    BrokenOff,
    DeadlineExceeded,
    HostError,
    LockedOut,
    Unapproved,
    WouldLockOut,
)
from cookbook.hosts.session import Session
from cookbook.language.barriers import barriers_of
from cookbook.language.catalog import Catalog
from cookbook.language.collection import Collection, Declared
from cookbook.language.probe import Probe
from cookbook.language.sections import Attempt, Barrier, Failures
from cookbook.planning.barriers import Passed, passed
from cookbook.planning.decision import Decision, PlannedChange
from cookbook.planning.forecast import Forecast, Pending
from cookbook.planning.notifications import settled_by
from cookbook.planning.planner import Planner
from cookbook.planning.queue import Queue
from cookbook.planning.step import Step, step_of
from cookbook.planning.transaction import Transaction
from cookbook.retry import wait
from cookbook.script.facts import Facts
from cookbook.script.shell import Command
from cookbook.transport.contract import Interrupted, TooSlow


class Convergence:
    """The convergence, or the dry run, of one host."""

    def __init__(
        self,
        collection: Collection,
        session: Session,
        facts: Facts,
        catalog: Catalog,
        options: ConvergenceOptions | None = None,
    ) -> None:
        """Create the convergence of a host."""
        options = options or ConvergenceOptions()
        self._stopping = options.stopping
        self._listener = options.listener
        self._session = session
        self._planner = Planner(collection.node, session, facts, catalog, options.left_out)
        self._executor = Executor(self._planner, session, options.rescue)
        self._orphans = options.orphans(self._planner) if options.orphans is not None else None
        self._audit = options.audit(self._planner) if options.audit is not None else None
        self._applies = options.apply
        self._barriers = options.barriers
        self._permit = options.permit
        self._stepwise = options.stepwise
        self._keep_going = options.keep_going
        self._missed: list[Pending] = []
        """With `keep_going`: what has failed, and what was left out because of that."""
        self._queue = Queue(collection, self._planner.provider_or_none)
        self._failures = Failures()
        refusal = (lambda _: None) if options.independent else self._executor.refusal
        self._walk = Walk(self._queue, self._planner, self._failures, refusal, self._permitted)
        self._dry_run = DryRun(
            self._queue,
            self._walk,
            self._executor,
            self._failures,
            self._refresh,
            independent=options.independent,
        )
        self._surprises = 0
        self._never_made: list[PlannedChange] = []
        """Changes of the last batch that have failed, and left the state as it was found."""
        self._looked_ahead = False
        self._left = False
        self._doomed: Step | None = None
        """The failure after which the declared resources must not be done, if there is one."""
        self.failed = False
        """True if a resource failed without `ignore_failure`."""

    def first_probes(self) -> Sequence[Probe]:
        """
        Return what it will ask first: it can be asked before, by `Session.begin`.

        What another host may do for this one is not asked here: it is not known yet which one.
        """
        items = (one for one in self._walk.upcoming() if self._is_surely_here(one.declared))
        asked = self._planner.probes(items)
        return [*asked, QUESTION] if self._orphans is not None else asked

    def attribute(self, slow: TooSlow) -> None:
        """Add the resources that ask the question which was not answered in time."""
        self._planner.attribute(slow, self.first_probes(), list(self._walk.upcoming()))

    def not_reached(self) -> Iterator[Step]:
        """Yield the steps of a run that is given up before it has begun."""
        if self._applies:
            yield from self._not_run()

    def steps(self) -> Iterator[Step]:
        """
        Run; yield the step of each resource as soon as it is done.

        Raises LinkLost or DeadlineExceeded, after the steps that are known, if
        the host does not answer any more.
        """
        for declared in self._queue.leave_to_others(self._is_elsewhere):
            self._hear(Step(declared, "skipped"))  # else it would look like an orphan
        for one in self._finish(self._apply()) if self._applies else self._foresee():
            step = passed(one, self._barriers)
            self._hear(step)
            yield step
        if self._orphans is not None and not (self._left or self.failed):
            for step in self._look_after(self._orphans):
                if self._audit is not None:
                    self._audit.hear(step)
                yield step
        if self._audit is not None:
            for step in self._audit.steps(self._orphans.manifest if self._orphans else None):
                self.failed |= step.status == "failed"
                yield step

    def _is_elsewhere(self, declared: Declared) -> bool:
        """Return whether another host does a resource for this one."""
        return declared.once is not None and self._barriers.doer(declared.once) is not None

    def _is_surely_here(self, declared: Declared) -> bool:
        """Return whether this host does a resource, as far as it is known which hosts do what."""
        try:
            return not self._is_elsewhere(declared)
        except BarrierBroken:
            return False

    def _hear(self, step: Step) -> None:
        """Let the search for orphans, and the audit, know of a declared resource."""
        if self._orphans is not None:
            self._orphans.hear(step)
        if self._audit is not None:
            self._audit.hear(step)

    def _foresee(self) -> Iterator[Step]:
        """Yield the steps of a dry run."""
        for step in self._dry_run.steps():
            self.failed |= step.status == "failed" and not step.ignored
            yield step

    def _finish(self, steps: Iterator[Step]) -> Iterator[Step]:
        """Yield the steps, then those of resources that were not reached, even after an error."""
        try:
            yield from steps
        except (Interrupted, DeadlineExceeded, LockedOut):
            yield from self._not_run()
            raise
        yield from self._not_run()

    def _look_after(self, orphans: Orphans) -> Iterator[Step]:
        if not orphans.ready:
            orphans.read()
        if not self._applies:
            for step in orphans.foresee():
                self.failed |= step.status == "failed"
                yield step
            return
        delivery = ChangeSet(
            self._executor,
            self._listener,
            orphans.manifest.notes,
            self._permit,
            stopping=self._stopping,
        )
        yield from orphans.apply(delivery)
        self.failed |= delivery.failed
        self._left |= delivery.stopped

    @property
    def unfinished(self) -> bool:
        """True if a stop was requested before everything was done."""
        return self._left

    # -- judging -------------------------------------------------------------------------------

    def _permitted(self, decision: Decision) -> Decision | None:
        """Return the decision after `permit`; None if the run is to stop."""
        if self._permit is None or not isinstance(decision, PlannedChange):
            return decision
        step = next(self._dry_run.with_diffs([decision])) if self._stepwise else step_of(decision)
        match self._permit(step, decision.item.tries > 0):
            case "go":
                return decision
            case "stop":
                self._stopping = lambda: True
                return None
            case "skip":
                return decision.ended("skipped", with_change=False)
            case error:
                return decision.ended("failed", error, with_change=False)

    def _refresh(self) -> None:
        """Probe the queue; the first time also read the manifests, in the same exchange."""
        if self._orphans is None or self._orphans.ready:
            self._planner.refresh(self._walk.upcoming())
            return
        self._planner.refresh(self._walk.upcoming(), [QUESTION])
        self._orphans.read()
        self._queue.recall(self._orphans.manifest.owed)

    # -- applying ------------------------------------------------------------------------------

    def _apply(self) -> Iterator[Step]:
        while self._queue and not self._stopping():
            self._queue.go_on()
            try:
                self._refresh()
                yield from self._turn()
            except (Interrupted, DeadlineExceeded, LockedOut, WouldLockOut):
                raise
            except HostError as error:  # no resource's own: its answer is fickle, there is no room
                yield from self._fail(
                    Decision(self._queue.queue[0], "failed", None, None, error=error)
                )
            if self._doomed is not None:
                yield from self._give_up(self._doomed)

    def _turn(self) -> Iterator[Step]:
        """Decide as far as the answers allow, and send the changes."""
        links: list[Transaction] = []
        gap: list[Decision] = []
        stopped: Decision | None = None
        for decision in self._walk.decisions(self._forecast(), lambda: not links):
            fails = decision.status in ("failed", "unknown")
            if decision.is_barrier or fails or self._may_need_missed(decision):
                stopped = decision
                break
            if not isinstance(decision, PlannedChange):
                gap.append(decision)
            elif links and self._apart(links, decision):
                break
            elif links and self._executor.admits(links[-1], decision, gap):
                links[-1].gap += gap
                links[-1].changes.append(decision)
                gap = []
            else:
                links.append(Transaction(gap, [decision]))
                gap = []
            if links and self._stepwise:
                break
        if not links:
            yield from self._done(gap)
            yield from self._stop_at(stopped) if stopped is not None else ()
            return
        # Nothing was changed before the first link, so what precedes it is judged already.
        if not self._looked_ahead:
            self._looked_ahead = True
            self._walk.look_ahead()
        yield from self._done(links[0].gap)
        links[0].gap = []
        yield from self._send(links)

    def _forecast(self) -> Forecast:
        """Return the forecast before the queue: what was missed brings nothing any more."""
        forecast = Forecast()
        for pending in self._missed:
            forecast.add(pending)
        return forecast

    def _may_need_missed(self, decision: Decision) -> bool:
        """Return whether it is a declared command after a failure: nothing says what it needs."""
        act = isinstance(decision, PlannedChange) and decision.change.kind == "act"
        if not (act and self._missed) or decision.item.because is not None:
            return False
        return not self._failures.is_cleanup(decision.item.declared.sections)

    def _stop_at(self, decision: Decision) -> Iterator[Step]:
        """Yield the step of a resource that is not done, and before which nothing is to be sent."""
        if (barrier := decision.item.declared.barrier) is not None:
            yield from self._come_to(decision, barrier)
        elif decision.status != "failed" and self._missed:
            yield self._leave_out(decision)
        else:
            yield from self._fail(decision)

    def _come_to(self, decision: Decision, barrier: Barrier) -> Iterator[Step]:
        """Wait for the other hosts at a barrier; what comes after it is decided by new answers."""
        if decision.status == "skipped":
            self._barriers.miss(barrier, decision.left_out or "it is skipped there")
            yield from self._done([decision])
            return
        begun = time.monotonic()
        try:
            said = self._pass(barrier)
        except BarrierBroken as error:
            step = replace(step_of(decision), status="failed", error=error)
            yield from self._fail(decision, step)
            return
        if said == "stopped":
            self._stopping = lambda: True
            return
        if said == "changed":
            self._planner.outdate()
        self._queue.consume([decision])
        yield replace(step_of(decision), seconds=time.monotonic() - begun)

    def _pass(self, barrier: Barrier) -> Passed:
        """Wait at a barrier. Raises BarrierBroken, also if a resource has failed before it."""
        if self._missed:
            raise BarrierBroken(
                f"{self._missed[0].resource} has failed before it",
                hint="--keep-going does not go on after a barrier, on any host",
            )
        return self._barriers.come_to(barrier)

    def _leave_out(self, decision: Decision) -> Step:
        """Return the step of a resource that needs what has failed."""
        self._queue.consume([decision])
        until = decision.until or self._missed[-1].root
        self._missed.append(Pending(decision.item.resource, decision.provider, None, until, True))
        return Step(decision.item.declared, "not-run", until=str(until))

    def _apart(self, links: Sequence[Transaction], planned: PlannedChange) -> bool:
        """Return whether its lock-out risk differs from the batch's: a timer covers few changes."""
        before = self._executor.risk(links[0].changes[0])
        return (before == "no") != (self._executor.risk(planned) == "no")

    def _send(self, links: Sequence[Transaction]) -> Iterator[Step]:
        """Send one batch with the probes that verify it; yield the steps."""
        sent = [Sent.of(link, self._planner.answers, self._notes) for link in links]
        asked = self._planner.probes(self._walk.upcoming(links))
        try:
            results = self._executor.send(sent, asked, self._listener)
        except (Interrupted, TooSlow) as error:
            lost = list(cut_off(sent, error.outcomes, error))
            self._queue.consume([decision for decision, _ in lost])
            self.failed = True
            yield from (replace(step_of(decision), **told) for decision, told in lost)
            raise
        except LockedOut as error:
            self.failed = True
            changes = [decision for link in links for decision in link.changes]
            self._queue.consume(changes)
            self._queue.forget_the_end()
            earlier = earlier_ones(error.taken_back, changes)
            if error.restored:
                self._never_made += [*changes, *earlier]
                self._revoke()
            yield from (replace(step_of(v), status="failed", error=error) for v in changes)
            yield from map(taken_back, earlier)
            raise
        pairs = each_alone(links, results)
        reached = [(link, r) for link, r in pairs if self._is_done(link, r)]
        self._be_patient(progress=bool(reached))
        done = [decision for link, _ in reached for decision in [*link.gap, *link.changes]]
        self._queue.reached(done)
        for link, result in reached:
            yield from map(step_of, link.gap)
            yield from self._verify(link, result)
        self._revoke()

    def _is_done(self, link: Transaction, result: TransactionResult) -> bool:
        """Return whether the transaction was reached; if the link was lost, by the new answers."""
        if result.fate == "lost":
            return all(self._planner.left(planned)[1] is None for planned in link.changes)
        return result.fate in ("done", "failed")

    def _notes(self, changes: Sequence[PlannedChange]) -> tuple[Command | None, Command | None]:
        """Return the commands that note the changes, and their notifications, in the manifest."""
        if self._orphans is None:
            return None, None
        owed = self._queue.owed_for(changes)
        return self._orphans.manifest.notes(changes, owed, settled_by(changes))

    def _verify(self, link: Transaction, result: TransactionResult) -> Iterator[Step]:
        """Yield the steps; a change is "changed" only if the new answers show the wanted state."""
        for planned, step in self._executor.verified(link, result):
            if step.error is None:
                self._queue.remember(planned)
                yield step
                continue
            if step.status == "failed" and step.left == planned.change.found:
                self._never_made.append(planned)
            yield from self._fail(planned, step)

    def _revoke(self) -> None:
        """Strike out the noted notifications of changes that have failed and changed nothing."""
        failed, self._never_made = self._never_made, []
        if not failed or self._orphans is None:
            return
        owed = [item for item in self._queue.owed_for(failed) if not self._queue.awaits(item)]
        if (command := self._orphans.manifest.revoke(owed)) is not None:
            self._planner.write(command)

    def _fail(self, decision: Decision, step: Step | None = None) -> Iterator[Step]:
        """
        Try again, continue, or stop this host, by the properties of the resource.

        `step` is the failed step of a change that was sent; None if nothing was sent.
        """
        item, failed = decision.item, step or step_of(decision)
        self._queue.consume([decision])
        final = isinstance(failed.error, Unapproved | BrokenOff)
        if item.tries < item.resource.retries and not (final or item.resource.until):
            wait(item.resource.retry_delay, self._stopping)
            self._queue.again(item)
            self._planner.outdate()
            return
        if not (item.resource.ignore_failure or final):
            attempt = self._failures.add(self._queue.sections(item))
            if attempt is not None:
                if item.declared.barrier is not None and failed.error is not None:
                    self._barriers.miss(item.declared.barrier, failed.error.message)
                yield replace(failed, ignored=True)
                yield from self._left_out(attempt, failed.complaint)
                return
        if not item.resource.ignore_failure:
            self.failed = True
            if self._keep_going and not (final or decision.is_barrier):
                resource = item.resource
                self._missed.append(Pending(resource, decision.provider, None, failed=True))
                yield failed
                for one in self._queue.waiting_for(item):
                    yield self._leave_out(Decision(one, "unknown", None, None, until=resource))
                return
        if final or not item.resource.ignore_failure:
            self._doomed = failed
        yield failed

    def _give_up(self, failed: Step) -> Iterator[Step]:
        """Drop the declared rest of this host; notifications of changes so far are kept."""
        self._doomed, self.failed = None, True
        yield from self._left_out(None, failed.complaint)

    def _left_out(self, within: Attempt | None, why: str) -> Iterator[Step]:
        """
        Drop what a failure leaves out: all of the attempt that handles it, or of the host.

        Other hosts hear at once of the barriers that this one will not come to, unless its work
        ends now: then they hear of that.
        """
        left = self._queue.give_up(
            lambda item: self._failures.leaves(item.declared.sections, within)
        )
        goes_on = within is not None or any(barriers_of(one.declared for one in self._queue.known))
        for barrier in barriers_of(item.declared for item in left) if goes_on else ():
            self._barriers.miss(barrier, why)
        yield from (Step(item.declared, "not-run") for item in left)

    def _not_run(self) -> Iterator[Step]:
        """Yield steps `not-run` for the rest: declared resources and notifications."""
        left = self._queue.leave()
        self._left = bool(left)
        for item in left:
            yield Step(item.declared, "not-run", acting=item.resource, because=item.because)

    def _be_patient(self, *, progress: bool) -> None:
        """Return the error for an answer that differs each time: planning would never end."""
        self._surprises = 0 if progress else self._surprises + 1
        if self._surprises >= PATIENCE:
            raise fickle(self._queue.queue[0].resource)

    def _done(self, decisions: Sequence[Decision]) -> Iterator[Step]:
        self._queue.consume(decisions)
        yield from map(step_of, decisions)
