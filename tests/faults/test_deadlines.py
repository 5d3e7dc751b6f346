"""
What takes too long ends as a timeout, with its name, and holds up nobody else.

Part C of the needs: 47, 48, 51. Each host here is a shell on this machine; a real host that
hangs is in test_bad_shape.py.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from tests.texts import check, check_document
from tests.waiting import eventually

HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\nN = node.vars['n']\n"

SLEEP = f"sleep 2718.{os.getpid()}"
"""What hangs; others who run these tests at the same time have another number."""


@pytest.fixture
def hosts(many_machines: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Fifty hosts in hosts.yml, each with a number `n`."""
    del many_machines
    monkeypatch.chdir(tmp_path)
    lines = "\n".join(f"  h{i}: {{vars: {{n: {i}}}}}" for i in range(50))
    (tmp_path / "hosts.yml").write_text(f"defaults: {{transport: local}}\nhosts:\n{lines}\n")
    return tmp_path


def converge(
    recipe: str, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, dict[str, Any]]:
    Path("r.py").write_text(HEADING + recipe)
    status = main(["converge", "r.py", "--hosts", "hosts.yml", "--output", "json", *words])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)["hosts"]
    return status, document


def check_host_of(name: str, host: dict[str, Any], folder: Path) -> None:
    told = {"mode": "converge", "exit": 3, "in_line": None, "hosts": {"h": host}}
    check_document(name, told, {str(folder): "/tmp/d", SLEEP: "sleep 2718"})


@pytest.mark.slow
@pytest.mark.parametrize(
    "hang",
    [
        "execute('hang', command='sleep 2718', timeout=20)",
        "file(f'{D}/x', content='x', only_if='sleep 2718')",
    ],
    ids=["a change", "a question"],
)
def test_one_of_fifty_hangs_and_the_others_do_not_notice(
    hosts: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, hang: str
) -> None:
    hang = hang.replace("sleep 2718", SLEEP)
    monkeypatch.setattr("cookbook.script.program.Ask.__init__.__defaults__", (20.0, None))
    status, told = converge(
        f"D = '{hosts}'\nif N == 7:\n    {hang}\nelse:\n    file(f'{{D}}/{{N}}', content='x')\n",
        capsys,
    )

    slow = told.pop("h7")
    assert status == 3
    assert slow["status"] == "timeout"
    assert SLEEP in json.dumps(slow)
    assert 20 <= slow["seconds"] < 200
    check_host_of(f"C51-{'change' if 'execute' in hang else 'question'}", slow, hosts)
    assert {one["status"] for one in told.values()} == {"changed"}
    assert max(one["began"] + one["seconds"] for one in told.values()) < slow["seconds"]
    look = ["pgrep", "-fx", SLEEP]
    eventually(lambda: subprocess.run(look, check=False, stdout=-3).returncode != 0)


@pytest.mark.slow
def test_a_host_has_only_so_much_time(hosts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second command takes longer than there is time for the host."""
    recipe = f"for i in range(4):\n    execute(f'echo {{i}} >>{hosts}/{{N}}; sleep {{90 * i}}')\n"
    status, told = converge(recipe, capsys, "--host-timeout", "10s", "--limit", "h1")

    assert status == 3
    assert told["h1"]["status"] == "timeout"
    assert "in the time there was for this host" in json.dumps(told)
    assert [one["status"] for one in told["h1"]["resources"]] == [
        "unknown",  # done, and nobody has looked whether it is so
        "unknown",
        "not-run",
        "not-run",
    ]
    check_host_of("C51-host-timeout", told["h1"], hosts)
    assert (hosts / "1").read_text() == "0\n1\n"


@pytest.mark.slow
def test_a_run_has_only_so_much_time(hosts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second host takes longer than there is time for the run."""
    words = ["--timeout", "10s", "--forks", "1", "--limit", "h1,h2,h3"]
    status, told = converge("execute(f'sleep {90 * (N - 1)}')\n", capsys, *words)

    assert status == 3
    assert [one["status"] for one in told.values()] == ["changed", "timeout", "timeout"]
    assert "before the turn of this host" in told["h3"]["error"]["message"]
    check_host_of("C51-run-timeout", told["h3"], hosts)


@pytest.mark.slow
def test_more_hosts_than_files_may_be_open(hosts: Path, tmp_path: Path) -> None:
    """256 descriptors, 500 hosts (each has three pipes here, and a socket over ssh)."""
    del hosts
    lines = "\n".join(f"  h{i}:" for i in range(500))
    (tmp_path / "hosts.yml").write_text(f"defaults: {{transport: local}}\nhosts:\n{lines}\n")
    (tmp_path / "r.py").write_text("from cookbook.resources import *\ndirectory('/tmp')\n")
    done = subprocess.run(
        [sys.executable, "-m", "cookbook.cli", "plan", "r.py", "--hosts", "hosts.yml"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)),
    )
    assert "500 hosts: 500 ok." in done.stdout, done.stdout[-300:]


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that has no room for anything."""
    place = tmp_path / "full"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], check=True)
    try:
        with (place / "fill").open("wb", buffering=0) as file:
            while True:
                try:
                    file.write(bytes(4096))
                except OSError:
                    break
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.hosts  # it takes root to mount
def test_no_room_for_the_history_and_for_the_report(
    full_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run goes on, and says what could not be kept."""
    monkeypatch.setenv("COOK_STATE", str(full_disk / "state"))
    (tmp_path / "r.py").write_text(
        f"from cookbook.resources import *\nfile('{tmp_path}/made', content='x')\n"
    )
    with (full_disk / "out").open("w") as out:
        done = subprocess.run(
            [sys.executable, "-m", "cookbook.cli", "converge", tmp_path / "r.py", "--local"],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )
    assert (tmp_path / "made").read_text() == "x"
    assert done.returncode == 3
    assert "not in the history, or not all of it" in done.stderr
    assert "what came of it cannot be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    check("C48-no-room", done.stderr, {str(tmp_path): "/tmp/d"})
