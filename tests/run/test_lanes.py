"""Limits of the hosts at work behind one bastion, and at one address."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cookbook.plugins.manager  # noqa: F401 - registers the transports
from cookbook.cli import main
from cookbook.errors import AuthenticationFailed, InventoryError
from cookbook.inventory import Host, from_data
from cookbook.run.lanes import Lanes
from cookbook.run.turns import Turns
from cookbook.transport.bastion import Bastions
from cookbook.transport.hops import Hop
from cookbook.transport.target import Target
from tests.run.test_unreachable import Net, net, run
from tests.waiting import LONG

__all__ = ["net"]

BEHIND = [
    Host(f"h{number}", jump=(Hop("door" if number < 4 else "gate"),), per_bastion=2)
    for number in range(8)
]


def test_a_few_hosts_try_a_bastion_and_the_others_keep_their_turns() -> None:
    hosts = [Host(f"h{i}", jump=(Hop("door"),) if i < 20 else None) for i in range(40)]
    lanes = Lanes(hosts)

    first = [lanes.take().name for _ in range(25)]
    assert first == [*(f"h{i}" for i in range(5)), *(f"h{i}" for i in range(20, 40))]
    assert not lanes.is_free
    assert not lanes.is_open(hosts[0])
    assert lanes.is_open(hosts[20])
    lanes.open(hosts[0])
    assert [lanes.take().name for _ in range(15)] == [f"h{i}" for i in range(5, 20)]


def test_where_all_are_behind_one_bastion_none_has_to_wait() -> None:
    hosts = [Host(f"h{i}", jump=(Hop("door"),)) for i in range(20)]
    lanes = Lanes(hosts)
    assert [lanes.take() for _ in hosts] == hosts


def test_a_host_that_has_to_wait_lets_the_next_one_go_first() -> None:
    lanes = Lanes(BEHIND)
    for host in BEHIND:
        lanes.open(host)

    first = [lanes.take().name for _ in range(4)]
    assert first == ["h0", "h1", "h4", "h5"]
    assert not lanes.is_free
    lanes.leave(BEHIND[1])
    assert lanes.take().name == "h2"


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 3)), max_size=30),
    st.integers(1, 12),
)
def test_no_limit_is_exceeded_and_every_host_has_its_turn(
    what: list[tuple[int, int, int]], at_once: int
) -> None:
    """By hosts that end in the order in which they have begun."""
    hosts = [
        Host(f"h{i}", address=f"a{address}", jump=(Hop(f"b{door}"),), per_bastion=n, per_address=2)
        for i, (door, address, n) in enumerate(what)
    ]
    least = {h.jump: min(o.per_bastion or 9 for o in hosts if o.jump == h.jump) for h in hosts}
    lanes, begun, at_work = Lanes(hosts), list[Host](), list[Host]()
    while len(begun) < len(hosts):
        if len(at_work) == at_once or not lanes.is_free:
            lanes.leave(at_work.pop(0))
            continue
        at_work.append(lanes.take())
        begun.append(at_work[-1])
        for jump, number in Counter(host.jump for host in at_work).items():
            assert number <= least[jump]
        assert max(Counter(host.address for host in at_work).values()) <= 2
    assert {host.name for host in begun} == {host.name for host in hosts}


def test_without_a_limit_the_order_stays() -> None:
    hosts = [Host(f"h{number}", address="192.0.2.1") for number in range(5)]
    lanes = Lanes(hosts)
    assert [lanes.take() for _ in hosts] == hosts


def test_turns_keep_to_the_limits() -> None:
    most, now, met = Counter[object](), Counter[object](), threading.Condition()

    def work(host: Host) -> str:
        with met:
            now[host.jump] += 1
            most[host.jump] = max(most[host.jump], now[host.jump])
            met.notify_all()
            assert met.wait_for(lambda: most[host.jump] >= 2, LONG)
        time.sleep(0.02)
        with met:
            now[host.jump] -= 1
        return host.name

    done = Turns(50, 1000).each(work, BEHIND, order=Lanes(BEHIND))

    assert done == [host.name for host in BEHIND]
    assert set(most.values()) == {2}


@pytest.mark.parametrize("value", [0, -1, True, "2", 1.5])
def test_a_limit_is_a_number(value: object) -> None:
    with pytest.raises(InventoryError, match="per_bastion must be a whole number of at least 1"):
        from_data({"hosts": {"h1": {"per_bastion": value}}})


def test_the_error_of_a_bastion_names_it() -> None:
    def fail(_: Target) -> Any:
        raise AuthenticationFailed("no key was taken")

    for _ in range(2):
        with pytest.raises(AuthenticationFailed) as caught:
            Bastions[Any]().enter(Target("192.0.2.1", 22, "admin"), fail)
        assert "192.0.2.1" in caught.value.bastion


class BehindDoors(Net):
    """A network in which a bastion is down for so many tries."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.doors: Counter[str] = Counter()

    def connect(self, host: Any, *_: object) -> Any:
        """Connect through the bastion, or raise its error."""
        door = str(host.jump[0])
        if self.doors[door] > 0:
            self.doors[door] -= 1
            self.tried.append(host.name)
            error = self.error(f"bastion {door}: no route to host")
            error.bastion = door
            raise error
        return super().connect(host)


@pytest.fixture
def doors(net: Net, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BehindDoors:
    """Six hosts in two POPs, each behind its bastion."""
    made = BehindDoors(net.folder)
    monkeypatch.setattr("cookbook.run.runner.connect", made.connect)
    hosts = "".join(
        f"  h{i}: {{jump: {'fra' if i < 3 else 'ams'}, vars: {{dir: {tmp_path}/h{i}}}}}\n"
        for i in range(6)
    )
    Path("hosts.yml").write_text(
        f"defaults: {{transport: local, vars: {{bad: []}}}}\nhosts:\n{hosts}"
    )
    return made


def test_a_bastion_that_is_down_is_tried_once_and_once_more_at_the_end(
    doors: BehindDoors, capsys: pytest.CaptureFixture[str]
) -> None:
    doors.doors["fra"] = 2

    status, document = run(capsys, "--forks", "1")

    assert status == 4
    assert doors.tried == ["h0", "h3", "h4", "h5", "h0"]
    states = {name: host["status"] for name, host in document["hosts"].items()}
    assert states == {f"h{i}": "unreachable" if i < 3 else "changed" for i in range(6)}
    assert "bastion fra" in document["hosts"]["h2"]["error"]["message"]


def test_a_bastion_that_does_not_answer_takes_few_turns(
    doors: BehindDoors, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hosts of the other POP are done before the bastion has been given up."""
    text = Path("hosts.yml").read_text()
    more = "".join(
        f"  g{i}: {{jump: fra, vars: {{dir: {doors.folder}/g{i}}}}}\n" for i in range(20)
    )
    Path("hosts.yml").write_text(text.replace("  h0:", f"{more}  h0:"))
    came, all_came, in_time = list[str](), threading.Event(), list[bool]()
    connect = doors.connect

    def slowly(host: Any, *_: object) -> Any:
        if str(host.jump[0]) == "fra":
            in_time.append(all_came.wait(LONG))
        else:
            came.append(host.name)
            if len(came) == 3:
                all_came.set()
        return connect(host)

    doors.doors["fra"] = 99
    monkeypatch.setattr("cookbook.run.runner.connect", slowly)

    run(capsys, "--forks", "10")

    assert sorted(came) == ["h3", "h4", "h5"]
    assert all(in_time)


def test_hosts_behind_a_bastion_that_comes_back_are_done_at_the_end(
    doors: BehindDoors, capsys: pytest.CaptureFixture[str]
) -> None:
    doors.doors["fra"] = 1

    status, _ = run(capsys, "--forks", "1")

    assert status == 0
    assert doors.tried == ["h0", "h3", "h4", "h5", "h0", "h1", "h2"]


def test_a_login_that_a_bastion_refuses_is_not_tried_for_each_host(
    doors: BehindDoors, capsys: pytest.CaptureFixture[str]
) -> None:
    doors.doors["fra"], doors.error = 9, AuthenticationFailed

    assert run(capsys, "--forks", "1")[0] == 4
    assert doors.tried == ["h0", "h3", "h4", "h5"]


def test_hosts_that_wait_for_one_another_have_to_fit(
    doors: BehindDoors, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("r.py").write_text("from cookbook.recipe import barrier\nbarrier('all')\n")
    text = Path("hosts.yml").read_text().replace("defaults: {", "defaults: {per_bastion: 2, ")
    Path("hosts.yml").write_text(text)

    assert main(["converge", "r.py", "--hosts", "hosts.yml"]) == 1
    said = capsys.readouterr().err
    assert "more than 2 have the bastion fra" in said
    assert "per_bastion" in said
    assert not doors.tried


@pytest.mark.usefixtures("doors")
def test_what_reads_facts_is_refused_when_its_barrier_is_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("r.py").write_text(
        "from cookbook.recipe import barrier, node\nif node.facts.family: barrier('all')\n"
    )
    text = Path("hosts.yml").read_text().replace("defaults: {", "defaults: {per_bastion: 1, ")
    Path("hosts.yml").write_text(text)

    status, document = run(capsys)

    assert status == 3
    assert {host["status"] for host in document["hosts"].values()} == {"refused"}


def test_a_host_for_which_no_thread_can_be_started_has_failed_and_none_waits_for_it(
    net: Net,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = threading.Thread.start

    def fail(thread: threading.Thread) -> None:
        if thread.name == "host_3":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", fail)
    Path("r.py").write_text("from cookbook.recipe import barrier\nbarrier('all')\n")

    status, document = run(capsys, "--timeout", "300s")

    assert status == 3
    assert "no thread can be started" in document["hosts"]["h3"]["error"]["message"]
    assert "h3" not in net.tried
    assert document["hosts"]["h0"]["status"] == "failed"
    assert document["seconds"] < 150
