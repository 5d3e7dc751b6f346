"""`--processes`: a run on this machine whose hosts are divided among processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookbook.cli import main
from cookbook.cluster.shards import dealt
from cookbook.run.pending import pending
from tests.cluster.conftest import cook
from tests.waiting import LONG, eventually, halted

HOSTS = """\
defaults: {{transport: local, vars: {{dir: {here}/out}}}}
hosts:
  h[1:6]: {{}}
"""
RECIPE = """\
from cookbook.recipe import node
from cookbook.resources import file
file(f"{node.vars['dir']}/{node.name}", content=node.name, mode="0644")
"""
WORDS = ("r.py", "--hosts", "hosts.yml")


@pytest.fixture
def folder(workplace: Path) -> Path:
    """Six hosts that are all this machine, and a recipe."""
    (workplace / "hosts.yml").write_text(HOSTS.format(here=workplace))
    (workplace / "r.py").write_text(RECIPE)
    return workplace


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 9))
def test_each_host_is_in_one_shard_and_none_is_too_large(
    hosts: int, processes: int, largest: int
) -> None:
    names = [f"h{number}" for number in range(hosts)]

    parts = dealt(names, processes, largest)

    assert sorted(name for part in parts for name in part.hosts) == sorted(names)
    sizes = {len(part.hosts) for part in parts}
    assert max(sizes) <= largest
    assert max(sizes) - min(sizes) <= 1
    assert len(parts) % processes == 0 or len(parts) == hosts


@pytest.mark.usefixtures("many_machines", "folder")
def test_processes_do_and_say_what_one_does_and_says(capsys: pytest.CaptureFixture[str]) -> None:
    here = cook(capsys, "plan", *WORDS)
    apart = cook(capsys, "plan", *WORDS, "--processes", "3", "--record")

    assert apart[0] == here[0] == 2
    for key in ("totals", "exit", "mode", "recipes", "sources", "in_line", "set"):
        assert apart[1][key] == here[1][key], key
    assert list(apart[1]["hosts"]) == list(here[1]["hosts"])
    for name, host in here[1]["hosts"].items():
        other = apart[1]["hosts"][name]["resources"]
        assert [(one["id"], one["status"], one["changes"]) for one in other] == [
            (one["id"], one["status"], one["changes"]) for one in host["resources"]
        ]
    assert "6/6 h" in apart[2]
    assert main(["history"]) == 0
    assert capsys.readouterr().out.count("2 changed") == 3


def test_a_recipe_that_is_wrong_for_one_host_reaches_none(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "r.py").write_text(f"{RECIPE}\nif node.name == 'h5':\n    file('relative')\n")

    status, document, err = cook(capsys, "converge", *WORDS, "--processes", "3")

    assert (status, document) == (1, {})
    assert err.count("r.py:6") == 1
    assert not list((folder / "out").iterdir())


@pytest.mark.usefixtures("many_machines")
def test_hosts_of_a_process_that_dies_have_failed_and_no_other(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "r.py").write_text(
        f"import os\n{RECIPE}if node.facts.family and node.name == 'h2': os.kill(os.getpid(), 9)\n"
    )

    status, document, _ = cook(capsys, "plan", *WORDS, "--processes", "2")

    states = {name: host["status"] for name, host in document["hosts"].items()}
    assert status == 3
    assert states == {f"h{i}": "failed" if i % 2 == 0 else "changed" for i in range(1, 7)}
    assert "ended by SIGKILL" in document["hosts"]["h2"]["error"]["message"]


def test_secrets_of_the_environment_reach_the_processes(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COOK_SECRET_WORD", "swordfish")
    (folder / "r.py").write_text(
        RECIPE.replace("content=node.name", "content=secret('word')").replace(
            "import node", "import node, secret"
        )
    )

    status, document, err = cook(capsys, "plan", *WORDS, "--processes", "2")

    assert status == 2, err
    assert "swordfish" not in json.dumps(document) + err


def test_what_could_not_be_reached_is_noted_once_for_all(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each process would write the same file; the first process does it, at the end of all."""
    away = '{transport: ssh, address: 127.0.0.1, port: 1, user: root, ssh_config: "none"}'
    hosts = "".join(f"  h{i}: {away}\n" for i in range(1, 5))
    (folder / "hosts.yml").write_text(f"hosts:\n{hosts}")
    (folder / "r.py").write_text("")

    status, _, err = cook(capsys, "converge", *WORDS, "--processes", "2")

    assert status == 4, err
    assert pending(folder / "hosts.yml") == {"h1", "h2", "h3", "h4"}


def test_a_barrier_over_processes_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "r.py").write_text("from cookbook.recipe import barrier\nbarrier('all')\n")

    status, _, err = cook(capsys, "plan", *WORDS, "--processes", "2")

    assert status == 1
    assert err.count("r.py:2: barrier[all]: hosts of other parts of the run") == 1


@pytest.mark.parametrize(
    "words", [["--step"], ["--confirm"], ["--max-failures", "0"], ["--review", "rules.yml"]]
)
@pytest.mark.usefixtures("folder")
def test_what_the_parts_of_a_run_cannot_do_is_refused(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    status, _, err = cook(capsys, "converge", *WORDS, "--processes", "2", *words)

    assert status == 1
    assert f"{words[0]} does not go with --processes" in err


SLOW = """\
from cookbook.recipe import node
from cookbook.resources import execute
there = node.vars["dir"] + "/" + node.name
execute("begin", command=f"touch {there}-begun; HALTED; touch {there}-ended")
execute("go on", command=f"touch {node.vars['dir']}/{node.name}-late")
"""


@pytest.fixture
def slow(folder: Path) -> tuple[Path, subprocess.Popen[str]]:
    """A run of two hosts by two processes, once one is at its first resource."""
    shells = "".join(
        f"  h{i}: {{vars: {{dir: {folder}/out}}}}\n" for i in (1, 2)
    )  # the lock of a host is in its COOK_HOME
    (folder / "hosts.yml").write_text(f"defaults: {{transport: local}}\nhosts:\n{shells}")
    halt = halted(f"{folder}/{{node.name}}")
    (folder / "r.py").write_text(SLOW.replace("HALTED", halt))
    code = (
        "import os; import cookbook.hosts.connect as c; here = os.getcwd();"
        "from cookbook.transport.local import LocalTransport;"
        "shell = lambda host: ('env', f'COOK_HOME={here}/{host.name}', 'sh');"
        "c.connect = lambda host, *_: LocalTransport(shell(host));"
        "from cookbook.cli import run; run()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "converge", *WORDS, "--processes", "2", "--output", "json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    end = time.monotonic() + 2 * LONG
    while len(list((folder / "out").glob("*-begun"))) < 1:
        assert time.monotonic() < end, process.communicate()
        time.sleep(0.05)
    return folder, process


@pytest.mark.slow
def test_an_interrupt_reaches_all_processes(slow: tuple[Path, subprocess.Popen[str]]) -> None:
    folder, process = slow
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert "stopping all processes" in err
    assert "interrupted" in {host["status"] for host in json.loads(out)["hosts"].values()}
    assert not list((folder / "out").glob("*-late"))


@pytest.mark.slow
def test_the_processes_of_one_that_is_killed_stop_as_well(
    slow: tuple[Path, subprocess.Popen[str]],
) -> None:
    folder, process = slow

    def ended() -> list[Path]:
        begun = (folder / "out").glob("*-begun")
        return [path.with_name(path.name.replace("begun", "ended")) for path in begun]

    process.kill()
    process.communicate(timeout=60)

    eventually(lambda: all(map(Path.exists, ended())), 2 * LONG)
    time.sleep(3)
    assert not list((folder / "out").glob("*-late"))
    assert os.listdir(folder / "state/journal")  # noqa: PTH208 - the run is known
