"""`cook pull` on a host by its timer: signed, unsigned, and rolled back."""

from __future__ import annotations

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.own_cook import do, install_cook

pytestmark = pytest.mark.hosts

PREPARE = """\
git config --global user.name Ann; git config --global user.email ann@example.org
git config --global gpg.format ssh; git config --global user.signingKey /root/ann
ssh-keygen -qt ed25519 -N '' -f /root/ann
mkdir -p /etc/cook; printf 'ann@example.org %s\\n' "$(cat /root/ann.pub)" >/etc/cook/signers
git init -q -b main /srv/fleet; cd /srv/fleet
printf 'hosts: {%s: {}}\\ngroups: {all: {hosts: [%s], recipes: [site.py]}}\\n' \\
 "$(hostname)" "$(hostname)" >hosts.yml
"""

COMMIT = """\
cd /srv/fleet
echo 'from cookbook.resources import file; file("/etc/pulled", content="{0}", mode="0644")' >site.py
git add -A; git commit -q {1} -m {0}
"""

PULL = "cook pull --repo /srv/fleet --allowed-signers /etc/cook/signers --hosts hosts.yml"
JOURNAL = "journalctl --sync; journalctl -o cat -u cook-pull"
UNITS = f"""\
{PULL} --print-unit >/etc/systemd/system/cook-pull.service
{PULL} --print-unit timer >/run/timer
sed 's/^OnCalendar=.*/OnCalendar=*:*:00\\/2\\nAccuracySec=1s/; s/^Randomized.*//' /run/timer \\
 >/etc/systemd/system/cook-pull.timer
systemctl daemon-reload
"""


@pytest.fixture(scope="module")
def host(module_host: KitchenHost) -> KitchenHost:
    """A host with cook, a repository and the key that is trusted."""
    install_cook(module_host, "git", "openssh-client")
    do(module_host, PREPARE)
    do(module_host, COMMIT.format("one", "-S"))
    do(module_host, UNITS)
    return module_host


def test_a_timer_pulls_what_is_signed_and_nothing_else(host: KitchenHost) -> None:
    do(
        host,
        "systemctl start cook-pull.timer; until [ -e /etc/pulled ]; do sleep 0.2; done;"
        " systemctl stop cook-pull.timer;"
        " while [ $(systemctl show -P ActiveState cook-pull) = activating ]; do sleep 0.2; done",
    )
    assert do(host, "cat /etc/pulled") == "one"
    assert do(host, "systemctl show -P Result cook-pull.service") == "success\n"
    assert "its signature is good" in (journal := do(host, JOURNAL))
    assert "changed" in journal

    do(host, COMMIT.format("two", "--no-gpg-sign"))
    assert host.run("systemctl start cook-pull.service").returncode != 0
    assert do(host, "cat /etc/pulled") == "one"
    assert "is not signed by a key of /etc/cook/signers" in do(host, JOURNAL)

    do(host, COMMIT.format("three", "-S"))
    do(host, "systemctl start cook-pull.service")
    assert do(host, "cat /etc/pulled") == "three"

    do(host, "cd /srv/fleet; git reset -q --hard HEAD~2")
    assert host.run("systemctl start cook-pull.service").returncode != 0
    assert do(host, "cat /etc/pulled") == "three"
    assert "is older than" in do(host, JOURNAL)

    # Many journals, as of a host that nobody has looked at: the run has them put into the history.
    # systemd ends what a service has begun, so the run waits for that.
    copies = (
        "cd /var/lib/cook/journal; for i in $(seq 25); do cp $(ls *.jsonl | head -n 1) $i.jsonl;"
    )
    do(host, f"cd /srv/fleet; git reset -q --hard main@{{1}}; {copies} done")
    do(host, "systemctl start cook-pull.service")
    assert do(host, "ls /var/lib/cook/journal") == ""

    revision = do(host, "cd /srv/fleet; git rev-parse main").strip()
    assert revision in do(host, "COOK_STATE=/var/lib/cook cook show last")
