"""Many hosts at once, each in a thread of its own; none holds up another."""

from __future__ import annotations

import contextlib
import copy
import importlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookbook.applying.auto_rollback import CONFIRM_TIMEOUT, AutoRollback
from cookbook.applying.executor import Executor
from cookbook.applying.manifest import Manifest, set_name
from cookbook.approval.gate import objections
from cookbook.errors import CookError, DeadlineExceeded, Defect, Locked, Refused, Unreachable
from cookbook.hosts.connect import connect, import_transport, leave, login
from cookbook.hosts.reconnect import RECONNECTS
from cookbook.hosts.session import Session
from cookbook.inventory import Host
from cookbook.language.access_path import AccessPath
from cookbook.language.collection import NO_FACTS_YET, Collection, FactsNeeded, Node
from cookbook.language.compiler import compile_recipes
from cookbook.language.resource import Resource
from cookbook.planning.planner import Planner
from cookbook.planning.status import LOOKING, HostStatus, Mode
from cookbook.planning.step import Listener, Permission, Permit, Step
from cookbook.plugins.manager import catalog, plugins
from cookbook.plugins.registry import known, revive
from cookbook.reports.report import HostReport, Report
from cookbook.reports.run_info import RunInfo
from cookbook.run.signals import Signals
from cookbook.script.facts import Facts
from cookbook.script.lock import Holder
from cookbook.script.shell import Secret
from cookbook.secrets.reference import LazyVariables, refers
from cookbook.secrets.stores.lookup import STORES
from cookbook.text.provenance import Origin, digests
from cookbook.transport.contract import Transport

if TYPE_CHECKING:
    from cookbook.applying.converge import Convergence
    from cookbook.applying.saved_plan import Application
    from cookbook.applying.undo import Undo
    from cookbook.approval.gate import Approver
    from cookbook.approval.saved_plan import SavedPlan

    Work = Convergence | Application | Undo
    """The work on one host: it yields steps, and knows if they succeeded."""

_WORK_OF_MODE: Mapping[Mode, str] = {
    "converge": "cookbook.applying.converge",
    "plan": "cookbook.applying.converge",
    "drift": "cookbook.applying.converge",
    "apply": "cookbook.applying.saved_plan",
    "undo": "cookbook.applying.undo",
}
"""The module that does the work of each mode on a host."""

FORKS = 50
"""Number of hosts that are worked on at once."""

_FILES_PER_HOST = 8
"""Descriptors: a shell's pipes and what it takes to start it, or sockets; one of each aside."""

_FILES_BESIDES = 48


def _room() -> int:
    """Return the number of hosts that the limit of file descriptors allows."""
    from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit

    soft, _ = getrlimit(RLIMIT_NOFILE)
    return 1_000_000 if soft == RLIM_INFINITY else (soft - _FILES_BESIDES) // _FILES_PER_HOST


@dataclass(frozen=True)
class Run:
    """The options of a run: what to do, and on which hosts."""

    mode: Mode
    recipes: Sequence[Path]
    hosts: Sequence[Host]
    variables: dict[str, Any]
    """From `--set`; they win over the inventory's."""

    forks: int = FORKS
    become_password: Secret | None = None
    approvers: Sequence[Approver] = ()
    """Functions that must agree before each change is sent."""

    stepwise: bool = False
    """Send each change by itself."""

    saved: SavedPlan | None = None
    """The plan that `apply` applies."""

    past: Mapping[str, Sequence[Step]] | None = None
    """The steps of a run on each host, for `undo`."""

    machine_ids: Mapping[str, str] = field(default_factory=dict)
    """Which machine each host was in that run."""

    confirm_timeout: float = CONFIRM_TIMEOUT
    """Seconds that a host waits for a new login after a change with a lock-out risk."""

    allow_lockout: bool = False
    """Apply also changes that lock out the login user."""

    reconnect: int = RECONNECTS
    """Number of reconnects after a lost connection."""

    wait: float = 0.0
    """Seconds to wait for a host that another run is at work on."""

    timeout: float | None = None
    """Seconds that all of it may take."""

    host_timeout: float | None = None
    """Seconds that each host may take, once its turn has come."""

    partial: bool = False
    """Undo what can be undone, where not all can."""

    set: str = ""
    """Name of the set of recipes in the manifests of hosts; see cookbook.applying.manifest."""

    prune: bool = False
    """Remove what cook created and no recipe of the set declares any more."""

    inventory: Path | None = None
    """Path of the inventory."""

    id: str = ""
    origin: Origin = field(default_factory=Origin)

    @property
    def info(self) -> RunInfo:
        """Return the description of this run for listeners."""
        hosts = [host.name for host in self.hosts]
        return RunInfo(self.id, self.mode, self.set, self.told_recipes, hosts, self.origin)

    @property
    def told_recipes(self) -> list[str]:
        """The recipes that it comes from, be it by way of a saved plan."""
        return [str(path) for path in (self.recipes if self.saved is None else self.saved.recipes)]


@dataclass
class _Progress:
    """The steps of a host so far, kept whatever ends the work."""

    steps: list[Step]
    session: Session | None = None
    machine_id: str = ""


class Runner:
    """Compiles first, then works on all hosts; a recipe that is wrong reaches none."""

    def __init__(self, run: Run, planned: Runner | None = None) -> None:
        """
        Compile the recipes, as far as no fact is needed.

        `planned` made a plan of the same recipes: what it compiled is taken, so that it is
        done as it was planned, even if a recipe is edited meanwhile.

        Raises RecipeError before any host is contacted.
        """
        origin = replace(run.origin, folder=_folder(run.recipes))
        name = run.set or set_name(map(str, run.recipes))
        self._run = replace(run, id=run.id or new_id(), origin=origin, set=name)
        self._sources = {*run.recipes, *([run.inventory] if run.inventory is not None else [])}
        self._compiled: dict[str, Collection | None] = (
            planned._compiled  # noqa: SLF001 - the same class
            if planned is not None
            else {host.name: self._compile_offline(host) for host in run.hosts}
        )
        for collection in filter(None, self._compiled.values()):
            self._sources |= collection.sources
        self._interruption = Signals()
        self._speaking = threading.Lock()
        self._machines: dict[tuple[str, str], str] = {}
        """Which host each machine was first met as."""
        self._hook = plugins().hook

    def execute(self, annotate: Callable[[Report], Report] = lambda report: report) -> Report:
        """
        Do it; every host ends in exactly one state.

        `annotate` adds to the report what the run cannot know, before listeners get it.
        """
        run = self._run
        self._start = time.monotonic()
        run.origin.begin()
        self._hook.cookbook_started(run=run.info)
        reports: dict[str, HostReport] = {}
        with self._interruption.listening(), self._pool() as pool:
            futures = {pool.submit(self._host, host): host for host in run.hosts}
            self._import_ahead()
            for future, host in futures.items():
                reports[host.name] = future.result()
        leave()
        report = Report(
            run.id,
            run.mode,
            reports,
            interrupted=self._interruption.told,
            origin=run.origin,
            revision=run.origin.revision,
            recipes=run.told_recipes,
            sources=digests(self._sources) if run.saved is None else run.saved.sources,
            set=run.set,
            seconds=time.monotonic() - self._start,
        )
        if run.mode == "plan":
            report = replace(report, objections=objections(report))
        try:
            report = annotate(report)
        finally:
            self._hook.cookbook_finished(report=report)
        return report

    def _import_ahead(self) -> None:
        """Import what the run needs later, while it waits for the hosts to accept the login."""
        with contextlib.suppress(Exception):  # the same import fails again where it is needed
            for transport in sorted({host.transport for host in self._run.hosts}):
                import_transport(transport)
            importlib.import_module(_WORK_OF_MODE[self._run.mode])
            collections = filter(None, list(self._compiled.values()))
            for kind in {type(declared.resource) for one in collections for declared in one}:
                catalog().load(kind)

    @property
    def _looks(self) -> bool:
        return self._run.mode in LOOKING

    def _pool(self) -> ThreadPoolExecutor:
        workers = max(1, min(self._run.forks, len(self._run.hosts), _room()))
        return ThreadPoolExecutor(workers, thread_name_prefix="host")

    def _host(self, host: Host) -> HostReport:
        start = time.monotonic()
        progress = _Progress([])
        error: CookError | None = None
        try:
            with self._session(host, progress) as session:
                status = self._converge(host, session, progress)
        except CookError as caught:
            status, error = _status_of(caught), caught
        except Exception as caught:  # noqa: BLE001 - a defect must not stop other hosts
            status, error = "failed", _defect(caught)
        exchanges = progress.session.exchanges if progress.session is not None else 0
        if any(step.error is error for step in progress.steps):
            error = None  # said already, with its resource
        seconds = time.monotonic() - start
        report = HostReport(
            host.name,
            status,
            progress.steps,
            seconds,
            start - self._start,
            exchanges,
            error,
            progress.machine_id,
            looks=self._looks,
        )
        with self._speaking, contextlib.suppress(Exception):  # a plugin's defect costs no report
            self._hook.cookbook_host(report=report)
        return report

    def _converge(self, host: Host, session: Session, progress: _Progress) -> HostStatus:
        if self._interruption.told:
            return "interrupted"
        facts = self._facts(session)
        progress.machine_id = facts.machine_id
        self._only_once(host, facts)
        with self._speaking:
            self._hook.cookbook_connected(host=host.name, machine_id=facts.machine_id)
        work = self._work(host, session, facts)
        for one in work.steps():
            step = replace(one, began=max(0.0, time.monotonic() - self._start - one.seconds))
            progress.steps.append(step)
            with self._speaking:
                self._hook.cookbook_step(host=host.name, step=step)
        if work.failed:
            return "interrupted" if session.ended else "failed"
        if work.unfinished:
            return "interrupted"
        changed = any(step.status in ("changed", "unknown") for step in progress.steps)
        return "changed" if changed else "ok"

    @contextlib.contextmanager
    def _session(self, host: Host, progress: _Progress) -> Iterator[Session]:
        """Open a session that can be interrupted, and that reconnects if the link is lost."""

        def waiting(said: str) -> None:
            with self._speaking:
                self._hook.cookbook_waiting(host=host.name, what=said)

        def another() -> Transport:
            return connect(host, self._run.become_password, waiting)

        begun = time.monotonic()
        if (end := self._end(begun)) is not None and begun >= end:
            raise DeadlineExceeded(
                "the time for this run was over before the turn of this host",
                hint="give it longer (--timeout), or have more hosts at once (--forks)",
            )
        session = Session(another(), another, lasting=host.transport == "local")
        session.connection.tries_left = self._run.reconnect
        session.end = self._end(begun)
        progress.session = session
        try:
            with self._interruption.watching(session):
                yield session
        finally:
            with contextlib.suppress(Exception):  # what came of it is known; say that
                session.close()

    def _end(self, begun: float) -> float | None:
        """When there is no more time for a host."""
        given = ((self._start, self._run.timeout), (begun, self._run.host_timeout))
        return min((start + span for start, span in given if span is not None), default=None)

    def _rescue(self, host: Host, session: Session) -> AutoRollback:
        way = AccessPath(*login(host), host.become, host.become_user)
        return AutoRollback(session, way, self._run.confirm_timeout, self._run.allow_lockout)

    def _executor(self, host: Host, session: Session, facts: Facts) -> Executor:
        planner = Planner(self._node(host, facts), session, facts, catalog())
        return Executor(planner, session, self._rescue(host, session))

    def _facts(self, session: Session) -> Facts:
        """Return the facts of the host; take its lock if it is to be changed."""
        if self._looks:
            return session.facts()
        origin = self._run.origin
        try:
            return session.begin(Holder(origin.by, origin.started, self._run.id), self._run.wait)
        except Locked as error:
            if error.run != self._run.id:
                raise
            raise Refused(
                "this run is at work on the same machine already, under another name",
                hint="name it once, or use --limit",
            ) from None

    def _only_once(self, host: Host, facts: Facts) -> None:
        """Raise Refused if this machine is at work already, under another name."""
        if not facts.machine_id or self._looks:
            return
        with self._speaking:
            first = self._machines.setdefault((facts.machine_id, facts.boot_id), host.name)
        if first != host.name:
            raise Refused(
                f"{host.name} and {first} are the same machine (machine-id {facts.machine_id})",
                hint=f"nothing was done here as {host.name}; name it once, or use --limit",
            )

    def _work(self, host: Host, session: Session, facts: Facts) -> Work:
        listener = self._listener(host)
        if (saved := self._run.saved) is not None:
            from cookbook.applying.saved_plan import Application

            executor = self._executor(host, session, facts)
            manifest = self._manifest(saved.set)
            steps, stopping = saved.steps_for(host.name, facts), self._stopping
            return Application(steps, executor, listener, manifest, stopping)
        if self._run.past is not None:
            return self._reversal(host, session, facts)
        from cookbook.applying.converge import Convergence
        from cookbook.applying.orphans import Orphans

        return Convergence(
            self._collection(host, facts),
            session,
            facts,
            catalog(),
            apply=not self._looks,
            stopping=self._stopping,
            rescue=self._rescue(host, session),
            listener=listener,
            orphans=lambda planner: Orphans(
                self._manifest(self._run.set), planner, revive, self._run.prune
            ),
            permit=self._permit(host),
            stepwise=self._run.stepwise,
        )

    def _permit(self, host: Host) -> Permit | None:
        """Return a permission that asks all approvers; each must agree."""
        if not self._run.approvers:
            return None

        stop = self._interruption

        def permit(step: Step, again: bool) -> Permission:  # noqa: FBT001 - a callback
            for approver in self._run.approvers:
                said = approver.permit(host.name, step, again=again, stopping=lambda: stop.told)
                if said == "stop":
                    stop.tell()
                if said != "go":
                    return said
            return "go"

        return permit

    def _reversal(self, host: Host, session: Session, facts: Facts) -> Undo:
        from cookbook.applying.undo import Undo

        past, machine_id = self._run.past or {}, self._run.machine_ids.get(host.name)
        if machine_id and machine_id != facts.machine_id:
            raise Refused(
                f"{host.name} is another machine than it was in that run: its machine-id is"
                f" {facts.machine_id}, not {machine_id}",
                hint="was it reinstalled, or does its name lead elsewhere?",
            )
        return Undo(
            past[host.name],
            self._executor(host, session, facts),
            self._manifest(self._run.set),
            self._listener(host),
            apply=not self._looks,
            partial=self._run.partial,
            permit=self._permit(host),
            stopping=self._stopping,
        )

    def _stopping(self) -> bool:
        return self._interruption.told

    def _manifest(self, name: str) -> Manifest:
        return Manifest(name, self._run.id, known)

    def _listener(self, host: Host) -> Listener:
        def working(resource: Resource) -> None:
            with self._speaking:
                self._hook.cookbook_working(host=host.name, resource=resource)

        def sending(steps: Sequence[Step]) -> None:
            with self._speaking:
                self._hook.cookbook_sending(host=host.name, steps=steps)

        return Listener(working, sending)

    def _collection(self, host: Host, facts: Facts) -> Collection:
        compiled = self._compiled[host.name]
        if compiled is None:
            compiled = compile_recipes(self._run.recipes, self._node(host, facts))
            self._sources |= compiled.sources
            self._compiled[host.name] = compiled
            return compiled
        compiled.node = replace(compiled.node, facts=facts)
        return compiled

    def _compile_offline(self, host: Host) -> Collection | None:
        """Return the declared resources; None if a recipe reads a fact."""
        try:
            compiled = compile_recipes(self._run.recipes, self._node(host, NO_FACTS_YET))
        except FactsNeeded:
            return None
        return compiled

    def _node(self, host: Host, facts: Facts) -> Node:
        # Each compilation has its own: a recipe may change a list without effect on others.
        variables: Mapping[str, Any] = copy.deepcopy({**host.vars, **self._run.variables})
        if refers(variables):
            folder = _folder(self._run.recipes) or Path.cwd()
            variables = LazyVariables(variables, lambda named: STORES.reveal(named, folder))
        return Node(host.name, facts, variables, host.groups, STORES)


def _folder(recipes: Sequence[Path]) -> Path | None:
    return recipes[0].resolve().parent if recipes else None


def new_id() -> str:
    """Return a name for a run that sorts by time: 20260501T120000-3f9a."""
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"


def _status_of(error: CookError) -> HostStatus:
    match error:
        case Unreachable():
            return "unreachable"
        case DeadlineExceeded():
            return "timeout"
        case Refused():
            return "refused"
        case _:
            return "failed"


def _defect(error: Exception) -> CookError:
    """Return the error for an exception of the program itself, with its place."""
    import traceback

    last = traceback.extract_tb(error.__traceback__)[-1]
    import logging

    logging.getLogger("cookbook").debug("a defect", exc_info=error)
    return Defect(
        f"a defect in cook: {type(error).__name__}: {error} ({last.filename}:{last.lineno})",
        hint="please report it; -v shows the whole traceback",
    )
