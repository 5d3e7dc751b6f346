"""
The sample `rolling`, on six hosts, under a constant load from outside: no request may be lost.

Each test leaves all hosts healthy and in service, whatever happens in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from cookbook.kitchen import Kitchen, KitchenHost
from tests.on_hosts.conftest import in_process
from tests.waiting import LONG, eventually

pytestmark = pytest.mark.hosts

SAMPLE = Path(__file__).parents[2] / "sample_cookbooks/rolling"
NAMES = ["lb1", "db1", "db2", "app1", "app2", "app3"]
CLIENTS = 3
_INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")


@dataclass
class Load:
    """Clients that ask the balancer all the time, and count what they get."""

    url: str
    answers: Counter[str] = field(default_factory=Counter)
    all: Counter[str] = field(default_factory=Counter)
    """All answers since the beginning of the test: served, or lost."""
    _ends: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Ask, until the block is left."""
        threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ends.set()
            for thread in threads:
                thread.join()

    def _ask(self) -> None:
        while not self._ends.wait(0.02):
            try:
                with urllib.request.urlopen(self.url, timeout=30) as answer:  # noqa: S310
                    said = f"{answer.status} {answer.read().decode()}"
            except OSError as error:
                said = f"lost: {error}"
            with self._lock:
                self.answers[said] += 1
                self.all["served" if said.startswith("200 shop") else said] += 1

    def taken(self) -> Counter[str]:
        """Return the answers since the last call."""
        with self._lock:
            found, self.answers = self.answers, Counter()
        return found


@dataclass
class Fleet:
    """The sample, the hosts, and the command."""

    folder: Path
    hosts: Mapping[str, KitchenHost]
    load: Load
    state: Path
    killed: int = 0
    """The requests that may be lost: a host that dies takes along those that it is answering."""

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command in the folder of the sample."""
        return subprocess.Popen(
            [sys.executable, "-m", "cookbook.cli", *words],
            cwd=self.folder,
            env={**os.environ, "COOK_STATE": str(self.state)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def cook(self, *words: str) -> tuple[int, str]:
        """Run a command; return its exit status and all that it says."""
        process = self.start(*words)
        out, err = process.communicate(timeout=900)
        return process.returncode, out + err

    def rollout(self, *words: str) -> tuple[int, str]:
        """Begin a rollout, and wait for its end."""
        return self.cook("rollout", "start", "--hosts", "hosts.yml", "--yes", *words)

    def strategy(self, **changes: Any) -> None:
        """Write the strategies of the sample, with changes for the shops."""
        data = yaml.safe_load((SAMPLE / "rollout.yml").read_text())
        data["groups"]["shops"] |= changes
        (self.folder / "rollout.yml").write_text(yaml.safe_dump(data, sort_keys=False))

    def told(self) -> dict[str, Any]:
        """Return the state of the last rollout, in this process: a phase may be a short one."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("COOK_STATE", str(self.state))
            words = ("rollout", "status", "last", "--output", "json")
            status, text, messages = in_process(words, self.folder)
        assert status == 0, messages
        found: dict[str, Any] = json.loads(text)
        return found

    def phases(self) -> dict[str, str]:
        """Return the phase of each host in the last rollout."""
        return phases_of(self.told())

    def runs_of(self, host: str) -> list[str]:
        """Return the ids of all runs of a host in the history."""
        status, text = self.cook("history", "--host", host)
        assert status == 0, text
        return [line.split()[0] for line in text.splitlines()[1:]]

    def serving(self) -> dict[str, str]:
        """Return the first line of each service, asked without the balancer."""
        found = {}
        for name, host in self.hosts.items():
            port = {"lb": 0, "db": 9000, "app": 8000}[name.rstrip("0123456789")]
            if port:
                with urllib.request.urlopen(f"http://{host.address}:{port}/", timeout=60) as answer:
                    found[name] = answer.read().decode().partition(",")[0]
        return found

    def balanced(self) -> dict[str, str]:
        """Return the state that each server is to have, as haproxy has it."""
        return {row[3]: row[6] for row in self._servers()}

    def _servers(self) -> list[list[str]]:
        text = self.hosts["lb1"].run(
            "perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Peer =>"
            ' "/run/haproxy/admin.sock"); print $s "show servers state\\n"; print <$s>\''
        )
        rows = [line.split() for line in text.stdout.splitlines() if line[:1].isdigit()]
        return [row for row in rows if len(row) > 6]

    @contextlib.contextmanager
    def cut_off(self, *names: str) -> Iterator[None]:
        """Take the network of hosts away, as if they had died."""
        for name in names:
            self.hosts[name].run("ip link set host0 down")
            self.killed += CLIENTS
        try:
            yield
        finally:
            for name in names:
                self.hosts[name].run("ip link set host0 up")
            self.settle()

    def settle(self) -> None:
        """Wait until all serve, and the balancer has seen that of all."""
        eventually(self._is_whole, 2 * LONG)
        time.sleep(2)  # rise 2, every 500 ms
        eventually(self._is_whole, 2 * LONG)

    def _is_whole(self) -> bool:
        try:
            serving = len(self.serving())
        except OSError:
            return False
        return serving == 5 and {row[5] for row in self._servers()} == {"2"}  # it runs


@pytest.fixture(scope="module")
def fleet(kitchen: Kitchen, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Six hosts with version 1."""
    if int(_INSTANCES.read_text()) < 512:
        _INSTANCES.write_text("1024")
    folder = tmp_path_factory.mktemp("rolling") / "sample"
    shutil.copytree(SAMPLE, folder)
    hosts = {host.name: host for host in kitchen.up(names=NAMES) if host.name in NAMES}
    data = yaml.safe_load((SAMPLE / "hosts.yml").read_text())
    here = kitchen.hosts_yml.parent
    data["defaults"] |= {
        "user": "root",
        "identity_file": str(here / "id_ed25519"),
        "known_hosts": str(here / "known_hosts"),
    }
    data["defaults"]["vars"] |= {
        "balancer": hosts["lb1"].address,
        "stores": {name: hosts[name].address for name in ("db1", "db2")},
        "shops": {name: hosts[name].address for name in ("app1", "app2", "app3")},
    }
    data["hosts"] = {name: {"address": host.address} for name, host in hosts.items()}
    (folder / "hosts.yml").write_text(yaml.safe_dump(data, sort_keys=False))
    load = Load(f"http://{hosts['lb1'].address}/")
    made = Fleet(folder, hosts, load, folder.parent / "state")
    try:
        status, text = made.cook("converge", "--hosts", "hosts.yml")
        assert status == 0, text
        made.settle()
        with load.running():
            yield made
    finally:
        kitchen.down(NAMES)


@pytest.fixture
def rolling(fleet: Fleet) -> Iterator[Fleet]:
    """All at version 1, and in service; no request is lost in the whole test."""
    fleet.strategy()
    status, text = fleet.cook(
        "converge", "--hosts", "hosts.yml"
    )  # all at once, which may lose some
    assert status == 0, text
    fleet.settle()
    fleet.load.taken()
    fleet.load.all.clear()
    fleet.killed = 0
    yield fleet
    fleet.strategy()
    lost = fleet.load.all.total() - fleet.load.all["served"]
    assert lost <= fleet.killed, fleet.load.all
    assert fleet.load.all["served"] > 100


def test_version_2_goes_out_in_order_and_comes_back(rolling: Fleet) -> None:
    status, text = rolling.rollout("--set", "version=2")
    assert status == 0, text
    assert rolling.serving() == {
        **dict.fromkeys(["db1", "db2"], "store 2"),
        **dict.fromkeys(["app1", "app2", "app3"], "shop 2"),
    }
    order = [line.split()[0].rstrip(":") for line in text.splitlines() if line.endswith(": begun")]
    assert order == ["db1", "db2", "app1", "app2", "app3"]
    assert set(rolling.balanced().values()) == {"0"}
    answers = rolling.load.taken()
    assert set(answers) == {"200 shop 1, store 1", "200 shop 1, store 2", "200 shop 2, store 2"}

    # Once more: all are in line, and none is taken out of service.
    status, text = rolling.rollout("--set", "version=2")
    assert status == 0, text
    assert text.count("was in line, healthy") == 5
    runs = [one["runs"] for one in rolling.told()["hosts"].values()]
    assert all(len(ids) == 1 for ids in runs)

    # The way back: the rollout before this one is undone, hosts of the last group first.
    status, text = rolling.cook("rollout", "list")
    before = text.split("\n")[1].split()[0]
    status, text = rolling.cook("rollout", "revert", before)
    assert status == 0, text
    assert "the rollout is reverted" in text
    assert rolling.serving() == {
        **dict.fromkeys(["db1", "db2"], "store 1"),
        **dict.fromkeys(["app1", "app2", "app3"], "shop 1"),
    }
    assert set(rolling.balanced().values()) == {"0"}


def test_a_broken_version_ends_at_the_canary(rolling: Fleet) -> None:
    rolling.strategy(healthy_deadline="10s")
    runs = rolling.runs_of("app2")

    status, text = rolling.rollout("--set", "shop_version=3")

    assert status == 3
    assert "stopped: app1 failed in the canary of shops, at most 0 may" in text
    assert rolling.phases() == {
        **dict.fromkeys(["db1", "db2"], "done"),
        "app1": "reverted",
        **dict.fromkeys(["app2", "app3"], "waiting"),
    }
    assert set(rolling.serving().values()) == {"store 1", "shop 1"}
    assert set(rolling.balanced().values()) == {"0"}
    assert set(rolling.load.taken()) == {"200 shop 1, store 1"}
    # The other two have never been touched: no run of the history is about them.
    assert rolling.runs_of("app2") == runs


def test_a_host_that_dies_meanwhile_is_left_pending_and_comes_first_next_time(
    rolling: Fleet,
) -> None:
    rolling.strategy(min_healthy=1)
    former = rolling.told()["id"]
    process = rolling.start(
        *("rollout", "start", "--hosts", "hosts.yml", "--yes", "--set", "version=2")
    )
    wait_for(rolling, former, lambda phases: phases["app1"] in ("working", "done"))
    with rolling.cut_off("app3"):
        out, err = process.communicate(timeout=900)
        assert process.returncode == 4, out + err
        assert "could not be reached, trying again: app3" in err
        assert rolling.told()["pending"] == ["app3"]
    assert rolling.serving()["app3"] == "shop 1"

    status, text = rolling.rollout("--set", "version=2")
    assert status == 0, text
    assert "shops, canary: app3" in text
    assert rolling.serving()["app3"] == "shop 2"


def test_a_controller_that_is_killed_is_followed_by_another_one(rolling: Fleet) -> None:
    former = rolling.told()["id"]
    process = rolling.start(
        *("rollout", "start", "--hosts", "hosts.yml", "--yes", "--set", "version=2")
    )
    wait_for(rolling, former, lambda phases: phases["app1"] == "working")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert "left" in rolling.cook("rollout", "list")[1]

    status, text = rolling.cook("rollout", "resume", "last")

    assert status == 0, text
    assert "app1: the controller ended meanwhile; it is done again" in text
    assert set(rolling.phases().values()) == {"done"}
    assert set(rolling.serving().values()) == {"store 2", "shop 2"}
    assert set(rolling.balanced().values()) == {"0"}


def test_no_batch_begins_below_the_minimum(rolling: Fleet) -> None:
    rolling.strategy(progress_deadline="10s", check_interval="1s", healthy_deadline="4s")
    with rolling.cut_off("app2", "app3"):
        status, text = rolling.rollout("--set", "shop_version=2")
        assert status == 3, text
        assert "stopped: min_healthy: 1 of 3 hosts of shops are healthy, and 2 must be left" in text
        assert rolling.phases()["app1"] == "waiting"
    assert set(rolling.serving().values()) == {"store 1", "shop 1"}


def phases_of(told: Mapping[str, Any]) -> dict[str, str]:
    """Return the phase of each host in the state of a rollout."""
    return {host: one["phase"] for host, one in told["hosts"].items()}


def wait_for(fleet: Fleet, former: str, what: Any) -> None:
    """Wait until a rollout after the former one has come so far."""
    end = time.monotonic() + 5 * LONG
    while time.monotonic() < end:
        told = fleet.told()
        if told["id"] != former and what(phases_of(told)):
            return
        time.sleep(0.2)
    raise AssertionError(f"it has not come so far: {fleet.phases()}")
