"""Packages on a real host, from a repository of its own: no network, every version at hand."""

from __future__ import annotations

import re
import shlex
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from cookbook.kitchen import KitchenHost
from cookbook.language.probe import Table
from cookbook.planning.step import Step
from cookbook.providers.dpkg import INSTALLED, offers
from cookbook.providers.units import UNITS
from tests.on_hosts.manifest import statuses
from tests.texts import check_host
from tests.waiting import eventually, until

pytestmark = pytest.mark.hosts

Converge = Callable[..., list[Step]]

# A package in the repository /srv/repo: NAME VERSION [FIELD]...; its folder /tmp/build may
# hold more to go into it.
BUILD = r"""
build() { name=$1 version=$2; shift 2; mkdir -p /tmp/build/DEBIAN /srv/repo; cd /tmp/build
{ printf 'Package: %s\nVersion: %s\nArchitecture: all\n' $name $version
printf 'Maintainer: cook <cook@example.org>\nDescription: a test\n'
for field; do printf '%s\n' "$field"; done; } >DEBIAN/control
dpkg-deb --build . /srv/repo/$name-$version.deb >/dev/null; cd /; rm -rf /tmp/build; }
index() { cd /srv/repo; for deb in *.deb; do dpkg-deb -f $deb; echo "Filename: ./$deb"
echo "Size: $(stat -c %s $deb)"; echo "SHA256: $(sha256sum <$deb | cut -c1-64)"; echo
done >Packages; cd /; }
"""

SOURCES = r"""
mkdir -p /srv/kept; mv /etc/apt/sources.list /etc/apt/sources.list.d/* /srv/kept 2>/dev/null
echo 'deb [trusted=yes] file:/srv/repo ./' >/etc/apt/sources.list.d/local.list
rm -rf /var/lib/apt/lists/*
"""


def do(host: KitchenHost, script: str) -> str:
    """Do something on the host by other means than ours; it has to succeed."""
    done = host.run(script)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip("\n")


def offer(host: KitchenHost, script: str) -> None:
    """Build packages, and list them."""
    do(host, f"set -e\n{BUILD}\n{script}\nindex")


def version(host: KitchenHost, name: str) -> str:
    return host.run(f"dpkg-query -W -f '${{db:Status-Abbrev}} ${{Version}}' {name}").stdout


def transactions(host: KitchenHost) -> int:
    return int(
        do(host, "touch /var/log/apt/history.log; grep -c ^Start /var/log/apt/history.log || :")
    )


@pytest.fixture(scope="module")
def stocked(module_host: KitchenHost) -> KitchenHost:
    """A host whose only repository is its own folder; it has no lists yet."""
    names = "for n in one two three four; do build $n 1.0; done; build four 2.0; build four 1.0~rc1"
    offer(module_host, names)
    do(module_host, SOURCES)
    return module_host


def test_three_packages_are_one_transaction_and_then_in_line(
    stocked: KitchenHost, converge: Converge, plan: Converge
) -> None:
    recipe = """
        package("one")
        package("both", package_name=["two", "three"])
    """
    before = transactions(stocked)
    assert statuses(plan(stocked, recipe)) == ["changed", "changed"]
    assert stocked.run("ls /var/lib/apt/lists").stdout == "", "a plan refreshes nothing"
    assert statuses(converge(stocked, recipe)) == ["changed", "changed"]
    assert transactions(stocked) == before + 1
    assert [version(stocked, n) for n in ("one", "two", "three")] == ["ii  1.0"] * 3
    assert statuses(converge(stocked, recipe)) == ["ok", "ok"]
    assert statuses(converge(stocked, recipe, user="admin")) == ["ok", "ok"]


def test_a_plan_leaves_no_trace(stocked: KitchenHost, plan: Converge) -> None:
    mark = "find /var/lib/apt /var/lib/dpkg /var/cache/apt -printf '%p %T@ %s\\n' | sort"
    before = do(stocked, mark)
    plan(stocked, 'package("four", action="upgrade")\npackage("one", action="purge")')
    assert do(stocked, mark) == before


def test_versions_go_up_and_down(stocked: KitchenHost, converge: Converge) -> None:
    [first] = converge(stocked, 'package("four", version="1.0")')
    assert first.status == "changed"
    assert version(stocked, "four") == "ii  1.0"
    [newer] = converge(stocked, 'package("four", action="upgrade")')
    assert newer.change is not None
    assert newer.change.fields == {"version": ("1.0", "2.0")}
    [refused] = converge(stocked, 'package("four", version="1.0~rc1", allow_downgrade=False)')
    assert "would go back to 1.0~rc1" in str(refused.error)
    assert version(stocked, "four") == "ii  2.0"
    [back] = converge(stocked, 'package("four", version="1.0~rc1")')
    assert back.status == "changed"
    assert version(stocked, "four") == "ii  1.0~rc1"
    [missing] = converge(stocked, 'package("four", version="3.0")')
    assert "there is 2.0, 1.0, 1.0~rc1" in str(missing.error)


def test_what_is_held_stays(stocked: KitchenHost, converge: Converge) -> None:
    do(stocked, "apt-get install -y --allow-downgrades four=1.0 && apt-mark hold four")
    assert statuses(converge(stocked, 'package("four")')) == ["ok"]
    [held] = converge(stocked, 'package("four", action="upgrade")')
    assert "four is held at 1.0, and would become 2.0" in str(held.error)
    [gone] = converge(stocked, 'package("four", action="remove")')
    assert "would be removed" in str(gone.error)
    assert version(stocked, "four") == "hi  1.0"
    [freed] = converge(stocked, 'package("four", action=["unlock", "upgrade", ])')
    assert freed.status == "changed"
    assert version(stocked, "four") == "ii  2.0"
    [locked] = converge(stocked, 'package("four", action="lock")')
    assert (locked.status, version(stocked, "four")) == ("changed", "hi  2.0")
    assert statuses(converge(stocked, 'package("four", action="lock")')) == ["ok"]
    converge(stocked, 'package("four", action="unlock")')


CONFIGURED = """
for v in 1 2; do mkdir -p /tmp/build/etc /tmp/build/DEBIAN; cd /tmp/build
echo version $v >etc/configured.conf; echo /etc/configured.conf >DEBIAN/conffiles
echo '#!/bin/sh
[ "$1" != configure ] || { [ "$DEBIAN_FRONTEND" = noninteractive ] && ! read x; }' >DEBIAN/postinst
chmod 755 DEBIAN/postinst; build configured $v; done
"""


def test_a_changed_conffile_asks_nobody(stocked: KitchenHost, converge: Converge) -> None:
    offer(stocked, CONFIGURED)
    recipe = 'package("configured", version="{}", cache_max_age=0, overwrite_config_files={})'
    assert statuses(converge(stocked, recipe.format(1, False))) == ["changed"]
    do(stocked, "echo by hand >/etc/configured.conf")
    start = time.monotonic()
    [kept] = converge(stocked, recipe.format(2, False))
    beside = "beside the configuration in use is a version that differs: /etc/configured.conf"
    assert kept.change is not None
    assert kept.status == "changed"
    assert str(kept.change.note).endswith(f"; {beside}.dpkg-dist")
    assert time.monotonic() - start < 300
    assert do(stocked, "cat /etc/configured.conf") == "by hand"
    assert statuses(converge(stocked, recipe.format(1, False))) == ["changed"]
    assert do(stocked, "cat /etc/configured.conf") == "by hand"
    [new] = converge(stocked, recipe.format(2, True))
    assert new.change is not None
    assert str(new.change.note).endswith(f"; {beside}.dpkg-old")
    assert do(stocked, "cat /etc/configured.conf") == "version 2"


def test_what_is_left_of_a_package_is_purged(stocked: KitchenHost, converge: Converge) -> None:
    offer(stocked, CONFIGURED)
    converge(stocked, 'package("configured", cache_max_age=0)')
    assert statuses(converge(stocked, 'package("configured", action="remove")')) == ["changed"]
    assert version(stocked, "configured").startswith("rc")
    assert statuses(converge(stocked, 'package("configured", action="remove")')) == ["ok"]
    [purged] = converge(stocked, 'package("configured", action="purge")')
    assert purged.change is not None
    assert (purged.status, purged.change.act) == ("changed", "purge")
    assert version(stocked, "configured") == ""
    assert statuses(converge(stocked, 'package("configured", action="purge")')) == ["ok"]


BROKEN = """
mkdir -p /tmp/build/DEBIAN
printf '#!/bin/sh\\n! [ -e /tmp/sabotage ]\\n' >/tmp/build/DEBIAN/postinst
chmod 755 /tmp/build/DEBIAN/postinst; build fragile 1.0
"""


def test_what_is_there_by_halves_is_ended(
    stocked: KitchenHost, converge: Converge, plan: Converge
) -> None:
    offer(stocked, f"{BROKEN}build plain 1.0")
    do(stocked, "touch /tmp/sabotage")
    [failed] = converge(stocked, 'package("fragile", cache_max_age=0)')
    assert failed.status == "failed"
    assert "post-installation script" in str(failed.error)
    assert version(stocked, "fragile").startswith("iF")
    [other] = plan(stocked, 'package("plain")')
    assert other.change is not None
    assert "apt also configures fragile, which is not configured yet" in str(other.change.note)
    do(stocked, "rm /tmp/sabotage")
    [ended] = converge(stocked, 'package("fragile")')
    assert ended.change is not None
    assert ended.change.fields == {"broken": (("fragile half-configured",), ())}
    assert version(stocked, "fragile") == "ii  1.0"


def test_a_name_is_provided(stocked: KitchenHost, converge: Converge) -> None:
    offer(
        stocked,
        "build red 1 'Provides: colour, hue'; build blue 1 'Provides: colour (= 1)'",
    )
    do(stocked, "apt-get update")
    [error] = converge(stocked, 'package("colour")')
    assert re.search("several packages provide it: (red, blue|blue, red)", str(error.error))
    assert statuses(converge(stocked, 'package("hue")')) == ["changed"]
    assert version(stocked, "red") == "ii  1"
    assert statuses(converge(stocked, 'package("hue")\npackage("colour")')) == ["ok", "ok"]


def test_what_nobody_has_is_an_error_before_anything_is_done(
    stocked: KitchenHost, converge: Converge, plan: Converge
) -> None:
    do(stocked, "apt-get update")
    for run in (plan, converge):
        [step] = run(stocked, 'package("zork")')
        assert "no repository of this host has the package zork" in str(step.error)


def test_a_new_source_is_read_first(stocked: KitchenHost, converge: Converge) -> None:
    offer(stocked, "build late 1")
    do(stocked, "sleep 1; touch /etc/apt/sources.list.d/local.list")
    assert statuses(converge(stocked, 'package("late")')) == ["changed"]
    assert version(stocked, "late") == "ii  1"


@pytest.fixture
def holder(stocked: KitchenHost) -> Iterator[str]:
    """The pid, on the host, of an apt-get that keeps dpkg's lock; `kill` it to let go."""
    # The hook runs while apt-get holds the lock; there is no Python, and no flock(1) for fcntl.
    hook = '-o DPkg::Pre-Invoke::="touch /tmp/held; while [ -e /tmp/hold ]; do sleep 0.1; done"'
    do(
        stocked,
        "rm -f /tmp/held; touch /tmp/hold; apt-get remove -y one >/dev/null 2>&1 || :;"
        " apt-get install -y one",
    )
    stocked.run(f"setsid apt-get {hook} install -y --reinstall one >/dev/null 2>&1 &")
    try:
        until(stocked, "/tmp/held")
        yield do(stocked, "pgrep -o -x apt-get")
    finally:
        do(stocked, "rm -f /tmp/hold; while pgrep -x apt-get >/dev/null; do sleep 0.1; done")


def test_a_lock_that_stays_is_named(stocked: KitchenHost, converge: Converge, holder: str) -> None:
    start = time.monotonic()
    [step] = converge(stocked, 'package("three", action="remove", lock_timeout=2)')
    assert step.status == "failed"
    assert time.monotonic() - start < 100  # it is 120 s if nothing else is said
    said = str(step.error)
    assert f"lock-frontend is held by process {holder}: apt-get" in said
    assert "--reinstall one" in said


@pytest.mark.usefixtures("holder")
def test_a_lock_is_waited_for(stocked: KitchenHost, converge: Converge) -> None:
    threading.Timer(5.0, lambda: do(stocked, "rm /tmp/hold")).start()
    start = time.monotonic()
    [step] = converge(stocked, 'package("three", action="remove")')
    assert step.status == "changed", step.error
    assert time.monotonic() - start > 3
    assert version(stocked, "three") == ""


def test_the_lock_of_the_lists_is_waited_for(stocked: KitchenHost, converge: Converge) -> None:
    """apt-get waits for dpkg's lock by itself, but not for that of the lists."""
    offer(stocked, "build patient 1")
    # A source that never answers keeps apt-get at its lists.
    do(stocked, "mkdir -p /tmp/parts /tmp/mutes; mkfifo /tmp/mutes/InRelease")
    stocked.run(
        "echo 'deb [trusted=yes] copy:/tmp/mutes ./' >/tmp/mute.list;"
        " setsid apt-get update -o Dir::Etc::SourceList=/tmp/mute.list"
        " -o Dir::Etc::SourceParts=/tmp/parts >/tmp/mute.log 2>&1 &"
    )
    # The lists are locked before the first program that fetches is started.
    eventually(lambda: stocked.run("pgrep -f apt/methods/copy").returncode == 0)
    recipe = 'package("patient", cache_max_age=0, lock_timeout={})'
    [failed] = converge(stocked, recipe.format(1))
    assert "/var/lib/apt/lists/lock is held by process" in str(failed.error)
    check_host("C22-apt-lists", [failed])
    threading.Timer(3.0, lambda: do(stocked, "pkill -x apt-get")).start()
    [step] = converge(stocked, recipe.format(60))
    assert step.status == "changed", step.error


MUTE = '$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1:8099", Listen => 5);'
MUTE += "push @c, $c while $c = $s->accept"


def test_a_source_that_is_too_slow_is_given_up(stocked: KitchenHost, converge: Converge) -> None:
    """dpkg(1) is never ended in the middle, but a download is: else it holds the host for days."""
    offer(stocked, "build fetched 1")
    do(stocked, f"systemd-run --quiet --unit mute perl -MIO::Socket::INET -e {shlex.quote(MUTE)}")
    source = "deb [trusted=yes] http://127.0.0.1:8099 ./"
    do(stocked, f"echo '{source}' >/etc/apt/sources.list.d/slow.list")
    recipe = 'package("fetched", cache_max_age=0, timeout=6, lock_timeout={})'
    [failed] = converge(stocked, recipe.format(0))
    assert "it was not fetched within 1 s, which is the limit" in str(failed.error)
    assert stocked.run("pgrep -x 'apt-get|http|sleep'").stdout == ""
    do(stocked, "systemctl stop mute; rm /etc/apt/sources.list.d/slow.list")
    assert statuses(converge(stocked, recipe.format(120))) == ["changed"]


SPIES = """
for tool in dpkg-query dpkg apt-cache apt-get awk find sed; do spy=/usr/local/bin/$tool
printf '#!/bin/sh\\necho %s >>/tmp/asked\\nexec /usr/bin/%s "$@"\\n' $tool $tool >$spy
chmod 755 $spy; done
"""


def test_a_hundred_packages_cost_a_handful_of_processes(
    stocked: KitchenHost, plan: Converge
) -> None:
    names = do(stocked, "dpkg-query -W -f '${Package} ' | cut -d' ' -f1-100").split()
    recipe = "".join(f"package({name!r})\n" for name in names)
    do(stocked, SPIES)
    try:
        steps = plan(stocked, recipe)
        asked = do(stocked, "sort /tmp/asked").split()
    finally:
        do(stocked, "rm -f /usr/local/bin/* /tmp/asked")
    assert statuses(steps) == ["ok"] * 100
    assert asked == ["awk", "dpkg-query", "dpkg-query", "find"]


def test_a_plan_waits_for_what_a_package_may_bring(stocked: KitchenHost, plan: Converge) -> None:
    do(stocked, "apt-get update; apt-get remove -y two")
    steps = plan(stocked, 'package("two")\npackage("two-plugin")\nservice("two", action="start")')
    assert statuses(steps) == ["changed", "unknown", "unknown"]
    assert steps[1].until == "package[two]"


def test_the_text_of_a_recipe_reaches_no_shell(stocked: KitchenHost, converge: Converge) -> None:
    option = shlex.quote("-oCook::Test=$(touch /tmp/reached)")
    do(stocked, "apt-get remove -y two")
    assert statuses(converge(stocked, f'package("two", options={option!r})')) == ["changed"]
    assert stocked.run("test -e /tmp/reached").returncode == 1


@pytest.mark.parametrize("table", [INSTALLED, offers(), UNITS], ids=["dpkg", "apt", "systemd"])
def test_what_is_asked_together_is_what_is_asked_alone(stocked: KitchenHost, table: Table) -> None:
    """The law of Tables: see `Table`."""
    keys = {
        INSTALLED: ["bash", "colour", "libc6", "libc6:amd64", "libc6:i386", "one", "zork"],
        UNITS: [
            "cron.service",
            "dbus.socket",
            "getty@tty7.service",
            "sshd.service",
            "zork.service",
        ],
    }.get(
        table, ["bash", "bash=*", "bash=9", "colour", "four", "four=2.0", "libc6:amd64=*", "zork"]
    )
    together = do(stocked, table.ask(keys).text)
    alone = [f"{text}\n" for key in keys if (text := do(stocked, table.ask([key]).text))]
    assert f"{together}\n" == table.between.join(alone)
    assert list(table.split(f"{together}\n", keys))


def test_what_apt_refuses_to_remove_is_said_by_the_plan(
    module_host: KitchenHost, plan: Converge
) -> None:
    for recipe, why in (
        ('package("bash", action="remove")', "bash is an essential package"),
        ('package("awk", action="purge")', "awk is but a name, provided by mawk"),
    ):
        [step] = plan(module_host, recipe)
        assert step.status == "failed"
        assert why in str(step.error)


def test_a_plan_says_what_comes_with_a_package_and_what_goes(
    stocked: KitchenHost, converge: Converge, plan: Converge
) -> None:
    offer(
        stocked,
        "for v in 1.0 2.0; do build base $v; done; build part 1.0"
        "; build whole 1.0 'Depends: base (>= 2.0), part'; build enemy 1.0"
        "; build rival 1.0 'Conflicts: enemy' 'Depends: part'; build broken 1.0 'Depends: never'",
    )
    do(stocked, f"{BUILD}\nindex; apt-get update; apt-get install -y base=1.0 enemy")
    (step,) = plan(stocked, 'package("whole")')
    assert step.change is not None
    assert step.change.note is not None
    said = "apt also installs part 1.0 and upgrades base 1.0 -> 2.0; 0 B to download"
    assert step.change.note.startswith(said), step.change.note
    first, second = plan(stocked, 'package("whole")\npackage("rival")')
    assert first.change is not None
    assert second.change is not None
    note = "with whole, rival together: apt also removes enemy and installs part 1.0 and upgr"
    assert (first.change.note or "").startswith(note), first.change.note
    assert second.change.note is None
    (step,) = plan(stocked, 'package("broken")')
    assert step.change is not None
    assert "apt says that this fails: Unable to correct problems" in (step.change.note or "")
    assert version(stocked, "enemy").startswith("ii")
    repository = 'apt_preference("three", pin="version 1.0", pin_priority=900)\n'
    *_, step = plan(stocked, f'{repository}package("whole")')
    assert step.change is not None
    assert "apt_preference[three] may change that" in (step.change.note or "")
    assert statuses(converge(stocked, 'package("whole")')) == ["changed"]
    assert version(stocked, "base").endswith("2.0")
    do(stocked, "apt-get purge -y whole base part enemy")
