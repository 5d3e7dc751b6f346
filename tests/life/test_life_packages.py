"""The packages that lives need are installed from the first sources of a host."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cookbook.kitchen import KitchenHost
from cookbook.testing import load_life
from cookbook.testing.life_packages import prepare_packages
from tests.life.groups import HERE

LIFE = replace(load_life(HERE / "file.yml"), packages=[])


@pytest.mark.hosts
def test_packages_come_although_a_life_has_replaced_the_sources(fresh_host: KitchenHost) -> None:
    prepare_packages([LIFE], fresh_host)
    lists = fresh_host.run("ls -lR /var/lib/apt/lists").stdout
    fresh_host.run("rm -r /etc/apt/sources.list*; echo 'deb file:/none ./' >/etc/apt/sources.list")
    prepare_packages(
        [replace(LIFE, packages=["bc"]), replace(LIFE, packages=["bc", "tree"])], fresh_host
    )
    assert fresh_host.run("command -v bc tree").returncode == 0
    assert fresh_host.run("ls -lR /var/lib/apt/lists").stdout == lists
    assert fresh_host.run("ls -d /tmp/cook-life*").stdout == ""


@pytest.mark.hosts
def test_a_package_that_is_not_there_is_named(fresh_host: KitchenHost) -> None:
    with pytest.raises(AssertionError, match=r"(?s)packages: life-nowhere: .*Unable to locate"):
        prepare_packages([replace(LIFE, packages=["life-nowhere"])], fresh_host)


def test_a_life_names_its_packages(tmp_path: Path) -> None:
    path = tmp_path / "file.yml"
    path.write_text(
        "packages: [acl, 7zip]\ndeclare: {x: {}}\njudge: ls\ndrift: {x: rm x}\ngone: ls\n"
    )
    assert load_life(path).packages == ["acl", "7zip"]
