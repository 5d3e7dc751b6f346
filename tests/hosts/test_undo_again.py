"""
What one run has made, a later one changes or removes: each action of each word, there and back.

The runs of tests/hosts/test_undo.py find what others have made.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cookbook.kitchen import KitchenHost
from tests.hosts.conftest import Cook
from tests.hosts.manifest import difference, failures, state
from tests.hosts.test_undo import there_and_back

pytestmark = pytest.mark.hosts

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7a8cTcCN3VkU0jOLk2Yp3sM6V2r1VkGq7m1q2Zl0aB ann"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAp8MNLYnyWlPlR2LBBiuHrCDTFt1j4s8aQ1sMDT0hvl bob"

# What is done by hand, what an earlier run has done, and what a later one does.
LATER = {
    "file: made if it was missing": (
        "echo x >/etc/there; touch -d 2001-02-03 /etc/there; chmod 604 /etc/there",
        "",
        """
file("/etc/there", content="ours", action="create_if_missing")
file("/etc/missing", content="ours", action="create_if_missing", mode="600")
""",
    ),
    "file: of its link, of its owner": (
        (
            "echo x >/etc/real; chmod 600 /etc/real; ln -s real /etc/alias;"
            " touch -d 2001-02-03 /etc/real; touch -d 2004-04-04 /etc/own"
        ),
        'file("/etc/kept", content="1\\n2\\n", mode="640", group="nogroup")',
        """
file("/etc/alias", content="through the link", manage_symlink_source=True)
file("/etc/own", owner="nobody", group="nogroup")
file("/etc/kept", content="1\\n3\\n", mode="640", group="root")
""",
    ),
    "template: created, rendered anew, deleted": (
        "true",
        """
template("/etc/anew", source="t.j2", variables={"n": 1}, mode="640")
template("/etc/gone", source="t.j2", variables={"n": 2}, mode="751", owner="nobody")
""",
        """
template("/etc/made", source="t.j2", variables={"n": 3}, backup=False)
template("/etc/anew", source="t.j2", variables={"n": 4}, mode="644")
template("/etc/gone", source="t.j2", action="delete")
""",
    ),
    "directory: of another mode and owner, with what is in it": (
        (
            "mkdir -p /srv/d/sub; echo x >/srv/d/sub/x; chmod 1777 /srv/d;"
            " touch -d 2001-02-03 /srv/d/sub/x"
        ),
        'directory("/srv/ours/deep", recursive=True, mode="700")',
        """
directory("/srv/d", mode="2750", owner="nobody", group="nogroup")
directory("/srv/ours/deep", action="delete")
directory("/srv/ours", action="delete")
""",
    ),
    "link: hard ones, and of another owner": (
        "echo x >/srv/x; echo y >/srv/y; ln /srv/y /srv/hard2; ln -s x /srv/soft",
        'link("/srv/ours", to="/srv/x")',
        """
link("/srv/ours", to="/srv/y")
link("/srv/hard2", action="delete", link_type="hard", to="/srv/y")
link("/srv/hard3", to="/srv/x", link_type="hard")
link("/srv/soft", to="/srv/y", owner="nobody")
""",
    ),
    "user: locked and unlocked, another number, another home": (
        (
            "useradd -u 4001 -m ann; echo ann:secret1 | chpasswd;"
            " useradd -u 4002 -m bob; echo bob:secret2 | chpasswd; usermod -L bob;"
            " useradd -u 4003 -M carl; useradd -u 4004 -m dora; echo mine >/home/dora/mine"
        ),
        'user("eve", uid=4005, manage_home=True, shell="/bin/bash")',
        """
user("ann", action="lock")
user("bob", action="unlock")
user("carl", uid=4103, expire_date="2031-02-03", inactive=7)
user("dora", home="/srv/dora", manage_home=True)
user("eve", comment="Eve", shell="/bin/sh", groups=["users"])
""",
    ),
    "user: removed, whose home nobody removes": (
        "useradd -u 4001 -m -s /bin/bash -G users ann; echo ann:secret | chpasswd; echo x >~ann/x",
        'user("eve", uid=4005, manage_home=True)',
        """
user("ann", action="remove")
user("eve", action="remove")
""",
    ),
    "group: another number, others in it, removed": (
        "groupadd -g 4001 one; groupadd -g 4002 two; gpasswd -a nobody two; gpasswd -a sys two",
        'group("three", gid=4003, members=["nobody"])',
        """
group("one", gid=4101)
group("two", members=["games"], excluded_members=["nobody"])
group("three", members=["games"], append=False)
""",
    ),
    "group: removed": (
        "groupadd -g 4002 two; gpasswd -a nobody two",
        'group("three", gid=4003, members=["nobody", "games"])',
        """
group("two", action="remove")
group("three", action="remove")
""",
    ),
    "cron: changed, deleted, of others": (
        "useradd -m ann; echo '5 5 * * * hers' | crontab -u ann -",
        """
cron("mine", minute="5", command="echo mine")
cron("gone", minute="6", command="echo gone", mailto="root@example.net")
cron("hers", user="ann", time="daily", command="echo hers", environment={"A": "b"})
""",
        """
cron("mine", minute="*/7", hour="1,2", command="echo 'mine' %", comment="why")
cron("gone", action="delete")
cron("hers", user="ann", time="weekly", command="echo hers", environment={"A": "c"})
cron("new of ann", user="ann", command="true")
""",
    ),
    "authorized_key: of other options, removed, the only one": (
        (
            f"useradd -m ann; mkdir -m 700 ~ann/.ssh; echo '{OTHER}' >~ann/.ssh/authorized_keys;"
            " chown -R ann ~ann/.ssh; useradd -m bob; useradd -m carl"
        ),
        f"""
authorized_key("ann", key="{KEY}")
authorized_key("bob", key=["{KEY}", "{OTHER}"])
authorized_key("carl", key="{KEY}")
""",
        f"""
authorized_key("ann", key="{KEY}", key_options="no-pty", exclusive=True)
authorized_key("bob", key="{OTHER}", action="remove")
authorized_key("carl", key="{KEY}", action="remove")
""",
    ),
    "firewall_rule: changed, moved, deleted": (
        "true",
        """
firewall_rule("ssh", port=22)
firewall_rule("web", port=[80, 443])
firewall_rule("dns", port=53, protocol="udp", command="deny")
""",
        """
firewall_rule("web", port=[80, 8443], source="192.0.2.0/24", logging=True)
firewall_rule("dns", port=53, protocol="udp", command="deny", position=10)
firewall_rule("ssh", port=22, action="delete")
firewall_rule("out", port=25, direction="out", command="reject")
""",
    ),
    "service: masked and unmasked, enabled, started": (
        (
            "systemctl stop cron; systemctl disable cron;"
            " systemctl mask e2scrub_reap.service no-such-unit.service"
        ),
        "",
        """
service("cron", action=["enable", "start"])
service("e2scrub_reap", action="unmask")
service("no-such-unit", action="unmask")
service("systemd-pstore", action="mask")
""",
    ),
}


@pytest.mark.parametrize("word", LATER)
def test_what_was_ours_goes_back_to_what_it_was(
    fresh_host: KitchenHost, cook: Cook, tmp_path: Path, word: str
) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/t.j2").write_text("number {{ n }}\n")
    prepare, earlier, later = LATER[word]
    prepared = fresh_host.run(f"su admin -c 'sudo true'; set -e; {prepare}")
    assert prepared.returncode == 0, prepared.stderr
    if earlier:
        done = cook(fresh_host, "converge", recipe=earlier)
        assert done["status"] == 0, failures(done)
    there_and_back(fresh_host, cook, later)


def test_a_home_that_goes_is_said_to_be_lost(fresh_host: KitchenHost, cook: Cook) -> None:
    fresh_host.run(
        "su admin -c 'sudo true'; useradd -u 4001 -m -s /bin/bash -c Ann -G users ann;"
        " echo ann:secret | chpasswd; echo mine >~ann/mine"
    )
    before = state(fresh_host)
    done = cook(fresh_host, "converge", recipe='user("ann", action="remove", manage_home=True)\n')
    assert done["status"] == 0, failures(done)

    looked = cook(fresh_host, "undo", "last")
    [step] = looked["hosts"][fresh_host.name]["resources"]
    assert step["lost"] == "what is in /home/ann"
    assert cook(fresh_host, "undo", "last", "--yes")["status"] == 3
    assert fresh_host.run("id ann").returncode == 1

    undone = cook(fresh_host, "undo", "last", "--yes", "--partial")
    assert undone["status"] == 0, failures(undone)
    assert [line for line in difference(before, state(fresh_host)) if "home/ann" not in line] == []
    assert fresh_host.run("stat -c %U ~ann").stdout == "ann\n"
