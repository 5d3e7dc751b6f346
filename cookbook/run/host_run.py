"""The work of a run on one host, from the first exchange to its report."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from cookbook.applying.auto_rollback import AutoRollback
from cookbook.applying.executor import Executor
from cookbook.applying.manifest import Manifest
from cookbook.errors import CookError, DeadlineExceeded, Defect, Locked, Refused, Unreachable
from cookbook.hosts.connect import login
from cookbook.hosts.probing import Question, gather, in_lanes
from cookbook.hosts.session import Session
from cookbook.inventory import Host
from cookbook.language.access_path import AccessPath
from cookbook.language.barriers import barriers_of
from cookbook.language.collection import Collection, FactsNeeded
from cookbook.language.resource import Resource
from cookbook.planning.planner import Planner
from cookbook.planning.status import HostStatus
from cookbook.planning.step import Listener, Permission, Permit, Step, any_changed
from cookbook.plugins.manager import catalog
from cookbook.plugins.registry import known, revive
from cookbook.reports.report import HostReport
from cookbook.run.context import RunContext
from cookbook.run.meetings import HostMeetings
from cookbook.script.facts import Facts
from cookbook.script.lock import Holder
from cookbook.transport.contract import Interrupted, TooSlow, Transport

if TYPE_CHECKING:
    from cookbook.applying.audit import Audit
    from cookbook.applying.converge import Convergence
    from cookbook.applying.saved_plan import Application
    from cookbook.applying.undo import Undo
    from cookbook.run.feature_effects import FeatureEffects

    Work = Convergence | Application | Undo
    """The work on one host: it yields steps, and knows if they succeeded."""


class ExpectedWork(NamedTuple):
    """The work on a host, if its facts are as they were when they were read last."""

    facts: Facts
    collection: Collection
    work: Convergence
    ahead: Sequence[Question]
    """The questions that it asks first."""


class HostRun:
    """The work of a run on one host."""

    def __init__(
        self, host: Host, run: RunContext, connect: Callable[[Host], Transport], begun: float
    ) -> None:
        """`begun` is when the host had its turn, in seconds of time.monotonic()."""
        self._host, self._all, self._run = host, run, run.run
        self._connect = connect
        self._begun = begun
        self._steps: list[Step] = []  # kept whatever ends the work
        self._session: Session | None = None
        self._machine_id = ""
        self._waited = 0.0
        self._keeper = HostMeetings(host.name, run.meetings, run.turns, self._has_waited)

    def report(self, connected: Future[Transport]) -> HostReport:
        """Do the work by this connection, and return what came of it."""
        error: CookError | None = None
        try:
            with self._opened(connected.result()) as session:
                status = self._work_through(session)
        except CookError as caught:
            status, error = status_of(caught), caught
        except (Exception, FactsNeeded) as caught:  # noqa: BLE001 - a defect must not stop other hosts
            status, error = "failed", _defect(caught)
        exchanges = self._session.exchanges if self._session is not None else 0
        if any(step.error is error for step in self._steps):
            error = None  # said already, with its resource
        self._all.meetings.end(self._host.name, _shortly(status, error, self._steps))
        report = HostReport(
            self._host.name,
            status,
            self._steps,
            time.monotonic() - self._begun,
            self._begun - self._all.start,
            exchanges,
            error,
            self._machine_id,
            looks=self._all.looks,
            desired=self._desired(),
        )
        with self._all.speaking, contextlib.suppress(Exception):  # a defect costs no report
            self._all.hook.cookbook_host(report=report)
        return report

    def _desired(self) -> str | None:
        """Return the digest of what the recipes declare; None if the work is of no recipe."""
        compiled = self._all.compiled.get(self._host.name)
        if compiled is None or self._run.saved is not None or self._run.past is not None:
            return None
        from cookbook.language.desired_state import desired_digest
        from cookbook.run.desired_key import desired_key

        try:
            return desired_digest(compiled, desired_key())
        except Exception:  # noqa: BLE001 - a run does not fail for want of a record
            return None

    @contextlib.contextmanager
    def _opened(self, transport: Transport) -> Iterator[Session]:
        """Open a session that can be interrupted, and that reconnects if the link is lost."""
        host = self._host
        session = Session(transport, lambda: self._connect(host), lasting=host.transport == "local")
        session.connection.tries_left = self._run.reconnect
        session.end = self._all.end(self._begun)
        self._keeper.end = self._all.end(float("inf"))
        self._session = session
        try:
            with self._all.signals.watching(session):
                yield session
        finally:
            with contextlib.suppress(Exception):  # what came of it is known; say that
                session.close()

    def _work_through(self, session: Session) -> HostStatus:
        if self._all.signals.told:
            return "interrupted"
        expected = self._expected(session)
        facts = self._facts(session, expected)
        self._machine_id = facts.machine_id
        self._all.facts[self._host.name] = facts
        self._only_once(facts)
        with self._all.speaking:
            self._all.hook.cookbook_connected(host=self._host.name, machine_id=facts.machine_id)
        if expected is not None and expected.facts == facts:
            work: Work = expected.work
            self._take(expected.collection)
        else:
            work = self._work(session, facts)
        if not self._keeper.settle():
            return "interrupted"
        effects = self._feature_effects(facts)
        for step in work.steps():
            self._tell(effects.added(step) if effects is not None else step)
        if work.failed:
            return "interrupted" if session.ended else "failed"
        if work.unfinished:
            return "interrupted"
        return "changed" if any_changed(self._steps) else "ok"

    def _tell(self, one: Step) -> None:
        """Keep a step for the report, and tell it to who listens."""
        step = one.begun_at(max(0.0, time.monotonic() - self._all.start - one.seconds))
        self._steps.append(step)
        if step.status in ("changed", "failed", "unknown") and not self._all.looks:
            self._all.meetings.note_change()
        with self._all.speaking:
            self._all.hook.cookbook_step(host=self._host.name, step=step)

    def _feature_effects(self, facts: Facts) -> FeatureEffects | None:
        """Return what names the features of a change; None if the recipes have asked about none."""
        declared = self._all.compiled.get(self._host.name)
        if declared is None or not declared.features:
            return None
        from cookbook.run.feature_effects import FeatureEffects

        return FeatureEffects(declared, lambda name: self._all.compile(self._host, facts, name))

    def _has_waited(self, seconds: float) -> None:
        """Add the time in which this host has waited for others to the time that it may take."""
        self._waited += seconds
        if self._session is not None:
            self._session.end = self._all.end(self._begun + self._waited)

    def _rescue(self, session: Session) -> AutoRollback:
        way = AccessPath(*login(self._host), self._host.become, self._host.become_user)
        return AutoRollback(session, way, self._run.confirm_timeout, self._run.allow_lockout)

    def _executor(self, session: Session, facts: Facts) -> Executor:
        planner = Planner(self._all.node(self._host, facts), session, facts, catalog())
        return Executor(planner, session, self._rescue(session))

    def _expected(self, session: Session) -> ExpectedWork | None:
        """
        Return the work by the facts that the host had last; None if they, or it, are not known.

        What it asks first is asked together with the facts. If these are other ones by now, the
        work is made again, and asks what was not asked.
        """
        if self._run.saved is not None or self._run.past is not None:
            return None
        from cookbook.run.kept_facts import recall

        kept = recall(self._host)
        if kept is None:
            return None
        with contextlib.suppress(Exception, FactsNeeded):  # it is met again by the facts of now
            collection = self._compiled(kept.facts)
            work = self._convergence(collection, session, kept.facts)
            ahead = in_lanes(gather(work.first_probes()), kept.facts.cpus)
            return ExpectedWork(kept.facts, collection, work, ahead)
        return None

    def _facts(self, session: Session, expected: ExpectedWork | None) -> Facts:
        """Return the facts of the host; take its lock if it is to be changed."""
        ahead = expected.ahead if expected is not None else ()
        origin = self._run.origin
        try:
            if self._all.looks:
                return session.facts(ahead)
            holder = Holder(origin.by, origin.started, self._run.id)
            return session.begin(holder, self._run.wait, ahead)
        except (Interrupted, DeadlineExceeded) as error:
            if expected is not None:
                if isinstance(error, TooSlow):
                    expected.work.attribute(error)
                for step in expected.work.not_reached():
                    self._tell(step)
            raise
        except Locked as error:
            if error.run != self._run.id:
                raise
            raise Refused(
                "this run is at work on the same machine already, under another name",
                hint="name it once, or use --limit",
            ) from None

    def _only_once(self, facts: Facts) -> None:
        """Raise Refused if this machine is at work already, under another name."""
        if not facts.machine_id or self._all.looks:
            return
        name = self._host.name
        with self._all.speaking:
            first = self._all.machines.setdefault((facts.machine_id, facts.boot_id), name)
        if first != name:
            raise Refused(
                f"{name} and {first} are the same machine (machine-id {facts.machine_id})",
                hint=f"nothing was done here as {name}; name it once, or use --limit",
            )

    def _work(self, session: Session, facts: Facts) -> Work:
        if (saved := self._run.saved) is not None:
            from cookbook.applying.saved_plan import Application

            executor = self._executor(session, facts)
            steps = saved.steps_for(self._host.name, facts)
            manifest = self._manifest(saved.set)
            return Application(
                steps,
                executor,
                self._listener(),
                manifest,
                stopping=self._stopping,
                barriers=self._keeper,
            )
        if self._run.past is not None:
            return self._reversal(session, facts)
        collection = self._compiled(facts)
        self._take(collection)
        return self._convergence(collection, session, facts)

    def _convergence(self, collection: Collection, session: Session, facts: Facts) -> Convergence:
        from cookbook.applying.converge import Convergence
        from cookbook.applying.options import ConvergenceOptions
        from cookbook.applying.orphans import Orphans

        def orphans(planner: Planner) -> Orphans:
            return Orphans(self._manifest(self._run.set), planner, revive, self._run.prune)

        options = ConvergenceOptions(
            apply=not self._all.looks,
            barriers=self._keeper,
            stopping=self._stopping,
            rescue=self._rescue(session),
            listener=self._listener(),
            orphans=None if self._run.independent else orphans,
            independent=self._run.independent,
            permit=self._permit(),
            stepwise=self._run.stepwise,
            keep_going=self._run.keep_going,
            left_out=self._run.selection.left_out,
            audit=self._audit(facts),
        )
        return Convergence(collection, session, facts, catalog(), options)

    def _audit(self, facts: Facts) -> Callable[[Planner], Audit] | None:
        """Return the constructor of the audit; None if none is requested."""
        if not self._run.unmanaged:
            return None
        from cookbook.applying.audit import Audit

        return lambda planner: Audit(self._run.unmanaged, planner, catalog(), facts)

    def _permit(self) -> Permit | None:
        """Return a permission that asks all approvers; each must agree."""
        if not self._run.approvers:
            return None

        stop = self._all.signals

        def permit(step: Step, again: bool) -> Permission:  # noqa: FBT001 - a callback
            for approver in self._run.approvers:
                said = approver.permit(
                    self._host.name, step, again=again, stopping=lambda: stop.told
                )
                if said == "stop":
                    stop.tell()
                if said != "go":
                    return said
            return "go"

        return permit

    def _reversal(self, session: Session, facts: Facts) -> Undo:
        from cookbook.applying.undo import Undo

        past, machine_id = self._run.past or {}, self._run.machine_ids.get(self._host.name)
        if machine_id and machine_id != facts.machine_id:
            raise Refused(
                f"{self._host.name} is another machine than it was in that run: its machine-id is"
                f" {facts.machine_id}, not {machine_id}",
                hint="was it reinstalled, or does its name lead elsewhere?",
            )
        return Undo(
            past[self._host.name],
            self._executor(session, facts),
            self._manifest(self._run.set),
            self._listener(),
            apply=not self._all.looks,
            partial=self._run.partial,
            permit=self._permit(),
            stopping=self._stopping,
            barriers=self._keeper,
        )

    def _stopping(self) -> bool:
        return self._all.signals.told

    def _manifest(self, name: str) -> Manifest:
        return Manifest(name, self._run.id, known)

    def _listener(self) -> Listener:
        name = self._host.name

        def working(resource: Resource) -> None:
            with self._all.speaking:
                self._all.hook.cookbook_working(host=name, resource=resource)

        def sending(steps: Sequence[Step]) -> None:
            with self._all.speaking:
                self._all.hook.cookbook_sending(host=name, steps=steps)

        return Listener(working, sending)

    def _compiled(self, facts: Facts) -> Collection:
        """Return what the recipes declare for a host with these facts."""
        compiled = self._all.compiled[self._host.name]
        if compiled is None:
            return self._all.compile_fully(self._host, facts)
        compiled.node = replace(compiled.node, facts=facts)
        return compiled

    def _take(self, compiled: Collection) -> None:
        """Let the run know what the recipes declare, if that depends on the facts of the host."""
        if self._all.compiled[self._host.name] is None:
            self._all.meetings.declare(self._host.name, barriers_of(compiled))
            self._all.sources |= compiled.sources
            self._all.compiled[self._host.name] = compiled


def status_of(error: CookError) -> HostStatus:
    """Return the status of a host whose work ended with this error."""
    match error:
        case Unreachable():
            return "unreachable"
        case DeadlineExceeded():
            return "timeout"
        case Refused():
            return "refused"
        case _:
            return "failed"


def _shortly(status: HostStatus, error: CookError | None, steps: Sequence[Step]) -> str:
    """Return in a few words why a host came no further; empty if it came to its end."""
    if status in ("ok", "changed"):
        return ""
    failed = next((one for one in steps if one.error is not None and not one.ignored), None)
    if failed is not None:
        return failed.complaint
    return error.message if error is not None else f"its run was {status}"


def _defect(error: BaseException) -> CookError:
    """Return the error for an exception of the program itself, with its place."""
    import logging
    import traceback

    last = traceback.extract_tb(error.__traceback__)[-1]
    logging.getLogger("cookbook").debug("a defect", exc_info=error)
    return Defect(
        f"a defect in cook: {type(error).__name__}: {error} ({last.filename}:{last.lineno})",
        hint="please report it; -v shows the whole traceback",
    )
