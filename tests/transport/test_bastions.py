"""One connection to each bastion, for both transports; it is left when no host uses it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from cookbook.errors import AuthenticationFailed, Unreachable
from cookbook.hosts import connect
from cookbook.inventory import local
from cookbook.transport.bastion import Bastions, leave_bastions
from cookbook.transport.openssh import bastion as openssh
from cookbook.transport.target import Target
from tests.waiting import LONG, eventually

DOOR = Target("192.0.2.1", 22, "admin")
INNER = Target("192.0.2.2", 22, "admin", via=DOOR)


class Fake:
    """A connection to a bastion, which a test can lose."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.alive = True
        self.ended = 0
        self.said = ""
        self.lost_bastion: Target | None = None
        self.way_through = "ssh -W"

    def end(self) -> None:
        self.alive = False
        self.ended += 1


class Maker:
    """Makes connections, and counts them; fails with `error` if there is one."""

    def __init__(self, error: Unreachable | None = None) -> None:
        self.made: list[Fake] = []
        self.calls = 0
        self.error = error
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, target: Target) -> Fake:
        self.calls += 1
        self.may_go_on.wait(LONG)
        if self.error is not None:
            raise self.error
        self.made.append(Fake(target))
        return self.made[-1]


@pytest.fixture
def bastions() -> Bastions[Fake]:
    return Bastions()


@pytest.fixture(autouse=True)
def _leave() -> Iterator[None]:
    openssh._bastions._bastions.clear()
    yield
    openssh._bastions._bastions.clear()


def test_many_hosts_share_one_connection(bastions: Bastions[Fake]) -> None:
    maker = Maker()
    with ThreadPoolExecutor(12) as pool:
        passages = list(pool.map(lambda _: bastions.enter(DOOR, maker), range(12)))
    assert maker.calls == 1
    assert {passage.connection for passage in passages} == {maker.made[0]}


def test_who_waited_for_it_gets_the_same_error_and_no_further_attempt_is_made(
    bastions: Bastions[Fake],
) -> None:
    maker, begun = Maker(AuthenticationFailed("no key is taken", hint="look")), list[int]()
    maker.may_go_on.clear()

    def enter() -> None:
        begun.append(1)
        bastions.enter(DOOR, maker)

    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(enter) for _ in range(8)]
        eventually(lambda: len(begun) == 8)
        threading.Timer(0.3, maker.may_go_on.set).start()  # from there it is a step to the wait
        errors = [future.exception() for future in waiting]
    assert maker.calls == 1
    assert {(type(error), str(error)) for error in errors} == {
        (AuthenticationFailed, "bastion admin@192.0.2.1:22: no key is taken")
    }
    assert len({id(error) for error in errors}) == 8
    maker.error = None
    assert bastions.enter(DOOR, maker).connection.alive  # who comes later tries again


def test_nobody_waits_for_another_one_beyond_its_deadline(bastions: Bastions[Fake]) -> None:
    maker = Maker()
    maker.may_go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(bastions.enter, DOOR, maker)
        while maker.calls == 0:
            pass
        with pytest.raises(Unreachable, match="there is no connection to it yet"):
            bastions.enter(DOOR, maker, 0.0)
        maker.may_go_on.set()
        assert first.result().connection is maker.made[0]


def test_one_that_was_lost_is_ended_and_made_anew(bastions: Bastions[Fake]) -> None:
    maker = Maker()
    old = bastions.enter(DOOR, maker)
    old.connection.alive = False
    new = bastions.enter(DOOR, maker)
    assert [one.ended for one in maker.made] == [1, 0]
    new.leave()
    bastions.leave()  # the use of the one that is lost keeps nothing open
    assert [one.ended for one in maker.made] == [1, 1]


def test_it_is_left_when_its_last_host_has_left_or_is_gone(bastions: Bastions[Fake]) -> None:
    maker = Maker()
    first, second = bastions.enter(DOOR, maker), bastions.enter(DOOR, maker)
    first.leave()
    first.leave()
    bastions.leave()
    assert maker.made[0].ended == 0
    second.gone = lambda: True
    bastions.leave()
    bastions.leave()
    assert maker.made[0].ended == 1
    bastions.enter(DOOR, maker)
    assert maker.calls == 2


def test_one_behind_another_is_left_before_it(bastions: Bastions[Fake]) -> None:
    maker = Maker()

    class Behind(Fake):
        def __init__(self, target: Target) -> None:
            super().__init__(target)
            self.passage = bastions.enter(DOOR, maker)

        def end(self) -> None:
            super().end()
            self.passage.leave()

    inner = bastions.enter(INNER, Behind)
    bastions.leave()
    assert maker.made[0].ended == 0
    inner.leave()
    bastions.leave()
    assert (inner.connection.ended, maker.made[0].ended) == (1, 1)


def test_the_bastions_of_ssh_1_are_left_at_the_end_of_a_run() -> None:
    """Of cook trust, cook facts and so on by `each_host`, of a converge by `leave`."""
    maker = Maker()
    kept = openssh.enter(DOOR, maker)
    [here] = local().hosts.values()

    def work(_host: object) -> str:
        openssh.enter(INNER, maker).leave()
        return "done"

    assert [told for _, told in connect.each_host([here], 1, work)] == ["done"]
    assert [(one.target, one.ended) for one in maker.made] == [(DOOR, 0), (INNER, 1)]
    kept.leave()
    connect.leave()
    assert [one.ended for one in maker.made] == [1, 1]


def test_a_passage_knows_what_was_said_since_it_was_entered_and_which_bastion_was_lost() -> None:
    maker = Maker()
    first = openssh.enter(DOOR, maker)
    [master] = maker.made
    master.said = "one\n"
    second = openssh.enter(DOOR, maker)
    master.said += "two\n"
    assert (first.said, second.said) == (["one", "two"], ["two"])
    assert second.lost is None
    master.alive = False
    assert second.lost == DOOR
    master.lost_bastion = INNER
    assert second.lost == INNER
    leave_bastions()
