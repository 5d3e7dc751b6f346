"""Packages that come, go, move and are held: undone they are as they were, redone as wanted."""

from __future__ import annotations

import pytest

from cookbook.kitchen import KitchenHost
from tests.hosts.conftest import Cook
from tests.hosts.manifest import difference, failures, state
from tests.hosts.test_package import SOURCES, do, offer

pytestmark = pytest.mark.hosts

# `app` needs `library` and `data`; `plug` needs `app`; `new` needs a library that is newer.
STOCK = """
for v in 1.0 2.0; do build library $v; build tool $v; done
build data 1.0; build alone 1.0
mkdir -p /tmp/build/etc /tmp/build/DEBIAN; echo default >/tmp/build/etc/app.conf
echo /etc/app.conf >/tmp/build/DEBIAN/conffiles; build app 1.0 'Depends: library, data'
build plug 1.0 'Depends: app'; build new 1.0 'Depends: library (>= 2.0)'
"""


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


ROUNDS = {
    "installed, with what only it needs": ("true", 'package("app")'),
    "installed, where its configuration had been left": (
        "apt-get install -y app; echo mine >/etc/app.conf; apt-get remove -y app library data",
        'package("app")',
    ),
    "removed, and with it what needs it": (
        "apt-get install -y plug; echo mine >/etc/app.conf",
        'package("library", action="remove")',
    ),
    "upgraded, though it had only come with another": (
        "apt-get install -y library=1.0 app && apt-mark auto library",
        'package("library", action="upgrade")',
    ),
    "another version": ("apt-get install -y tool=2.0", 'package("tool", version="1.0")'),
    "held": ("apt-get install -y tool=1.0", 'package("tool", action="lock")'),
    "no longer held, and upgraded": (
        "apt-get install -y tool=1.0; apt-mark hold tool",
        'package("tool", action=["unlock", "upgrade"])',
    ),
    "several in one transaction, which need each other": (
        "true",
        'package("plug")\npackage("app")\npackage("tools", package_name=["tool", "alone"])',
    ),
    "several, of which some are there": (
        "apt-get install -y tool=1.0",
        'package("tools", package_name=["tool", "alone"], action="upgrade")',
    ),
}


@pytest.mark.parametrize("case", ROUNDS)
def test_undone_as_it_was_and_redone_as_it_was_to_be(
    stocked: KitchenHost, cook: Cook, case: str
) -> None:
    prepare, recipe = ROUNDS[case]
    do(stocked, f"set -e; {prepare}")
    before = packages(stocked)

    done = cook(stocked, "converge", recipe=recipe)
    assert done["status"] == 0, failures(done)
    after = packages(stocked)
    assert difference(before, after) != []

    undone = cook(stocked, "undo", "last", "--yes")
    assert undone["status"] == 0, failures(undone)
    assert difference(before, packages(stocked)) == []

    redone = cook(stocked, "undo", "last", "--yes")
    assert redone["status"] == 0, failures(redone)
    assert difference(after, packages(stocked)) == []

    again = cook(stocked, "plan", recipe=recipe)
    assert again["status"] == 0, again["hosts"]
