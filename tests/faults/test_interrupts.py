"""
Somebody does not want to wait (part C of the needs: 43, 49), on a host with a real apt and sudo.

Told once, a host finishes the resource at work; twice, that is ended, but no package transaction.
"""

from __future__ import annotations

import signal
import time

import pytest

from cookbook.kitchen import KitchenHost
from tests.faults.running import FIRST, SECOND, THIRD, Ran, Start, told
from tests.on_hosts.test_package import SOURCES, do, offer
from tests.texts import check, check_document
from tests.waiting import LONG, until

pytestmark = pytest.mark.hosts

OUR_SHELLS = "pgrep -x sh | grep -vx $$; pgrep -f 314.15 | grep -vx $$; ls -A /var/lib/cook/.halt-*"


def left_behind(host: KitchenHost) -> str:
    """Our processes and files there; a shell has a moment for its end."""
    end = time.monotonic() + LONG
    while (left := host.run(OUR_SHELLS).stdout) and time.monotonic() < end:
        time.sleep(0.1)
    return left


@pytest.mark.parametrize(
    ("transport", "number"),
    [
        ("ssh", signal.SIGINT),
        ("ssh", signal.SIGTERM),
        ("ssh", signal.SIGHUP),
        ("openssh", signal.SIGINT),
    ],
    indirect=["transport"],
)
def test_told_twice_a_host_ends_what_it_is_at(
    start: Start, ran: Ran, module_host: KitchenHost, number: signal.Signals
) -> None:
    module_host.run("rm -rf /etc/cut-* /var/lib/cook")
    recipe = """
file("/etc/cut-1", content="1")
execute("long", command="touch /etc/cut-begun; sh -c 'sleep 314.15; touch /etc/cut-x'; echo")
file("/etc/cut-2", content="2")
"""
    run = start(module_host, recipe)
    until(module_host, "/etc/cut-begun")
    run.tell(number, FIRST)
    time.sleep(1.0)
    assert run.poll() is None
    run.tell(number, SECOND)
    said = told(run)

    assert said.exit == 130
    assert said.host["status"] == "interrupted"
    assert said.statuses == ["changed", "unknown", "not-run"]
    [unknown] = [one for one in said.host["resources"] if one["status"] == "unknown"]
    assert "ended in the middle" in unknown["error"]["message"]
    assert "once more" in said.errors
    check_document("C43-twice", said.document, errors=said.errors)
    assert module_host.run("ls /etc/cut-x /etc/cut-2").stdout == ""
    assert left_behind(module_host) == ""
    again = ran(module_host, 'file("/etc/cut-2", content="2")\n')
    assert again.exit == 0  # nobody holds the host


def test_told_twice_a_package_transaction_is_finished(
    start: Start, module_host: KitchenHost
) -> None:
    postinst = r"""
mkdir -p /tmp/build/DEBIAN
printf '#!/bin/sh\ntouch /etc/cut-postinst\ntimeout 90 sh -c "%s"\ntouch /etc/cut-finished\n' \
    'until [ -e /etc/cut-go ]; do sleep 0.1; done' >/tmp/build/DEBIAN/postinst
chmod 755 /tmp/build/DEBIAN/postinst
build slow 1.0
"""
    offer(module_host, postinst)
    do(module_host, SOURCES)
    recipe = 'package("slow")\nfile("/etc/cut-3", content="3")\n'
    run = start(module_host, recipe)
    until(module_host, "/etc/cut-postinst")
    run.tell(signal.SIGINT, FIRST)
    run.tell(signal.SIGINT, SECOND)
    until(module_host, "/var/lib/cook/.halt-*")  # a login later: the host knows
    do(module_host, "touch /etc/cut-go")
    said = told(run)

    assert said.exit == 130
    assert "a package transaction is not ended in the middle" in said.errors
    assert said.statuses == ["changed", "not-run"]
    check_document("C43-twice-at-a-package", said.document, errors=said.errors)
    assert do(module_host, "dpkg-query -W -f '${db:Status-Abbrev}' slow") == "ii "
    assert module_host.run("dpkg --audit").stdout == ""
    assert module_host.run("ls /etc/cut-finished /etc/cut-3 2>/dev/null").stdout == (
        "/etc/cut-finished\n"
    )
    assert left_behind(module_host) == ""


def test_cook_may_be_left_at_once_and_the_package_is_installed_all_the_same(
    start: Start, ran: Ran, module_host: KitchenHost
) -> None:
    module_host.run("apt-get -y purge slow; rm -f /etc/cut-*", timeout=300)
    run = start(module_host, 'package("slow")\n')
    until(module_host, "/etc/cut-postinst")
    for heard in (FIRST, SECOND, THIRD):
        run.tell(signal.SIGHUP, heard)
    run.communicate(timeout=LONG)

    assert run.returncode == 130
    check("C49-left-at-once", run.complaints, {})
    do(module_host, "touch /etc/cut-go")
    until(module_host, "/etc/cut-finished")
    again = ran(module_host, 'package("slow")\n', "--wait", "60s")
    assert again.exit == 0
    assert again.statuses == ["ok"]
    assert module_host.run("dpkg --audit").stdout == ""
