"""One run at a time on a host; the lock ends with the session, and no command inherits it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cookbook.cli import main
from cookbook.errors import Locked
from cookbook.hosts.session import Session
from cookbook.retry import Clock
from cookbook.script.lock import Holder, halting, holder
from cookbook.script.program import Ask, Do
from cookbook.script.shell import sh
from cookbook.transport.local import LocalTransport
from tests.clock import FakeClock
from tests.quick import first_in_check
from tests.waiting import eventually

ANN, BOB = Holder("ann@a", "2026-01-01", "run-1"), Holder("bob@b", "2026-01-02", "run-2")
SHELLS = (("dash",), ("bash",), ("bash", "--posix"), ("busybox", "sh"))


@pytest.fixture(params=first_in_check(SHELLS), ids=" ".join)
def shell(request: pytest.FixtureRequest) -> tuple[str, ...]:
    shell: tuple[str, ...] = request.param
    return shell


@pytest.fixture
def first(shell: tuple[str, ...]) -> Iterator[Session]:
    session = Session(LocalTransport(shell))
    session.begin(ANN)
    yield session
    session.close()


@pytest.mark.usefixtures("first")
def test_who_comes_second_is_told_who_holds_it(shell: tuple[str, ...]) -> None:
    second = Session(LocalTransport(shell))
    with pytest.raises(Locked, match="ann@a since 2026-01-01, run run-1") as caught:
        second.begin(BOB)
    second.close()
    assert caught.value.run == "run-1"


def test_it_ends_with_the_session_however_that_ends(shell: tuple[str, ...]) -> None:
    one, other = LocalTransport(shell), Session(LocalTransport(shell))
    Session(one).begin(ANN)
    os.kill(one._process.pid, signal.SIGKILL)
    one._process.wait()

    other.begin(BOB)
    other.close()
    one.close()


def test_what_a_command_leaves_running_does_not_hold_it(
    first: Session, shell: tuple[str, ...], tmp_path: Path
) -> None:
    note = tmp_path / "pid"
    first.run([Do(sh("sleep 600 >/dev/null 2>&1 & echo $! >{}", str(note)), 9)])
    first.run([Ask(sh("sleep 600 >/dev/null 2>&1 & echo $! >>{}", str(note)))])
    first.close()

    second = Session(LocalTransport(shell))
    second.begin(BOB)
    second.close()
    for pid in note.read_text().split():
        os.kill(int(pid), signal.SIGKILL)


@pytest.mark.slow
def test_who_waits_gets_it_when_it_is_free(first: Session, shell: tuple[str, ...]) -> None:
    threading.Timer(1.5, first.close).start()
    second = Session(LocalTransport(shell))
    second.begin(BOB, patience=60)
    second.close()


def test_who_waits_looks_soon_then_each_second_and_once_more_at_the_end(
    first: Session, shell: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    monkeypatch.setattr("cookbook.retry.CLOCK", clock.clock)
    second = Session(LocalTransport(shell))
    with pytest.raises(Locked, match="ann"):
        second.begin(BOB, patience=3.5)
    assert clock.time == pytest.approx(3.5)
    assert clock.time == pytest.approx(3.5)
    # At once, when the holder has signed, then 0.1, 0.2, 0.4, 0.8, 1 s later each, and at the end.
    assert second.exchanges == 8
    second.close()
    assert first.exchanges == 1


def test_who_does_not_wait_gives_a_run_that_is_over_time_to_end(
    shell: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy host ends the shell of a connection some time after it was closed."""
    clock, first, second = FakeClock(), LocalTransport(shell), Session(LocalTransport(shell))
    Session(first).begin(ANN)

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.time > 2 and first._process.poll() is None:
            os.kill(first._process.pid, signal.SIGKILL)
            first._process.wait()

    monkeypatch.setattr("cookbook.retry.CLOCK", Clock(lambda: clock.time, sleep))
    second.begin(BOB)
    assert 2 < clock.time <= 3
    second.close()
    first.close()


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("r.py").write_text(
        "from cookbook.resources import execute\n"
        f"execute('touch {tmp_path}/begun; until [ -e {tmp_path}/end ]; do sleep .1; done',"
        " timeout=300)\n"
    )
    Path("two.py").write_text(f"from cookbook.resources import file\nfile('{tmp_path}/two')\n")
    return tmp_path


@pytest.mark.slow
def test_two_runs_at_once_and_one_that_was_killed(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [sys.executable, "-m", "cookbook.cli", "converge", "r.py", "--local"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True) as other:
        eventually((recipe / "begun").exists)

        assert main(["converge", "two.py", "--local"]) == 3
        said = capsys.readouterr().out
        assert "refused" in said
        assert "another run is at work here: " in said
        assert main(["plan", "two.py", "--local"]) == 2  # who only looks needs no lock

        other.kill()
    # What it has sent is still being done, and as long as it is, nobody else is let in.
    assert main(["converge", "two.py", "--local"]) == 3
    threading.Timer(1.5, (recipe / "end").touch).start()
    assert main(["converge", "two.py", "--local", "--wait", "60s"]) == 0
    assert (recipe / "end").exists()


@pytest.mark.usefixtures("recipe")
def test_an_operator_keeps_runs_away_until_he_does_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["lock", "--local", "--reason", "we look at the disk", "--for", "2h"]) == 0
    assert main(["converge", "two.py", "--local"]) == 3
    assert "we look at the disk" in capsys.readouterr().out
    assert not Path("two").exists()
    assert main(["plan", "two.py", "--local"]) == 2

    assert main(["unlock", "--local"]) == 0
    assert main(["converge", "two.py", "--local"]) == 0


def test_an_operators_lock_ends_when_it_says() -> None:
    assert halting(f"halt {Holder('a', 'b', until='2001-01-01T00:00:00.000Z').line}") is None
    assert halting(f"halt {Holder('a', 'b', until='2999-01-01T00:00:00.000Z').line}") is not None
    assert halting(f"halt {Holder('a', 'b').line}") is not None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"by": 1}', "\x1b[2J", '{"by": {"x": []}}'])
def test_whatever_a_host_says_of_a_holder_is_only_text(text: str) -> None:
    assert str(holder(text))


def test_one_machine_under_two_names_is_refused_the_second_time(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("hosts.yml").write_text("defaults: {transport: local}\nhosts: {a: {}, b: {}}\n")

    assert main(["converge", "two.py", "--hosts", "hosts.yml"]) == 3
    said = capsys.readouterr().out
    assert "same machine" in said
    assert (recipe / "two").exists()
