"""Recipes, converged on a real host by our own transport, and judged by other means."""

from __future__ import annotations

import io
import json
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Literal, Protocol

import pytest

from cookbook.applying.converge import Convergence
from cookbook.applying.options import ConvergenceOptions
from cookbook.cli import main
from cookbook.hosts.session import Session
from cookbook.kitchen import Kitchen, KitchenHost
from cookbook.language.collection import Node
from cookbook.language.compiler import compile_recipes
from cookbook.planning.step import Step
from cookbook.plugins.manager import catalog
from cookbook.script.shell import sh
from cookbook.transport.known_hosts import load_known_hosts
from cookbook.transport.openssh import control_dir
from cookbook.transport.openssh.transport import OpenSshOptions, OpenSshTransport
from cookbook.transport.paramiko_ssh.connection import Target
from cookbook.transport.paramiko_ssh.transport import SshTransport
from tests.on_hosts.walled import Walled

ROOT = Path(__file__).parents[2]
HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"

Cook = Callable[..., dict[str, Any]]
Shell = SshTransport | OpenSshTransport
Open = Callable[[Target], Shell]

by_both = pytest.mark.parametrize("transport", ["ssh", "openssh"], indirect=True)
"""For tests that look at what a transport does: both have to do it."""


def by_openssh(target: Target) -> OpenSshTransport:
    """By ssh(1), with nobody's configuration."""
    return OpenSshTransport(target, OpenSshOptions(config="none"))


@pytest.fixture
def shell(transport: str) -> Open:
    """A shell on a target, by the transport that is chosen."""
    return by_openssh if transport == "openssh" else SshTransport


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for our folders that nobody else uses, with a short path."""
    with tempfile.TemporaryDirectory(prefix="cook-rt-", dir="/tmp") as place:
        monkeypatch.setenv("XDG_RUNTIME_DIR", place)
        control_dir._folder.cache_clear()
        yield Path(place)
        control_dir._folder.cache_clear()


def inventory_of(kitchen: Kitchen, transport: str) -> Path:
    """The hosts of a kitchen as they are now, to be reached by this transport."""
    if transport == "ssh":
        return kitchen.hosts_yml
    path = kitchen.hosts_yml.with_name(f"{transport}.yml")  # beside its keys
    text = kitchen.hosts_yml.read_text()
    path.write_text(text.replace("defaults: {", f"defaults: {{transport: {transport}, ", 1))
    return path


class Converge(Protocol):
    """Run the text of a recipe on a host; `user` is root, or admin with sudo."""

    def __call__(
        self,
        host: KitchenHost,
        recipe: str,
        *,
        user: Literal["root", "admin"] = "root",
        variables: Mapping[str, Any] | None = None,
        apply: bool = True,
    ) -> list[Step]: ...


@pytest.fixture
def target(kitchen: Kitchen) -> Any:
    """How to reach a host: `target(host, user="admin")`."""
    load_known_hosts.cache_clear()  # hosts come and go in a kitchen, unlike in a run

    def make(host: KitchenHost, user: Literal["root", "admin"] = "root", **more: Any) -> Target:
        become: Literal["none", "sudo"] = "none" if user == "root" else "sudo"
        files = {"identity_files": (kitchen.identity,), "known_hosts": (kitchen.known_hosts,)}
        where = {"address": host.address, "port": host.port, "user": user, "become": become}
        return Target(**{**where, **files, "agent": False, **more})

    return make


@pytest.fixture
def converge(target: Any, shell: Open, tmp_path: Path) -> Converge:
    """Bring a host into line; everything a recipe may say is imported."""

    def run(
        host: KitchenHost,
        recipe: str,
        *,
        user: Literal["root", "admin"] = "root",
        variables: Mapping[str, Any] | None = None,
        apply: bool = True,
    ) -> list[Step]:
        number = len(list(tmp_path.glob("recipe*.py")))
        path = tmp_path / f"recipe{number}.py"  # each has its own text: code is kept by path
        path.write_text(HEADING + textwrap.dedent(recipe))
        with _session(shell(target(host, user))) as session:
            facts = session.facts()
            node = Node(host.name, facts, dict(variables or {}))
            collection = compile_recipes([path], node)
            return list(
                Convergence(
                    collection, session, facts, catalog(), ConvergenceOptions(apply=apply)
                ).steps()
            )

    return run


@pytest.fixture
def plan(converge: Converge) -> Converge:
    """Only look."""

    def look(host: KitchenHost, recipe: str, **options: Any) -> list[Step]:
        return converge(host, recipe, **{**options, "apply": False})

    return look


@pytest.fixture
def cook(kitchen: Kitchen, transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cook:
    """The command, in this process; its document, and its status as `status`."""
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))

    def run(
        host: KitchenHost, *words: str, recipe: str | None = None, inventory: Path | None = None
    ) -> dict[str, Any]:
        hosts = ["--hosts", str(inventory or inventory_of(kitchen, transport)), "--output", "json"]
        if recipe is not None:
            path = tmp_path / f"{len(list(tmp_path.glob('*.py')))}.py"
            path.write_text(HEADING + recipe)
            words = (*words, str(path), "--as", "test")
        return command(*words, *hosts, "--limit", host.name)

    return run


def command(*words: str) -> dict[str, Any]:
    """
    Run cook in this process, from the root of the tree: a start of Python costs half a run.

    Return the document that it prints, its exit status as `status`, its messages as `stderr`.
    """
    status, out, errors = in_process(words, ROOT)
    document: dict[str, Any] = json.loads(out) if out else {}
    return document | {"status": status, "stderr": errors}


def in_process(words: Sequence[str], folder: Path) -> tuple[int, str, str]:
    """Run cook in this process, in a folder; return its exit status, output and messages."""
    load_known_hosts.cache_clear()  # hosts come and go in a kitchen, unlike in a run
    out, errors = io.StringIO(), io.StringIO()
    with chdir(folder), redirect_stdout(out), redirect_stderr(errors):
        status = main(words)
    return status, out.getvalue(), errors.getvalue()


def who(transport: Shell) -> str:
    """The user that a transport has let us be; it is closed then."""
    session = Session(transport)
    try:
        return session.read([sh("id -un")])[0].text.strip()
    finally:
        session.close()


@contextmanager
def _session(transport: Shell) -> Iterator[Session]:
    session = Session(transport)
    try:
        yield session
    finally:
        session.close()


@pytest.fixture(params=["nftables", "iptables"])
def walled(request: pytest.FixtureRequest, module_host: KitchenHost) -> Iterator[Walled]:
    """A host without rules; for iptables, one without nft(8)."""
    module_host.run("[ ! -e /usr/sbin/nft.away ] || mv /usr/sbin/nft.away /usr/sbin/nft")
    module_host.run(
        "nft flush ruleset; rm -rf /etc/cook /tmp/in*; systemctl disable --now cook-firewall"
    )
    if request.param == "iptables":
        module_host.run("mv /usr/sbin/nft /usr/sbin/nft.away")
    yield Walled(module_host, request.param)
    module_host.run("[ ! -e /usr/sbin/nft.away ] || mv /usr/sbin/nft.away /usr/sbin/nft")
    module_host.run("nft flush ruleset")
