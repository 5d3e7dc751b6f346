"""The audit `cook drift --unmanaged`: what is on a host, and no recipe declares it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import HEADING, Cook

pytestmark = pytest.mark.hosts

BY_HAND = r"""
useradd --create-home --uid 1500 olga; groupadd --gid 1501 crew; useradd --system daemonic
echo 'olga ALL=(ALL) ALL' >/etc/sudoers.d/olga; chmod 440 /etc/sudoers.d/olga
printf '%s\n' '# a remark' 'MAILTO=root' '5 5 * * * /bin/true --old' >/tmp/tab
echo '@daily /bin/true ours' >>/tmp/tab; crontab -u olga /tmp/tab
echo '1 1 * * * root true' >/etc/cron.d/byhand
printf '[Service]\nExecStart=/bin/true\n' >/etc/systemd/system/byhand.service
echo 'deb [trusted=yes] file:/nowhere ./' >/etc/apt/sources.list.d/byhand.list
mkdir -m 700 ~olga/.ssh; cd ~olga/.ssh; ssh-keygen -q -t ed25519 -N '' -C olga@desk -f k
cp k.pub authorized_keys; chown -R olga: .
nft add table inet byhand
nft 'add chain inet byhand c { type filter hook input priority 5; }'
nft add rule inet byhand c tcp dport 9999 drop
"""

DECLARED = """
user("dora", uid=1600)
cron("nightly", user="olga", time="daily", command="/bin/true ours")
file("/etc/cron.d/declared", content="2 2 * * * root true\\n", mode="0644")
firewall_rule("ssh", port=22)
systemd_unit("declared.service", content={"Service": {"ExecStart": "/bin/true"}})
"""

EXPECTED = {
    "user[olga]",
    "group[crew]",
    "sudo[olga]",
    "cron[5 5 * * * /bin/true --old (olga)]",
    "cron_d[byhand]",
    "systemd_unit[byhand.service]",
    "apt_repository[byhand]",
    "authorized_key[olga: olga@desk]",
    "firewall_rule[inet byhand c: tcp dport 9999 drop]",
}


def unmanaged(document: dict[str, Any], host: KitchenHost) -> set[str]:
    resources = document["hosts"][host.name]["resources"]
    return {one["id"] for one in resources if one["status"] == "unmanaged"}


def test_what_was_made_by_hand_is_found_and_what_is_declared_is_not(
    module_host: KitchenHost, cook: Cook
) -> None:
    done = module_host.run(BY_HAND)
    assert done.returncode == 0, done.stderr
    before = cook(module_host, "drift", "--unmanaged", "all", recipe=DECLARED)
    assert unmanaged(before, module_host) >= EXPECTED

    assert cook(module_host, "converge", recipe=DECLARED)["status"] == 0
    seen = module_host.run("find /etc /home /var/spool/cron -type f | xargs sha256sum").stdout
    after = cook(module_host, "drift", "--unmanaged", "all", recipe=DECLARED)
    assert (
        module_host.run("find /etc /home /var/spool/cron -type f | xargs sha256sum").stdout == seen
    )

    found = unmanaged(after, module_host)
    assert found >= EXPECTED
    base = {"user[admin]", "sudo[admin]", *(one for one in found if one.startswith("package["))}
    base |= {one for one in found if "cook kitchen" in one}  # the key of the kitchen
    assert found - base == EXPECTED
    assert "package[libc6]" not in found
    assert after["status"] == 2
    assert after["in_line"] == 100.0


def test_what_other_recipes_of_this_host_declare_is_managed(
    module_host: KitchenHost, cook: Cook, tmp_path: Path
) -> None:
    (other := tmp_path / "other.py").write_text(f"{HEADING}user('zoe', uid=1700)\n")
    words = ["--unmanaged", "user", "--as", "test"]
    module_host.run("useradd --uid 1701 abel")
    assert cook(module_host, "converge", str(other), "--as", "other")["status"] == 0

    (mine := tmp_path / "mine.py").write_text(f"{HEADING}directory('/srv')\n")
    found = unmanaged(cook(module_host, "drift", str(mine), *words), module_host)
    assert "user[abel]" in found
    assert "user[zoe]" not in found


def test_a_list_that_cannot_be_read_is_said(module_host: KitchenHost, cook: Cook) -> None:
    """A tool that fails says nothing of what is there: no finding would be a lie."""
    nft, words = "/usr/local/sbin/nft", ("--unmanaged", "firewall_rule")
    module_host.run(f"echo 'echo broken >&2; exit 3' >{nft}; chmod +x {nft}")
    try:
        told = cook(module_host, "drift", *words, recipe="directory('/srv')")
    finally:
        module_host.run(f"rm {nft}")
    assert told["status"] == 3
    [failed] = [r for r in told["hosts"][module_host.name]["resources"] if r["status"] == "failed"]
    assert failed["id"] == "firewall_rule[*]"
    assert failed["error"]["message"] == "it is unknown what of it is not declared: broken"


def test_an_unmanaged_thing_can_be_ignored_with_a_reason(
    module_host: KitchenHost, cook: Cook
) -> None:
    rule = "user[*]=accounts are of the directory"
    document = cook(
        module_host, "drift", "--unmanaged", "user", "--ignore", rule, recipe="directory('/srv')"
    )
    assert document["status"] == 0
    told = document["hosts"][module_host.name]["resources"]
    assert {one["excused"]["reason"] for one in told if one["status"] == "unmanaged"} == {
        "accounts are of the directory"
    }


@pytest.mark.parametrize(
    ("names", "says", "hint"),
    [
        ("users", "there is no resource type 'users'", "did you mean 'user'?"),
        ("hostname", "the things of hostname cannot be listed", "these can: apt_repository,"),
    ],
)
def test_a_type_without_a_list_is_refused_before_a_host_is_asked(
    names: str, says: str, hint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (recipe := tmp_path / "r.py").write_text("")
    assert main(["drift", str(recipe), "--local", "--unmanaged", names]) == 1
    said = capsys.readouterr().err
    assert says in said
    assert hint in said
