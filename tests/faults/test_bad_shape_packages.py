"""Packages where an earlier transaction was cut off, there is no room, or somebody would ask."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from cookbook.kitchen import KitchenHost
from cookbook.planning.step import Step
from tests.faults.shape import Converge, do, failed, mounted, undone
from tests.on_hosts.test_package import BROKEN, SOURCES, offer, version
from tests.waiting import eventually

pytestmark = pytest.mark.hosts


@pytest.fixture(scope="module")
def stocked(module_host: KitchenHost) -> KitchenHost:
    """Needrestart is there; the only repository is a folder of the host's own."""
    install = "DEBIAN_FRONTEND=noninteractive apt-get install -qy needrestart >/dev/null 2>&1"
    do(module_host, install, timeout=200)
    offer(module_host, f"for n in one two three; do build $n 1.0; done\n{BROKEN}")
    do(module_host, f"{SOURCES}\napt-get update")
    return module_host


@pytest.fixture
def unhooked(stocked: KitchenHost) -> Iterator[KitchenHost]:
    """
    The host without the hooks of needrestart.

    It hears of a failure by a pipe of dpkg's, and may look before it has: what it prints then is a
    matter of load.
    """
    hooks = "/etc/apt/apt.conf.d/99needrestart /etc/dpkg/dpkg.cfg.d/needrestart"
    away = f"mkdir /srv/hooks && mv {hooks} /srv/hooks"
    back = "cd /srv/hooks && mv 99needrestart /etc/apt/apt.conf.d && mv * /etc/dpkg/dpkg.cfg.d"
    with undone(stocked, away, f"{back} && rmdir /srv/hooks"):
        yield stocked


def statuses(steps: list[Step]) -> list[str]:
    """Without an error that nobody would see."""
    assert [str(step.error) for step in steps if step.error] == []
    return [step.status for step in steps]


def half_configured(host: KitchenHost) -> None:
    """`fragile` is there by halves: its script has failed."""
    do(host, "touch /tmp/sabotage; apt-get install -y --reinstall fragile >/dev/null 2>&1 || :")
    assert version(host, "fragile").startswith("iF")


def test_what_somebody_has_left_half_done_is_named(
    unhooked: KitchenHost, converge: Converge
) -> None:
    """C23: by the transaction itself where that is all it takes; else it says what fails."""
    half_configured(unhooked)
    said = failed(converge(unhooked, 'package("one")')[0], "C23-half-done")
    assert said.startswith("dpkg could not install a package, or end what was begun")
    assert "fragile" in said
    assert "dpkg --audit" in said
    do(unhooked, "rm /tmp/sabotage; apt-get purge -y one >/dev/null 2>&1")


def test_repair_is_in_the_plan_and_comes_first(
    unhooked: KitchenHost, converge: Converge, plan: Converge
) -> None:
    """C23: `repair=True` ends what is half done, of other packages, too."""
    half_configured(unhooked)
    recipe = 'package("two", repair=True)'
    [planned] = plan(unhooked, recipe)
    assert planned.change is not None
    assert planned.change.fields["broken"] == (("fragile half-configured",), ())
    said = failed(converge(unhooked, recipe)[0], "C23-repair-fails")
    assert "--fix-broken --no-remove" in said
    assert version(unhooked, "two") == "", "nothing else is begun"
    do(unhooked, "rm /tmp/sabotage")
    assert statuses(converge(unhooked, recipe)) == ["changed"]
    assert version(unhooked, "fragile") == version(unhooked, "two") == "ii  1.0"
    assert statuses(converge(unhooked, recipe)) == ["ok"]


SLOW = """
mkdir -p /tmp/build/DEBIAN; cd /tmp/build/DEBIAN
printf '#!/bin/sh\\n[ ! -e /tmp/slow ] || { : >/tmp/began; sleep 600; }\\n' >postinst
chmod 755 postinst; cd /; build slow 1.0
"""


def test_dpkg_killed_in_the_middle_is_ended(stocked: KitchenHost, converge: Converge) -> None:
    """C23: kill -9 of apt-get and dpkg while a script runs."""
    offer(stocked, SLOW)
    do(stocked, "touch /tmp/slow; apt-get update >/dev/null")
    do(
        stocked,
        "setsid apt-get install -y slow >/dev/null 2>&1 &"
        " while [ ! -e /tmp/began ]; do sleep 0.1; done",
        timeout=200,
    )
    do(stocked, "pkill -KILL -x apt-get; pkill -KILL -x dpkg; pkill -x sleep; rm /tmp/slow")
    eventually(lambda: not stocked.run("pgrep -x 'apt-get|dpkg'").stdout)
    assert not version(stocked, "slow").startswith("ii")
    assert statuses(converge(stocked, 'package("three", repair=True)')) == ["changed"]
    assert version(stocked, "slow") == version(stocked, "three") == "ii  1.0"
    assert do(stocked, "dpkg --audit; ls /var/lib/dpkg/updates") == ""


LARGE = """
mkdir -p /tmp/build/usr/share/large; head -c 3000000 /dev/urandom >/tmp/build/usr/share/large/x
build large 1.0
"""


def test_no_room_for_a_package_is_named_and_later_there_is(
    unhooked: KitchenHost, converge: Converge
) -> None:
    """C24: never "changed" before dpkg says that it is there."""
    offer(unhooked, LARGE)
    recipe = 'package("large", cache_max_age=0)'
    with mounted(unhooked, "/usr/share/large", "size=1m"):
        said = failed(converge(unhooked, recipe)[0], "C24-package")
        assert said.startswith("a file system is full\n")
        assert not version(unhooked, "large").startswith("ii")
    assert statuses(converge(unhooked, recipe)) == ["changed"]
    assert version(unhooked, "large") == "ii  1.0"


DAEMON = """
mkdir -p /tmp/build/lib/systemd/system /tmp/build/etc /tmp/build/DEBIAN
echo '/etc/nagging.conf' >/tmp/build/DEBIAN/conffiles; echo v$v >/tmp/build/etc/nagging.conf
cd /tmp/build/DEBIAN; printf '#!/bin/sh\\n. /usr/share/debconf/confmodule\\n' >config
printf 'db_input critical nagging/ask || :\\ndb_go\\n' >>config; chmod 755 config
printf 'Template: nagging/ask\\nType: string\\nDescription: Answer me\\n' >templates; cd /
build nagging $v 'Depends: debconf'
"""


def test_needrestart_debconf_and_conffiles_ask_nobody(
    stocked: KitchenHost, converge: Converge
) -> None:
    """C37."""
    do(stocked, "dpkg -s needrestart >/dev/null && ls /etc/apt/apt.conf.d/*needrestart*")
    offer(stocked, f"for v in 1 2; do\n{DAEMON}\ndone")
    recipe = 'package("nagging", version="{}", cache_max_age=0)'
    start = time.monotonic()
    assert statuses(converge(stocked, recipe.format(1))) == ["changed"]
    do(stocked, "echo mine >/etc/nagging.conf")
    assert statuses(converge(stocked, recipe.format(2))) == ["changed"]
    assert time.monotonic() - start < 300
    assert do(stocked, "cat /etc/nagging.conf") == "mine"


def test_lists_of_a_clock_that_was_ahead_are_read_anew(
    stocked: KitchenHost, converge: Converge
) -> None:
    """C31: else they would be believed for a year."""
    offer(stocked, "build punctual 1.0")
    do(stocked, "touch -d '+1 year' /var/lib/apt/lists /var/lib/apt/lists/partial")
    assert statuses(converge(stocked, 'package("punctual")')) == ["changed"]
    assert version(stocked, "punctual") == "ii  1.0"
