"""A stop that was requested between two programs: the next one changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from cookbook.errors import Unreachable
from cookbook.hosts.session import Session
from cookbook.script.program import Ask, Do, precondition_of
from cookbook.script.shell import sh
from cookbook.transport.contract import Transport
from cookbook.transport.local import LocalTransport


def _away() -> Transport:
    raise Unreachable("away")


@pytest.mark.parametrize("is_away", [False, True])
def test_what_is_sent_after_a_stop_changes_nothing(tmp_path: Path, is_away: bool) -> None:  # noqa: FBT001
    """Even if it was decided before, or the host takes no second connection for the stop."""
    session = Session(LocalTransport(), _away if is_away else LocalTransport)
    late, told = tmp_path / "late", precondition_of((sh("echo 1"),), [(b"1\n", 0)])
    session.run([Ask(sh(":"))])
    if is_away:
        with pytest.raises(Unreachable):
            session.halt()
    else:
        session.halt()

    outcomes = session.run([Ask(sh("echo asked")), told, Do(sh("touch {}", late), 10)])
    session.close()

    assert [outcome.status for outcome in outcomes] == [0, None, None]
    assert not late.exists()
