"""The processes of a suite: cook itself, and pytest with testinfra; and what is wrong with them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict, TypeVar

from cookbook.errors import KitchenError
from cookbook.inventory.host_driver import MadeHost
from cookbook.kitchen.suites.stages import StageFailed
from cookbook.reports.phrases import error_text
from cookbook.reports.schema import Document, ResourceDocument
from cookbook.secrets.stores import environment
from cookbook.text.bounded_io import parsed_json
from cookbook.text.bounded_program import ProgramEnd, ProgramStopped, run_bounded
from cookbook.text.json_shape import shaped
from cookbook.text.listing import named

_SECONDS = 3600.0
"""A stage that takes longer hangs."""

_MOST_BYTES = 64 * 1024**2
_PYTEST = "import sys, pytest; sys.path.append(''); sys.exit(pytest.main())"
"""`python -m pytest`, but a recipe json.py in the current folder is not the module of Python."""

_NAMED = 5
"""The number of resources that a message names."""


T = TypeVar("T")


class CommandAnswer(TypedDict):
    """The document of `cook run --output json`, as far as it is read here."""

    hosts: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class SuiteProcesses:
    """Runs commands for one suite on one release."""

    folder: Path
    """The folder of kitchen.yml, where they run."""

    state: Path
    """The folder of their history, which is not the user's."""

    secrets: Mapping[str, str] = field(repr=False)
    cancelled: threading.Event

    def cook(self, *words: str) -> Document:
        """Run a run of cook; return its document. Raises StageFailed if there is none."""
        return self._answer(Document, words)

    def command(self, *words: str) -> CommandAnswer:
        """Run `cook run` with these words; return its answer. Raises StageFailed without one."""
        return self._answer(CommandAnswer, ["run", *words])

    def _answer(self, kind: type[T], words: Sequence[str]) -> T:
        end = self._run([sys.executable, "-P", "-m", "cookbook.cli", *words], self._environment())
        try:
            return shaped(kind, parsed_json(end.output))
        except ValueError:
            said = end.error_text or end.text
            first = said.splitlines()[0] if said else f"status {end.status}"
            raise StageFailed(f"cook {words[0]}: {first.removeprefix('cook: ')}", said) from None

    def verify(self, tests: Sequence[Path], hosts: Sequence[MadeHost], log: Path) -> None:
        """
        Run the tests of testinfra on all hosts; `log` gets what pytest prints.

        Raises StageFailed if one of them fails, or there are none.
        """
        # Connections are shared by the commands of a test; a path of a socket must be short.
        with tempfile.TemporaryDirectory(prefix="cook-", dir="/tmp") as sockets:
            config = Path(sockets, "config")
            shared = f"Host *\n  ControlPath {sockets}/%C\n"
            config.write_text("".join(host.ssh_config for host in hosts) + shared)
            words = [sys.executable, "-P", "-c", _PYTEST, *map(str, tests)]
            words += ["-p", "no:cacheprovider"]
            words += [f"--hosts={','.join(host.testinfra for host in hosts)}"]
            words += [f"--ssh-config={config}", "--tb=short", "-q"]
            try:
                end = self._run(words, dict(os.environ))
            finally:
                _leave(config, hosts)
        text = "\n".join(filter(None, (end.text, end.error_text)))
        log.write_text(text + "\n", "utf-8")
        if end.status != 0:
            raise StageFailed(_verdict(end.text or text, end.status), text)

    def _environment(self) -> dict[str, str]:
        """Return the environment of cook: the secrets of the suite, a history of its own."""
        own = {"COOK_STATE": str(self.state), "COOK_STORE": ""}
        secrets = {environment.variable(name): value for name, value in self.secrets.items()}
        return {**os.environ, **environment.taken(), **own, **secrets}

    def _run(self, words: Sequence[str], variables: Mapping[str, str]) -> ProgramEnd:
        try:
            return run_bounded(
                words,
                seconds=_SECONDS,
                most=_MOST_BYTES,
                folder=self.folder,
                environment=variables,
                cancelled=self.cancelled,
            )
        except ProgramStopped as stopped:
            raise StageFailed(str(stopped)) from None


def _leave(config: Path, hosts: Sequence[MadeHost]) -> None:
    """End the shared connections: their processes would stay for a minute."""
    for host in hosts:
        if host.ssh_config:
            leave = ["ssh", "-F", str(config), "-O", "exit", host.testinfra.partition("://")[2]]
            subprocess.run(leave, check=False, capture_output=True, stdin=subprocess.DEVNULL)


def _verdict(text: str, status: int) -> str:
    """Return the result of pytest in a line: the first failed test, and the count."""
    if status == 5:
        return "pytest has found no tests"
    lines = text.splitlines()
    failed = [line for line in lines if line.startswith(("FAILED ", "ERROR "))]
    count = next((line for line in reversed(lines) if " in " in line and "s" in line), "")
    first = failed[0] if failed else f"pytest ended with status {status}"
    return f"{first}; {count.strip('= ')}" if count and failed else first


def require_testinfra() -> None:
    """Raise KitchenError if pytest or testinfra is not installed beside cook."""
    missing = [name for name in ("pytest", "testinfra") if importlib.util.find_spec(name) is None]
    if missing:
        raise KitchenError(
            f"verify needs {' and '.join(missing)}, which Python at {sys.executable} does not have",
            hint=f"{sys.executable} -m pip install 'cook-converge[test]'; with pipx:"
            " pipx inject cook-converge pytest pytest-testinfra",
        )


def check_run(document: Document, *statuses: int) -> None:
    """Raise StageFailed, with the errors of all hosts, if a run ended with another status."""
    if document["exit"] in statuses:
        return
    failures = list(_failures(document))
    if not failures:
        raise StageFailed(f"cook {document['mode']} ended with status {document['exit']}")
    raise StageFailed(failures[0].splitlines()[0], "\n".join(failures))


def _failures(document: Document) -> Iterator[str]:
    """Yield the errors of hosts and resources."""
    for name, host in document["hosts"].items():
        if host["error"] is not None:
            yield f"{name}: {error_text(host['error'])}"
        for one in host["resources"]:
            if one["error"] is not None and not one["ignored"]:
                yield f"{name}: {one['id']} [{one['where']}]: {error_text(one['error'])}"


def check_unchanged(document: Document) -> None:
    """Raise StageFailed, with the resources that changed, if a second run changed something."""
    check_run(document, 0)
    if changed := list(_changed(document)):
        names = [f"{one['id']} [{one['where']}]" for _, one in changed]
        raise StageFailed(
            f"the second run changed {named(list(dict.fromkeys(names)), _NAMED)}",
            "\n".join(_told(host, one) for host, one in changed),
        )


def check_drift(document: Document, differs: Collection[str]) -> None:
    """
    Raise StageFailed if a plan does not show that something differs.

    With `differs`, exactly these resources must differ; what they notify is not counted.
    """
    check_run(document, 0, 2)
    changed = [one for _, one in _changed(document) if one["because"] is None]
    found = dict.fromkeys(one["id"] for one in changed)
    if not found:
        raise StageFailed("cook plan shows no difference", "the recipe does not declare it")
    if differs and set(found) != set(differs):
        raise StageFailed(
            f"{named(list(found), _NAMED)} differ; {named(list(differs), _NAMED)} was expected"
        )


def lost(document: Document) -> list[str]:
    """Return what the plan of an undo does not bring back."""
    return [
        f"{name}: {one['id']} [{one['where']}]: {one['lost']}"
        for name, host in document["hosts"].items()
        for one in host["resources"]
        if one["lost"]
    ]


def _changed(document: Document) -> Iterator[tuple[str, ResourceDocument]]:
    """Yield host and resource of all changes; in a plan, of what would or might change."""
    for name, host in document["hosts"].items():
        for one in host["resources"]:
            if one["status"] in ("changed", "unknown"):
                yield name, one


def _told(host: str, one: ResourceDocument) -> str:
    parts = [f"{key}: {found} -> {wanted}" for key, (found, wanted) in one["changes"].items()]
    parts += [f"notified by {one['because']}"] if one["because"] else []
    parts += [str(one["ran"])] if one["ran"] else []
    return f"{host}: {one['id']} [{one['where']}] {'; '.join(parts)}"
