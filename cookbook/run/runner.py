"""Many hosts at once, each in a thread of its own; none holds up another."""

from __future__ import annotations

import contextlib
import importlib
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.errors import (
    AuthenticationFailed,
    CookError,
    HostError,
    Unreachable,
    UntrustedHost,
)
from cookbook.hosts.connect import connect, gather_facts, import_transport, leave
from cookbook.inventory import Host
from cookbook.language.barriers import barriers_of
from cookbook.language.collection import NO_FACTS_YET, Collection, FactsNeeded
from cookbook.planning.status import Mode
from cookbook.plugins.manager import Hooks, catalog, plugins
from cookbook.run.context import RunContext, repository_of
from cookbook.run.fleet import InventoryFleet
from cookbook.run.known_meetings import known_meetings
from cookbook.run.lanes import Lanes
from cookbook.run.options import Run, set_name
from cookbook.run.turns import Turns
from cookbook.text.provenance import digests

if TYPE_CHECKING:
    from cookbook.reports.report import HostReport, Report
    from cookbook.script.facts import Facts
    from cookbook.transport.contract import Transport

_WORK_OF_MODE: Mapping[Mode, str] = {
    "converge": "cookbook.applying.converge",
    "plan": "cookbook.applying.converge",
    "drift": "cookbook.applying.converge",
    "apply": "cookbook.applying.saved_plan",
    "undo": "cookbook.applying.undo",
}
"""The module that does the work of each mode on a host."""

_OTHERS = "cookbook.language.other_hosts"
"""The module that is imported once a recipe names `hosts`."""

_SWITCH = 0.0005
"""Seconds that a thread runs before another one that waits gets its turn; usually 0.005."""

_FILES_PER_HOST = 8
"""Descriptors: a shell's pipes and what it takes to start it, or sockets; one of each aside."""

_FILES_BESIDES = 48


def _room() -> int:
    """Return the number of hosts that the limit of file descriptors allows."""
    from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit

    soft, _ = getrlimit(RLIMIT_NOFILE)
    return 1_000_000 if soft == RLIM_INFINITY else (soft - _FILES_BESIDES) // _FILES_PER_HOST


@contextlib.contextmanager
def _yielding() -> Iterator[None]:
    """Let other threads take over sooner: the logins of the hosts go before the imports."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class Runner:
    """
    A run over many hosts: compiles first, so a recipe that is wrong reaches none.

    Most of what the work on a host needs is imported while the hosts accept the login, because
    that takes longer than the imports: cookbook.run.host_run, and what it imports.
    """

    def __init__(
        self,
        run: Run,
        planned: Runner | None = None,
        *,
        compiled: Mapping[str, Collection] | None = None,
        listeners: Sequence[object] | None = None,
    ) -> None:
        """
        Compile the recipes, as far as no fact is needed.

        `planned` made a plan of the same recipes: what it compiled is taken, so that it is
        done as it was planned, even if a recipe is edited meanwhile. `compiled` has the resources
        of each host where they come from no recipe. `listeners` hear of this run only; that is for
        several runs in one process.

        Raises RecipeError before any host is contacted.
        """
        origin = replace(run.origin, folder=repository_of(run))
        name = run.set or set_name(_named_by(run))
        run = replace(run, id=run.id or new_id(), origin=origin, set=name)
        sources = {*run.recipes, *([run.inventory] if run.inventory is not None else [])}
        sources |= {Path(run.features.where)} if run.features is not None else set()
        hook = plugins().hook if listeners is None else Hooks(listeners)
        self._all = RunContext(run, hook, sources, ask=self._ask)
        self._all.fleet = (
            planned._all.fleet  # noqa: SLF001 - the same class
            if planned is not None
            else InventoryFleet(
                run.hosts, run.groups, self._all.variables, run.facts_age, run.elsewhere
            )
        )
        self._all.compiled = (
            planned._all.compiled  # noqa: SLF001 - the same class
            if planned is not None
            else dict(compiled or {})
            or {host.name: self._compile_offline(host) for host in run.hosts}
        )
        for collection in filter(None, self._all.compiled.values()):
            sources |= collection.sources
        collections = self._all.compiled.values()
        declared = (one for collection in filter(None, collections) for one in collection)
        run.selection.check(declared, complete=None not in collections)
        self._unreached: dict[str, Future[Transport]] = {}
        """By host that could not be reached at its turn: the error."""
        self._lanes = Lanes(())
        self._at_once = max(1, min(run.forks, _room()))
        """The number of hosts that are connected at the same time."""
        self._all.turns = Turns(max(1, min(self._at_once, len(run.hosts))), _room())
        self._all.meetings = known_meetings(self._all)

    def execute(self, annotate: Callable[[Report], Report] = lambda report: report) -> Report:
        """
        Do it; every host ends in exactly one state.

        `annotate` adds to the report what the run cannot know, before listeners get it.
        """
        run = self._all.run
        self._all.start = time.monotonic()
        run.origin.begin()
        self._all.hook.cookbook_started(run=run.info)
        with self._all.signals.listening():
            self._read_other_facts()
            reports = self._reports()
        leave()
        self._keep_pending(reports)
        self._keep_facts()
        report = self._report(reports)
        try:
            report = annotate(report)
        finally:
            self._all.hook.cookbook_finished(report=report)
        return report

    def _reports(self) -> dict[str, HostReport]:
        """Do the work on each host; those that cannot be reached get one more turn at the end."""
        run, turns = self._all.run, self._all.turns
        hosts = {host.name: host for host in run.hosts}
        order = [hosts[name] for name in self._order()]
        unable = self._without_thread
        self._lanes = Lanes(order)
        first = turns.each(
            self._first_turn, order, self._import_ahead, unable=unable, order=self._lanes
        )
        done = {host.name: report for host, report in zip(order, first, strict=True)}
        late = [host for host in order if done[host.name] is None]
        reached = len(late) < len(order)
        self._lanes = Lanes(late)
        last = turns.each(
            lambda host: self._last_turn(host, again=reached),
            late,
            unable=unable,
            order=self._lanes,
        )
        found = {**done, **{report.name: report for report in last}}
        return {name: report for name in hosts if (report := found[name]) is not None}

    def _order(self) -> list[str]:
        """Return the names of the hosts, those first that the last run could not reach."""
        run = self._all.run
        names = [host.name for host in run.hosts]
        if run.inventory is None or len(names) == 1:
            return names
        from cookbook.run.pending import first

        return first(names, run.inventory)

    def _keep_pending(self, reports: Mapping[str, HostReport]) -> None:
        run = self._all.run
        if run.inventory is None or run.mode not in ("converge", "apply") or run.is_shard:
            return  # the notes of all shards are one file, which is written at the end of all
        from cookbook.run.pending import keep

        missed = {name for name, report in reports.items() if report.status == "unreachable"}
        asked = {name for name, report in reports.items() if report.exchanges}
        keep(run.inventory, asked - missed, missed)

    def _first_turn(self, host: Host) -> HostReport | None:
        """Do the work on a host; None if it cannot be reached and gets one more turn."""
        begun = time.monotonic()
        connected = self._connected(host, begun)
        # A host that others may wait for is told of at once: they would wait until its last turn.
        waits = len(self._all.run.hosts) > 1 and not self._all.meetings.concerns(host.name)
        if waits and _is_away(connected.exception()) and not self._all.signals.told:
            self._unreached[host.name] = connected
            return None
        return self._done(host, connected, begun)

    def _last_turn(self, host: Host, *, again: bool) -> HostReport:
        """Do the work on a host that could not be reached; `again` if that is tried once more."""
        begun = time.monotonic()
        connected = self._unreached[host.name]
        if again and not self._all.signals.told and self._may_begin(begun):
            connected = self._connected(host, begun)
        return self._done(host, connected, begun)

    def _report(self, reports: Mapping[str, HostReport]) -> Report:
        from cookbook.approval.gate import objections
        from cookbook.reports.report import Report

        run = self._all.run
        report = Report(
            run.id,
            run.mode,
            reports,
            interrupted=self._all.signals.told,
            origin=run.origin,
            revision=run.origin.revision,
            recipes=run.told_recipes,
            sources=digests(self._all.sources) if run.saved is None else run.saved.sources,
            set=run.set,
            seconds=time.monotonic() - self._all.start,
            remarks=self._all.fleet.remarks if self._all.fleet is not None else (),
            facts=self._all.fleet.uses if self._all.fleet is not None else {},
        )
        return replace(report, objections=objections(report)) if run.mode == "plan" else report

    def _read_other_facts(self) -> None:
        """
        Read the facts of hosts that recipes read on behalf of others, before anything is done.

        The recipes are run by stand-ins, to find out which hosts these are, until no further one is
        found. A recipe that was not compiled because it needed them is compiled then.
        """
        fleet = self._all.fleet
        waiting = [host for host in self._all.run.hosts if not self._all.compiled.get(host.name)]
        if fleet is None or not waiting or _OTHERS not in sys.modules or self._all.run.past:
            return
        noted: set[str] = set()
        while not self._all.signals.told:
            with fleet.noting() as needed:
                for host in waiting:
                    with contextlib.suppress(CookError):
                        self._all.compile(host, fleet.stand_in(host))
            if needed <= noted:
                break
            noted |= needed
            fleet.read(needed, self._at_once, self._ask)
        for host in waiting if noted else ():
            with contextlib.suppress(CookError):  # it is said in the report of the host
                if (compiled := self._compile_offline(host)) is not None:
                    self._all.meetings.declare(host.name, barriers_of(compiled))
                    self._all.sources |= compiled.sources
                    self._all.compiled[host.name] = compiled

    def _keep_facts(self) -> None:
        """Keep the facts of the hosts for later runs."""
        if self._all.run.mode != "apply" and (facts := self._all.facts):
            from cookbook.run.kept_facts import keep

            keep((host, facts[host.name]) for host in self._all.run.hosts if host.name in facts)

    def _may_begin(self, begun: float) -> bool:
        """Return whether there is time for a further host, and not too many have failed."""
        try:
            self._all.check_time(begun)
            self._all.check_failures()
        except HostError:
            return False
        return True

    def _ask(self, host: Host) -> Facts:
        """Ask a host for its facts, for the recipes of others. Raises HostError."""
        begun = time.monotonic()
        if self._all.signals.told:
            raise HostError("the run was stopped before it was asked")
        self._all.check_time(begun)
        return gather_facts(host, self._connect, self._all.end(begun))

    def _connected(self, host: Host, begun: float) -> Future[Transport]:
        connected: Future[Transport] = Future()
        try:
            self._all.check_time(begun)
            self._all.check_failures()
            self._lanes.check_way(host)
            connected.set_result(self._connect(host))
        except Exception as error:  # noqa: BLE001 - it is part of the host's report
            if isinstance(error, Unreachable) and error.bastion:
                self._lanes.note_down(host, error)
            connected.set_exception(error)
        if not self._lanes.is_open(host):
            self._all.turns.change(lambda: self._lanes.open(host))
        return connected

    def _without_thread(self, host: Host) -> HostReport:
        """Return the report of a host on which nothing can be done for want of a thread."""
        connected: Future[Transport] = Future()
        connected.set_exception(
            HostError(
                "no thread can be started for it: this machine has no room for a further one",
                hint="have fewer hosts at once (--forks), or allow more threads (ulimit -u)",
            )
        )
        return self._done(host, connected, time.monotonic())

    def _done(self, host: Host, connected: Future[Transport], begun: float) -> HostReport:
        from cookbook.run.host_run import HostRun

        try:
            report = HostRun(host, self._all, self._connect, begun).report(connected)
        finally:
            self._all.meetings.end(host.name, "its run has ended")
        with self._all.speaking:
            self._all.failures += report.status in ("failed", "timeout")
        return report

    def _connect(self, host: Host) -> Transport:
        def waiting(said: str) -> None:
            with self._all.speaking:
                self._all.hook.cookbook_waiting(host=host.name, what=said)

        return connect(host, self._all.run.become_password, waiting)

    def _import_ahead(self) -> None:
        """Import what the run needs later, while it waits for the hosts to accept the login."""
        run = self._all.run
        with (
            _yielding(),
            contextlib.suppress(Exception),
        ):  # the same import fails again where it is needed
            import_work(run.mode, run.hosts)
            collections = filter(None, list(self._all.compiled.values()))
            declared = (d for one in collections for d in one if d.barrier is None)
            for kind in {type(one.resource) for one in declared}:
                catalog().load(kind)

    def _compile_offline(self, host: Host) -> Collection | None:
        """Return the declared resources; None if a recipe reads a fact."""
        try:
            return self._all.compile(host, NO_FACTS_YET)
        except FactsNeeded:
            return None


def import_work(mode: Mode, hosts: Iterable[Host]) -> None:
    """Import what the work on these hosts needs: before a fork, so that each process has it."""
    for transport in sorted({host.transport for host in hosts}):
        import_transport(transport)
    for module in ("cookbook.run.host_run", _WORK_OF_MODE[mode]):
        importlib.import_module(module)


def _is_away(error: BaseException | None) -> bool:
    """
    Return whether a host could not be reached, and may be reached later.

    A refused login, or a wrong key, is the same later; another try may lock the account.
    """
    final = isinstance(error, AuthenticationFailed | UntrustedHost)
    return isinstance(error, Unreachable) and not final


def _named_by(run: Run) -> list[str]:
    """
    Return the paths whose names are the default name of the set.

    With roles it is the inventory: what a recipe declared that has left the list of a host has to
    be seen as orphaned.
    """
    if run.roles and run.inventory is not None:
        return [str(run.inventory.with_suffix(""))]
    return [str(path) for path in run.recipes]


def new_id() -> str:
    """Return a name for a run that sorts by time: 20260501T120000-3f9a."""
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"
