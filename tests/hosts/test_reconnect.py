"""A connection is made anew a few times; a wrong password is given once."""

from __future__ import annotations

from typing import NoReturn

import pytest

from cookbook.applying.auto_rollback import GRACE, AutoRollback
from cookbook.errors import AuthenticationFailed, LockedOut, Unreachable
from cookbook.hosts.session import Session
from cookbook.language.access_path import AccessPath
from cookbook.script.program import Pace, Program
from cookbook.transport.contract import Interrupted, LoginPasswordRefused, Reply, Transport
from cookbook.transport.local import LocalTransport
from tests.clock import FakeClock

LOST = Interrupted("gone", Reply(b"", b""))


class Door:
    """Opens for nobody, and counts who knocks."""

    def __init__(self, error: Unreachable) -> None:
        self.error = error
        self.knocks = 0

    def __call__(self) -> Transport:
        self.knocks += 1
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise self.error


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr("cookbook.retry.CLOCK", clock.clock)
    return clock


@pytest.mark.parametrize(
    ("error", "pauses"),
    [
        (Unreachable("it boots"), [2, 8]),
        (AuthenticationFailed("it boots, and lets nobody in yet"), [2, 8]),
        (LoginPasswordRefused("wrong"), []),
    ],
)
def test_a_lost_connection_is_made_anew(
    error: Unreachable, pauses: list[float], clock: FakeClock
) -> None:
    door = Door(error)
    session = Session(LocalTransport(), door)
    with pytest.raises(Unreachable) as caught:
        session.renew(LOST)
    assert caught.value is error
    assert door.knocks == len(pauses) + 1
    assert clock.pauses == pauses
    session.close()


def test_a_host_that_boots_is_tried_for_as_long_as_it_may_take(clock: FakeClock) -> None:
    door = Door(Unreachable("it boots"))
    session = Session(LocalTransport(), door)
    session.connection.tries_left = 0
    with pytest.raises(Unreachable, match="it boots"):
        session.renew(LOST, within=60)
    assert clock.pauses[:4] == [3, 2, 3, 4.5]
    assert sum(clock.pauses) == 60
    assert door.knocks == len(clock.pauses)
    session.close()


@pytest.mark.parametrize(
    ("error", "knocks"),
    [(LoginPasswordRefused("wrong"), 1), (Unreachable("it boots"), 60 + int(GRACE))],
)
def test_while_a_host_waits_for_us_a_wrong_password_is_given_once_and_once_after_it(
    error: Unreachable, knocks: int, clock: FakeClock
) -> None:
    door = Door(error)
    session = Session(LocalTransport(), door)
    way = AccessPath("admin", 22, "none", "root")
    rescue = AutoRollback(session, way, seconds=60, clock=clock.clock)
    rescue.arm([])
    with pytest.raises(LockedOut, match="no login was possible"):
        rescue.confirm()
    assert door.knocks == knocks + 1
    assert clock.time == 60 + GRACE
    session.close()


class Silent(LocalTransport):
    """A shell whose link goes silent before the reply to the second program begins."""

    programs = 0

    def exchange(self, program: Program, pace: Pace) -> Reply:
        self.programs += 1
        if self.programs == 2:
            raise Interrupted("the link has gone silent", Reply.kept(pace))
        return super().exchange(program, pace)


def test_the_shell_is_known_also_if_the_last_reply_never_began() -> None:
    session = Session(Silent())
    try:
        session.facts()
        known = session.shell
        with pytest.raises(Interrupted):
            session.facts()
        assert session.shell == known > 0
    finally:
        session.close()
