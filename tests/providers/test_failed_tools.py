"""
A tool that fails tells nothing: neither that a thing is absent, nor that it is empty.

The tools are programs that only fail, in the place of the real ones, which have no fault to show.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from cookbook.provider import Change, Command
from cookbook.providers import (
    apt,
    apt_get,
    git,
    git_state,
    group,
    lvm_physical_volume,
    lvm_volume_group,
    subversion,
    svn_commands,
)
from cookbook.providers.lvm_logical_volume import LvmLogicalVolumeProvider
from cookbook.providers.lvm_sizes import State
from cookbook.providers.rpm import ask_others
from cookbook.resources.lvm_logical_volume import LvmLogicalVolume


def run(folder: Path, command: Command, **tools: str) -> subprocess.CompletedProcess[str]:
    """Run a command where these tools are shell scripts with that text."""
    for name, text in tools.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return subprocess.run(
        ["sh", "-c", command.text],
        capture_output=True, text=True, check=False, env={"PATH": f"{folder}:/usr/bin:/bin"},
    )  # fmt: skip


@pytest.mark.parametrize("status", [3, 4, 5])
def test_lvm_that_fails_is_not_absent(tmp_path: Path, status: int) -> None:
    """Its status 4 is that of a failed initialization; of a question it means: not installed."""
    probe, *_ = LvmLogicalVolumeProvider().probe(LvmLogicalVolume("www", group="data", size="1G"))
    assert probe.command is not None
    fails = f"exit {status}"

    done = run(tmp_path, probe.command, lvm=fails, wipefs=fails, vgs=fails)

    assert done.returncode not in (0, probe.absent)


@pytest.mark.parametrize(("wipefs", "objects"), [("exit 1", True), ("exit 0", False)])
def test_a_volume_that_cannot_be_looked_into_is_not_empty(
    tmp_path: Path,
    wipefs: str,
    *,
    objects: bool,
) -> None:
    provider = LvmLogicalVolumeProvider()
    command = provider.preflight([("data/www", Change(State(1 << 30), None))])
    assert command is not None
    device = "[ -b /dev/data/www ]"
    assert device in command.text
    there = Command(command.text.replace(device, "true"), "")

    done = run(tmp_path, there, wipefs=wipefs)

    assert (provider.objection("data/www", done.stdout, ()) is not None) is objects


def test_rpm_that_fails_is_not_a_package_that_none_needs(tmp_path: Path) -> None:
    ask = ask_others({"app": ["app-1-1"]})

    assert run(tmp_path, ask, rpm="echo 'cannot open the database' >&2; exit 1").returncode != 0
    free = run(tmp_path, ask, rpm="exit 0")
    needed = "echo 'app is needed by (installed) shop-1-1' >&2; exit 1"

    assert (free.returncode, free.stdout) == (0, "")
    assert run(tmp_path, ask, rpm=needed).stdout == "app\tshop-1-1\n"


REMOVALS: dict[str, tuple[Any, str, Any]] = {
    "apt-get": (apt.AptProvider(), "nginx", apt_get.State("1.22.1-9")),
    "pvs": (lvm_physical_volume.LvmPhysicalVolumeProvider(), "/dev/x", lvm_physical_volume.State()),
    "lvs": (lvm_volume_group.LvmVolumeGroupProvider(), "data", lvm_volume_group.State()),
    "getent": (group.GroupProvider(), "www", group.State(100)),
    "git": (git.GitProvider(), "COPY", git_state.State()),
    "svn": (subversion.SubversionProvider(), "COPY", svn_commands.State()),
}


@pytest.mark.parametrize("name", REMOVALS)
def test_a_tool_that_fails_is_no_free_way_for_a_removal(tmp_path: Path, name: str) -> None:
    """With an exit status of 0, a change would be made that nobody knows to be harmless."""
    provider, thing, state = REMOVALS[name]
    for inside in (".git", ".svn"):
        (tmp_path / "copy" / inside).mkdir(parents=True)
    thing = thing.replace("COPY", str(tmp_path / "copy"))
    command = provider.preflight([(thing, Change(state, None))])
    assert command is not None

    assert run(tmp_path, command, **{name: "exit 0"}).returncode == 0
    assert run(tmp_path, command, **{name: "echo broken >&2; exit 5"}).returncode != 0


@pytest.mark.parametrize(
    ("said", "objects"),
    [
        ("", False),
        ("X       part\n\nPerforming status on external item at 'part':\n", False),
        ("X       part\n\nPerforming status on external item at 'part':\nM       part/a\n", True),
        ("?       mine\n", True),
        (" M      .\n", True),
    ],
)
def test_an_external_folder_of_subversion_is_no_local_change(
    said: str,
    *,
    objects: bool,
) -> None:
    """The lines are those of svn(1) 1.14."""
    why = subversion.SubversionProvider().objection("/srv/shop", f"/srv/shop\n{said}\0", ())
    assert (why is not None) is objects
