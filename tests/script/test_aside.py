"""What a host is told beside a shell that is at work there."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cookbook.errors import CommandError
from cookbook.hosts.session import Session
from cookbook.script.program import Ask, Do, Outcome
from cookbook.script.shell import Command
from cookbook.transport.contract import TooSlow
from cookbook.transport.local import LocalTransport
from tests.waiting import eventually


def command(text: str) -> Command:
    return Command(text, text)


@pytest.fixture
def session(cook_home: Path) -> Iterator[Session]:
    del cook_home  # where it leaves word
    session = Session(LocalTransport(), LocalTransport)
    yield session
    session.close()


def running(word: str) -> bool:
    """Whether a process has this word on its command line, by /proc itself."""
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in place.read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False


MINE = f"{os.getpid():07}"
"""The end of each number of seconds: others run these tests, too, and all see one /proc."""


def at_work(session: Session, text: str, flag: Path) -> tuple[threading.Thread, list[Outcome]]:
    """The session, busy with a command; and what comes of it."""
    told: list[Outcome] = []

    def work() -> None:
        told.extend(session.run([Do(command(f"touch {flag}; {text}"), 60), Ask(command("echo y"))]))

    thread = threading.Thread(target=work)
    thread.start()
    while not flag.exists() or not session.shell:
        time.sleep(0.01)
    return thread, told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("sleep {0}", "31.4151"),
        ("sh -c 'sleep {0}; :'; sleep {0}", "31.4152"),
        ("trap '' TERM; sh -c 'sleep {0}; :'; :", "31.4157"),
        ("(sleep {0} | sleep {0}) & wait", "31.4158"),
    ],
)
def test_what_a_shell_runs_is_ended_and_the_shell_goes_on(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, seconds: str
) -> None:
    monkeypatch.setattr("cookbook.script.control.PATIENCE", 1)
    seconds += MINE
    text = text.format(seconds)
    thread, told = at_work(session, text, tmp_path / "begun")

    session.break_off()
    thread.join(30)

    assert not running(seconds)
    assert told[0].status not in (0, None)
    assert told[1].text == "y\n"
    assert session.ended
    assert session.run([Ask(command("echo still there"))])[0].text == "still there\n"


def test_a_script_does_not_come_to_its_next_line(session: Session, tmp_path: Path) -> None:
    for number in range(5):
        after = tmp_path / f"after{number}"
        text = f"sh -c 'sleep 31.4156; touch {after}'; touch {after}; echo"
        thread, _ = at_work(session, text, tmp_path / f"begun{number}")
        session.break_off()
        thread.join(30)
        assert not after.exists()


def test_a_daemon_is_left_alone(session: Session, tmp_path: Path) -> None:
    daemon, other = f"3141.52{MINE}", f"31.4153{MINE}"
    note = f"sh -c 'echo $$ >{tmp_path}/pid; exec sleep {daemon}'"
    text = f"(setsid {note} >/dev/null 2>&1 &); sleep {other}"
    thread, _ = at_work(session, text, tmp_path / "begun")
    eventually(lambda: running(daemon) and running(other))

    session.break_off()
    thread.join(30)

    assert running(daemon)
    assert not running(other)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


@pytest.mark.slow
def test_what_must_not_be_ended_in_the_middle_is_not(session: Session, tmp_path: Path) -> None:
    thread, told = at_work(session, f"sleep 1; touch {tmp_path}/done", tmp_path / "begun")

    session.whole = True
    session.break_off()
    thread.join(30)

    assert (tmp_path / "done").exists()
    assert told[0].status == 0
    assert not session.ended


def test_what_nobody_can_find_is_not_called_ended(session: Session) -> None:
    """No program was sent yet, so no shell has said which process it is."""
    with pytest.raises(CommandError, match="the processes of the shell cannot be listed"):
        session.break_off()
    assert not session.ended


def test_what_takes_too_long_is_ended(session: Session, tmp_path: Path) -> None:
    parts = [Do(command(f"sleep 31.4154{MINE}"), 2), Do(command(f"touch {tmp_path}/next"), 5)]

    with pytest.raises(TooSlow) as caught:
        session.run(parts)

    assert caught.value.ended
    assert not running(f"31.4154{MINE}")
    time.sleep(0.3)
    assert not (tmp_path / "next").exists()


@pytest.mark.slow
def test_a_package_transaction_that_takes_too_long_goes_on(
    session: Session, tmp_path: Path
) -> None:
    def begun(_: int) -> None:
        session.whole = True

    slow = Do(command(f"sleep 6; touch {tmp_path}/done"), 2)
    with pytest.raises(TooSlow, match="no answer within 2 s") as caught:
        session.run([slow], begun=begun)

    assert not caught.value.ended
    assert "goes on there" in str(caught.value.hint)
    eventually((tmp_path / "done").exists)


def test_there_is_an_end_to_the_time_for_a_host(session: Session) -> None:
    session.end = time.monotonic() + 2
    with pytest.raises(TooSlow, match="no answer in the time there was for this host to `sleep"):
        session.run([Ask(command(f"sleep 31.4155{MINE}"))])
    assert not running(f"31.4155{MINE}")
