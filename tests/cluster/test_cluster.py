"""A run on a cluster of this machine: two workers that are processes of their own."""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import distributed
import pytest

from cookbook.cli import main
from cookbook.cli.cluster import OWN, PASSED
from cookbook.cli.commands.converge import add
from cookbook.cli.sharding import KEPT, REFUSED
from cookbook.cluster.bundle import packed, unpacked
from cookbook.cluster.client import ClusterRun, run_shards
from cookbook.cluster.results import JoinedReport, ShardResult
from cookbook.cluster.shards import Shard, shards
from cookbook.errors import UsageError
from cookbook.plugin import hookimpl
from cookbook.plugins.manager import listening
from tests.cluster.conftest import cook

dask: Any = distributed

HOSTS = """\
defaults: {{transport: local}}
hosts:
  h[1:6]: {{vars: {{dir: {here}/out}}}}
groups:
  west: {{hosts: ["h[1:3]"], vars: {{pop: fra}}}}
  east: {{hosts: ["h[4:6]"], vars: {{pop: ams}}}}
"""
RECIPE = """\
from lib.role import role
from cookbook.recipe import node
role(node)
"""
ROLE = """\
from cookbook.resources import file
def role(node):
    file(f"{node.vars['dir']}/{node.name}", content=node.name, mode="0644")
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A scheduler with two workers, one of which is in the place fra."""
    with dask.LocalCluster(
        local_directory=str(tmp_path_factory.mktemp("dask")),
        n_workers=2,
        threads_per_worker=2,
        processes=True,
        dashboard_address=":0",
        resources={"fra": 1},
        silence_logs=50,
    ) as made:
        yield made


@pytest.fixture
def folder(workplace: Path) -> Path:
    """Six hosts that are all this machine, and a recipe with a module beside it."""
    (workplace / "hosts.yml").write_text(HOSTS.format(here=workplace))
    (workplace / "lib").mkdir()
    (workplace / "lib/role.py").write_text(ROLE)
    (workplace / "r.py").write_text(RECIPE)
    return workplace


def test_hosts_of_a_place_are_together_and_no_shard_is_too_large() -> None:
    names = [f"h{i}" for i in range(7)]
    places = {name: "ab"[i % 2] for i, name in enumerate(names)}

    assert list(shards(names, places, 3)) == [
        Shard(1, ("h0", "h2", "h4"), "a"),
        Shard(2, ("h6",), "a"),
        Shard(3, ("h1", "h3", "h5"), "b"),
    ]
    assert list(shards(names, {}, 200)) == [Shard(1, tuple(names))]


@pytest.mark.parametrize(
    ("name", "kind"), [("../x", tarfile.REGTYPE), ("/x", tarfile.REGTYPE), ("x", tarfile.SYMTYPE)]
)
def test_no_file_is_unpacked_outside_of_the_folder(tmp_path: Path, name: str, kind: bytes) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "/etc/shadow"
        archive.addfile(entry)
    (tmp_path / "there").mkdir()
    with pytest.raises(ValueError, match="an archive of files for a worker has"):
        unpacked(out.getvalue(), tmp_path / "there")
    assert [*tmp_path.rglob("*")] == [tmp_path / "there"]


def test_files_go_along_and_what_is_hidden_or_our_own_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "a/state"))
    (tmp_path / "a/state").mkdir(parents=True)
    (tmp_path / "a/state/desired.key").write_text("x")
    (tmp_path / "a/b").mkdir()
    (tmp_path / "a/b/c.py").write_text("x")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_text("x")
    (tmp_path / ".env").write_text("x")
    (tmp_path / "link").symlink_to("/etc/shadow")

    (tmp_path / "there").mkdir()
    unpacked(packed(tmp_path), tmp_path / "there")

    found = [str(p.relative_to(tmp_path / "there")) for p in (tmp_path / "there").rglob("*")]
    assert sorted(found) == ["a", "a/b", "a/b/c.py"]


def test_files_that_are_too_large_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cookbook.cluster.bundle.MOST_BYTES", 10)
    (tmp_path / "big").write_bytes(b"x" * 11)

    with pytest.raises(UsageError, match="are more than"):
        packed(tmp_path)


def test_a_run_on_a_cluster_says_what_one_on_this_machine_says(
    cluster: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "out/h2").write_text("h2")
    (folder / "out/h2").chmod(0o644)
    words = ("plan", "r.py", "--hosts", "hosts.yml", "--as", "of-a-cluster")
    here = cook(capsys, *words)
    there = cook(capsys, *words, "--cluster", cluster.scheduler_address)

    assert there[0] == here[0] == 2
    within = [Path(one.local_directory) for one in cluster.scheduler.workers.values()]
    assert [found for one in within for found in one.glob("cook-shards-*")], "Dask removes it"
    for key in ("totals", "exit", "mode", "recipes", "sources", "in_line", "set"):
        assert there[1][key] == here[1][key], key
    assert list(there[1]["hosts"]) == list(here[1]["hosts"])
    for name, host in here[1]["hosts"].items():
        other = there[1]["hosts"][name]
        assert [(r["id"], r["status"], r["changes"]) for r in other["resources"]] == [
            (r["id"], r["status"], r["changes"]) for r in host["resources"]
        ]


@pytest.mark.usefixtures("folder")
def test_journals_come_back_into_the_history(
    cluster: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("plan", "r.py", "--hosts", "hosts.yml", "--record", "--place", "pop")
    with pytest.raises(UsageError, match="no worker is in the place ams"):
        list(run_shards(cluster.scheduler_address, ClusterRun("x", [Shard(1, ("h4",), "ams")],
                                                              [], b"")))  # fmt: skip
    status, _, err = cook(capsys, *words, "--limit", "west", "--cluster", cluster.scheduler_address)

    assert status == 2, err
    assert main(["history"]) == 0
    assert "3 changed" in capsys.readouterr().out
    assert "1/1 shards: 3 hosts" in err


def test_a_wrong_recipe_is_told_once(
    cluster: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "lib/role.py").write_text(ROLE.replace("0644", "9"))

    status, _, err = cook(
        capsys, "plan", "r.py", "--hosts", "hosts.yml", "--cluster", cluster.scheduler_address
    )

    assert status == 1
    assert "no worker has made a report" in err
    assert "lib/role.py:3" in err


@pytest.mark.slow
def test_the_shard_of_a_lost_worker_is_taken_up_by_another(cluster: Any, folder: Path) -> None:
    """The worker that has the shard is killed; a marker shows that it was begun twice."""
    begun = folder / "begun"
    (folder / "r.py").write_text(
        f"import os, pathlib, time\nwith open('{begun}', 'a') as f: f.write('x')\n"
        f"while not pathlib.Path('{folder}/go').exists(): time.sleep(0.1)\n"
    )
    words = ["plan", "r.py", "--hosts", "hosts.yml", "--shard"]
    run = ClusterRun("lost", [Shard(1, ("h1",))], words, packed(folder))

    def kill() -> None:
        while not begun.exists():
            time.sleep(0.05)
        with dask.Client(cluster.scheduler_address, set_as_default=False) as client:
            [where] = _busy(client)
            os.kill(client.run(os.getpid, workers=[where])[where], signal.SIGKILL)
        (folder / "go").touch()

    thread = threading.Thread(target=kill)
    thread.start()
    [(_, result)] = run_shards(cluster.scheduler_address, run)
    thread.join(120)

    assert result.document, result.errors
    assert json.loads(result.document)["hosts"]["h1"]["status"] == "ok"
    assert begun.read_text() == "xx"


@pytest.mark.slow
def test_an_interrupt_reaches_the_workers(cluster: Any, folder: Path) -> None:
    (folder / "r.py").write_text(
        "from cookbook.recipe import node\nfrom cookbook.resources import execute\n"
        "there = node.vars['dir'] + '/' + node.name\n"
        "execute('begin', command=f'touch {there}-begun; sleep 15')\n"
        "execute('go on', command=f'touch {there}-late')\n"
    )
    words = ["converge", "r.py", "--hosts", "hosts.yml", "--limit", "h1", "--output", "json"]
    words += ["--cluster", cluster.scheduler_address]
    client = subprocess.Popen(
        [sys.executable, "-m", "cookbook.cli", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    end = time.monotonic() + 120
    while not (folder / "out/h1-begun").exists():
        assert time.monotonic() < end, client.communicate()
        time.sleep(0.05)
    client.send_signal(signal.SIGINT)
    out, err = client.communicate(timeout=120)

    assert client.returncode == 130, err
    assert json.loads(out)["hosts"]["h1"]["status"] == "interrupted"
    assert not (folder / "out/h1-late").exists()


def _busy(client: Any) -> list[str]:
    return [where for where, tasks in client.processing().items() if tasks]


def test_hosts_of_a_shard_without_a_report_have_failed() -> None:
    good: dict[str, Any] = {
        "hosts": {"h1": {"status": "ok", "resources": []}},
        "totals": {"ok": 0},
        "seconds": 1.0,
        "exit": 0,
        "mode": "converge",
    }
    results = [
        (Shard(1, ("h1",)), ShardResult(1, json.dumps(good))),
        (Shard(2, ("h2", "h3")), ShardResult(2, "", "KilledWorker: three times", worker="w9")),
    ]

    joined = JoinedReport("worker")
    told = [joined.add(*one) for one in results]
    document = joined.document(["h3", "h1", "h2"])

    assert list(document["hosts"]) == ["h3", "h1", "h2"]
    assert document["exit"] == 3
    error = document["hosts"]["h2"]["error"]
    assert error is not None
    assert error["message"] == "the worker w9 of its shard: KilledWorker: three times"
    assert told == ["1 ok", "no report"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cluster", "tcp://127.0.0.1:1"], "no scheduler answers"),
        (["--cluster", "tcp://127.0.0.1:1", "--processes", "2"], "--processes does not go with"),
        (["--cluster", "tcp://127.0.0.1:1", "-K"], "-K does not go with --cluster"),
        (["--cluster", "tcp://127.0.0.1:1", "--step"], "--step does not go with --cluster"),
        (["--cluster", "tcp://127.0.0.1:1", "--review", "r.yml"], "--review does not go with"),
        (["--cluster", "tcp://127.0.0.1:1", "--max-failures", "0"], "--max-failures does not go"),
        (["--cluster", "tcp://127.0.0.1:1", "--place", "rack"], "--place rack: no host of this"),
        (["--cluster", "tcp://127.0.0.1:1", "--place", "rack"], "their variables are "),
        (["--cluster", "tcp://127.0.0.1:1", "--place", "pops"], "did you mean 'pop'?"),
        (["--place", "pop"], "--place is an option of --cluster"),
        (["--cluster", "tcp://127.0.0.1:1", "--set", "db_password=x"], "in the clear"),
    ],
)
def test_what_cannot_be_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("cookbook.cluster.client._CONNECT", 1)

    status, _, err = cook(capsys, "converge", "r.py", "--hosts", "hosts.yml", *words)

    assert status == 1
    assert said in err
    assert not list((folder / "out").iterdir())


@pytest.mark.parametrize("name", ["converge", "plan"])
def test_no_option_is_dropped(name: str) -> None:
    """Each option of the command goes to the shards, is about the report, or is refused."""
    parser = argparse.ArgumentParser()
    add(parser, name)
    options = {action.dest for action in parser._actions} - {"help", "shard", "only_shard"}

    assert options <= PASSED | KEPT | OWN | REFUSED.keys()


@pytest.mark.usefixtures("folder")
def test_a_policy_is_not_passed_by(capsys: pytest.CaptureFixture[str]) -> None:
    class Policy:
        @hookimpl
        def cookbook_review(self, plan: object) -> str:
            return f"no: {plan}"

    with listening(Policy()):
        status, _, err = cook(
            capsys, "converge", "r.py", "--hosts", "hosts.yml", "--cluster", "tcp://127.0.0.1:1"
        )

    assert status == 1
    assert "a policy is installed here" in err


def test_hosts_wait_for_one_another_where_one_shard_has_all(
    cluster: Any, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "r.py").write_text("from cookbook.recipe import barrier\nbarrier('all')\n")
    words = ("plan", "r.py", "--hosts", "hosts.yml", "--cluster", cluster.scheduler_address)

    assert cook(capsys, *words)[0] == 0

    monkeypatch.setattr("cookbook.cli.cluster.SHARD", 3)
    status, _, err = cook(capsys, *words)
    assert status == 1
    assert "r.py:2: " in err
    assert "hosts of other parts of the run cannot be waited for" in err


def test_files_from_elsewhere_are_refused(
    cluster: Any, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / "lib")

    status, _, err = cook(
        capsys, "plan", "../r.py", "--hosts", "../hosts.yml", "--cluster", cluster.scheduler_address
    )

    assert status == 1
    assert "is not below the current folder" in err
