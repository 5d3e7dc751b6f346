"""The tests of controls: files of pytest with the fixture `host` of testinfra, by cook's link."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookbook.audit.check import AuditCheck
from cookbook.audit.document import ControlStatus
from cookbook.audit.profile import Control
from cookbook.errors import HostError, UsageError
from cookbook.text.python_modules import are_installed, places_of
from cookbook.text.sanitize import visible

if TYPE_CHECKING:
    from cookbook.hosts.session import Session
    from cookbook.inventory import Host
    from cookbook.reports.report import Report
    from cookbook.run.options import Run

TIMEOUT = 600.0
"""Seconds that a command of a test may take."""

TestResult = tuple[ControlStatus, Sequence[str]]
"""The status of a file of tests on one host, and the reasons."""


def check_libraries() -> None:
    """Raise UsageError without pytest or testinfra."""
    from importlib.util import find_spec

    for name in ("pytest", "testinfra"):
        if find_spec(name) is None:
            raise UsageError(
                f"a control has tests, and {name} is not installed",
                hint="pip install 'cook-converge[test]'",
            )


def results(
    controls: Iterable[Control], run: Run, report: Report
) -> Mapping[tuple[str, str], TestResult]:
    """Run the tests of controls on the hosts where these apply, host after host."""
    tests = {control.id: control for control in controls if control.tests}
    found: dict[tuple[str, str], TestResult] = {}
    for host in run.hosts:
        here = [id_ for id_ in _applicable(report, host.name) if id_ in tests]
        if not here or report.interrupted:
            continue
        try:
            with _session(host, run) as session:
                for id_ in here:
                    found[id_, host.name] = _result(tests[id_], host.name, session)
        except HostError as error:
            for id_ in here:
                found.setdefault((id_, host.name), ("error", [f"not judged: {error.message}"]))
    return found


def _applicable(report: Report, host: str) -> list[str]:
    """Return the ids of the controls whose condition holds on a host."""
    return [
        step.declared.scope.id
        for step in report.hosts[host].steps
        if step.declared.scope is not None
        and isinstance(step.resource, AuditCheck)
        and step.resource.applies
        and step.status == "ok"
    ]


@contextmanager
def _session(host: Host, run: Run) -> Iterator[Session]:
    from cookbook.hosts.connect import connect
    from cookbook.hosts.session import Session

    def link() -> Any:
        return connect(host, run.become_password)

    session = Session(link(), link, lasting=host.transport == "local")
    try:
        yield session
    finally:
        session.close()


def _result(control: Control, name: str, session: Session) -> TestResult:
    """
    Run one file of tests in this process, without plugins but pytest's own.

    Each conftest.py between the folder of the profile and the file counts, and none above: with
    this bound pytest does not list the folders above, either. Its plugin for exceptions in
    destructors collects garbage ten times, for warnings that have no reader here. Raises
    KeyboardInterrupt, which pytest keeps to itself.
    """
    import pytest

    host, outcome = _host(name, session), _Outcome()
    folder = control.file.parent
    file = folder / str(control.tests)

    class Fixtures:
        """The fixture; pytest looks for it in the class of a plugin."""

        @pytest.fixture(scope="session")
        def host(self) -> Any:
            return host

    words = ["-c", os.devnull, f"--rootdir={file.parent}", f"--confcutdir={folder}"]
    before = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        more = [
            "--import-mode=importlib",
            *(part for name in _WITHOUT for part in ("-p", f"no:{name}")),
        ]
        with _modules_of(folder, file):
            end = pytest.main([*words, *more, str(file)], plugins=[outcome, Fixtures()])
    finally:
        if before is None:
            del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
        else:
            os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = before
    if outcome.interrupt is not None:
        raise outcome.interrupt
    return outcome.result(pytest.ExitCode(end).name)


@contextmanager
def _modules_of(folder: Path, file: Path) -> Iterator[None]:
    """
    Have pytest import a file of tests and its conftest.py, and forget them at the end.

    It takes a module that is imported already for one of the same name, from whatever folder:
    without this, the tests of another file would be judged. So it is with what they import from
    beside them, or from a folder that they add to sys.path. A module of that name that is no test,
    such as a part of the standard library, is back at the end.
    """
    folder, file = folder.absolute(), Path(os.path.normpath(file.absolute()))
    names = {file.stem, "conftest"}
    if file.is_relative_to(folder):
        parts = file.relative_to(folder).with_suffix("").parts
        for depth in range(len(parts)):
            names |= {".".join(parts[: depth + 1]), ".".join((*parts[:depth], "conftest"))}
    others = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    before, path = set(sys.modules), list(sys.path)
    try:
        yield
    finally:
        added = [Path(os.path.normpath(Path(one).absolute())) for one in {*sys.path} - {*path}]
        sys.path[:] = path
        for name, module in list(sys.modules.items()):
            if name not in before and _is_from(module, (folder, file.parent, *added)):
                del sys.modules[name]
        sys.modules.update(others)


def _is_from(module: object, folders: Sequence[Path]) -> bool:
    """Say whether a module, or a package without a file, is from one of these; no library is."""
    places = [os.path.normpath(place) for place in places_of(module)]
    return not are_installed(places) and any(
        Path(place).is_relative_to(folder) for place in places for folder in folders
    )


_WITHOUT = ("terminal", "cacheprovider", "unraisableexception")
"""The plugins of pytest that are not loaded."""


def _host(name: str, session: Session) -> Any:
    """Return the `host` of testinfra, whose commands go through a session."""
    import importlib

    from cookbook.script.program import Do
    from cookbook.script.shell import script

    base: Any = importlib.import_module("testinfra.backend.base")

    def run(backend: Any, command: str, *args: str, **_: Any) -> Any:
        line = backend.get_command(command, *args)
        [outcome] = session.run([Do(script(line), TIMEOUT)])
        status = 255 if outcome.status is None else outcome.status
        return base.CommandResult(backend, status, line.encode(), outcome.stdout, outcome.stderr)

    backend = type("CookBackend", (base.BaseBackend,), {"NAME": "cook", "run": run})
    return importlib.import_module("testinfra.host").Host(backend(name))


_JUDGED = ("OK", "TESTS_FAILED", "NO_TESTS_COLLECTED")
"""The ends of pytest after all tests that there are."""


class _Outcome:
    """A plugin of pytest that hears the results of the tests."""

    def __init__(self) -> None:
        self._told: list[tuple[ControlStatus, str]] = []
        self._lost = False
        self.interrupt: KeyboardInterrupt | None = None

    def pytest_runtest_makereport(self, call: Any) -> None:
        """Note whether the host could not be asked: then the test has not judged it."""
        self._lost = call.excinfo is not None and isinstance(call.excinfo.value, HostError)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note the result of a test."""
        name = report.nodeid.partition("::")[2]
        if report.failed and (self._lost or report.when != "call"):
            self._told.append(("error", f"{name}: not judged: {_last(report)}"))
        elif report.failed:
            self._told.append(("failed", f"{name}: {_last(report)}"))
        elif report.skipped:
            self._told.append(("not applicable", name))
        elif report.when == "call":
            self._told.append(("passed", name))

    def pytest_collectreport(self, report: Any) -> None:
        """Note a file that cannot be read."""
        if report.failed:
            self._told.append(("error", f"not judged: {_last(report)}"))

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """Note an interrupt by a person; pytest has one of its own for files it cannot read."""
        if type(excinfo.value) is KeyboardInterrupt:
            self.interrupt = excinfo.value

    def pytest_internalerror(self, excinfo: Any) -> None:
        """Note a fault of a hook of conftest.py, or of pytest itself."""
        said = visible(str(excinfo.value)).partition("\n")[0]
        self._told.append(("error", f"not judged: {excinfo.typename}: {said}"))

    def result(self, end: str) -> TestResult:
        """Return the worst result of all tests; `end` is the name of the exit code of pytest."""
        order: tuple[ControlStatus, ...] = ("error", "failed", "passed", "not applicable")
        statuses = {status for status, _ in self._told}
        bad = [text for status, text in self._told if status in ("failed", "error")]
        if end not in _JUDGED and "error" not in statuses:
            return "error", [*bad, f"not judged: pytest ended with {end.lower().replace('_', ' ')}"]
        for status in order:
            if status in statuses:
                return status, bad
        return "error", ["not judged: no test was run"]


def _last(report: Any) -> str:
    """Return the first line of the error of a test, as pytest marks it."""
    lines = visible(report.longreprtext).splitlines()
    marked = [line[1:].strip() for line in lines if line.startswith("E ")]
    return (marked or lines or ["it says nothing"])[0]
