"""A command by a new login, which may begin while the session is still at work."""

from __future__ import annotations

import pytest

from cookbook.errors import Unreachable
from cookbook.hosts.aside import Aside
from cookbook.hosts.session import Session
from cookbook.script.shell import sh
from cookbook.transport.contract import Transport
from cookbook.transport.local import LocalTransport


class Logins:
    """Logs in to this machine, and counts; fails the given times first."""

    def __init__(self, failing: int = 0) -> None:
        self.failing = failing
        self.count = 0

    def __call__(self) -> Transport:
        self.count += 1
        if self.count <= self.failing:
            raise Unreachable("no route")
        return LocalTransport()


def test_the_first_outcome_is_of_the_login_that_has_begun_and_each_other_of_a_new_one() -> None:
    logins = Logins()
    session = Session(LocalTransport(), logins)
    aside = Aside(session, sh("echo there"))
    assert logins.count == 0
    aside.begin()
    aside.begin()
    counts = [(aside.outcome().text, logins.count) for _ in range(2)]
    assert counts == [("there\n", 1), ("there\n", 2)]
    session.close()


def test_what_has_failed_beside_is_raised_where_it_is_waited_for() -> None:
    session = Session(LocalTransport(), Logins(failing=1))
    aside = Aside(session, sh("echo there"))
    aside.begin()
    with pytest.raises(Unreachable, match="no route"):
        aside.outcome()
    assert aside.outcome().text == "there\n"
    session.close()


def test_without_a_beginning_it_logs_in_when_it_is_asked() -> None:
    logins = Logins()
    session = Session(LocalTransport(), logins)
    assert Aside(session, sh("echo there")).outcome().text == "there\n"
    assert logins.count == 1
    session.close()
