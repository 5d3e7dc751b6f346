"""To become another user: how the password is given, and a terminal where there has to be one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cookbook.errors import PrivilegeError
from cookbook.hosts.session import Session
from cookbook.kitchen import KitchenHost
from cookbook.script.program import Ask, Program
from cookbook.script.shell import Command, Secret, sh
from cookbook.transport.contract import Interrupted, run
from tests.on_hosts.test_privilege import failures, sudoers, who
from tests.transport.contract.conftest import Opened, ask, by_both

__all__ = ["sudoers"]

pytestmark = [pytest.mark.hosts, by_both]


def test_a_password_goes_by_stdin_and_is_in_nobodys_arguments(opened: Opened) -> None:
    paul = opened(user="paul", become="sudo", become_password=Secret("sesame"))

    [who, seen] = ask(
        paul, "id -un", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | grep -ac '[s]esame'"
    )

    assert who.stdout == b"root\n"
    assert seen.stdout == b"0\n"


def test_a_wrong_password_costs_one_attempt(opened: Opened, machine: KitchenHost) -> None:
    before = failures(machine)
    with pytest.raises(PrivilegeError, match="did not accept the password of paul"):
        opened(user="paul", become="sudo", become_password=Secret("wrong"))

    assert failures(machine) - before == 1


def test_a_password_that_nobody_asks_for_is_not_read_by_the_shell(opened: Opened) -> None:
    noisy = opened(user="noisy", become="sudo", become_password=Secret("touch /pwned"))

    [who, touched] = ask(noisy, "id -un", "ls /pwned")

    assert who.stdout == b"root\n"
    assert touched.status != 0


def test_where_a_password_is_wanted_and_none_given_that_is_said(opened: Opened) -> None:
    with pytest.raises(PrivilegeError, match="a password is required") as caught:
        ask(opened(user="paul", become="sudo"), "id -un")
    assert "--ask-become-pass" in str(caught.value.hint)


def test_a_tool_that_is_not_there_is_named(opened: Opened) -> None:
    with pytest.raises(PrivilegeError, match="doas"):
        ask(opened(user="paul", become="doas"), "id -un")


def test_doas_is_a_way_to_become_root(opened: Opened, machine: KitchenHost) -> None:
    done = machine.run(
        "apt-get install -qy doas >/dev/null 2>&1"
        " && echo 'permit nopass paul' > /etc/doas.conf && chmod 400 /etc/doas.conf",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr

    [who] = ask(opened(user="paul", become="doas"), "id -un")

    assert who.stdout == b"root\n"


class TestTerminal:
    """Where sudo insists on one it gets one, and the streams do not go by it."""

    @pytest.mark.parametrize("password", [Secret("sesame"), None])
    def test_the_streams_do_not_go_by_it(
        self, opened: Opened, sudoers: Callable[[str], None], password: Secret | None
    ) -> None:
        sudoers("Defaults requiretty" + ("" if password else "\npaul ALL=(ALL) NOPASSWD: ALL"))
        paul = opened(user="paul", become="sudo", become_password=password)
        assert who(paul) == "root"
        zeros = "head -c 3000000 /dev/zero"
        [both] = ask(paul, f"{zeros} & {zeros} >&2; wait")
        assert (len(both.stdout), len(both.stderr)) == (3_000_000, 3_000_000)

    def test_a_shell_with_one_ends_with_its_connection(
        self, opened: Opened, sudoers: Callable[[str], None], machine: KitchenHost
    ) -> None:
        sudoers("Defaults requiretty")
        paul = opened(user="paul", become="sudo", become_password=Secret("sesame"))
        assert who(paul) == "root"
        paul.close()
        wait = (
            "for i in $(seq 300); do pgrep -x 'script|sudo' >/dev/null || exit 0; sleep 0.1; done"
        )
        assert machine.run(f"{wait}; exit 1").returncode == 0


def test_a_new_connection_and_one_beside_it_give_the_password_anew(
    opened: Opened, sudoers: Callable[[str], None]
) -> None:
    sudoers("Defaults timestamp_timeout=0")
    by_sudo = {"user": "paul", "become": "sudo", "become_password": Secret("sesame")}
    session = Session(opened(**by_sudo), lambda: opened(**by_sudo))
    assert session.read([sh("id -un")])[0].text == "root\n"
    with pytest.raises(Interrupted):
        run(session.connection.transport, Program((Ask(Command("kill -9 $$", "")),)))
    assert session.read([sh("id -un")])[0].text == "root\n"
    assert session.aside(sh("id -un")).text == "root\n"
