"""A kitchen without a running host: names, files, and what died behind its back."""

from __future__ import annotations

import subprocess
import sys
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml

from cookbook.errors import KitchenError
from cookbook.kitchen import Kitchen, KitchenHost, disk, network, tools
from cookbook.kitchen.inventory import write_hosts_yml, write_known_hosts
from cookbook.kitchen.lock import alone
from cookbook.kitchen.network import KitchenNetwork
from cookbook.kitchen.process import Process
from cookbook.kitchen.state import KitchenState, RunningHost

GONE = Process(4711, "another-boot+1")


def host(folder: Path, name: str, number: int) -> KitchenHost:
    keys = folder / name / "lasting/etc/ssh"
    keys.mkdir(parents=True)
    (keys / "ssh_host_ed25519_key.pub").write_text(f"ssh-ed25519 KEY{number} root@build\n")
    (keys / "ssh_host_rsa_key.pub").write_text(f"ssh-rsa RSA{number} root@build\n")
    return KitchenHost(name, f"10.78.0.{number}", f"fd78::{number:x}", GONE, folder / name)


def test_the_inventory_leads_to_the_hosts_from_wherever_the_folder_is(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    write_hosts_yml(path, [host(tmp_path, "h1", 11), host(tmp_path, "h2", 12)])
    assert yaml.safe_load(path.read_text()) == {
        "defaults": {
            "user": "admin",
            "become": "sudo",
            "identity_file": "id_ed25519",
            "known_hosts": "known_hosts",
        },
        "hosts": {"h1": {"address": "10.78.0.11"}, "h2": {"address": "10.78.0.12"}},
    }


def test_known_hosts_has_every_key_of_every_host(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    write_known_hosts(path, [host(tmp_path, "h1", 11)])
    assert path.read_text().splitlines() == [
        "h1,10.78.0.11,fd78::b ssh-ed25519 KEY11",
        "h1,10.78.0.11,fd78::b ssh-rsa RSA11",
    ]


def test_the_folder_is_the_argument_or_the_environment_or_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_KITCHEN", "/srv/kitchen")
    assert Kitchen(Path("mine")).folder == tmp_path / "mine"
    assert Kitchen().folder == Path("/srv/kitchen")
    monkeypatch.delenv("COOK_KITCHEN")
    assert Kitchen().folder == tmp_path / ".kitchen"


@pytest.mark.parametrize("name", ["", "Web1", "1web", "web_1", "../h1", "h1\n", "a" * 32])
def test_a_name_that_no_host_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(KitchenError, match="is no name for a host"):
        Kitchen(tmp_path).up(names=[name])


def test_a_kitchen_that_never_cooked_has_no_hosts_and_comes_down(tmp_path: Path) -> None:
    kitchen = Kitchen(tmp_path / "never")
    assert kitchen.hosts() == []
    kitchen.down()
    assert not kitchen.folder.exists()


@pytest.fixture
def rebooted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kitchen:
    """A kitchen whose hosts were running when the machine went down."""
    monkeypatch.setattr(tools, "require", lambda: None)
    monkeypatch.setattr(network, "CLAIMS", tmp_path / "claims")
    monkeypatch.setattr(network, "FORWARDING", tmp_path / "ip_forward")
    kitchen = Kitchen(tmp_path / "kitchen")
    root = kitchen.folder / "hosts/h1/root"
    root.mkdir(parents=True)
    (kitchen.folder / "hosts/h1/upper").mkdir()
    lan = KitchenNetwork("cook99", IPv4Network("10.78.99.0/24"))
    KitchenState(lan, {"h1": RunningHost(11, GONE)}).save(kitchen.folder / "kitchen.json")
    kitchen.hosts_yml.write_text("hosts: {h1: {}}\n")
    return kitchen


def test_a_host_that_died_is_not_listed(rebooted: Kitchen) -> None:
    assert rebooted.hosts() == []


def test_a_host_that_died_is_forgotten_by_the_next_command(rebooted: Kitchen) -> None:
    rebooted.down()
    assert not rebooted.folder.exists()


def test_what_others_keep_in_the_folder_stays(rebooted: Kitchen) -> None:
    (rebooted.folder / "notes.txt").touch()
    rebooted.down()
    assert [path.name for path in rebooted.folder.iterdir()] == ["notes.txt"]


def test_a_host_that_is_not_there_is_named(rebooted: Kitchen) -> None:
    with pytest.raises(KitchenError, match="no host 'h7' is running"):
        rebooted.down(["h7"])


def test_a_disk_that_is_still_mounted_is_not_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = disk.Disk(tmp_path / "h1")
    (storage.root / "etc").mkdir(parents=True)
    (storage.folder / "upper").mkdir()
    monkeypatch.setattr(tools, "call", lambda *_words, **_options: "")
    with pytest.raises(OSError, match="not empty"):
        storage.remove()
    assert (storage.root / "etc").exists()
    assert (storage.folder / "upper").exists()


def test_an_overlay_in_a_folder_that_mount_cannot_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KitchenError, match="its name has one of"):
        disk.Disk(tmp_path / "a,b").mount(tmp_path)


def test_a_resolver_that_only_this_machine_reaches_is_replaced(tmp_path: Path) -> None:
    stub, real = tmp_path / "stub", tmp_path / "real"
    stub.write_text("nameserver 127.0.0.53\n")
    real.write_text("nameserver 192.0.2.53\n")
    assert disk.resolver((stub, real)) == "nameserver 192.0.2.53\n"
    assert disk.resolver((real, stub)) == "nameserver 192.0.2.53\n"
    assert disk.resolver((stub, tmp_path / "none")) == "nameserver 127.0.0.53\n"


def test_the_lock_is_not_that_of_a_folder_deleted_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "kitchen/.lock"
    with alone(path):
        path.unlink()
        path.parent.rmdir()
        with alone(path):
            assert path.exists()


def test_the_package_loads_nothing_before_it_is_used() -> None:
    """`cook converge` imports the kitchen's command line and never cooks in it."""
    script = (
        "import sys, cookbook.kitchen.cli as c; assert c.kitchen\n"
        "print(*[m for m in ('json', 'concurrent', 'cookbook.kitchen.kitchen')"
        " if m in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == []
