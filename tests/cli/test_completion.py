"""`cook completion bash` in a real bash, and the manual pages."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from cookbook.cli.authoring.completion import SHELLS, script
from cookbook.cli.authoring.man import pages
from cookbook.cli.command_table import COMMANDS

HOSTS = """\
# all of them
defaults: {user: admin}
hosts:
  web[01:03]:
    vars: {title: x}
  "db1": {}
  # old: {}
groups:
  web: {hosts: ["web[01:03]"]}
environments:
  stage: {}
"""
FLOW = 'hosts: {"a[1:2]": {vars: {b: 1}}, c: {}}\ngroups: {all_c: {hosts: [c]}}\n'

ASK = """\
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _shtab_cook
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def bash(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("completion")
    (folder / "script").write_text(script("bash"))
    (folder / "hosts.yml").write_text(HOSTS)
    (folder / "flow.yml").write_text(FLOW)
    (folder / "site.py").touch()

    def completed(*words: str) -> list[str]:
        done = subprocess.run(
            ["bash", "-c", ASK, "bash", str(folder / "script"), "cook", *words],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout.split()

    return completed


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["converg"], ["converge"]),
        (["rollout", "st"], ["start", "status"]),
        (["converge", "--ho"], ["--hosts", "--host-timeout"]),
        (["converge", "--output", ""], ["text", "json"]),
        (["converge", "si"], ["site.py"]),
        (["converge", "--limit", "w"], ["web01", "web02", "web03", "web"]),
        (["converge", "--limit", "d"], ["db1"]),
        (["converge", "--hosts", "flow.yml", "--limit", ""], ["a1", "a2", "c", "all_c"]),
        (["converge", "--hosts", "none.yml", "--limit", ""], []),
        (["run", "web0"], ["web01", "web02", "web03"]),
        (["lock", "db"], ["db1"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
    ],
)
def test_it_is_completed(bash: Any, words: list[str], found: list[str]) -> None:
    assert bash(*words) == found


def test_every_command_is_completed(bash: Any) -> None:
    assert {*COMMANDS} <= {*bash("")}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_is_printed(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "_cook_hosts" in capsys.readouterr().out


def test_manual_pages(tmp_path: Path) -> None:
    assert main(["man", str(tmp_path / "man1")]) == 0
    names = {path.name for path in (tmp_path / "man1").iterdir()}
    assert names == {"cook.1", *(f"cook-{name}.1" for name in COMMANDS)}
    page = pages()["cook-history"]
    assert page.startswith(".TH COOK")
    assert "list the runs that were recorded" in page
    assert "cook history" in page


def test_a_folder_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["man", "/dev/null/man1"]) == 1
    assert "/dev/null/man1" in capsys.readouterr().err
