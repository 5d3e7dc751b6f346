"""Hosts that cannot be reached: one more turn at the end, and first in the next run."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from cookbook.errors import AuthenticationFailed, ChangedKey, Unreachable
from cookbook.transport.local import LocalTransport

RECIPE = """\
from cookbook.recipe import node
from cookbook.resources import directory, execute
directory(node.vars["dir"])
execute("exit 1", only_if=lambda node: node.name in node.vars["bad"])
"""


class Net:
    """Connections that fail so many times for a host, and the order in which they are tried."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fails: Counter[str] = Counter()
        self.error: type[Unreachable] = Unreachable
        self.tried: list[str] = []

    def connect(self, host: Any, *_: object) -> LocalTransport:
        """Connect, or raise Unreachable."""
        self.tried.append(host.name)
        if self.fails[host.name] > 0:
            self.fails[host.name] -= 1
            raise self.error(f"{host.name} does not answer")
        return LocalTransport(("env", f"COOK_HOME={self.folder}/.{host.name}", "sh"))


@pytest.fixture
def net(many_machines: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Net:  # noqa: ARG001
    """Six hosts, and a network between."""
    made = Net(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("cookbook.run.runner.connect", made.connect)
    hosts = "\n".join(f"  h{i}: {{vars: {{dir: {tmp_path}/h{i}}}}}" for i in range(6))
    Path("hosts.yml").write_text(
        f"defaults: {{transport: local, vars: {{bad: []}}}}\nhosts:\n{hosts}\n"
    )
    Path("r.py").write_text(RECIPE)
    return made


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    status = main(["converge", "r.py", "--hosts", "hosts.yml", "--output", "json", *words])
    return status, json.loads(capsys.readouterr().out)


def test_a_host_that_comes_back_is_done_at_the_end(
    net: Net, capsys: pytest.CaptureFixture[str]
) -> None:
    net.fails["h2"] = 1

    status, document = run(capsys, "--forks", "1")

    assert status == 0
    assert net.tried == ["h0", "h1", "h2", "h3", "h4", "h5", "h2"]
    assert [host["status"] for host in document["hosts"].values()] == ["changed"] * 6
    assert list(document["hosts"]) == [f"h{i}" for i in range(6)]


def test_a_host_that_stays_away_is_told_once_and_comes_first_next_time(
    net: Net, capsys: pytest.CaptureFixture[str]
) -> None:
    net.fails["h4"] = 2
    status, document = run(capsys, "--forks", "1")
    assert status == 4
    assert document["hosts"]["h4"]["status"] == "unreachable"
    assert net.tried.count("h4") == 2

    net.tried.clear()
    status, document = run(capsys, "--forks", "1")
    assert status == 0
    assert net.tried == ["h4", "h0", "h1", "h2", "h3", "h5"]
    assert list(document["hosts"]) == [f"h{i}" for i in range(6)]

    net.tried.clear()
    run(capsys, "--forks", "1")
    assert net.tried == [f"h{i}" for i in range(6)]


def test_what_was_not_in_the_run_stays_pending(
    net: Net, capsys: pytest.CaptureFixture[str]
) -> None:
    net.fails["h4"] = 2
    run(capsys, "--forks", "1")
    run(capsys, "--limit", "h0,h1")
    net.tried.clear()

    run(capsys, "--forks", "1")

    assert net.tried[0] == "h4"


def test_a_single_host_and_a_net_that_is_down_are_not_asked_twice(
    net: Net, capsys: pytest.CaptureFixture[str]
) -> None:
    net.fails.update({f"h{i}": 9 for i in range(6)})

    assert run(capsys, "--limit", "h0")[0] == 4
    assert net.tried == ["h0"]
    net.tried.clear()
    assert run(capsys)[0] == 4
    assert sorted(net.tried) == [f"h{i}" for i in range(6)]


@pytest.mark.parametrize(("most", "begun"), [("0", 3), ("1", 4), ("5", 6)])
def test_no_further_host_is_begun_past_the_limit(
    net: Net, capsys: pytest.CaptureFixture[str], most: str, begun: int
) -> None:
    status, document = run(capsys, "--forks", "1", "--max-failures", most, "--set", "bad=[h2, h3]")

    assert status == 3
    assert net.tried == [f"h{i}" for i in range(begun)]
    left = [host for host in document["hosts"].values() if host["status"] == "refused"]
    assert len(left) == 6 - begun
    for host in left:
        assert "hosts have failed, and at most" in host["error"]["message"]
    assert not any((net.folder / f"h{i}").exists() for i in range(begun, 6))


@pytest.mark.parametrize("error", [AuthenticationFailed, ChangedKey])
def test_a_refused_login_and_a_wrong_key_are_not_tried_again(
    net: Net, capsys: pytest.CaptureFixture[str], error: type[Unreachable]
) -> None:
    """A further try may lock the account."""
    net.fails["h2"], net.error = 1, error

    status, document = run(capsys, "--forks", "1")

    assert status == 4
    assert net.tried == [f"h{i}" for i in range(6)]
    assert document["hosts"]["h2"]["status"] == "unreachable"


def test_what_was_not_begun_stays_pending(net: Net, capsys: pytest.CaptureFixture[str]) -> None:
    net.fails.update(h3=2, h4=2)
    run(capsys, "--forks", "1")
    net.tried.clear()
    run(capsys, "--forks", "1", "--max-failures", "0", "--set", "bad=[h3]")
    assert net.tried == ["h3"]
    net.tried.clear()

    run(capsys, "--forks", "1")

    assert net.tried[0] == "h4"


def test_past_the_limit_of_failures_there_is_no_second_turn(
    net: Net, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report says that the host could not be reached, and the next run takes it first."""
    net.fails["h0"] = 2
    _, document = run(capsys, "--forks", "1", "--max-failures", "0", "--set", "bad=[h5]")

    assert net.tried == [f"h{i}" for i in range(6)]
    assert document["hosts"]["h0"]["status"] == "unreachable"
