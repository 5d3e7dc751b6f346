"""One shell: as whom, whatever the login shell is, and with every byte of both streams."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cookbook.hosts.session import Session
from cookbook.kitchen import KitchenHost
from cookbook.script.program import Ask, Do, Program
from cookbook.script.shell import Content, sh
from cookbook.transport.contract import TooSlow, run
from tests.transport.contract.conftest import Opened, ask, by_both
from tests.waiting import eventually

pytestmark = [pytest.mark.hosts, by_both]


def test_root_reaches_the_host_and_so_does_sudo(opened: Opened) -> None:
    for changes in ({}, {"user": "admin", "become": "sudo"}):
        [who] = ask(opened(**changes), "id -un")
        assert who.stdout == b"root\n"


def test_a_noisy_login_script_is_heard_by_nobody(opened: Opened) -> None:
    [one] = ask(opened(user="noisy"), "echo one; echo err >&2")

    assert (one.stdout, one.stderr) == (b"one\n", b"err\n")


@pytest.mark.parametrize("login_shell", ["/bin/dash", "/usr/bin/fish", "/bin/csh"])
def test_the_login_shell_does_not_matter(
    opened: Opened, machine: KitchenHost, login_shell: str
) -> None:
    if login_shell != "/bin/dash":
        done = machine.run(
            f"apt-get install -qy {Path(login_shell).name} >/dev/null 2>&1", timeout=300
        )
        assert done.returncode == 0
    machine.run(f"usermod -s {login_shell} paul")
    try:
        [one] = ask(opened(user="paul"), "x='a b'; echo \"$x\"")
    finally:
        machine.run("usermod -s /bin/bash paul")

    assert one.stdout == b"a b\n"


def test_ten_megabytes_on_both_streams_at_once(opened: Opened) -> None:
    """The window of a channel is shared: what reads only one stream hangs at 2 MiB."""
    zeros = "head -c 10000000 /dev/zero"
    [both] = ask(opened(), f"{zeros} & {zeros} >&2; wait")

    assert (len(both.stdout), len(both.stderr)) == (10_000_000, 10_000_000)


def test_files_of_any_size_and_bytes_go_through_sudo(opened: Opened, machine: KitchenHost) -> None:
    data = os.urandom(5_000_000) + b"\0\n'"
    digest = Content.of(data)
    session = Session(opened(user="admin", become="sudo"))
    write = Do(sh("content {} > /root/big", digest), 60)

    [outcome] = session.run([write], {str(digest): data})

    assert outcome.status == 0
    assert machine.run("sha256sum /root/big").stdout.split()[0] == digest
    session.close()
    # The shell itself removes the rest at its end, for which the close does not wait.
    eventually(lambda: machine.run("ls /var/tmp | grep -c cook").stdout.strip() == "0")


def test_many_questions_while_a_long_script_is_still_being_sent(
    opened: Opened,
) -> None:
    text = "x" * 100_000
    outcomes = run(opened(), Program(tuple(Ask(sh("echo {}", text)) for _ in range(60))))

    assert {len(outcome.stdout) for outcome in outcomes} == {100_001}


def test_a_question_without_an_answer_ends_at_its_deadline(
    opened: Opened,
) -> None:
    with pytest.raises(TooSlow, match=r"no answer within 0\.5 s to `sleep 60`"):
        ask(opened(), "echo one", "sleep 60", timeout=0.5)
