"""What this machine cannot do is named, with what to do about it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from cookbook.errors import KitchenError
from cookbook.kitchen import tools


def test_missing_tools_are_named_all_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(tools, "SEARCH", str(tmp_path))
    for name in tools.PACKAGES.keys() - {"nft", "systemd-nspawn"}:
        (tmp_path / name).touch(mode=0o755)
    with pytest.raises(KitchenError, match="needs nft, systemd-nspawn, not found") as caught:
        tools.require()
    assert caught.value.hint == (
        "apt-get install nftables systemd-container, "
        "or write a hosts.yml for a machine you can reach with ssh"
    )


def test_who_is_not_root_is_told_so_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(KitchenError, match="needs root") as caught:
        tools.require()
    assert caught.value.hint is not None
    assert "sudo" in caught.value.hint


def test_a_kernel_without_overlayfs_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tools, "SEARCH", str(tmp_path))
    filesystems = tmp_path / "filesystems"
    filesystems.write_text("nodev\tproc\n\text4\n")
    with pytest.raises(KitchenError, match="needs overlayfs"):
        tools.require_overlay(filesystems)


def test_a_kernel_with_overlayfs_will_do(tmp_path: Path) -> None:
    filesystems = tmp_path / "filesystems"
    filesystems.write_text("nodev\tproc\nnodev\toverlay\n\text4\n")
    tools.require_overlay(filesystems)


def test_overlayfs_that_comes_as_a_module_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    filesystems = tmp_path / "filesystems"
    filesystems.write_text("\text4\n")
    modprobe = tmp_path / "modprobe"
    modprobe.write_text(f"#!/bin/sh\necho 'nodev overlay' >>{filesystems}\n")
    modprobe.chmod(0o755)
    monkeypatch.setattr(tools, "SEARCH", f"{tmp_path}:{tools.SEARCH}")
    tools.require_overlay(filesystems)


def test_a_tool_that_fails_is_quoted() -> None:
    with pytest.raises(KitchenError, match=r"`sh -c echo no >&2; exit 3` failed with status 3: no"):
        tools.call("sh", "-c", "echo no >&2; exit 3")


def test_a_tool_reads_what_it_is_given_and_nothing_else() -> None:
    assert tools.call("cat", text="ü\n") == "ü\n"
    assert tools.call("cat") == ""


def test_tools_speak_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    said = subprocess.run(
        ["env"], env=tools.environment(), capture_output=True, text=True, check=True
    )
    assert "LC_ALL=C.UTF-8" in said.stdout.splitlines()
