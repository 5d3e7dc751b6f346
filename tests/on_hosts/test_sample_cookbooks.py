"""The sample cookbooks, run as people run them: each word they show works on a real host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Cook
from tests.on_hosts.manifest import difference, manifest
from tests.on_hosts.shop import PREPARE

pytestmark = pytest.mark.hosts

OF_SEVERAL_HOSTS = {"rolling"}
"""Samples with a test of their own: tests/on_hosts/test_rolling.py."""

SAMPLES = sorted(
    path for path in Path("sample_cookbooks").glob("*/") if path.name not in OF_SEVERAL_HOSTS
)

JUDGED = {
    "baseline": [
        "id -nG ann | grep -qw operators",
        "su ann -c 'sudo -n true'",
        "grep -q '^ssh-ed25519 AAAA.*DTFt1j4s8aQ1sMDT0hvl' ~ann/.ssh/authorized_keys",
        "[ \"$(su ann -c 'ulimit -Hc')\" = 0 ]",
        "sshd -T | grep -qx 'passwordauthentication no'",
        "sshd -T | grep -qx 'maxauthtries 4'",
        '[ "$(sysctl -n net.ipv4.conf.all.send_redirects)" = 0 ]',
        '[ "$(readlink -f /etc/localtime)" = /usr/share/zoneinfo/Europe/Berlin ]',
        "grep -qx 'NTP=0.debian.pool.ntp.org' /etc/systemd/timesyncd.conf.d/*.conf",
        "[ \"$(getent hosts repo.internal | cut -d' ' -f1)\" = 192.0.2.10 ]",
        "apt-config dump APT::Periodic::Unattended-Upgrade | grep -q '\"1\"'",
        "logrotate -d /etc/logrotate.d/site",
        "timeout 60 sh -c 'until fail2ban-client status sshd; do sleep 0.2; done'",
        "systemctl is-enabled fail2ban && systemctl is-active fail2ban",
        "nft list ruleset | grep -q 'tcp dport 22 accept'",
    ],
    "database": [
        "PGPASSWORD='open sesame' psql -h 127.0.0.1 -U shop -c 'CREATE TABLE hats (n int)'",
        "runuser -u postgres -- psql -qd shop -c 'INSERT INTO hats VALUES (7)'",
        "! PGPASSWORD='close sesame' psql -h 127.0.0.1 -U shop -c 'SELECT 1'",
        "! grep -rqs 'open sesame' /var/lib/postgresql /var/log/postgresql /var/lib/cook",
        "[ \"$(runuser -u postgres -- psql -XAtc 'SHOW shared_buffers')\" = 64MB ]",
        "ss -ltn | grep -q '0.0.0.0:5432 ' || grep -q ' 00000000:1538 ' /proc/net/tcp",
        "systemctl is-enabled dump-databases.timer && systemctl is-active dump-databases.timer",
        "touch -d '20 days ago' /var/backups/postgresql/shop-2001-02-03.dump",
        "systemctl start dump-databases.service",
        "! ls /var/backups/postgresql | grep 2001",
        "runuser -u postgres -- psql -qd shop -c 'DROP TABLE hats'",
        "runuser -u postgres -- pg_restore -d shop -t hats /var/backups/postgresql/shop-*.dump",
        "[ \"$(runuser -u postgres -- psql -XAtd shop -c 'SELECT n FROM hats')\" = 7 ]",
        "! runuser -u postgres -- psql -XAtd shop -c 'SET ROLE reports' -c 'SELECT n FROM hats'",
    ],
    "deploy_app": [
        "curl -sf http://127.0.0.1/ | grep -qx 'Hello from version 1'",
        "for p in 8001 8002; do curl -sf http://127.0.0.1:$p/health; done | grep -qx okok",
        "[ \"$(stat -c '%U %a' /etc/shop.env | xargs)\" = 'root 600' ]",
        '[ "$(stat -Lc %U /srv/shop/current/server.py)" = shop ]',
        "su ann -c 'sudo -n /bin/systemctl restart shop-8001'",
        "! grep -rqs 'open sesame' /var/lib/cook /srv/shop /var/log",
        "nft list ruleset | grep -q 'tcp dport 80 accept'",
    ],
    "own_types": [
        '[ "$(systemctl get-default)" = multi-user.target ]',
        "[ \"$(stat -c '%U %G %a' /srv/hats)\" = 'hats hats 750' ]",
    ],
    "webserver": [
        (
            r"""bash -c 'exec 3<>/dev/tcp/127.0.0.1/80; printf "GET / HTTP/1.0\r\n\r\n" >&3;"""
            r""" grep -q "Hello from cook" <&3'"""
        ),
        "crontab -l -u deploy | grep -q '^17 3 '",
        "systemctl is-enabled nginx && systemctl is-active nginx",
    ],
}
"""By cookbook: commands that succeed on a host that it has converged."""

# What a server writes by itself is in a file system of its own, which a manifest leaves out.
PREPARED = {
    "database": "for d in /var/lib/postgresql /var/log/postgresql; do"
    " mkdir -p $d && mount -t tmpfs sample $d || exit; done",
    "deploy_app": f"apt-get install -y --no-install-recommends curl >/dev/null\n{PREPARE}",
}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_plan_converge_and_nothing_more_to_do(
    fresh_host: KitchenHost, cook: Cook, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = str(sample / f"{sample.name}.py")
    monkeypatch.setenv("COOK_SECRET_DATABASE_SHOP", "open sesame")
    monkeypatch.setenv("COOK_SECRET_SHOP_TOKEN", "open sesame")
    assert fresh_host.run(PREPARED.get(sample.name, "true"), timeout=900).returncode == 0
    fresh_host.run("su admin -c 'sudo true'")  # sudo leaves a note in the home at its first use
    before = manifest(fresh_host)

    planned = cook(fresh_host, "plan", recipe)
    assert planned["status"] == 2, planned
    assert planned["totals"]["failed"] == 0
    assert difference(before, manifest(fresh_host)) == []  # law 3

    done = cook(fresh_host, "converge", recipe)
    assert done["status"] == 0, _failures(done)
    _keeps_its_word(planned, done)
    for command in JUDGED[sample.name]:
        judged = fresh_host.run(command)
        assert judged.returncode == 0, (command, judged.stdout, judged.stderr)

    left = manifest(fresh_host)
    again = cook(fresh_host, "converge", recipe)
    assert (again["status"], again["totals"]["changed"]) == (0, 0), _changed(again)
    assert again["hosts"][fresh_host.name]["exchanges"] <= 2
    assert difference(left, manifest(fresh_host)) == []

    assert cook(fresh_host, "plan", recipe)["status"] == 0


def _keeps_its_word(planned: dict[str, Any], done: dict[str, Any]) -> None:
    """Whatever the plan marked ok or change is what the run did."""
    [before], [after] = planned["hosts"].values(), done["hosts"].values()
    did = {(r["id"], r["because"] is None): r["status"] for r in after["resources"]}
    for resource in before["resources"]:
        if resource["status"] in ("ok", "changed") and resource["because"] is None:
            assert did[resource["id"], True] == resource["status"], resource["id"]


def _changed(document: dict[str, Any]) -> list[Any]:
    return [
        r for h in document["hosts"].values() for r in h["resources"] if r["status"] == "changed"
    ]


def _failures(document: dict[str, Any]) -> list[Any]:
    return [
        (host["error"], [r["error"] for r in host["resources"] if r["error"]])
        for host in document["hosts"].values()
    ]
