"""
A recipe that locks us out: the host takes it back by itself, and answers again.

Each is a real host with a real sshd, sudo and nftables; whether it answers is asked by ssh(1).
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cookbook.kitchen import Kitchen, KitchenHost
from tests.on_hosts.conftest import command, inventory_of
from tests.texts import check_document
from tests.waiting import LONG, eventually, until

pytestmark = pytest.mark.hosts

ROOT = Path(__file__).parents[2]
HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"
SECONDS = 3
"""How long a host waits that is to go back; the others have more than they need."""

LOCKED_OUT = ("--confirm-timeout", f"{SECONDS}s")

COOK = [sys.executable, "-m", "cookbook.cli"]
Cook = Callable[..., dict[str, Any]]


@pytest.fixture
def words(kitchen: Kitchen, transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command for a recipe on a host, as admin with sudo."""
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))

    def make(host: KitchenHost, recipe: str, *more: str) -> list[str]:
        path = tmp_path / f"{len(list(tmp_path.glob('*.py')))}.py"
        path.write_text(HEADING + recipe)
        inventory = str(inventory_of(kitchen, transport))
        hosts = ["--hosts", inventory, "--limit", host.name, "--output", "json"]
        timeout = ["--confirm-timeout", "30s"]
        return [*COOK, "converge", str(path), "--as", "test", *hosts, *timeout, *more]

    return make


@pytest.fixture
def cook(words: Any) -> Cook:
    """The command, in this process; what it says of the host, and its status as `exit`."""

    def run(host: KitchenHost, recipe: str, *more: str) -> dict[str, Any]:
        document = command(*words(host, recipe, *more)[len(COOK) :])
        [told] = document["hosts"].values()
        found: dict[str, Any] = told | {"exit": document.pop("status")}
        document.pop("stderr")
        return found | {"document": document}

    return run


def answers(kitchen: Kitchen, host: KitchenHost, seconds: int = 20) -> bool:
    """Whether somebody can log in as admin, and become root; one who is not heard waits so long."""
    wait = f"ConnectTimeout={seconds}"
    options = ["-o", "BatchMode=yes", "-o", wait, "-i", str(kitchen.identity)]
    known = ["-o", f"UserKnownHostsFile={kitchen.known_hosts}", "-o", "ControlPath=none"]
    done = subprocess.run(
        ["ssh", "-F", "none", *options, *known, f"admin@{host.address}", "sudo -n true"],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def answers_within(kitchen: Kitchen, host: KitchenHost, seconds: float = LONG) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answers(kitchen, host):
            return True
        time.sleep(0.5)
    return False


@contextmanager
def killed(command: list[str]) -> Iterator[None]:
    """Kill this command when the block is left."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT) as run:
        try:
            yield
        finally:
            os.kill(run.pid, signal.SIGKILL)


LEFT = "ls /var/lib/cook/rescue 2>/dev/null; find /etc/systemd/system -name 'cook-rescue*'"

BAD_SSHD = """
file("/etc/ssh/sshd_config.d/x.conf", content="AllowUsers nobody\\n",
     notifies=[delayed("restart", "service[ssh]")])
service("ssh", action="nothing")
"""

LOCKOUTS = {
    "C52-firewall": 'firewall_rule("none", command="deny")\n',
    "C53-sshd-lets-nobody-in": BAD_SSHD,
    "what sshd has read before is replaced": BAD_SSHD.replace(
        "sshd_config.d/x.conf", "sshd_config"
    ),
    "C53-sshd-does-not-start": BAD_SSHD.replace(
        'content="AllowUsers nobody\\n",', 'content="No such\\n", verify=[],'
    ),
    "C53-sshd-listens-elsewhere": BAD_SSHD.replace("AllowUsers nobody", "Port 2222"),
    "C56-sudoers-is-not-one": """
file("/etc/sudoers", content="this is ( no rule\\n", mode="440", verify=[])
""",
    "C54-sudo-says-no": """
file("/etc/sudoers.d/zz-cook", content="admin ALL=(ALL) !ALL\\n", mode="440")
""",
    "C55-our-key-is-gone": """
authorized_key("admin", exclusive=True, key="ssh-ed25519 "
    "AAAAC3NzaC1lZDI1NTE5AAAAIJ7a8cTcCN3VkU0jOLk2Yp3sM6V2r1VkGq7m1q2Zl0aB other")
""",
    "C54-our-account-has-no-shell": 'user("admin", shell="/usr/sbin/nologin", action="modify")\n',
}


TOLD = [name for name in LOCKOUTS if name.startswith("C")]


def steady(name: str, document: Any) -> Any:
    """Where sshd or the network was away, the last of our attempts ended in one way or another."""
    if not name.startswith(("C52", "C53", "C57")):
        return document
    return json.loads(
        re.sub(r"(was possible)(: .*?)?(; the host has)", r"\1: WHY\3", json.dumps(document))
    )


@pytest.mark.parametrize("lockout", LOCKOUTS)
def test_what_locks_us_out_is_taken_back(
    kitchen: Kitchen, restored_host: KitchenHost, cook: Cook, transport: str, lockout: str
) -> None:
    told = cook(restored_host, LOCKOUTS[lockout], *LOCKED_OUT)

    assert answers_within(kitchen, restored_host)
    assert told["exit"] == 3
    assert told["status"] == "failed"
    errors = [r["error"] for r in told["resources"] if r["error"]] + [told["error"]]
    said = next(error for error in errors if error)
    assert said["kind"] == "LockedOut", told
    assert "the host has restored the former state" in said["message"]
    if lockout in TOLD and transport == "ssh":
        check_document(lockout, steady(lockout, told["document"]))
    assert restored_host.run(LEFT).stdout == ""
    again = cook(restored_host, 'file("/etc/fine", content="x")\n')
    assert again["exit"] == 0


def test_also_when_cook_is_killed_in_between(
    kitchen: Kitchen, fresh_host: KitchenHost, words: Any
) -> None:
    recipe = 'firewall_rule("none", command="deny")\n'
    command = words(fresh_host, recipe, "--confirm-timeout", "20s")
    with killed(command):
        eventually(lambda: "drop" in fresh_host.run("nft list ruleset").stdout)
    assert not answers(kitchen, fresh_host, 3)
    assert answers_within(kitchen, fresh_host, 20 + LONG)
    assert "drop" not in fresh_host.run("nft list ruleset").stdout


def test_who_comes_after_a_run_that_was_killed_has_shown_that_one_can(
    fresh_host: KitchenHost, words: Any, cook: Cook
) -> None:
    """Its timer must not take back, in the middle of the next run, what that has found."""
    recipe = 'file("/etc/sign", content="x", guarded=True)\n'
    command = [*words(fresh_host, recipe), "--confirm-timeout", "600s"]
    # sshd(8) runs this for each login: the one that would confirm it is held up.
    hold = "while [ -e /etc/sign ] && [ ! -e /tmp/go ]; do sleep 0.1; done"
    fresh_host.run(f"echo '{hold}' >/etc/ssh/sshrc")
    with killed(command):
        until(fresh_host, "/etc/sign")
    assert fresh_host.run(LEFT).stdout  # it was killed before it could confirm
    fresh_host.run("touch /tmp/go")
    told = cook(fresh_host, recipe)

    assert told["exit"] == 0
    assert fresh_host.run("cat /etc/sign").stdout == "x"
    assert fresh_host.run(LEFT).stdout == ""
    assert fresh_host.run("systemctl list-timers --all | grep cook-rescue").stdout == ""


def test_also_when_the_host_is_rebooted_in_between(
    kitchen: Kitchen, fresh_host: KitchenHost, words: Any
) -> None:
    """The timer is gone then; what is bad and lasts would be there after the boot, too."""
    recipe = """
file("/etc/ssh/sshd_config.d/x.conf", content="AllowUsers nobody\\n",
     notifies=[delayed("restart", "service[ssh]")])
service("ssh", action="nothing")
"""
    command = [*words(fresh_host, recipe), "--confirm-timeout", "600s"]
    with killed(command):
        eventually(lambda: not answers(kitchen, fresh_host))
    assert not answers(kitchen, fresh_host)
    fresh_host.run("systemctl reboot")
    assert answers_within(kitchen, fresh_host, 3 * LONG)
    [now] = [one for one in kitchen.hosts() if one.name == fresh_host.name]
    assert now.run("ls /etc/ssh/sshd_config.d/x.conf").returncode != 0
    assert now.run("find /etc/systemd/system -name 'cook-rescue*'").stdout == ""


def test_what_lets_us_in_stays(kitchen: Kitchen, fresh_host: KitchenHost, cook: Cook) -> None:
    recipe = """
firewall_rule("ssh", port=22)
firewall_rule("rest", command="deny", position=90)
file("/etc/ssh/sshd_config.d/x.conf", content="MaxAuthTries 9\\n",
     notifies=[delayed("restart", "service[ssh]")])
service("ssh", action="nothing")
"""
    begun = time.monotonic()
    told = cook(fresh_host, recipe, "--confirm-timeout", "20s")
    assert told["exit"] == 0, told
    time.sleep(max(2.0, begun + 20 + 2 - time.monotonic()))
    assert answers(kitchen, fresh_host)
    assert "drop" in fresh_host.run("nft list ruleset").stdout
    assert "9" in fresh_host.run("sshd -T | grep -i maxauthtries").stdout
    assert fresh_host.run(LEFT).stdout == ""
    assert fresh_host.run("systemctl list-timers --all | grep cook-rescue").stdout == ""


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("C52-port-denied", 'firewall_rule("no ssh", port=22, command="deny")\n'),
        ("C52-ssh-stopped", 'service("ssh", action=["disable", "stop"])\n'),
        ("C54-we-are-removed", 'user("admin", action="remove")\n'),
        ("C54-sudo-removed", 'package("sudo", action="remove")\n'),
    ],
)
def test_what_is_sure_to_lock_us_out_is_refused_before_anything(
    kitchen: Kitchen, restored_host: KitchenHost, cook: Cook, name: str, recipe: str
) -> None:
    told = cook(restored_host, f'file("/etc/before")\n{recipe}')
    assert told["exit"] == 3
    assert told["error"]["kind"] == "WouldLockOut", told
    check_document(name, told["document"])
    assert restored_host.run("ls /etc/before").returncode != 0
    assert answers(kitchen, restored_host)


def test_any_resource_can_be_guarded(fresh_host: KitchenHost, cook: Cook) -> None:
    told = cook(fresh_host, 'file("/etc/sign", guarded=True)\nfile("/etc/other")\n')
    assert told["exit"] == 0
    journal = "journalctl --sync; journalctl -q --no-pager -o cat -t systemd"
    timers = fresh_host.run(f"{journal} | grep cook-rescue").stdout
    assert timers.count("Started cook-rescue-") == 1, timers


def test_a_command_that_ends_our_session_is_no_failure(
    restored_host: KitchenHost, cook: Cook
) -> None:
    recipe = """
file("/etc/one", content="1")
execute("touch /etc/once; pkill -KILL -f 'sshd: admin'; sleep 1", creates="/etc/once")
file("/etc/two", content="2")
"""
    told = cook(restored_host, recipe)
    assert told["exit"] == 0, told
    assert [r["status"] for r in told["resources"]] == ["changed"] * 3
    assert restored_host.run("cat /etc/one /etc/two").stdout == "12"


def test_a_link_that_is_reset_in_the_middle_is_made_anew(
    restored_host: KitchenHost, words: Any
) -> None:
    """Whoever cuts the link cannot make cook say anything that is not so."""
    recipe = "\n".join(f'file("/etc/cook-{i}", content="{i}")' for i in range(30))
    recipe += '\nexecute("sleep 2", creates="/etc/never", not_if="test -e /etc/after")\n'
    recipe += 'file("/etc/after", content="x")\n'
    command = words(restored_host, recipe)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as run:
        until(restored_host, "/etc/cook-29")
        restored_host.run("pkill -KILL -f 'sshd: admin@notty'")
        said, _ = run.communicate(timeout=300)
    [told] = json.loads(said)["hosts"].values()
    done = {r["id"]: r["status"] for r in told["resources"]}
    for i in range(30):
        assert done[f"file[/etc/cook-{i}]"] == "changed"
        assert restored_host.run(f"cat /etc/cook-{i}").stdout == str(i)
    assert told["status"] in ("changed", "failed"), told


NETWORK = "/etc/systemd/network/10-host0.network"
NETWORK_DOWN = {
    "C57-link-down": 'execute("ip link set host0 down", guarded=True)\n',
    "C57-address-gone": 'execute("ip address flush dev host0", guarded=True)\n',
    "C57-another-network": f"""
file("{NETWORK}", content="[Match]\\nName=host0\\n[Network]\\nAddress=192.0.2.7/24\\n",
     notifies=[immediate("run", "execute[take it]")])
execute("take it", command="networkctl reload && networkctl reconfigure host0", guarded=True,
        action="nothing")
""",
}


@pytest.mark.parametrize("down", NETWORK_DOWN)
def test_a_network_that_is_taken_down_comes_back(
    kitchen: Kitchen, restored_host: KitchenHost, cook: Cook, down: str
) -> None:
    before = restored_host.run(f"cat {NETWORK}; ip route").stdout
    told = cook(restored_host, NETWORK_DOWN[down], *LOCKED_OUT)

    assert answers_within(kitchen, restored_host)
    assert told["exit"] == 3
    assert "LockedOut" in [one["error"]["kind"] for one in told["resources"] if one["error"]], told
    check_document(down, steady(down, told["document"]))
    assert set(before.splitlines()) <= set(
        restored_host.run(f"cat {NETWORK}; ip route").stdout.splitlines()
    )
    assert cook(restored_host, 'file("/etc/fine", content="x")\n')["exit"] == 0
