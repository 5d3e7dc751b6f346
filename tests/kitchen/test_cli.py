"""`cook kitchen` says what it did on stdout, and what went wrong with a hint."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from cookbook.cli.authoring.kitchen import add
from cookbook.errors import KitchenError
from cookbook.kitchen.cli import main


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add(parser.add_subparsers(dest="command").add_parser("kitchen"), "kitchen")
    return parser.parse_args(["kitchen", *words])


def cook(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cookbook.kitchen", "--folder", str(folder), *words]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def test_one_host_is_started_unless_told_otherwise() -> None:
    assert parsed("up").count == 1
    assert parsed("up", "3").count == 3
    assert parsed("up", "--names", "web", "db").names == ["web", "db"]


def test_without_a_command_the_usage_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed()
    assert "usage:" in capsys.readouterr().err


def test_nothing_runs_and_nothing_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(parsed("--folder", str(tmp_path), "list")) == 0
    assert main(parsed("--folder", str(tmp_path / "none"), "down")) == 0
    assert capsys.readouterr().out == ""


def test_there_is_no_way_into_a_host_that_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(KitchenError, match="no host 'h1' is running"):
        main(parsed("--folder", str(tmp_path), "ssh", "h1"))


def test_as_a_module_it_shows_the_hint_and_fails(tmp_path: Path) -> None:
    outcome = cook(tmp_path, "ssh", "h1")
    assert outcome.returncode == 1
    assert outcome.stderr == "no host 'h1' is running\nhint: cook kitchen list shows those\n"


@pytest.mark.hosts
def test_the_commands_from_up_to_down(tmp_path: Path) -> None:
    folder = tmp_path / "kitchen"
    try:
        up = cook(folder, "up", "--names", "web")
        assert up.returncode == 0, up
        assert up.stdout.startswith("web 10.")
        assert "--hosts" in up.stderr
        assert cook(folder, "list").stdout == up.stdout
        assert cook(folder, "ssh", "web", "--", "hostname; exit 7").returncode == 7
        assert cook(folder, "reset", "web").stdout.split()[:2] == up.stdout.split()[:2]
    finally:
        assert cook(folder, "down").returncode == 0
    assert not folder.exists()
