"""Packages that come, go, move and are held: undone they are as they were, redone as wanted."""

from __future__ import annotations

from typing import Any

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Cook
from tests.on_hosts.manifest import difference, failures, state
from tests.on_hosts.test_package import BUILD, SOURCES, do, offer

pytestmark = pytest.mark.hosts

# `app` needs `library` and `data`; `plug` needs `app`; `new` needs a library that is newer.
STOCK = """
for v in 1.0 2.0; do build library $v; build tool $v; done
build data 1.0; build alone 1.0
mkdir -p /tmp/build/etc /tmp/build/DEBIAN; echo default >/tmp/build/etc/app.conf
echo /etc/app.conf >/tmp/build/DEBIAN/conffiles; build app 1.0 'Depends: library, data'
build plug 1.0 'Depends: app'; build new 1.0 'Depends: library (>= 2.0)'
"""


REINDEX = f"{BUILD}\nindex; apt-get update"


@pytest.fixture(scope="module")
def stocked(module_host: KitchenHost) -> KitchenHost:
    """A host whose only repository is its own folder."""
    offer(module_host, STOCK)
    do(module_host, f"{SOURCES}\napt-get update")
    return module_host


@pytest.fixture(autouse=True)
def _clean(stocked: KitchenHost) -> None:
    do(
        stocked,
        "su admin -c 'sudo true'; apt-mark unhold app tool library >/dev/null 2>&1;"
        " apt-get purge -y"
        " app library data plug new tool alone >/dev/null 2>&1; rm -rf /var/lib/cook",
    )


def packages(host: KitchenHost) -> list[str]:
    """The whole host, and who asked for each package."""
    marks = do(host, "apt-mark showauto | sed 's/^/auto /'; apt-mark showhold | sed 's/^/hold /'")
    return [*state(host), *marks.splitlines()]


# For each round, packages of its own: `library-1`, `app-1`, which needs `library-1` and `data-1`.
FAMILY = r"""
stock() { n=$1; shift; for kind; do case $kind in
library|tool) build $kind-$n 1.0; build $kind-$n 2.0;; data|alone) build $kind-$n 1.0;;
app) mkdir -p /tmp/build/etc /tmp/build/DEBIAN; echo default >/tmp/build/etc/app-$n.conf
echo /etc/app-$n.conf >/tmp/build/DEBIAN/conffiles
build app-$n 1.0 "Depends: library-$n, data-$n";;
plug) build plug-$n 1.0 "Depends: app-$n";; esac; done; }
"""

ROUNDS = [
    {
        "installed, with what only it needs": (
            "stock 1 library data app",
            "true",
            'package("app-1")',
        ),
        "installed, where its configuration had been left": (
            "stock 2 library data app",
            (
                "apt-get install -y app-2; echo mine >/etc/app-2.conf;"
                " apt-get remove -y app-2 library-2 data-2"
            ),
            'package("app-2")',
        ),
        "another version": (
            "stock 3 tool",
            "apt-get install -y tool-3=2.0",
            'package("tool-3", version="1.0")',
        ),
        "held": (
            "stock 4 tool",
            "apt-get install -y tool-4=1.0",
            'package("tool-4", action="lock")',
        ),
        "several, of which some are there": (
            "stock 5 tool alone",
            "apt-get install -y tool-5=1.0",
            'package("tools", package_name=["tool-5", "alone-5"], action="upgrade")',
        ),
    },
    {
        "upgraded, though it had only come with another": (
            "stock 7 library data app",
            "apt-get install -y library-7=1.0 app-7 && apt-mark auto library-7",
            'package("library-7", action="upgrade")',
        ),
        "no longer held, and upgraded": (
            "stock 8 tool",
            "apt-get install -y tool-8=1.0; apt-mark hold tool-8",
            'package("tool-8", action=["unlock", "upgrade"])',
        ),
        "several in one transaction, which need each other": (
            "stock 9 library data app plug tool alone",
            "true",
            (
                'package("plug-9")\npackage("app-9")\n'
                'package("tools", package_name=["tool-9", "alone-9"])'
            ),
        ),
    },
    {
        "removed, and with it what needs it": (
            "stock 6 library data app plug",
            "apt-get install -y plug-6; echo mine >/etc/app-6.conf",
            'package("library-6", action="remove")',
        ),
    },
]


@pytest.mark.parametrize("cases", ROUNDS, ids=["come", "move", "go"])
def test_undone_as_they_were_and_redone_as_they_were_to_be(
    stocked: KitchenHost, cook: Cook, cases: dict[str, tuple[str, str, str]]
) -> None:
    offer(stocked, "\n".join([FAMILY, *(stock for stock, _, _ in cases.values())]))
    do(stocked, "apt-get update")
    for _, prepare, _ in cases.values():
        do(stocked, f"set -e; {prepare}")
    recipe = "\n".join(declared for _, _, declared in cases.values())
    before = packages(stocked)

    done = cook(stocked, "converge", recipe=recipe)
    assert done["status"] == 0, failures(done)
    [told] = done["hosts"].values()
    assert {r["status"] for r in told["resources"]} == {"changed"}
    after = packages(stocked)

    undone = cook(stocked, "undo", "last", "--yes")
    assert undone["status"] == 0, failures(undone)
    assert difference(before, packages(stocked)) == []

    redone = cook(stocked, "undo", "last", "--yes")
    assert redone["status"] == 0, failures(redone)
    assert difference(after, packages(stocked)) == []

    again = cook(stocked, "plan", recipe=recipe)
    assert again["status"] == 0, again["hosts"]


def errors(document: dict[str, Any]) -> str:
    return str(failures(document))


def test_what_came_later_and_needs_it_is_named_and_stays(stocked: KitchenHost, cook: Cook) -> None:
    """Before anything is undone: the file that came after the package, too, is as it was."""
    recipe = 'package("app")\nfile("/etc/of-app", content="x")'
    assert cook(stocked, "converge", recipe=recipe)["status"] == 0
    do(stocked, "apt-get install -y plug")
    before = packages(stocked)

    looked = cook(stocked, "undo", "last")
    assert looked["status"] == 3
    assert "plug" in errors(looked)
    refused = cook(stocked, "undo", "last", "--yes")

    assert refused["status"] == 3
    assert "package[app]" in errors(refused)
    assert "would go, too: plug" in errors(refused)
    assert difference(before, packages(stocked)) == []

    partial = cook(stocked, "undo", "last", "--yes", "--partial")
    assert partial["status"] == 0, failures(partial)
    assert stocked.run("test -e /etc/of-app").returncode == 1
    assert "ii " in stocked.run("dpkg -l app").stdout


def test_a_version_that_nobody_has_any_more_is_named_before(
    stocked: KitchenHost, cook: Cook
) -> None:
    do(stocked, "apt-get install -y tool=1.0 app")
    recipe = 'file("/etc/of-tool", content="x")\npackage("tool", version="2.0")'
    assert cook(stocked, "converge", recipe=recipe)["status"] == 0
    before = packages(stocked)
    do(stocked, "mv /srv/repo/tool-1.0.deb /srv/; " + REINDEX)
    try:
        looked = cook(stocked, "undo", "last")
        refused = cook(stocked, "undo", "last", "--yes")
    finally:
        do(stocked, "mv /srv/tool-1.0.deb /srv/repo; " + REINDEX)
    assert (looked["status"], refused["status"]) == (3, 3)
    assert "tool 1.0 cannot be had any more" in errors(refused)
    assert [line for line in difference(before, packages(stocked)) if "srv/" not in line] == []


def test_a_purge_takes_what_nobody_keeps(stocked: KitchenHost, cook: Cook) -> None:
    do(stocked, "apt-get install -y app; echo mine >/etc/app.conf; apt-mark auto app")
    done = cook(stocked, "converge", recipe='package("app", action="purge")')
    assert done["status"] == 0, failures(done)

    refused = cook(stocked, "undo", "last", "--yes")
    assert refused["status"] == 3
    assert "app" not in do(stocked, "dpkg-query -W -f '${Package} '").split()
    looked = cook(stocked, "undo", "last")
    [step] = looked["hosts"][stocked.name]["resources"]
    assert step["lost"] == "configuration and data of app"

    undone = cook(stocked, "undo", "last", "--yes", "--partial")
    assert undone["status"] == 0, failures(undone)
    assert do(stocked, "cat /etc/app.conf") == "default"
    assert "app" in do(stocked, "apt-mark showauto").split()


def test_purged_leftovers_are_lost(stocked: KitchenHost, cook: Cook) -> None:
    do(stocked, "apt-get install -y app; apt-get remove -y app")
    assert cook(stocked, "converge", recipe='package("app", action="purge")')["status"] == 0
    refused = cook(stocked, "undo", "last", "--yes")
    assert refused["status"] == 3


def test_what_somebody_holds_stays(stocked: KitchenHost, cook: Cook) -> None:
    assert cook(stocked, "converge", recipe='package("tool")')["status"] == 0
    do(stocked, "apt-mark hold tool")
    before = packages(stocked)
    refused = cook(stocked, "undo", "last", "--yes")
    assert refused["status"] == 3
    assert "tool is held" in errors(refused)
    assert difference(before, packages(stocked)) == []


def test_what_an_install_has_moved_is_named(stocked: KitchenHost, cook: Cook) -> None:
    do(stocked, "apt-get install -y library=1.0")
    assert cook(stocked, "converge", recipe='package("new")')["status"] == 0
    looked = cook(stocked, "undo", "last")
    [step] = looked["hosts"][stocked.name]["resources"]
    assert "library=1.0" in step["lost"]
    assert cook(stocked, "undo", "last", "--yes")["status"] == 3


def test_what_it_had_driven_out_comes_back(stocked: KitchenHost, cook: Cook) -> None:
    offer(stocked, "build rival 1.0 'Conflicts: tool'")
    do(stocked, "apt-get update; apt-get install -y tool=1.0")
    before = packages(stocked)
    assert cook(stocked, "converge", recipe='package("rival")')["status"] == 0
    undone = cook(stocked, "undo", "last", "--yes")
    assert undone["status"] == 0, failures(undone)
    assert difference(before, packages(stocked)) == []


REMOVED = 'package("library", action="remove")\n'
BESIDES = {
    "another is installed": f'{REMOVED}package("alone")\n',
    "another is installed before": f'package("alone")\n{REMOVED}',
    "another is removed": f'{REMOVED}package("tool", action="remove")\n',
    "another is removed before": f'package("tool", action="remove")\n{REMOVED}',
    "another is upgraded": f'{REMOVED}package("tool", version="2.0")\n',
    "a list is upgraded": (
        f'{REMOVED}package("both", package_name=["alone", "tool"], action="upgrade")\n'
    ),
}


@pytest.mark.parametrize("name", BESIDES)
def test_a_removal_with_what_needs_it_is_redone_beside_other_changes(
    stocked: KitchenHost, cook: Cook, name: str
) -> None:
    do(stocked, "apt-get install -y plug tool=1.0")
    before = packages(stocked)
    done = cook(stocked, "converge", recipe=BESIDES[name])
    assert done["status"] == 0, failures(done)
    after = packages(stocked)
    undone = cook(stocked, "undo", "last", "--yes")
    assert undone["status"] == 0, failures(undone)
    assert difference(before, packages(stocked)) == []
    redone = cook(stocked, "undo", "last", "--yes")
    assert redone["status"] == 0, failures(redone)
    assert difference(after, packages(stocked)) == []
