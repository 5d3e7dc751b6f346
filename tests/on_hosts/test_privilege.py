"""How we become who is wanted: by sudo as it is configured in the wild, su, sudo-rs, doas."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from cookbook.applying.auto_rollback import AutoRollback
from cookbook.errors import PasswordRefused, PrivilegeError
from cookbook.hosts.session import Session
from cookbook.kitchen import KitchenHost
from cookbook.language.access_path import AccessPath
from cookbook.script.program import Ask, Outcome, Program
from cookbook.script.shell import Command, Secret, sh
from cookbook.transport.contract import Interrupted, run
from cookbook.transport.target import Target
from tests.on_hosts.conftest import Shell
from tests.waiting import eventually

pytestmark = pytest.mark.hosts

Open = Callable[..., Shell]

_SEEN = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -ac '[s]esame'"


@pytest.fixture(scope="module")
def machine(module_host: KitchenHost) -> KitchenHost:
    """A host on which paul may do anything by sudo, with his password."""
    done = module_host.run(
        """
        set -e
        for u in paul anna; do
            useradd -m -s /bin/bash $u
            mkdir -p /home/$u/.ssh
            cp /root/.ssh/authorized_keys /home/$u/.ssh/
            chown -R $u: /home/$u/.ssh
        done
        printf 'paul:sesame\\nanna:sesame-anna\\nroot:sesame-root\\n' | chpasswd
        echo 'paul ALL=(ALL) ALL' > /etc/sudoers.d/paul
        """
    )
    assert done.returncode == 0, done.stderr
    return module_host


@pytest.fixture(scope="module")
def french(machine: KitchenHost) -> None:
    """Messages in another language, for whoever asks for them."""
    machine.run(
        "apt-get install -qy locales >/dev/null 2>&1; localedef -i fr_FR -f UTF-8 fr_FR.UTF-8",
        timeout=900,
    )


@pytest.fixture
def opened(
    shell: Callable[[Target], Shell], target: Callable[..., Target], machine: KitchenHost
) -> Iterator[Open]:
    """Paul's shells, by sudo with his password unless something else is said."""
    transports: list[Shell] = []

    def connect(**changes: Any) -> Shell:
        by_sudo = {"user": "paul", "become": "sudo", "become_password": Secret("sesame")}
        transport = shell(replace(target(machine), **{**by_sudo, **changes}))
        transports.append(transport)
        return transport

    yield connect
    for transport in transports:
        transport.close()


@pytest.fixture
def sudoers(machine: KitchenHost) -> Iterator[Callable[[str], None]]:
    """Have sudoers say something more, for one test."""

    def say(lines: str) -> None:
        path = "/etc/sudoers.d/zz-test"
        done = machine.run(f"printf '%s\\n' '{lines}' > {path} && visudo -cqf {path}")
        assert done.returncode == 0, done.stdout

    yield say
    machine.run("rm -f /etc/sudoers.d/zz-test")


def ask(transport: Shell, *texts: str) -> list[Outcome]:
    return run(transport, Program(tuple(Ask(Command(text, text), 300) for text in texts)))


def who(transport: Shell) -> str:
    """Who it is; and both streams are themselves, with every byte."""
    [one, streams] = ask(transport, "id -un", "printf 'a\\r\\nb\\n\\003\\004'; echo err >&2")
    assert (streams.stdout, streams.stderr) == (b"a\r\nb\n\3\4", b"err\n")
    return one.text.strip()


def failures(machine: KitchenHost, least: int = 0) -> int:
    """
    How often somebody's password was wrong, or none was said, as PAM counts it.

    So many are waited for; who tries again does it soon, and so a little longer.
    """
    wrong = ("authentication failure;", "conversation failed", "password check failed")

    def counted() -> int:
        journal = machine.run("journalctl --sync; journalctl -q --no-pager").stdout.splitlines()
        return sum(any(words in line for words in wrong) for line in journal if "pam_" in line)

    eventually(lambda: counted() >= least)
    time.sleep(0.5)
    return counted()


def ended(machine: KitchenHost, *programs: str) -> bool:
    """Return whether none of these programs runs any more."""
    return machine.run(f"pgrep -x '{'|'.join(programs)}'").returncode == 1


class TestSudo:
    def test_a_secure_path_without_the_usual_folders(
        self, opened: Open, sudoers: Callable[[str], None]
    ) -> None:
        """No tool seems to be missing, then."""
        sudoers('Defaults secure_path="/opt/ours:/sbin"')
        [said] = ask(opened(), 'command -v stat; printf %s "$PATH"')
        assert said.text.split() == [
            "/usr/bin/stat",
            "/opt/ours:/sbin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/bin",
        ]

    @pytest.mark.parametrize(
        "setting", ["use_pty", "!use_pty", "requiretty", "requiretty, use_pty"]
    )
    @pytest.mark.parametrize("password", [Secret("sesame"), None])
    def test_a_terminal_that_sudoers_wants(
        self, opened: Open, sudoers: Callable[[str], None], setting: str, password: Secret | None
    ) -> None:
        """Where sudo insists on one it gets one, and the streams do not go by it."""
        free = "" if password else "\npaul ALL=(ALL) NOPASSWD: ALL"
        sudoers(f"Defaults {setting}{free}")
        paul = opened(become_password=password)

        assert who(paul) == "root"
        zeros = "head -c 3000000 /dev/zero"
        [both] = ask(paul, f"{zeros} & {zeros} >&2; wait")
        assert (len(both.stdout), len(both.stderr)) == (3_000_000, 3_000_000)

    def test_where_a_terminal_cannot_be_made_the_setting_is_named(
        self, opened: Open, sudoers: Callable[[str], None], machine: KitchenHost
    ) -> None:
        sudoers("Defaults requiretty")
        machine.run("mv /usr/bin/script /usr/bin/script.away")
        try:
            with pytest.raises(PrivilegeError, match="script") as caught:
                opened()
        finally:
            machine.run("mv /usr/bin/script.away /usr/bin/script")

        assert "sudoers has `requiretty`" in str(caught.value.hint)
        assert "Defaults:paul !requiretty" in str(caught.value.hint)

    def test_a_shell_with_a_terminal_ends_with_its_connection(
        self, opened: Open, sudoers: Callable[[str], None], machine: KitchenHost
    ) -> None:
        sudoers("Defaults requiretty")
        paul = opened()
        assert who(paul) == "root"
        paul.close()

        eventually(lambda: ended(machine, "script", "sudo"))

    def test_a_lecture_is_no_prompt(
        self, opened: Open, sudoers: Callable[[str], None], machine: KitchenHost
    ) -> None:
        machine.run("printf 'Behave.\\nPassword: ask the boss?\\n' > /etc/lecture")
        sudoers('Defaults lecture=always, lecture_file="/etc/lecture"')

        assert who(opened()) == "root"

    def test_another_language_is_none(
        self,
        opened: Open,
        sudoers: Callable[[str], None],
        machine: KitchenHost,
        french: None,
    ) -> None:
        """The prompt is ours, and the messages that we look at are in English."""
        machine.run("echo LANG=fr_FR.UTF-8 > /etc/default/locale")
        try:
            seen = machine.run("su - paul -c 'LC_ALL=fr_FR.UTF-8 sudo -n id'").stderr
            assert seen, "sudo does not complain"
            assert who(opened()) == "root"
            sudoers("Defaults requiretty")
            assert who(opened()) == "root"
            assert who(opened(become="su", become_password=Secret("sesame-root"))) == "root"
            with pytest.raises(PasswordRefused, match="the password of root"):
                opened(become="su", become_password=Secret("wrong"))
        finally:
            machine.run("rm /etc/default/locale")

    def test_a_timestamp_that_expires_in_the_middle_does_not_matter(
        self, opened: Open, sudoers: Callable[[str], None]
    ) -> None:
        """The shell stays; a new connection gives the password anew."""
        sudoers("Defaults timestamp_timeout=0")
        session = Session(opened(), opened)
        assert session.read([sh("id -un")])[0].text == "root\n"

        time.sleep(1)
        assert session.read([sh("id -un")])[0].text == "root\n"
        with pytest.raises(Interrupted):
            run(session.connection.transport, Program((Ask(Command("kill -9 $$", "")),)))
        assert session.read([sh("id -un")])[0].text == "root\n"
        assert session.aside(sh("id -un")).text == "root\n"

    def test_after_a_wrong_password_nobody_tries_again(
        self, opened: Open, machine: KitchenHost
    ) -> None:
        """Not even where a lost connection is to be made anew: it is changed meanwhile."""
        another = lambda: opened(become_password=Secret("wrong"))  # noqa: E731
        session = Session(opened(), another)
        session.read([sh(":")])
        before = failures(machine)

        with pytest.raises(Interrupted):
            run(session.connection.transport, Program((Ask(Command("kill -9 $$", "")),)))
        with pytest.raises(PasswordRefused, match="the password of paul"):
            session.read([sh("id -un")])

        assert failures(machine, before + 1) - before == 1

    def test_who_waits_for_the_way_back_gives_a_wrong_password_once(
        self, opened: Open, machine: KitchenHost, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not every second until the host has gone back."""
        monkeypatch.setattr("cookbook.applying.auto_rollback.GRACE", 3.0)
        session = Session(opened(), lambda: opened(become_password=Secret("wrong")))
        rescue = AutoRollback(session, AccessPath("paul", become="sudo"), 3.0)
        rescue.arm([])
        before = failures(machine)

        with pytest.raises(Exception, match="no login was possible"):
            rescue.confirm()

        assert failures(machine, before + 2) - before == 2  # and once more after it has gone back


class TestSu:
    def test_the_password_is_of_whom_we_become(self, opened: Open) -> None:
        by_su = {"become": "su", "become_password": Secret("sesame-root")}
        assert who(opened(**by_su)) == "root"
        to_anna = opened(become="su", become_user="anna", become_password=Secret("sesame-anna"))
        assert who(to_anna) == "anna"
        [home] = ask(to_anna, "echo $HOME")
        assert home.text == "/home/anna\n"

    def test_it_is_in_nobodys_arguments_nor_environment(self, opened: Open) -> None:
        for changes in ({}, {"become": "su", "become_password": Secret("sesame-root")}):
            [seen] = ask(opened(**changes), _SEEN)
            assert seen.stdout == b"0\n"

    def test_a_wrong_one_costs_one_attempt(self, opened: Open, machine: KitchenHost) -> None:
        before = failures(machine)
        with pytest.raises(PasswordRefused, match="su did not accept the password of root"):
            opened(become="su", become_password=Secret("wrong"))
        assert failures(machine, before + 1) - before == 1

    def test_where_none_is_given_that_is_said(self, opened: Open) -> None:
        with pytest.raises(PrivilegeError, match="su wants a password") as caught:
            opened(become="su", become_password=None)
        assert "--ask-become-pass" in str(caught.value.hint)

    def test_where_none_is_asked_for_the_shell_does_not_read_it(self, opened: Open) -> None:
        """Root may become anybody."""
        anna = opened(
            user="root", become="su", become_user="anna", become_password=Secret("touch /tmp/pwned")
        )
        [touched] = ask(anna, "ls /tmp/pwned")
        assert who(anna) == "anna"
        assert touched.status != 0

    @pytest.mark.parametrize("user", ["nobody-at-all", "daemon"])
    def test_who_cannot_be_become_is_said_in_the_words_of_su(self, opened: Open, user: str) -> None:
        with pytest.raises(PrivilegeError, match="su did not"):
            opened(become="su", become_user=user, become_password=Secret("sesame"))

    def test_ten_megabytes_on_both_streams(self, opened: Open) -> None:
        zeros = "head -c 10000000 /dev/zero"
        by_su = opened(become="su", become_password=Secret("sesame-root"))
        [both] = ask(by_su, f"{zeros} & {zeros} >&2; wait")
        assert (len(both.stdout), len(both.stderr)) == (10_000_000, 10_000_000)


@pytest.fixture(scope="module")
def doas(machine: KitchenHost) -> Callable[[str], None]:
    """Debian's OpenDoas; have its configuration say this."""
    done = machine.run("apt-get install -qy --no-install-recommends opendoas >/dev/null")
    assert done.returncode == 0, done.stderr

    def say(lines: str) -> None:
        done = machine.run(f"echo '{lines}' >/etc/doas.conf; doas -C /etc/doas.conf")
        assert done.returncode == 0, done.stderr

    return say


class TestDoas:
    """It reads a password from a terminal, and from nothing else."""

    BY_DOAS = MappingProxyType({"become": "doas", "become_password": Secret("sesame")})

    @pytest.mark.parametrize("line", ["permit paul", "permit persist paul", "permit nopass paul"])
    def test_a_password_is_given_if_it_is_asked_for(
        self, opened: Open, doas: Callable[[str], None], line: str
    ) -> None:
        """And the streams do not go by the terminal, with or without."""
        doas(line)
        for _ in range(2):
            paul = opened(**self.BY_DOAS)
            assert who(paul) == "root"
            [home, tty, seen] = ask(paul, "echo $HOME", "stty -a </dev/tty", _SEEN)
            assert home.text == "/root\n"
            assert tty.status == 0
            assert " -echo " in tty.text
            assert seen.stdout == b"0\n"
        zeros = "head -c 3000000 /dev/zero"
        [both] = ask(opened(**self.BY_DOAS), f"{zeros} & {zeros} >&2; wait")
        assert (len(both.stdout), len(both.stderr)) == (3_000_000, 3_000_000)

    def test_somebody_else_than_root(self, opened: Open, doas: Callable[[str], None]) -> None:
        doas("permit paul as anna")
        assert who(opened(become_user="anna", **self.BY_DOAS)) == "anna"

    def test_a_wrong_one_costs_one_attempt(
        self, opened: Open, doas: Callable[[str], None], machine: KitchenHost
    ) -> None:
        doas("permit paul")
        before = failures(machine)
        with pytest.raises(PasswordRefused, match="did not accept the password of paul") as caught:
            opened(become="doas", become_password=Secret("wrong"))
        assert failures(machine, before + 1) - before == 1
        assert caught.value.cause == "doas: Authentication failed"

    def test_where_none_is_given_that_is_said(
        self, opened: Open, doas: Callable[[str], None]
    ) -> None:
        doas("permit paul")
        with pytest.raises(PrivilegeError, match="doas: Authentication required") as caught:
            ask(opened(become="doas", become_password=None), "id -un")
        assert "--ask-become-pass" in str(caught.value.hint)
        doas("permit nopass paul")
        assert who(opened(become="doas", become_password=None)) == "root"

    def test_who_may_not_is_told_what_doas_conf_has_to_say(
        self, opened: Open, doas: Callable[[str], None]
    ) -> None:
        doas("permit anna")
        begun = time.monotonic()
        with pytest.raises(PrivilegeError, match="doas: Operation not permitted") as caught:
            opened(**self.BY_DOAS)
        assert time.monotonic() - begun < 50  # a login may take 60 s
        assert "permit paul as root" in str(caught.value.hint)

    def test_where_a_terminal_cannot_be_made_that_is_said(
        self, opened: Open, doas: Callable[[str], None], machine: KitchenHost
    ) -> None:
        doas("permit paul")
        machine.run("mv /usr/bin/script /usr/bin/script.away")
        try:
            with pytest.raises(PrivilegeError, match="script") as caught:
                opened(**self.BY_DOAS)
        finally:
            machine.run("mv /usr/bin/script.away /usr/bin/script")
        assert "doas reads a password from a terminal only" in str(caught.value.hint)

    def test_a_second_factor_is_refused_and_no_attempt_at_it(
        self, opened: Open, doas: Callable[[str], None], machine: KitchenHost
    ) -> None:
        """It is not answered, and the end of its input is no answer either."""
        doas("permit paul")
        setup = """
            set -e; cd ~paul; cp /etc/pam.d/doas /root/pam
            apt-get install -qy --no-install-recommends libpam-google-authenticator >/dev/null
            printf 'JBSWY3DPEHPK3PXP\\n" TOTP_AUTH\\n' >.google_authenticator
            chown paul .google_authenticator; chmod 400 .google_authenticator
            echo 'auth required pam_google_authenticator.so' >>/etc/pam.d/doas
        """
        done = machine.run(setup)
        assert done.returncode == 0, done.stderr
        try:
            with pytest.raises(PasswordRefused) as caught:
                opened(**self.BY_DOAS)
        finally:
            machine.run("cp /root/pam /etc/pam.d/doas")
        assert caught.value.cause == "Verification code:"
        time.sleep(0.5)
        journal = "journalctl --sync; journalctl -q --no-pager"
        said = machine.run(f"{journal} | grep google").stdout
        assert "code" not in said, said

    def test_it_ends_with_its_connection(
        self, opened: Open, doas: Callable[[str], None], machine: KitchenHost
    ) -> None:
        doas("permit paul")
        paul = opened(**self.BY_DOAS)
        assert who(paul) == "root"
        with pytest.raises(Interrupted):
            ask(paul, "kill -9 $$")
        again = opened(**self.BY_DOAS)
        assert who(again) == "root"
        again.close()

        eventually(lambda: ended(machine, "script", "doas"))


@pytest.fixture(scope="module")
def rust(machine: KitchenHost) -> Iterator[None]:
    """The real sudo-rs, of the next Debian, with a newer libc; it is called sudo for a while."""
    done = machine.run(
        "set -e; echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
        " http://deb.debian.org/debian trixie main' > /etc/apt/sources.list.d/trixie.list;"
        " echo 'APT::Default-Release \"bookworm\";' > /etc/apt/apt.conf.d/00release;"
        " export DEBIAN_FRONTEND=noninteractive; apt-get update -q >/dev/null;"
        " apt-get install -qy -t trixie --no-install-recommends sudo-rs >/dev/null;"
        " ln -s /usr/bin/sudo-rs /usr/local/bin/sudo",
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    yield
    machine.run("rm /usr/local/bin/sudo")


@pytest.mark.usefixtures("rust")
class TestSudoRs:
    def test_it_is_the_real_one(self, machine: KitchenHost) -> None:
        assert machine.run("/usr/local/bin/sudo --version 2>&1").stdout.startswith("sudo-rs 0.2")

    def test_a_password_in_its_own_prompt(self, opened: Open) -> None:
        paul = opened()
        assert who(paul) == "root"
        [seen] = ask(paul, _SEEN)
        assert seen.stdout == b"0\n"

    def test_without_a_password(self, opened: Open, sudoers: Callable[[str], None]) -> None:
        with pytest.raises(PrivilegeError, match="interactive authentication is required"):
            ask(opened(become_password=None), "id -un")
        sudoers("paul ALL=(ALL) NOPASSWD: ALL")
        assert who(opened(become_password=None)) == "root"
        assert who(opened()) == "root"

    def test_a_wrong_password_costs_one_attempt(self, opened: Open, machine: KitchenHost) -> None:
        """It asks three times, and takes the end of its input for an answer."""
        before = failures(machine)
        with pytest.raises(PasswordRefused, match="the password of paul") as caught:
            opened(become_password=Secret("wrong"))
        assert failures(machine, before + 1) - before == 1
        assert "try again" in str(caught.value.cause)

    def test_use_pty_is_fine(self, opened: Open, sudoers: Callable[[str], None]) -> None:
        sudoers("Defaults use_pty")
        assert who(opened()) == "root"
