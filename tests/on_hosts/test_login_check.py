"""
Lock-outs by paths that are on no list: a new login after each batch notices them.

What was changed is taken back through the session that is still open; the host is compared
with what it was before by its manifest, and ssh(1) tells whether a login is possible.
"""

from __future__ import annotations

import random
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from cookbook.kitchen import Kitchen, KitchenHost
from tests.on_hosts.conftest import Cook, by_both, inventory_of
from tests.on_hosts.manifest import difference, state
from tests.on_hosts.test_rescue import answers

pytestmark = pytest.mark.hosts

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7a8cTcCN3VkU0jOLk2Yp3sM6V2r1VkGq7m1q2Zl0aB"
SSHD = 'file("/etc/ssh/sshd_config.d/x.conf", content="{}\\n")\nexecute("systemctl reload ssh")\n'

LOCKOUTS = {
    "the home is open to all": 'directory("/home/admin", mode="0777")\n',
    "the home has another owner": 'directory("/home/admin", owner="daemon")\n',
    "nologin": 'file("/etc/nologin", content="down\\n")\n',
    "sshd on another port": SSHD.format("Port 2222"),
    "sshd denies the group": SSHD.format("DenyGroups admin root"),
    "no authorized_keys": 'directory("/home/admin/.ssh", action="delete", recursive=True)\n',
    "another key": f'authorized_key("admin", exclusive=True, key="{OTHER_KEY} other")\n',
    "a command: mode of the home": 'execute("chmod 777 /home/admin")\n',
    "a command: expired account": 'execute("chage -E 1 admin")\n',
    "a command: DenyUsers": (
        'execute("echo DenyUsers admin >>/etc/ssh/sshd_config.d/y.conf; systemctl reload ssh")\n'
    ),
    "a command: sudo": "execute(\"echo 'admin ALL=(ALL) !ALL' >/etc/sudoers.d/zz\")\n",
    "a change before, a command after": (
        'file("/etc/fine", content="x")\nexecute("rm -rf /home/admin/.ssh")\n'
    ),
}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a host that does not answer is waited for is no subject here."""
    monkeypatch.setattr("cookbook.applying.login_check.PAUSES", (0.5, 0.5, 1.0))
    monkeypatch.setattr("cookbook.applying.login_check.PAUSES_IF_REFUSED", (0.2,))


def errors_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    [told] = document["hosts"].values()
    return [e for e in [*(r["error"] for r in told["resources"]), told["error"]] if e]


def test_a_lock_out_on_no_list_is_taken_back(
    kitchen: Kitchen, fresh_host: KitchenHost, cook: Cook
) -> None:
    fresh_host.run("chmod 755 /home/admin/.ssh; chmod 644 /home/admin/.ssh/authorized_keys")
    cook(fresh_host, "converge", recipe='file("/etc/first", content="x")\n')
    before = state(fresh_host)
    for name, recipe in LOCKOUTS.items():
        words = ("converge", "--confirm-timeout", "4s")
        document = cook(fresh_host, *words, recipe=recipe)

        assert document["status"] == 3, (name, document)
        told = [error for error in errors_of(document) if error["kind"] == "LockedOut"]
        assert told, (name, document)
        assert answers(kitchen, fresh_host), (name, told)
        assert difference(before, state(fresh_host)) == [], name
    assert fresh_host.run("ls -A /var/lib/cook/login /var/lib/cook/rescue").stdout == ""


# A process named sshd has a SIGHUP that it handles only after 1.5 seconds: the real one does so
# where it gets no processor, and serves a login that arrives meanwhile with the former settings.
SLOW_TO_READ = r"""
$0 = "sshd"; my $hup = POSIX::SigSet->new(SIGHUP); sigprocmask(SIG_BLOCK, $hup); setsid();
kill HUP => $$; open STDOUT, ">/dev/null"; open STDERR, ">/dev/null";
open my $r, ">", "/root/asked"; close $r;
select undef, undef, undef, 1.5;
$SIG{HUP} = sub { open my $f, ">", "/root/read-again"; close $f }; sigprocmask(SIG_UNBLOCK, $hup)
"""


def test_the_new_login_comes_after_a_reload_that_was_asked_for(
    fresh_host: KitchenHost, cook: Cook
) -> None:
    """Each session looks for the file; a login that did not wait would come long before it."""
    begin = f"perl -MPOSIX -e {shlex.quote(SLOW_TO_READ)} &\n"
    begin += "timeout 60 sh -c 'until [ -e /root/asked ]; do sleep 0.1; done'"
    recipe = f'execute("x", command={begin!r})\n'
    # sshd(8) runs the file for each session: at its start, as the login user.
    fresh_host.run("echo 'ls /root/read-again >>/tmp/seen 2>&1; date >>/tmp/seen' >/etc/ssh/sshrc")
    fresh_host.run("chmod 711 /root")

    assert cook(fresh_host, "converge", recipe=recipe)["status"] == 0
    seen = fresh_host.run("cat /tmp/seen").stdout
    assert "cannot access" in seen.splitlines()[0]  # the login before the change
    assert seen.splitlines()[-2] == "/root/read-again"


def test_a_change_that_was_taken_back_owes_no_notification(
    fresh_host: KitchenHost, cook: Cook
) -> None:
    target = 'execute("note", command="echo told >>/root/told", action="nothing")\n'
    notifies = ', notifies=[delayed("run", "execute[note]")]'
    locks_out = f'{target}file("/etc/nologin", content="down\\n"{notifies})\n'

    assert cook(fresh_host, "converge", recipe=locks_out)["status"] == 3
    assert cook(fresh_host, "converge", recipe=target)["status"] == 0
    assert fresh_host.run("cat /root/told").returncode != 0


def test_earlier_changes_that_were_taken_back_are_reported_so(
    fresh_host: KitchenHost, cook: Cook
) -> None:
    """The port was changed and verified; the restart after it locks out, and both are undone."""
    recipe = """
config_value("Port", path="/etc/ssh/sshd_config", value=2222,
             notifies=[delayed("restart", "service[ssh]")])
service("ssh", action=["enable", "start"])
"""
    cook(fresh_host, "converge", recipe='file("/etc/first", content="x")\n')
    before = state(fresh_host)
    document = cook(fresh_host, "converge", "--confirm-timeout", "4s", recipe=recipe)

    assert document["status"] == 3
    told = [(r["id"], r["status"]) for r in document["hosts"][fresh_host.name]["resources"]]
    assert told[-1] == ("config_value[Port]", "failed"), told
    assert document["totals"]["changed"] == 0
    assert difference(before, state(fresh_host)) == []
    assert fresh_host.run("grep -q 2222 /etc/ssh/sshd_config").returncode == 1


def test_a_change_that_no_undo_restores_is_named(
    kitchen: Kitchen, fresh_host: KitchenHost, cook: Cook
) -> None:
    recipe = """
execute("mv /usr/sbin/nologin /usr/sbin/nologin.old")
execute("usermod -d /nowhere admin; mkdir -p /etc/systemd/system/user@.service.d;"
        " mv /usr/bin/sudo /usr/bin/sudo.old")
"""
    document = cook(fresh_host, "converge", recipe=recipe)

    assert document["status"] == 3
    [first, *_] = errors_of(document)
    assert first["kind"] == "LockedOut"
    assert "did not help; these cannot be undone: execute[mv" in first["message"]
    assert "console" in first["hint"]
    assert not answers(kitchen, fresh_host)


@pytest.mark.parametrize("name", ["sudo", "openssh-server"])
def test_a_removal_that_cannot_be_taken_back_is_refused_even_if_allowed(
    kitchen: Kitchen, fresh_host: KitchenHost, cook: Cook, name: str
) -> None:
    recipe = f'file("/etc/before")\npackage("{name}", action="remove")\n'
    document = cook(fresh_host, "converge", "--allow-lockout", recipe=recipe)

    assert document["status"] == 3
    assert [error["kind"] for error in errors_of(document)] == ["WouldLockOut"]
    assert fresh_host.run("ls /etc/before").returncode != 0
    assert answers(kitchen, fresh_host)


SLOW = {
    "sshd on another port": (
        "echo Port 2222 >/etc/ssh/sshd_config.d/x.conf; systemctl reload ssh; sleep 31.41"
    ),
    "sshd ends": "systemctl stop ssh.socket ssh; sleep 31.41",
}


@by_both
@pytest.mark.parametrize("name", SLOW)
def test_a_command_that_locks_out_and_then_takes_too_long_is_taken_back(
    kitchen: Kitchen, fresh_host: KitchenHost, cook: Cook, name: str
) -> None:
    """It is ended by the open connection; what can be restored is, and all is said."""
    cook(fresh_host, "converge", recipe='file("/etc/first", content="x")\n')
    before = state(fresh_host)
    slow = f'execute("slow", command={SLOW[name]!r}, timeout=3)\n'
    recipe = f'file("/etc/fine", content="x")\n{slow}'
    document = cook(fresh_host, "converge", recipe=recipe)
    assert document["status"] == 3, document
    [told] = [error for error in errors_of(document) if error["kind"] == "LockedOut"][:1]
    assert "execute[slow]" in told["message"]
    assert "within 3 s" in told["message"]
    assert fresh_host.run("pgrep -f '^sleep 31.41'").returncode != 0
    assert answers(kitchen, fresh_host), told
    assert difference(before, state(fresh_host)) == []


ENDED = "systemctl stop ssh.socket ssh; pkill sshd"
DROP = (
    "nft add table inet shut; nft 'add chain inet shut in"
    " { type filter hook input priority 0; policy drop; }'"
)


@pytest.fixture
def impatient(kitchen: Kitchen, fresh_host: KitchenHost, transport: str) -> Path:
    """An inventory that waits seconds only for a host that does not answer."""
    hosts_yml = inventory_of(kitchen, transport)
    path = hosts_yml.with_name("impatient.yml")  # beside its keys
    text = hosts_yml.read_text()
    assert fresh_host.address in text
    few = "defaults: {alive_interval: 3, connect_timeout: 8, "
    path.write_text(text.replace("defaults: {", few, 1))
    return path


MEANWHILE = r"while execute\[cut\] was being applied; no new connection could be made"
AFTERWARDS = r"after file\[/etc/fine\], execute\[cut\](; no new connection| no login is possible)"


@pytest.mark.parametrize(
    ("transport", "command", "says"),
    [
        ("ssh", ENDED, MEANWHILE),
        ("openssh", ENDED, MEANWHILE),
        # TCP decides how much of the reply still comes, if what confirms it is dropped.
        ("ssh", DROP, f"({MEANWHILE}|{AFTERWARDS})"),
    ],
    indirect=["transport"],
)
def test_a_command_that_ends_the_session_and_all_logins_is_named(
    fresh_host: KitchenHost, cook: Cook, impatient: Path, command: str, says: str
) -> None:
    """No session is left to restore anything by: the report says so, and what ran."""
    recipe = f'file("/etc/fine", content="x")\nexecute("cut", command={command!r})\n'
    words = ("converge", "--reconnect", "1")
    document = cook(fresh_host, *words, recipe=recipe, inventory=impatient)
    assert document["status"] in (3, 4)  # failed, or unreachable
    [told, *_] = errors_of(document)
    assert re.search(says, told["message"]), told["message"]
    assert "console of the host" in told["hint"]


PATHS = ("/home/admin", "/home/admin/.ssh", "/home/admin/.ssh/authorized_keys")
COMMANDS = (
    "chmod {mode} {path}",
    "chown {owner} {path}",
    "usermod -s {shell} admin",
    "passwd -l admin",
    "chage -E {day} admin",
    "echo {line} >/etc/ssh/sshd_config.d/r.conf; systemctl reload ssh",
    "echo {owner} >/etc/nologin",
    "printf x >>{path}/authorized_keys",
)


def test_random_changes_to_what_login_reads_never_lock_out(
    kitchen: Kitchen, fresh_host: KitchenHost, cook: Cook
) -> None:
    draw = random.Random(20261127)  # noqa: S311 - reproducible, not secret
    locked = 0
    for _ in range(8):
        command = draw.choice(COMMANDS).format(
            mode=draw.choice(("777", "770", "000", "755")),
            path=draw.choice(PATHS),
            owner=draw.choice(("root", "daemon", "admin")),
            shell=draw.choice(("/bin/false", "/bin/sh", "/nowhere")),
            day=draw.choice(("1", "-1")),
            line=draw.choice(("PubkeyAuthentication no", "AllowUsers root", "MaxAuthTries 4")),
        )
        document = cook(fresh_host, "converge", recipe=f"execute({command!r})\n")
        assert answers(kitchen, fresh_host), (command, document)
        locked += any(error["kind"] == "LockedOut" for error in errors_of(document))
    assert locked > 1
