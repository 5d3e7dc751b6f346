"""Crontabs on a real host, judged by crontab(1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cookbook.kitchen import KitchenHost
    from tests.hosts.conftest import Converge

pytestmark = pytest.mark.hosts

FOREIGN = (
    "# by hand\n\nMAILTO=bob\n7 3 * * 0 /usr/bin/weekly\n1 2 * * *   /usr/bin/same\n@reboot last"
)


@pytest.fixture
def crontab(module_host: KitchenHost) -> KitchenHost:
    """A host with cron, and nothing in root's crontab."""
    if module_host.run("command -v crontab").returncode != 0:
        install = "apt-get update -qq && apt-get install -qqy --no-install-recommends cron"
        installed = module_host.run(install, timeout=300)
        assert installed.returncode == 0, installed.stderr
    module_host.run("crontab -r -u root")
    return module_host


def _of(host: KitchenHost, user: str = "root") -> str:
    return host.run(f"crontab -l -u {user}").stdout


def test_entries_of_others_stay_and_an_equal_one_is_adopted(
    crontab: KitchenHost, converge: Converge
) -> None:
    spool = "/var/spool/cron/crontabs/root"
    crontab.run(f"printf %s '{FOREIGN}' >{spool}; chown root:crontab {spool}; chmod 600 {spool}")
    recipe = """
    cron("same", minute=1, hour=2, command="/usr/bin/same")
    cron("new", minute="*/5", command="date +\\\\%F 'a b' >/dev/null", comment="why")
    cron("mailed", time="daily", command="report", mailto="ops@example.org")
    """
    assert [s.status for s in converge(crontab, recipe)] == ["changed"] * 3
    assert _of(crontab) == (
        "# cook: new\n#: why\n*/5 * * * * date +\\%F 'a b' >/dev/null\n"
        "# by hand\n\nMAILTO=bob\n7 3 * * 0 /usr/bin/weekly\n"
        "# cook: same\n1 2 * * * /usr/bin/same\n"
        "@reboot last\n"
        "# cook: mailed\nMAILTO=ops@example.org\n@daily report\n"
    )
    assert {s.status for s in converge(crontab, recipe)} == {"ok"}
    gone = "\n".join(f'cron("{name}", action="delete")' for name in ("same", "new", "mailed"))
    assert {s.status for s in converge(crontab, gone)} == {"changed"}
    assert _of(crontab) == "# by hand\n\nMAILTO=bob\n7 3 * * 0 /usr/bin/weekly\n@reboot last\n"
    assert {s.status for s in converge(crontab, gone)} == {"ok"}


def test_changes_by_hand_are_seen_and_repaired_in_place(
    crontab: KitchenHost, converge: Converge
) -> None:
    recipe = 'cron("a", minute=1, command="a")\ncron("b", minute=2, command="b")'
    converge(crontab, recipe)
    as_it_was = _of(crontab)
    crontab.run("crontab -l | sed 's/^1 /9 /; /^2 /d' | crontab -")
    steps = converge(crontab, recipe)
    assert [s.status for s in steps] == ["changed", "changed"]
    assert _of(crontab) == as_it_was


def test_each_user_has_a_crontab_and_two_changes_are_one_write(
    crontab: KitchenHost, converge: Converge
) -> None:
    recipe = """
    user("clock", system=True)
    cron("a", command="a", user="clock")
    cron("b", command="b", user="clock")
    file("/tmp/between")
    cron("c", command="c", user="clock")
    """
    assert {s.status for s in converge(crontab, recipe)} == {"changed"}
    assert [line for line in _of(crontab, "clock").splitlines() if line[0] != "#"] == [
        "* * * * * c",
        "* * * * * a",
        "* * * * * b",
    ]
    assert _of(crontab) == ""
    assert {s.status for s in converge(crontab, recipe)} == {"ok"}
    converge(crontab, "\n".join(f'cron("{n}", user="clock", action="delete")' for n in "abc"))
    assert "no crontab for clock" in crontab.run("crontab -l -u clock").stderr


def test_a_host_without_cron_is_said_to_have_none(module_host: KitchenHost, plan: Converge) -> None:
    if module_host.run("command -v crontab").returncode == 0:
        module_host.run("mv /usr/bin/crontab /usr/bin/crontab.away")
    try:
        [step] = plan(module_host, 'cron("a", command="a")')
        assert step.status == "failed"
        assert "127" in str(step.error)
    finally:
        module_host.run("mv /usr/bin/crontab.away /usr/bin/crontab")
