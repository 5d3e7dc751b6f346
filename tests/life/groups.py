"""
Lives that are taken through all stages together, each group on a host of its own.

A group is made of categories of resource types, so a new type belongs to one at once. The groups
are test modules of their own, because the workers of a test run share out modules.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from cookbook.kitchen import Kitchen, KitchenHost
from cookbook.plugins.registry import registered, resource_type
from cookbook.testing import check_lives, load_lives
from cookbook.testing.life import Life
from tests.on_hosts.conftest import in_process

HERE = Path(__file__).parent

ACCESS = ("accounts", "network")
SERVERS = ("databases", "certificates", "packages")
APPLICATIONS = ("applications", "code")

_TOGETHER = 12
"""The most lives that are taken through all stages together."""

ON_OTHER_RELEASES = (
    *("app_service", "env_file", "procfile", "python_venv"),
    *("acl", "alternatives", "apt_preference", "apt_repository", "apt_update", "authorized_key"),
    *("cron", "cron_d", "debconf_selection", "directory", "dpkg_divert", "env_var", "file"),
    *("file_attributes", "firewall", "firewall_rule", "group", "hostname", "hosts_entry"),
    *(
        "haproxy_backend",
        "kernel_module",
        "locale",
        "logrotate",
        "mount",
        "nginx_site",
        "ntp",
        "package",
        "remote_file",
        "resolver",
        "service",
    ),
    *("ssh_config", "sshd_config", "sudo", "swap_file", "sysctl", "systemd_unit", "timezone"),
    *("user", "user_ulimit", "x509_csr"),
)
"""The types whose tools and files differ between releases. The others read and write in the same
way everywhere, or need a database of one version."""


def lives_of(*categories: str) -> list[Life]:
    """Return the lives of these categories; without one, those of all that no other group has."""

    def chosen(name: str) -> bool:
        found = resource_type(name)
        assert found is not None
        category = found.category
        return (
            category in categories
            if categories
            else category not in (*ACCESS, *SERVERS, *APPLICATIONS)
        )

    return load_lives(HERE / f"{name}.yml" for name in registered() if chosen(name))


def check_on(
    lives: Sequence[Life],
    host: KitchenHost,
    kitchen: Kitchen,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    brief: bool = False,
) -> None:
    """Take the lives through all stages on the host, some together; `brief` as in check_lives."""
    assert lives, "no life was chosen"
    monkeypatch.setenv("COOK_STATE", str(folder / "state"))
    host.run("su admin -c 'sudo true'")  # sudo leaves a note in the home at its first use
    for first in range(0, len(lives), _TOGETHER):
        (recipes := folder / f"recipes{first}").mkdir()
        some = lives[first : first + _TOGETHER]
        name = f"life{first}"
        check_lives(some, host, kitchen.hosts_yml, recipes, in_process, name=name, brief=brief)


def check_on_release(
    kitchen: Kitchen, release: str, version: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Take the lives of `ON_OTHER_RELEASES` through the stages on a host with that release.

    The redo, and the undo of what a life declares later, are left out: they take long.

    COOK_LIVES, a list with commas, names others: those of Docker write rules of the packet filter
    that other lives see, and take minutes.
    """
    [host] = kitchen.up(names=[release], release=release)
    try:
        assert f'VERSION_ID="{version}"' in host.run("cat /etc/os-release").stdout
        kinds = os.environ.get("COOK_LIVES", ",".join(ON_OTHER_RELEASES)).split(",")
        lives = load_lives(HERE / f"{kind}.yml" for kind in kinds)
        check_on(lives, host, kitchen, folder, monkeypatch, brief=True)
    finally:
        kitchen.down([release])
