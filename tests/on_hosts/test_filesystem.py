"""File systems on image files of a real host, judged by blkid(8), wipefs(8) and fsck(8)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cookbook.kitchen import KitchenHost
    from tests.on_hosts.conftest import Cook

pytestmark = pytest.mark.hosts

IMAGE = "/var/lib/image"
PROGRAMS = {"xfs": "xfsprogs", "btrfs": "btrfs-progs", "vfat": "dosfstools"}


def blank(host: KitchenHost, megabytes: int = 16) -> None:
    host.run(f"rm -f {IMAGE}; truncate -s {megabytes}M {IMAGE}")


def tag(host: KitchenHost, name: str) -> str:
    return host.run(f"blkid -p -s {name} -o value {IMAGE}").stdout.strip()


@pytest.mark.parametrize("fstype", ["ext2", "ext3", "xfs", "btrfs", "vfat"])
def test_each_type_is_made_with_its_label(
    module_host: KitchenHost, cook: Cook, fstype: str
) -> None:
    blank(module_host, 512)
    uuid = "01234567-89ab-cdef-0123-456789abcdef"
    named = f', uuid="{uuid}"' if fstype != "vfat" else ""
    recipe = f'filesystem("{IMAGE}", fstype="{fstype}", label="LIFE"{named})'
    if fstype in PROGRAMS:
        recipe = f'package("{PROGRAMS[fstype]}")\n{recipe}'
        assert cook(module_host, "plan", recipe=recipe)["status"] == 2
    document = cook(module_host, "converge", recipe=recipe)
    assert document["status"] == 0, json.dumps(document)
    assert (tag(module_host, "TYPE"), tag(module_host, "LABEL")) == (fstype, "LIFE")
    if named:
        assert tag(module_host, "UUID") == uuid
    assert cook(module_host, "plan", recipe=recipe)["status"] == 0


SQUASHFS = (
    f"printf hsqs | dd of={IMAGE} bs=1 conv=notrunc;"
    f" printf '\\004' | dd of={IMAGE} bs=1 seek=28 conv=notrunc"
)


@pytest.mark.parametrize(
    "make",
    [
        f"mkswap {IMAGE}",
        f"printf 'label: gpt\\n,1M\\n' | sfdisk {IMAGE}",
        f"mkfs.ext2 -q -F {IMAGE}",
        f"mkfs.ext4 -q -F {IMAGE}; {SQUASHFS}",
    ],
)
def test_what_has_a_signature_is_never_overwritten(
    module_host: KitchenHost, cook: Cook, make: str
) -> None:
    blank(module_host)
    done = module_host.run(f"apt-get -qq install fdisk >/dev/null; {make}", timeout=900)
    assert done.returncode == 0, done.stderr
    before = module_host.run(f"sha256sum {IMAGE}; wipefs {IMAGE}").stdout
    assert before.count("\n") >= 3  # wipefs shows a signature
    for command in ("plan", "converge"):
        document = cook(module_host, command, recipe=f'filesystem("{IMAGE}")')
        assert document["status"] == 3
        assert "has something on it already" in json.dumps(document)
    assert module_host.run(f"sha256sum {IMAGE}; wipefs {IMAGE}").stdout == before


def test_a_new_one_is_undone_unless_it_was_mounted(module_host: KitchenHost, cook: Cook) -> None:
    recipe = f'filesystem("{IMAGE}")'
    blank(module_host)
    document = cook(module_host, "converge", recipe=recipe)
    assert tag(module_host, "TYPE") == "ext4"
    assert cook(module_host, "undo", document["run"], "--yes")["status"] == 0
    assert module_host.run(f"wipefs {IMAGE}").stdout == ""
    document = cook(module_host, "converge", recipe=recipe)
    done = module_host.run(f"debugfs -w -R 'ssv mtime 20260101000000' {IMAGE}")  # as a mount does
    assert done.returncode == 0
    document = cook(module_host, "undo", document["run"], "--yes", "--partial")
    assert "what is in it would be lost" in json.dumps(document)
    assert tag(module_host, "TYPE") == "ext4"


@pytest.mark.parametrize("megabytes", [17, 64, 129, 200])
def test_one_that_has_grown_fills_its_device(
    module_host: KitchenHost, cook: Cook, megabytes: int
) -> None:
    blank(module_host)
    module_host.run(f"mkfs.ext4 -q -F -b 4096 {IMAGE}; truncate -s {megabytes}M {IMAGE}")
    recipe = f'filesystem("{IMAGE}", grow=True)'
    assert cook(module_host, "converge", recipe=recipe)["status"] == 0
    assert cook(module_host, "plan", recipe=recipe)["status"] == 0
    done = module_host.run(f"e2fsck -fn {IMAGE}; dumpe2fs -h {IMAGE} | grep '^Block count'")
    blocks = int(done.stdout.split()[-1])
    assert megabytes * 256 - 1100 < blocks <= megabytes * 256
