"""Histories on SQLite and on a real PostgreSQL, and journals to fill them with."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from cookbook.history.store import History
from cookbook.text.user_dirs import journals

Steps = Sequence[tuple[str, str]]
"""Resource id and status."""


class WriteJournal(Protocol):
    """Write the journal of a run that is over: host -> its steps."""

    def __call__(
        self,
        run: str,
        hosts: Mapping[str, Steps],
        *,
        mode: str = "converge",
        started: str = "2026-05-01T12:00:00.000Z",
        revision: str | None = "0123456789" * 4,
        machine: str = "m-{host}",
        finished: bool = True,
        url: str | None = None,
        ends: Mapping[str, str] | None = None,
        desired: Mapping[str, str] | None = None,
        places: Mapping[str, str] | None = None,
        of_set: str = "",
        options: Sequence[str] = (),
    ) -> Path: ...


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's history is."""
    folder = tmp_path / "state"
    monkeypatch.setenv("COOK_STATE", str(folder))
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a server of Debian's package, in which each test makes a database of its own."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name)
    )
    if not found:
        pytest.fail("there is no PostgreSQL here: `make setup` installs it")
    folder = Path(tempfile.mkdtemp(prefix="cook-pg-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")  # a server does not run as root
    try:
        _ask(found[-1] / "initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "cook", "-N")
        options = f"-c listen_addresses= -c fsync=off -c unix_socket_directories={folder}"
        control = (found[-1] / "pg_ctl", "-D", str(folder / "data"), "-w", "-l", f"{folder}/log")
        _ask(*control, "-o", options, "start")
        try:
            yield f"postgresql://cook@/postgres?host={folder}"
        finally:
            _ask(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _ask(program: Path, *words: Path | str) -> None:
    become = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    command = [*become, program, *words]
    subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)


_numbers = itertools.count()


@pytest.fixture
def server(postgres: str) -> str:
    """A new database on the server."""
    import psycopg

    name = f"cook{next(_numbers)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return postgres.replace("/postgres?", f"/{name}?")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Each store: this user's own file, and a server."""
    if request.param == "sqlite":
        return None
    server: str = request.getfixturevalue("server")
    return server


@pytest.fixture
def write_journal() -> WriteJournal:
    """See WriteJournal."""

    def write(  # noqa: PLR0917 - its names are given
        run: str,
        hosts: Mapping[str, Steps],
        mode: str = "converge",
        started: str = "2026-05-01T12:00:00.000Z",
        revision: str | None = "0123456789" * 4,
        machine: str = "m-{host}",
        finished: bool = True,  # noqa: FBT001, FBT002 - as above
        url: str | None = None,
        ends: Mapping[str, str] | None = None,
        desired: Mapping[str, str] | None = None,
        places: Mapping[str, str] | None = None,
        of_set: str = "",
        options: Sequence[str] = (),
    ) -> Path:
        path = journals(url) / f"{run}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = {"places": places} if places is not None else {}
        header = _header(run, mode, started, list(hosts))
        command = [*header["command"], *options]
        lines = [header | {"set": of_set, "command": command} | kept]
        for host, steps in hosts.items():
            told = [step(id_, status) for id_, status in steps]
            lines.append({"kind": "steps", "host": host, "steps": told})
            ended = _ended(host, machine.format(host=host), steps)
            asked = {"desired": desired[host]} if desired is not None else {}
            lines.append(ended | {"status": (ends or {}).get(host, ended["status"])} | asked)
        end = {"exit": 0, "seconds": 1.5, "recipes": ["r.py"], "sources": {"r.py": "ab"}}
        if finished:
            lines.append({"kind": "finished", **end, "revision": revision, "in_line": 100.0})
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return path

    return write


def step(id_: str, status: str) -> dict[str, Any]:
    """What a journal says of a step; its state is named after its id. `unchosen`: by its tags."""
    note = "its tags are not chosen" if status == "unchosen" else None
    status = "skipped" if status == "unchosen" else status
    changed = status in ("changed", "failed", "unknown")
    document = {
        "id": id_,
        "where": "r.py:3",
        "status": status,
        "kind": "update" if changed else "none",
        "changes": {"mode": ["0600", "0644"]} if changed else {},
        "note": note,
        "diff": f"-old {id_}\n+new {id_}" if changed else None,
        "began": 0.1,
        "seconds": 0.2,
    }
    wanted = {"content": f"wanted {id_}"}
    sides = {"found": {"content": "found"}, "wanted": wanted, "left": wanted, "act": None}
    resource = {"resource": "file", "name": id_}
    return {"document": document, "state": {"provider": "file", "resource": resource, **sides}}


def _header(run: str, mode: str, started: str, hosts: list[str]) -> dict[str, Any]:
    return {
        "kind": "run",
        "format": 1,
        "version": "0.1.0",
        "run": run,
        "mode": mode,
        "started": started,
        "by": "ann@laptop",
        "origin": None,
        "command": ["cook", mode, "r.py"],
        "recipes": ["r.py"],
        "hosts": hosts,
    }


def _ended(host: str, machine: str, steps: Steps) -> dict[str, Any]:
    changed = any(status == "changed" for _, status in steps)
    return {
        "kind": "host",
        "host": host,
        "status": "changed" if changed else "ok",
        "began": 0.0,
        "seconds": 1.0,
        "exchanges": 2,
        "error": None,
        "machine_id": machine,
        "in_line": 100.0,
    }


@pytest.fixture
def history(url: str | None) -> Iterator[History]:
    """The history, with what was written before; close and open it again for what comes after."""
    with History.open(url) as opened:
        yield opened
