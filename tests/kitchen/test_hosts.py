"""What a host of the kitchen is, judged from inside and over ssh."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from cookbook.errors import KitchenError
from cookbook.kitchen import Kitchen, KitchenHost, cgroup
from cookbook.kitchen.host import greets
from tests.waiting import LONG, eventually

pytestmark = pytest.mark.hosts


def ssh(
    kitchen: Kitchen, login: str, command: str, *, identity: Path | None = None
) -> subprocess.CompletedProcess[str]:
    options = [
        f"IdentityFile={identity or kitchen.identity}",
        "IdentitiesOnly=yes",
        f"UserKnownHostsFile={kitchen.known_hosts}",
        "StrictHostKeyChecking=yes",
        "BatchMode=yes",
    ]
    flags = [word for option in options for word in ("-o", option)]
    return subprocess.run(
        ["ssh", "-F", "none", *flags, login, command],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )


def said(host: KitchenHost, command: str) -> str:
    outcome = host.run(command, timeout=300)
    assert outcome.returncode == 0, outcome
    return outcome.stdout.strip()


def test_it_is_a_whole_debian_with_nothing_failed(host: KitchenHost) -> None:
    assert said(host, ". /etc/os-release; echo $VERSION_CODENAME") == "bookworm"
    assert said(host, "systemctl is-system-running") == "running"
    assert said(host, "hostname") == host.name


def test_no_unit_waits_for_an_idle_processor(host: KitchenHost) -> None:
    """Its systemd waits for e2scrub_reap, which runs only if no other process wants to."""
    shown = said(host, "systemctl show -p ActiveState,ConditionResult e2scrub_reap")
    assert shown.splitlines() == ["ActiveState=inactive", "ConditionResult=no"]
    assert said(host, "systemctl is-enabled e2scrub_reap") == "enabled"


def test_it_has_no_python(host: KitchenHost) -> None:
    assert host.run("command -v python3 || command -v python").returncode != 0


def test_it_cannot_set_the_machines_own_sysctls(host: KitchenHost) -> None:
    assert "ro" in said(host, "findmnt -no OPTIONS /proc/sys").split(",")
    assert said(host, "test -w /proc/sys/net/ipv4/ip_forward; echo $?") == "0"


def test_a_command_in_it_has_a_clean_environment(
    host: KitchenHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COOK_TEST", "leaked")
    names = {line.partition("=")[0] for line in said(host, "env; exit 0").splitlines()}
    assert names == {"PATH", "HOME", "LANG", "PWD"}
    assert host.run("echo out; echo err >&2; exit 7").returncode == 7


@pytest.mark.parametrize("user", ["admin", "root"])
def test_the_key_opens_it_by_both_families(kitchen: Kitchen, host: KitchenHost, user: str) -> None:
    for address in (host.address, host.address6):
        outcome = ssh(kitchen, f"{user}@{address}", "sudo -n id -un; hostname")
        assert outcome.stdout.split() == ["root", host.name], outcome


def test_no_other_key_opens_it(kitchen: Kitchen, host: KitchenHost, tmp_path: Path) -> None:
    other = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    outcome = ssh(kitchen, f"admin@{host.address}", "true", identity=other)
    assert outcome.returncode == 255
    assert "Permission denied" in outcome.stderr


def test_apt_installs_without_an_update_first(fresh_host: KitchenHost) -> None:
    assert said(fresh_host, "apt-get -qq install -y tree >/dev/null 2>&1; tree --version")


def test_a_firewall_in_it_is_its_own(fresh_host: KitchenHost) -> None:
    assert greets(fresh_host.address, 22, LONG)
    said(fresh_host, "iptables -I INPUT -p tcp --dport 22 -j REJECT --reject-with tcp-reset")
    assert not greets(fresh_host.address, 22, LONG)
    said(fresh_host, "iptables -F INPUT")
    assert greets(fresh_host.address, 22, LONG)


def test_a_reset_forgets_all_but_who_it_is(kitchen: Kitchen, fresh_host: KitchenHost) -> None:
    who = "cat /etc/machine-id /etc/ssh/*.pub"
    before = said(fresh_host, who)
    said(fresh_host, "touch /etc/trace /var/trace; rm /etc/debian_version")
    host = kitchen.reset(fresh_host.name)
    assert said(host, who) == before
    assert said(host, "ls /etc/trace /var/trace /etc/debian_version 2>/dev/null; true") == (
        "/etc/debian_version"
    )
    assert (host.address, host.host_keys) == (fresh_host.address, fresh_host.host_keys)
    with pytest.raises(KitchenError, match="is not running"):
        fresh_host.run("true")


def test_it_may_reboot_itself(fresh_host: KitchenHost) -> None:
    before = fresh_host.leader
    said(fresh_host, "touch /etc/trace; systemctl reboot")

    def has_another_init() -> bool:
        with suppress(KitchenError):  # it has none for a moment
            return fresh_host.leader != before
        return False

    eventually(has_another_init)
    fresh_host.wait_until_up()
    assert fresh_host.leader != before
    assert said(fresh_host, "test -e /etc/trace && echo kept") == "kept"


def test_up_starts_only_what_is_missing(tmp_path: Path) -> None:
    """Two kitchens with hosts of the same name run side by side, and leave nothing behind."""
    kitchen = Kitchen(tmp_path / "k")
    try:
        begun = time.monotonic()
        first = kitchen.up(1)
        took = time.monotonic() - begun
        both = kitchen.up(2)
        assert both[0].leader == first[0].leader
        assert [host.name for host in kitchen.hosts()] == ["h1", "h2"]
        _each_has_its_own_units(*both)
        other = Kitchen(tmp_path / "other")
        try:
            assert other.up(1)[0].address != first[0].address
        finally:
            other.down()
        kitchen.down(["h1"])
        assert [host.name for host in kitchen.hosts()] == ["h2"]
        assert "h1" not in kitchen.hosts_yml.read_text()
        begun = time.monotonic()
        assert kitchen.up(names=["h3"])[0].address == first[0].address
        # It was 50 s longer than the first time: its neighbours still asked for h1.
        assert time.monotonic() - begun < 2 * took + 20
    finally:
        kitchen.down()
    assert list(tmp_path.iterdir()) == []
    assert _groups(tmp_path) == []


def _each_has_its_own_units(one: KitchenHost, other: KitchenHost) -> None:
    """In one tree of cgroups each systemd would remove the groups of the other one's units."""
    said(one, "systemd-run -q --unit=only-here sleep infinity")
    here = "ls -d /sys/fs/cgroup/system.slice/only-here.service"
    assert said(one, here)
    assert other.run(here).returncode != 0


def _groups(folder: Path) -> list[Path]:
    """Return the control groups of the hosts below a folder."""
    names = [cgroup.name_of(folder / k / "hosts" / h) for k in ("k", "other") for h in ("h1", "h2")]
    below = os.walk(cgroup.MOUNTED)  # unlike glob, it passes over groups that others remove
    return [Path(top, name) for top, found, _ in below for name in found if name in names]


def test_a_host_that_powered_itself_off_is_started_afresh(kitchen: Kitchen) -> None:
    [host] = kitchen.up(names=["fragile"])
    said(host, "touch /etc/trace; systemctl poweroff")
    assert host.process.ended(LONG)
    assert host.name not in {other.name for other in kitchen.hosts()}
    [again] = kitchen.up(names=["fragile"])
    assert again.run("test -e /etc/trace").returncode == 1
    kitchen.down(["fragile"])


def test_a_host_that_nobody_noted_down_is_ended(tmp_path: Path) -> None:
    """As when `up` itself was killed between the boot and the note."""
    kitchen = Kitchen(tmp_path / "k")
    [host] = kitchen.up(1)
    (kitchen.folder / "kitchen.json").unlink()
    kitchen.down()
    assert not host.process.alive
    assert not kitchen.folder.exists()
