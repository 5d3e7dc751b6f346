"""A connection is made anew a few times; a wrong password is given once."""

from __future__ import annotations

from typing import NoReturn

import pytest

from cookbook.applying.auto_rollback import AutoRollback
from cookbook.errors import AuthenticationFailed, LockedOut, Unreachable
from cookbook.hosts.session import Session
from cookbook.language.access_path import AccessPath
from cookbook.transport.contract import Interrupted, LoginPasswordRefused, Reply, Transport
from cookbook.transport.local import LocalTransport

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
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cookbook.hosts.reconnect._FIRST_DELAY", 0.01)
    monkeypatch.setattr("cookbook.applying.auto_rollback.GRACE", 0.1)


@pytest.mark.parametrize(
    ("error", "knocks"),
    [
        (Unreachable("it boots"), 3),
        (AuthenticationFailed("it boots, and lets nobody in yet"), 3),
        (LoginPasswordRefused("wrong"), 1),
    ],
)
def test_a_lost_connection_is_made_anew(error: Unreachable, knocks: int) -> None:
    door = Door(error)
    session = Session(LocalTransport(), door)
    with pytest.raises(Unreachable) as caught:
        session.renew(LOST)
    assert caught.value is error
    assert door.knocks == knocks
    session.close()


def test_while_a_host_waits_for_us_a_wrong_password_is_given_once_and_once_after_it() -> None:
    door = Door(LoginPasswordRefused("wrong"))
    session = Session(LocalTransport(), door)
    rescue = AutoRollback(session, AccessPath("admin", 22, "none", "root"), seconds=0.3)
    rescue.arm([])
    with pytest.raises(LockedOut, match="no login was possible"):
        rescue.confirm()
    assert door.knocks == 2
    session.close()
