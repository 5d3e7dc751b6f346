"""Reboots in the middle of a run: it connects again, and goes on."""

from __future__ import annotations

import pytest

from cookbook.kitchen import KitchenHost
from tests.faults.running import Ran

pytestmark = pytest.mark.hosts

REQUIRED = """
file("/etc/reboot-1", content="1")
execute("touch /run/reboot-required", not_if="test -e /etc/reboot-2")
reboot("after updates", action="reboot_if_required")
file("/etc/reboot-2", content="2")
"""
NOTIFIED = """
file("/etc/reboot-3", content="3", notifies=[immediate("reboot_now", "reboot[new kernel]")])
reboot("new kernel", reason="of a test")
file("/etc/reboot-4", content="4")
"""


def boot(host: KitchenHost) -> str:
    """Return what is another text after a reboot."""
    return host.run("cut -d ' ' -f 22 /proc/1/stat; stat -c %Y /proc/1").stdout


def test_a_reboot_that_is_required_is_made_once(ran: Ran, fresh_host: KitchenHost) -> None:
    before = boot(fresh_host)
    planned = ran(fresh_host, REQUIRED, command="plan")
    said = ran(fresh_host, REQUIRED, "--reconnect", "0")
    after = boot(fresh_host)
    again = ran(fresh_host, REQUIRED)

    assert planned.statuses == ["changed", "changed", "unknown", "changed"], planned
    assert (said.exit, said.statuses) == (0, ["changed"] * 4), said
    assert before != after == boot(fresh_host)
    assert (again.exit, again.statuses) == (0, ["ok", "skipped", "ok", "ok"]), again


def test_a_reboot_that_is_notified_is_gone_on_from(ran: Ran, fresh_host: KitchenHost) -> None:
    before = boot(fresh_host)
    said = ran(fresh_host, NOTIFIED)
    after = boot(fresh_host)
    again = ran(fresh_host, NOTIFIED)

    assert said.exit == 0, said
    assert before != after == boot(fresh_host)
    assert fresh_host.run("cat /etc/reboot-3 /etc/reboot-4").stdout == "34"
    assert set(again.statuses) == {"ok"}, again
