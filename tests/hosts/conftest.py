"""Recipes, converged on a real host by our own transport, and judged by other means."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

import pytest

from cookbook.engine import Convergence
from cookbook.kitchen import Kitchen, KitchenHost
from cookbook.plugins import catalog
from cookbook.recipe import Node, compile_recipes
from cookbook.session import Session
from cookbook.step import Step
from cookbook.transport.connection import Target
from cookbook.transport.known_hosts import load_known_hosts
from cookbook.transport.ssh import SshTransport

ROOT = Path(__file__).parents[2]
HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"

Cook = Callable[..., dict[str, Any]]


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
def converge(target: Any, tmp_path: Path) -> Converge:
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
        with _session(target(host, user)) as session:
            facts = session.facts()
            node = Node(host.name, facts, dict(variables or {}))
            collection = compile_recipes([path], node)
            return list(Convergence(collection, session, facts, catalog(), apply=apply).steps())

    return run


@pytest.fixture
def plan(converge: Converge) -> Converge:
    """Only look."""

    def look(host: KitchenHost, recipe: str, **options: Any) -> list[Step]:
        return converge(host, recipe, **{**options, "apply": False})

    return look


@pytest.fixture
def cook(kitchen: Kitchen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cook:
    """The command, in a process of its own; its document, and its status as `exit`."""
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))

    def run(
        host: KitchenHost, *words: str, recipe: str | None = None, inventory: Path | None = None
    ) -> dict[str, Any]:
        hosts = ["--hosts", str(inventory or kitchen.hosts_yml), "--output", "json"]
        if recipe is not None:
            path = tmp_path / f"{len(list(tmp_path.glob('*.py')))}.py"
            path.write_text(HEADING + recipe)
            words = (*words, str(path), "--as", "test")
        command = [sys.executable, "-m", "cookbook.cli", *words, *hosts, "--limit", host.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        document: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
        return document | {"status": done.returncode, "stderr": done.stderr}

    return run


@contextmanager
def _session(target: Target) -> Iterator[Session]:
    session = Session(SshTransport(target))
    try:
        yield session
    finally:
        session.close()
