"""What changes before make stale: the words of a whole host, without one."""

from __future__ import annotations

from typing import Any

import pytest

from cookbook.language.change import Change
from cookbook.language.provider import AnyProvider
from cookbook.language.resource import Resource
from cookbook.planning.forecast import Forecast, Pending
from cookbook.plugins.manager import catalog
from cookbook.testing import DEBIAN, declare


def _made(text: str) -> tuple[Resource, AnyProvider]:
    [declared] = declare(text)
    return declared.resource, catalog().choose(declared.resource, DEBIAN)


def _forecast(*texts: str) -> Forecast:
    """Changes that are to be made: what is removed is there, everything else is not."""
    forecast = Forecast()
    for text in texts:
        resource, provider = _made(text)
        gone = {"remove", "purge", "delete"} & set(resource.doing)
        change: Change[Any] = (
            Change(provider.state(), None) if gone else provider.plan(resource, None)
        )
        forecast.add(Pending(resource, provider, change))
    return forecast


UNIT = "/etc/systemd/system/ours.service"
STALE: dict[str, tuple[list[str], str, str | None]] = {
    "whose owner goes": (
        ['user("deploy", action="remove")'],
        'file("/srv/a", owner="deploy")',
        "user[deploy]",
    ),
    "whose owner comes": (['user("deploy")'], 'file("/srv/a", owner="deploy")', None),
    "whose owner goes and comes": (
        ['user("old", username="deploy", action="remove")', 'user("deploy")'],
        'file("/srv/a", owner="deploy")',
        None,
    ),
    "whose group goes with the user": (
        ['user("deploy", action="remove")'],
        'file("/srv/a", group="deploy")',
        "user[deploy]",
    ),
    "in the home that goes": (
        ['user("deploy", home="/home/deploy", manage_home=True, action="remove")'],
        'file("/srv/a")',
        None,
    ),
    "a job of a user who goes": (
        ['user("deploy", action="remove")'],
        'cron("x", command="true", user="deploy")',
        "user[deploy]",
    ),
    "a group that users join": (
        ['user("deploy", groups=["www"])'],
        'group("www", members=["ann"])',
        "user[deploy]",
    ),
    "a user who was made a member": (
        ['user("deploy")', 'group("www", members=["deploy"])'],
        'user("again", username="deploy", groups=["www"])',
        "group[www]",
    ),
    "a group of users who come": (['user("deploy")'], 'group("www", members=["deploy"])', None),
    "users of one group": (['user("a", groups=["www"])'], 'user("b", groups=["www"])', None),
    "a unit whose file goes": (
        [f'file("{UNIT}", action="delete")'],
        'service("ours", action="start")',
        f"file[{UNIT}]",
    ),
    "a unit whose file comes": ([f'file("{UNIT}")'], 'service("ours", action="start")', None),
    "a part of a unit that goes": (
        ['file("/etc/systemd/system/ours.service.d/x.conf", action="delete")'],
        'service("ours", action="start")',
        "file[/etc/systemd/system/ours.service.d/x.conf]",
    ),
    "a template whose instance is meant": (
        ['file("/etc/systemd/system/our@.service", action="delete")'],
        'service("our@1", action="start")',
        "file[/etc/systemd/system/our@.service]",
    ),
    "the service of a package that goes": (
        ['package("nginx", action="purge")'],
        'service("nginx", action="stop")',
        "package[nginx]",
    ),
    "the file of a package that goes": (
        ['package("nginx", action="purge")'],
        'file("/etc/nginx/nginx.conf", content="x")',
        "package[nginx]",
    ),
    "nothing of a package that goes": (
        ['package("nginx", action="purge")'],
        'service("cron", action="start")',
        None,
    ),
    "a reboot after a package": (
        ['package("nginx")'],
        'reboot("x", action="reboot_if_required")',
        "package[nginx]",
    ),
    "no reboot after a file": (
        ['file("/etc/motd", content="x")'],
        'reboot("x", action="reboot_if_required")',
        None,
    ),
    "one that is notified after its own change": (
        ['service("ours", action="start")'],
        'service("ours", action="restart")',
        None,
    ),
}


@pytest.mark.parametrize(("before", "text", "until"), STALE.values(), ids=STALE)
def test_outdated(before: list[str], text: str, until: str | None) -> None:
    resource, provider = _made(text)

    found = _forecast(*before).outdates(provider, resource)

    assert (None if found is None else str(found)) == until


def test_a_group_that_useradd_makes_is_nobodys_to_create() -> None:
    resource, provider = _made('group("deploy", gid=500)')

    assert str(_forecast('user("deploy")').brings_it(provider, resource)) == "user[deploy]"
    assert _forecast('user("ann")').brings_it(provider, resource) is None


def test_a_unit_that_is_there_is_another_one_once_its_file_is_written() -> None:
    """The file in /etc takes precedence over the one of a package."""
    resource, provider = _made('service("ours", action="start")')
    there = "LoadState=loaded\nUnitFileState=static\nActiveState=inactive\n"

    assert provider.redefined(provider.parse(resource, there))
    assert not provider.redefined(provider.parse(resource, there.replace("loaded", "not-found")))
    assert str(_forecast(f'file("{UNIT}")').brings_it(provider, resource)) == f"file[{UNIT}]"


GUARDS: dict[str, tuple[str, str, bool]] = {
    "a path": ('file("/srv/a")', "test -e /srv/a", True),
    "below it": ('directory("/srv/a")', "test -e /srv/a/b", True),
    "another one": ('file("/srv/a")', "test -e /srv/ab", False),
    "above it": ('directory("/srv/a/b", recursive=True)', "test -d /srv/a", True),
    "a user": ('user("deploy")', "id deploy", True),
    "a unit": ('service("ours", action="start")', "systemctl is-active ours", True),
    "the unit of a file": (f'file("{UNIT}")', "systemctl cat ours", True),
    "a member": ('user("deploy", groups=["www"])', "getent group www", True),
    "anything": ('execute("x", command="true")', "true", True),
}


@pytest.mark.parametrize(("before", "guard", "depends"), GUARDS.values(), ids=GUARDS)
def test_guards(before: str, guard: str, *, depends: bool) -> None:
    assert (_forecast(before).touches(guard) is not None) == depends
