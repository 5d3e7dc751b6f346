"""The controller of a rollout: journal, commands, gates, interruptions; the hosts are played."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cookbook.errors import HistoryError, UsageError
from cookbook.rollout.engine import Controller
from cookbook.rollout.events import Begun, CommandGiven, Event, Finished, GatePassed
from cookbook.rollout.journal import Header, Journal, journals_of_rollouts
from cookbook.rollout.plan import RolloutPlan, plan
from cookbook.rollout.progress import RolloutProgress
from cookbook.rollout.reader import rollouts
from cookbook.rollout.strategy import Strategy
from cookbook.rollout.worker import HostRunId, Result, Tell
from cookbook.text.yaml_value import wrap
from tests.waiting import LONG, eventually

GROUPS = {"web": ["w1", "w2", "w3", "w4"]}


@dataclass
class Played:
    """Hosts without any contact; `hold` names those that do not end until they are let go."""

    bad: set[str] = field(default_factory=set)
    down: set[str] = field(default_factory=set)
    hold: dict[str, threading.Event] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    def complaint(self, host: str, strategy: Strategy) -> str | None:
        """Return why a host is not healthy."""
        return "it is down" if host in self.down else None

    def update(
        self, host: str, run: str, strategy: Strategy, tell: Tell, *, served: bool
    ) -> Result:
        """Bring a host to its declaration."""
        if host in self.hold:
            assert self.hold[host].wait(2 * LONG)
        self.done.append(host)
        return Result("failed", "it is broken", changed=True) if host in self.bad else OK

    def revert(
        self, host: str, runs: Sequence[HostRunId], strategy: Strategy, tell: Tell
    ) -> Result:
        """Undo the runs of a host."""
        assert runs
        assert all(run.here for run in runs)
        self.done.append(f"-{host}")
        return OK

    def may_have_changed(self, host: str, run: str) -> bool:
        """Return whether a run has sent anything."""
        return True


OK = Result("done", "", changed=True)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))


def planned(**strategy: object) -> RolloutPlan:
    data = {"groups": {"web": {"batches": [1], **strategy}}}
    return plan(
        rollouts(wrap(data, "rollout.yml", UsageError), Path("/"), "rollout.yml"),
        GROUPS,
        {host: {} for host in GROUPS["web"]},
    )


def journal(name: str = "20261129T150000-aaaa") -> Journal:
    header = Header(1, name, name, "ann", None, [], "h", {}, "/", "r", {}, [], [], [], {}, {})
    return Journal.create(header)


def roll(found: RolloutPlan, hosts: Played, kept: Journal, *before: Event) -> RolloutProgress:
    """Carry a rollout out; `before` are events that its journal has already."""
    for event in before:
        kept.write(event)
    controller = Controller(RolloutProgress(found), kept, hosts)
    controller.recover()
    controller.run()
    return controller.progress


def test_hosts_come_in_order_and_the_journal_has_all(tmp_path: Path) -> None:
    hosts, kept = Played(), journal()

    progress = roll(planned(), hosts, kept)

    assert hosts.done == ["w1", "w2", "w3", "w4"]
    assert progress.finished == "done"
    again = RolloutProgress(planned())
    for event in Journal.open("last").events():
        again.apply(event)
    assert {h: vars(s) for h, s in again.hosts.items()} == {
        h: vars(s) for h, s in progress.hosts.items()
    }
    assert (tmp_path / "state/rollouts" / kept.id).stat().st_mode & 0o077 == 0


def test_the_beginning_is_on_disk_before_anything_is_done() -> None:
    kept = journal()
    seen: list[bool] = []

    class Looking(Played):
        def update(
            self, host: str, run: str, strategy: Strategy, tell: Tell, *, served: bool
        ) -> Result:
            begun = [e for e in kept.events() if isinstance(e, Begun) and e.host == host]
            seen.append([e.run for e in begun] == [run])
            return super().update(host, run, strategy, tell, served=served)

    roll(planned(), Looking(), kept)

    assert seen == [True] * 4


def test_a_failure_stops_and_reverts_the_batch() -> None:
    hosts = Played(bad={"w3"})

    progress = roll(planned(batches=[2], auto_revert="batch"), hosts, journal())

    assert progress.finished == "reverted"
    assert sorted(hosts.done[:4]) == ["w1", "w2", "w3", "w4"]
    assert hosts.done[4:] == ["-w3", "-w4"]
    assert progress.stopped is not None
    assert progress.stopped.reason == "w3 failed in the batch of web, at most 0 may"


def test_a_failure_within_the_limit_stops_nothing() -> None:
    hosts = Played(bad={"w3"})

    progress = roll(planned(batches=[2], max_failures=1), hosts, journal())

    assert progress.finished == "done"
    assert progress.pending == ["w3"]


@pytest.mark.parametrize("command", ["pause", "abort", "revert"])
def test_a_command_reaches_the_controller(command: str) -> None:
    hosts, kept = Played(hold={"w2": threading.Event()}), journal()
    thread = threading.Thread(target=roll, args=(planned(), hosts, kept))
    thread.start()
    eventually(lambda: any(isinstance(e, Begun) and e.host == "w2" for e in kept.events()))
    kept.order(command, "bob")  # type: ignore[arg-type]
    eventually(
        lambda: any(isinstance(e, CommandGiven) and e.command == command for e in kept.events())
    )
    hosts.hold["w2"].set()
    if command == "pause":
        eventually(lambda: hosts.done == ["w1", "w2"])
        time.sleep(0.7)
        assert hosts.done == ["w1", "w2"]
        kept.order("resume", "bob")
    thread.join(LONG)

    assert not thread.is_alive()
    assert (
        hosts.done
        == {
            "pause": ["w1", "w2", "w3", "w4"],
            "abort": ["w1", "w2"],
            "revert": ["w1", "w2", "-w2", "-w1"],
        }[command]
    )
    (ordered, *_) = [e for e in kept.events() if isinstance(e, CommandGiven)]
    assert ordered.by == "bob"


def test_a_manual_gate_waits_for_an_operator() -> None:
    hosts, kept = Played(), journal()
    thread = threading.Thread(target=roll, args=(planned(canary=1, gate="manual"), hosts, kept))
    thread.start()
    eventually(lambda: hosts.done == ["w1"])
    time.sleep(0.3)
    assert hosts.done == ["w1"]
    kept.order("promote", "bob")
    thread.join(LONG)

    assert hosts.done == ["w1", "w2", "w3", "w4"]


@pytest.mark.parametrize(
    ("script", "done"),
    [
        ("exit 0", ["w1", "w2", "w3", "w4"]),
        ("echo too many errors; exit 1", ["w1", "-w1"]),
        ('[ "$COOK_GROUP $COOK_BATCH" = "web 2" ]', ["w1", "w2", "w3", "w4"]),
        ("sleep 300", ["w1", "-w1"]),
    ],
)
def test_a_program_is_a_gate(script: str, done: list[str]) -> None:
    hosts = Played()
    gate = {"script": ["sh", "-c", script], "timeout": "1s" if "sleep" in script else "60s"}

    progress = roll(planned(canary=1, gate=gate, auto_revert="batch"), hosts, journal())

    assert hosts.done == done
    if "too many" in script:
        assert progress.stopped is not None
        assert "too many errors" in progress.stopped.reason


def test_too_few_healthy_hosts_begin_nothing() -> None:
    hosts = Played(down={"w3", "w4"})
    strategy = {
        "min_healthy": 2,
        "progress_deadline": "0.3s",
        "check_interval": "0.1s",
        "healthy_deadline": "0.1s",
    }

    progress = roll(planned(**strategy), hosts, journal())

    assert hosts.done == []
    assert progress.finished == "stopped"
    assert progress.stopped is not None
    reason = "min_healthy: 2 of 4 hosts of web are healthy, and 2 must be left"
    assert progress.stopped.reason == reason


def test_a_host_that_was_begun_and_not_ended_is_begun_again() -> None:
    hosts, kept = Played(), journal()
    roll(planned(), Played(), kept)
    events = list(kept.events())
    cut = next(i for i, e in enumerate(events) if isinstance(e, Begun) and e.host == "w2")

    progress = roll(planned(), hosts, journal("20261129T150001-bbbb"), *events[: cut + 1])

    assert hosts.done == ["w2", "w3", "w4"]
    assert progress.finished == "done"
    assert len(progress.hosts["w2"].runs) == 2  # both are undone, if it comes to that


def test_a_host_that_may_be_out_of_service_is_put_back() -> None:
    """It was begun, or an earlier rollout has left it so: nobody knows if it was drained."""
    kept = journal()
    roll(planned(), Played(), kept)
    events = list(kept.events())
    cut = next(i for i, e in enumerate(events) if isinstance(e, Begun) and e.host == "w2")
    served: dict[str, bool] = {}

    class Asked(Played):
        def update(
            self, host: str, run: str, strategy: Strategy, tell: Tell, *, served: bool
        ) -> Result:
            told[host] = served
            return super().update(host, run, strategy, tell, served=served)

    told = served
    roll(planned(), Asked(), journal("20261129T150001-bbbb"), *events[: cut + 1])
    assert served == {"w2": False, "w3": True, "w4": True}

    served.clear()
    fresh = journal("20261129T150002-cccc")
    Controller(RolloutProgress(planned(), ["w3"]), fresh, Asked()).run()
    assert served == {"w1": True, "w2": True, "w3": False, "w4": True}


@pytest.mark.parametrize("command", ["abort", "revert"])
def test_what_a_controller_has_left_is_not_done_again_by_an_abort_or_a_revert(command: str) -> None:
    kept, hosts = journal(), Played()
    roll(planned(), Played(), kept)
    events = list(kept.events())
    cut = next(i for i, e in enumerate(events) if isinstance(e, Begun) and e.host == "w2")
    again = journal("20261129T150001-bbbb")
    for event in events[: cut + 1]:
        again.write(event)
    again.order(command, "bob")  # type: ignore[arg-type]

    progress = roll(planned(), hosts, again)

    assert hosts.done == ([] if command == "abort" else ["-w2", "-w1"])
    assert progress.finished == {"abort": "aborted", "revert": "reverted"}[command]


def test_half_a_line_is_as_if_its_event_had_not_been() -> None:
    kept = journal()
    roll(planned(), Played(), kept)
    path = kept.folder / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:10])
    assert not any(isinstance(event, Finished) for event in kept.events())

    controller = Controller(RolloutProgress(planned()), kept, Played())
    controller.recover()
    assert controller.run() == "done"
    assert [type(e) for e in kept.events()].count(Finished) == 1


def test_a_full_disk_ends_the_controller_and_not_the_hosts_at_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept, hosts = journal(), Played(hold={"w1": threading.Event()})
    real = os.fsync

    def full(file: int) -> None:
        if any(isinstance(event, Begun) for event in kept.events()):
            hosts.hold["w1"].set()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(file)

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(HistoryError, match="No space left on device"):
        roll(planned(), hosts, kept)
    monkeypatch.undo()
    monkeypatch.setenv("COOK_STATE", str(kept.folder.parents[1]))

    assert roll(planned(), hosts, kept).finished == "done"
    assert set(hosts.done) == {"w1", "w2", "w3", "w4"}


def test_a_command_that_nobody_can_read_is_left_out() -> None:
    kept = journal()
    for number, text in enumerate(["{", '{"command": "dance"}', "[]"]):
        (kept.folder / "orders" / f"0{number}-aaaa").write_text(text)
    kept.order("pause", "bob")

    assert [order.command for order in kept.orders()] == ["pause"]
    assert list((kept.folder / "orders").iterdir()) == []


def test_two_controllers_of_one_rollout_are_refused() -> None:
    kept = journal()
    with (
        kept.controlling(),
        pytest.raises(UsageError, match="another process controls"),
        kept.controlling(),
    ):
        pass
    assert not kept.controlled


def test_a_process_that_looks_keeps_no_controller_away_and_no_other_one_that_looks() -> None:
    kept = journal()
    file = os.open(kept.folder / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(file, fcntl.LOCK_SH)  # as by a process that looks
    assert not kept.controlled
    threading.Timer(1.5, os.close, (file,)).start()

    with kept.controlling():
        assert kept.controlled


@pytest.mark.parametrize(
    "line", ['{"event": "Begun"}', "[]", '{"event": "Nonsense", "at": 1}', "5"]
)
def test_a_journal_of_another_kind_is_an_error(line: str) -> None:
    kept = journal()
    with (kept.folder / "journal.jsonl").open("a") as file:
        file.write(line + "\n")

    with pytest.raises(HistoryError, match="holds what cook has not written"):
        list(kept.events())


def test_a_rollout_is_named_by_a_part_of_its_id() -> None:
    journal("20261129T150000-aaaa")
    journal("20261129T150001-bbbb")

    assert Journal.open("bbbb").id == "20261129T150001-bbbb"
    assert Journal.open("last").id == "20261129T150001-bbbb"
    assert [one.id[-4:] for one in journals_of_rollouts()] == ["aaaa", "bbbb"]
    with pytest.raises(UsageError, match="several rollouts are named"):
        Journal.open("2026")
    with pytest.raises(UsageError, match="there is no rollout named"):
        Journal.open("cccc")


def test_a_gate_that_was_passed_is_not_asked_again() -> None:
    kept, gate = journal(), {"script": ["false"]}
    events = [GatePassed(0, 1, "script", at=time.time())]

    progress = roll(planned(canary=1, gate=gate), Played(), kept, *events)

    assert progress.finished == "done"
