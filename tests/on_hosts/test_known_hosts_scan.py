"""`ssh_known_hosts_entry` with a scan, judged by ssh-keygen(1)."""

from __future__ import annotations

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Converge

pytestmark = pytest.mark.hosts

FILE = "/etc/ssh/ssh_known_hosts"
ENTRY = """
ssh_known_hosts_entry(
    "127.0.0.1", scan=True, key_type="ed25519", fingerprint={0!r}, timeout=60, port={1}
)
"""


def test_a_scanned_key_is_taken_if_it_has_the_fingerprint(
    fresh_host: KitchenHost, converge: Converge, plan: Converge
) -> None:
    own = "/etc/ssh/ssh_host_ed25519_key.pub"
    shown = fresh_host.run(f"ssh-keygen -lf {own}").stdout.split()[1]
    key = fresh_host.run(f"cut -d' ' -f2 {own}").stdout.strip()
    wrong = "SHA256:" + "A" * 43

    [refused] = plan(fresh_host, ENTRY.format(wrong, 22))
    assert refused.status == "failed"
    assert f"127.0.0.1 showed the key {shown}, not {wrong}" in str(refused.error)
    [silent] = plan(fresh_host, ENTRY.format(shown, 4))
    assert "did not show a key of the type ssh-ed25519" in str(silent.error)
    assert fresh_host.run(f"test -e {FILE}").returncode == 1

    [step] = converge(fresh_host, ENTRY.format(shown, 22))
    assert step.status == "changed"
    assert key in fresh_host.run(f"ssh-keygen -F 127.0.0.1 -f {FILE}").stdout
    # Known by its fingerprint, it is not asked for again: there is nothing that could answer.
    fresh_host.run("mv /usr/bin/ssh-keyscan /usr/bin/ssh-keyscan.away")
    [again] = converge(fresh_host, ENTRY.format(shown, 22))
    assert again.status == "ok"


def test_a_user_has_entries_in_a_file_of_her_own(
    fresh_host: KitchenHost, converge: Converge
) -> None:
    fresh_host.run("useradd -m ann && install -d -o ann -g ann -m 700 /home/ann/.ssh")
    key = fresh_host.run("cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub").stdout.strip()
    [step] = converge(
        fresh_host,
        f"ssh_known_hosts_entry('git', key={key!r}, file_location='/home/ann/.ssh/known_hosts',"
        " become_user='ann')",
    )
    assert step.status == "changed"
    assert fresh_host.run("stat -c '%U %a' /home/ann/.ssh/known_hosts").stdout == "ann 644\n"
    assert fresh_host.run("su ann -c 'ssh-keygen -F git'").stdout.endswith(f"git {key}\n")
