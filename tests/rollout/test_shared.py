"""A rollout in the team's store: another machine goes on, and commands find the controller."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from cookbook.errors import HistoryError, UsageError
from cookbook.rollout.engine import Controller
from cookbook.rollout.events import Begun, CommandGiven
from cookbook.rollout.journal import Journal
from cookbook.rollout.progress import RolloutProgress
from cookbook.rollout.shared import SharedJournal, fetch, order
from cookbook.rollout.strategy import Strategy
from cookbook.rollout.worker import Result, Tell
from tests.rollout.test_controller import Played, journal, planned
from tests.waiting import LONG, eventually


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/team.db"


def on_machine(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str) -> None:
    """Go on as another machine: with another folder for the state."""
    monkeypatch.setenv("COOK_STATE", str(folder / name))


def roll(kept: Journal, store: str, hosts: Played) -> RolloutProgress:
    shared = SharedJournal(kept, store)
    with kept.controlling(), shared.controlling():
        controller = Controller(RolloutProgress(planned()), kept, hosts, look=shared.look)
        controller.recover()
        controller.run()
        assert shared.error is None
        return controller.progress


def test_another_machine_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    on_machine(monkeypatch, tmp_path, "one")
    kept = journal()
    hosts = Played()

    class Dying(Played):
        def update(
            self, host: str, run: str, strategy: Strategy, tell: Tell, *, served: bool
        ) -> Result:
            if host == "w3":
                raise SystemExit  # the thread is gone, as if the machine were
            return super().update(host, run, strategy, tell, served=served)

    shared = SharedJournal(kept, store)
    with kept.controlling(), shared.controlling():
        controller = Controller(RolloutProgress(planned()), kept, Dying(), look=shared.look)
        thread = threading.Thread(target=controller.run, daemon=True)
        thread.start()
        eventually(lambda: any(isinstance(e, Begun) and e.host == "w3" for e in kept.events()))
        controller._leaving.set()  # it would wait for w3 for ever
        controller.progress.hosts["w3"].phase = "waiting"
        thread.join(LONG)

    on_machine(monkeypatch, tmp_path, "two")
    with pytest.raises(UsageError, match="there is no rollout"):
        Journal.open("aaaa")
    fetch("aaaa", store)
    there = Journal.open("aaaa")
    assert [e.at for e in there.events()] == [e.at for e in kept.events()]
    progress = roll(there, store, hosts)

    assert hosts.done == ["w3", "w4"]
    assert progress.finished == "done"
    assert len({*progress.hosts["w3"].controllers.values()}) == 2

    on_machine(monkeypatch, tmp_path, "one")
    fetch("last", store)
    assert [e.at for e in Journal.open("last").events()] == [e.at for e in there.events()]


def test_a_rollout_with_a_controller_elsewhere_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    on_machine(monkeypatch, tmp_path, "one")
    with SharedJournal(journal(), store).controlling():
        on_machine(monkeypatch, tmp_path, "two")
        fetch("last", store)
        other = SharedJournal(Journal.open("last"), store)
        with pytest.raises(UsageError, match="controls the rollout"), other.controlling():
            pass
        assert other._database is None  # it is closed: since 3.13 Python warns of others


def test_a_command_reaches_a_controller_on_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    on_machine(monkeypatch, tmp_path, "one")
    kept = journal()
    hosts = Played(hold={"w2": threading.Event()})
    monkeypatch.setattr("cookbook.rollout.shared._LOOK", 0.1)
    thread = threading.Thread(target=roll, args=(kept, store, hosts))
    thread.start()
    eventually(lambda: any(isinstance(e, Begun) and e.host == "w2" for e in kept.events()))

    assert order(kept.id, store, "abort", "bob")
    eventually(lambda: any(isinstance(e, CommandGiven) for e in kept.events()))
    hosts.hold["w2"].set()
    thread.join(LONG)

    assert hosts.done == ["w1", "w2"]
    assert not order(kept.id, store, "abort", "bob")  # nobody is there any more


def test_a_store_that_is_away_meanwhile_gets_everything_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    on_machine(monkeypatch, tmp_path, "one")
    kept = journal()
    shared = SharedJournal(kept, store)
    with shared.controlling():
        monkeypatch.setattr("cookbook.history.store.database.Database.writing", _away)
        kept.write(Begun("w1", "update", "run", at=time.time()))
        assert shared.error is not None
        monkeypatch.undo()
        on_machine(monkeypatch, tmp_path, "one")
        kept.write(Begun("w2", "update", "run", at=time.time()))
        assert shared.error is None

    on_machine(monkeypatch, tmp_path, "two")
    fetch("last", store)
    assert len(list(Journal.open("last").events())) == 2


def _away(_database: object) -> object:
    raise HistoryError("the store is away")
