"""The controller of a rollout: it does what the machine says, and writes each event first."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from cookbook.errors import CookError
from cookbook.rollout.acts import gate_objection
from cookbook.rollout.events import (
    Begun,
    Continued,
    Ended,
    Event,
    GatePassed,
    HostInterrupted,
    Looked,
    Status,
    Stopped,
    Work,
)
from cookbook.rollout.journal import Journal
from cookbook.rollout.progress import AskGate, End, Look, RolloutProgress, Start, Wait, WriteEvent
from cookbook.rollout.shared import holder
from cookbook.rollout.state import RolloutHost
from cookbook.rollout.strategy import Strategy
from cookbook.rollout.worker import HostRunId, Result, Tell
from cookbook.run.runner import new_id
from cookbook.run.signals import handled

_LOOK_FOR_ORDERS = 0.5
"""Seconds between two looks whether an operator has given a command."""

_AT_ONCE = 50
"""Health checks at the same time."""


def _runs(host: RolloutHost) -> list[HostRunId]:
    """Return the runs of a host, and whether the journal of each is on this machine."""
    return [HostRunId(run, host.controllers.get(run) == holder()) for run in host.runs]


class Works(Protocol):
    """The work on hosts, as the controller needs it; a test plays it."""

    def complaint(self, host: str, strategy: Strategy) -> str | None:
        """Return why a host is not healthy; None if it is."""
        ...

    def update(
        self, host: str, run: str, strategy: Strategy, tell: Tell, *, served: bool
    ) -> Result:
        """
        Bring a host to its declaration; `served` is False if it may be out of service.

        `tell` gets the events on the way.
        """
        ...

    def revert(
        self, host: str, runs: Sequence[HostRunId], strategy: Strategy, tell: Tell
    ) -> Result:
        """Undo the runs of a host; `tell` gets the events on the way."""
        ...

    def may_have_changed(self, host: str, run: str) -> bool:
        """Return whether a run that was interrupted has sent anything."""
        ...


class Controller:
    """Carries out a rollout until it ends, is left, or the process is killed."""

    def __init__(
        self,
        progress: RolloutProgress,
        journal: Journal,
        works: Works,
        listener: Callable[[Event | None, str], object] = lambda _event, _why: None,
        look: Callable[[], object] = lambda: None,
    ) -> None:
        """
        Create a controller; `listener` gets each event, or None and what is waited for.

        `look` is called again and again while it waits: a store is asked for commands there.
        """
        self.progress, self._journal, self._works = progress, journal, works
        self._listener, self._look_elsewhere = listener, look
        self._events: queue.Queue[Event] = queue.Queue()
        self._leaving = threading.Event()

    def recover(self) -> None:
        """Take the state from the journal; hosts at work are begun again."""
        last = None
        for event in self._journal.events():
            self.progress.apply(event)
            last = event
        if last is None:
            return
        now = time.time()
        self._commit(Continued(max(0.0, now - last.at), at=now))
        for host in self.progress.at_work:
            state = self.progress.hosts[host]
            changed = state.phase == "reverting" or any(
                not run.here or self._works.may_have_changed(host, run.id) for run in _runs(state)
            )
            self._commit(HostInterrupted(host, changed, at=now))

    def run(self) -> Status | None:
        """Go on until the end; return its status, None if the controller was told to leave."""
        hosts = max(1, len(self.progress.hosts))
        with (
            ThreadPoolExecutor(min(hosts, 500), thread_name_prefix="rollout") as pool,
            handled(self._leave),
        ):
            while True:
                self._take_orders()
                action = self.progress.next(time.time())
                if self._leaving.is_set() and not isinstance(action, End):
                    if not self.progress.at_work:
                        return None
                    self._wait(None, "for the hosts at work, to leave then")
                    continue
                match action:
                    case End(status):
                        return status
                    case WriteEvent(event):
                        self._commit(event)
                    case Start(host, work):
                        self._start(pool, host, work)
                    case Look(names):
                        self._look(names)
                    case AskGate():
                        self._ask(action)
                    case Wait(until, why):
                        self._wait(until, why)

    def _ask(self, asked: AskGate) -> None:
        self._listener(None, f"for the answer of the gate: {asked.gate.kind}")
        group = self.progress.plan.stages[asked.stage].group
        told = {"COOK_ROLLOUT": self._journal.id, "COOK_GROUP": group}
        said = gate_objection(asked.gate, {**told, "COOK_BATCH": str(asked.batch + 1)})
        now = time.time()
        if said is None:
            self._commit(GatePassed(asked.stage, asked.batch, asked.gate.kind, at=now))
        else:
            self._commit(Stopped(f"the gate is closed: {said}", at=now))

    def _commit(self, event: Event) -> None:
        self._journal.write(event)
        self.progress.apply(event)
        self._listener(event, "")

    def _take_orders(self) -> None:
        self._look_elsewhere()
        for order in self._journal.orders():
            self._commit(order)

    def _start(self, pool: ThreadPoolExecutor, host: str, work: Work) -> None:
        run = new_id()
        state = self.progress.hosts[host]
        strategy = self.progress.plan.stage_of(host).strategy
        self._commit(Begun(host, work, run, holder(), at=time.time()))
        runs, served, tell = _runs(state), state.served, self._events.put

        def do() -> None:
            try:
                if work == "update":
                    done = self._works.update(host, run, strategy, tell, served=served)
                else:
                    done = self._works.revert(host, runs, strategy, tell)
            except CookError as error:
                done = Result("failed", str(error), changed=True)
            except Exception as error:  # noqa: BLE001 - a defect must not leave a host at work
                done = Result("failed", f"a defect: {type(error).__name__}: {error}", changed=True)
            outcome, reason, changed, in_service = done
            tell(Ended(host, work, outcome, reason, changed, in_service, at=time.time()))

        pool.submit(do)

    def _look(self, hosts: tuple[str, ...]) -> None:
        def look(host: str) -> Looked:
            strategy = self.progress.plan.stage_of(host).strategy
            said = self._works.complaint(host, strategy)
            return Looked(host, said is None, said or "", at=time.time())

        with ThreadPoolExecutor(min(len(hosts), _AT_ONCE)) as pool:
            for event in pool.map(look, hosts):
                before = self.progress.hosts[event.host]
                if before.healthy is event.healthy:
                    self.progress.apply(event)  # nothing new: it needs no line
                else:
                    self._commit(event)

    def _wait(self, until: float | None, why: str) -> None:
        """Wait for the end of a host or a command; at most until a time."""
        self._listener(None, why)
        left = _LOOK_FOR_ORDERS if until is None else until - time.time()
        with contextlib.suppress(queue.Empty):
            event = self._events.get(timeout=max(0.01, min(left, _LOOK_FOR_ORDERS)))
            self._commit(event)

    def _leave(self, _number: int, _frame: object) -> None:
        if self._leaving.is_set():
            os.write(2, b"cook: left; `cook rollout resume` goes on\n")
            os._exit(130)
        self._leaving.set()
        os.write(2, b"cook: leaving after the hosts at work; once more leaves at once\n")
