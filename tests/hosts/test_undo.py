"""
Converge, undo, redo: what a host was, it is again.

Judged by a manifest of the whole host that is made by other means than our own probes.
"""

from __future__ import annotations

import pytest

from cookbook.kitchen import KitchenHost
from tests.hosts.conftest import Cook
from tests.hosts.manifest import difference, failures, state

pytestmark = pytest.mark.hosts

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7a8cTcCN3VkU0jOLk2Yp3sM6V2r1VkGq7m1q2Zl0aB ann"

WORDS = {
    "file: created, replaced, deleted, other mode": (
        (
            "echo old >/etc/old; chmod 640 /etc/old; touch -d 2001-02-03 /etc/old;"
            " printf 'a\\0b' >/etc/gone; chown nobody /etc/gone; touch -d 2002-02-02 /etc/gone;"
            " echo m >/etc/mode; chmod 4711 /etc/mode; touch -d 2003-03-03 /etc/mode"
        ),
        """
file("/etc/new", content="new\\n", mode="600", owner="nobody")
file("/etc/old", content="new\\n", mode="644")
file("/etc/gone", action="delete")
file("/etc/mode", mode="644")
""",
    ),
    "file: in place of a folder and of a link": (
        "mkdir -p /etc/tree/sub; echo x >/etc/tree/sub/x; ln -s /etc/hostname /etc/alias",
        """
file("/etc/tree", content="a file\\n", force_unlink=True)
file("/etc/alias", content="a file\\n", manage_symlink_source=False, force_unlink=True)
""",
    ),
    "directory: created with those above, deleted with all that is in it": (
        (
            "mkdir -p /srv/tree/sub; echo t >/srv/tree/sub/t; chown -R nobody /srv/tree;"
            " chmod 2711 /srv/tree; ln -s sub /srv/tree/l; mkdir -m 700 /srv/empty"
        ),
        """
directory("/srv/a/b/c", recursive=True, mode="2750", owner="nobody")
directory("/srv/tree", action="delete", recursive=True)
directory("/srv/empty", action="delete")
""",
    ),
    "link: created, led elsewhere, deleted": (
        "ln -s /etc/hostname /srv/elsewhere; ln -s nowhere /srv/dangles",
        """
link("/srv/new", to="/etc/hostname")
link("/srv/elsewhere", to="/etc/hosts")
link("/srv/dangles", action="delete")
""",
    ),
    "user and group: created, changed, removed, with their numbers and passwords": (
        (
            "groupadd -g 4001 staff2; groupadd -g 4002 oldgroup; gpasswd -a nobody oldgroup;"
            " useradd -u 4001 -m -s /bin/sh -c 'Ann A' -G staff2 ann; echo ann:secret1 | chpasswd;"
            " useradd -u 4003 -M -s /bin/bash bob; echo bob:secret2 | chpasswd; usermod -L bob"
        ),
        """
group("app", gid=4100)
user("deploy", uid=4100, gid="app", shell="/bin/bash", manage_home=True,
     password="$6$saltsalt$XJ9OQ8y7d6zOaT7p7v8R4")
group("staff2", members=["nobody"])
user("ann", comment="Ann B", shell="/bin/bash", groups=["app"],
     password="$6$saltsalt$ANOTHERHASHANOTHERHASH")
user("bob", action="remove")
group("oldgroup", action="remove")
""",
    ),
    "cron: created, adopted": (
        "printf '%s\\n' '# mine' '1 2 3 4 5 echo mine' '@daily echo theirs' | crontab -",
        """
cron("new", minute="5", command="echo new")
cron("adopted", minute="1", hour="2", day="3", month="4", weekday="5", command="echo mine")
""",
    ),
    "authorized_key: for one who had none, and for one who had": (
        "useradd -m ann",
        f"""
authorized_key("ann", key="{KEY}")
""",
    ),
    "firewall_rule: the first ones, in order": (
        "true",
        """
firewall_rule("ssh", port=22)
firewall_rule("web", port=[80, 443])
firewall_rule("dns", port=53, protocol="udp", command="deny")
""",
    ),
    "service: stopped, disabled, masked": (
        "systemctl is-active cron >/dev/null",
        """
service("cron", action=["disable", "stop"])
""",
    ),
    "service: of a unit that comes with the recipe": (
        "true",
        """
file("/etc/systemd/system/tick.service", content="[Unit]\\nDescription=tick\\n"
     "[Service]\\nExecStart=/bin/sleep 1000\\n[Install]\\nWantedBy=multi-user.target\\n",
     notifies=[delayed("restart", "service[tick]")])
service("tick", action=["enable", "start"])
""",
    ),
}


@pytest.mark.parametrize("word", WORDS)
def test_undone_the_host_is_as_it_was_and_redone_as_it_was_to_be(
    fresh_host: KitchenHost, cook: Cook, word: str
) -> None:
    prepare, recipe = WORDS[word]
    prepared = fresh_host.run(f"su admin -c 'sudo true'; set -e; {prepare}")
    assert prepared.returncode == 0, prepared.stderr
    there_and_back(fresh_host, cook, recipe)


def there_and_back(host: KitchenHost, cook: Cook, recipe: str) -> None:
    """Converge, look at the undo, undo, redo; and nothing is left to do."""
    before = state(host)

    done = cook(host, "converge", recipe=recipe)
    assert done["status"] == 0, failures(done)
    assert done["totals"]["changed"] > 0
    after = state(host)
    assert difference(before, after) != []

    looked = cook(host, "undo", "last")
    assert looked["status"] == 2, failures(looked)
    assert difference(after, state(host)) == []  # looking changes nothing

    undone = cook(host, "undo", "last", "--yes")
    assert undone["status"] == 0, failures(undone)
    assert difference(before, state(host)) == []

    redone = cook(host, "undo", "last", "--yes")
    assert redone["status"] == 0, failures(redone)
    assert difference(after, state(host)) == []

    again = cook(host, "plan", recipe=recipe)
    assert again["status"] == 0, again["hosts"]
