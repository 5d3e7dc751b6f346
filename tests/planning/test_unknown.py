"""A plan shows what is wanted of a resource whose state another one decides, and names that one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from cookbook.planning.forecast import _contains

HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"

Plan = Callable[..., tuple[str, dict[str, dict[str, Any]]]]


@pytest.fixture
def plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Plan:
    """Plan a recipe; return the text and the resources of the document."""
    monkeypatch.chdir(tmp_path)

    def run(recipe: str, *words: str) -> tuple[str, dict[str, dict[str, Any]]]:
        Path("r.py").write_text(f"{HEADING}D = {str(tmp_path)!r}\n{recipe}")
        for output in ("text", "json"):
            assert main(["plan", "r.py", "--local", "--output", output, *words]) == 2
        text, _, document = capsys.readouterr().out.partition("{\n")
        [host] = json.loads("{" + document)["hosts"].values()
        return text, {resource["id"]: resource for resource in host["resources"]}

    return run


def test_values_that_are_not_shown_are_not_listed(plan: Plan, tmp_path: Path) -> None:
    text, told = plan(
        "execute('get nginx', command='true')\n"
        "file(f'{D}/nginx/a.conf', content='a\\nb\\n', mode='0640', sensitive=True)\n"
    )
    assert told[f"file[{tmp_path}/nginx/a.conf]"]["note"] is None
    assert "if it is absent" not in text


def test_the_wanted_content_is_shown_of_a_file_whose_folder_is_to_come(
    plan: Plan, tmp_path: Path
) -> None:
    text, told = plan(
        "execute('get nginx', command='true')\n"
        "file(f'{D}/nginx/a.conf', content='a\\nb\\n', mode='0640')\n"
        "file(f'{D}/nginx/b.bin', content=b'\\0')\n"
    )
    path = f"{tmp_path}/nginx/a.conf"
    first = told[f"file[{path}]"]
    assert (first["status"], first["until"]) == ("unknown", "execute[get nginx]")
    assert first["changes"] == {}
    assert first["diff"] == (f"--- {path} (unknown)\n+++ {path} (wanted)\n@@ -0,0 +1,2 @@\n+a\n+b")
    assert first["note"] == "what is there by then is unknown; if it is absent: mode 0640"
    assert "      +b\n" in text
    assert told[f"file[{tmp_path}/nginx/b.bin]"]["diff"] == "(binary: unknown -> 1 bytes)"


def test_the_reason_is_what_may_bring_the_folder_and_no_other_file(plan: Plan) -> None:
    """What needs the folder itself does not bring it; what waits for it names the same reason."""
    _, told = plan(
        "execute('get nginx-core', command='true')\n"
        "execute('other', command='true')\n"
        "file(f'{D}/nginx/a', content='a')\n"
        "file(f'{D}/nginx/b', content='b')\n"
        "directory(f'{D}/nginx/more')\n"
        "file(f'{D}/nginx/more/c', content='c')\n"
        "link(f'{D}/nginx/d', to='a')\n"
    )
    assert [one["until"] for one in told.values()][2:] == ["execute[get nginx-core]"] * 5


def test_what_is_confidential_stays_hidden(plan: Plan) -> None:
    text, told = plan(
        "execute('x', command='true')\n"
        "file(f'{D}/none/a', content='hunter2', mode='0600', sensitive=True)\n"
    )
    [_, hidden] = told.values()
    assert (hidden["status"], hidden["diff"]) == ("unknown", "(redacted)")
    assert "hunter2" not in text + json.dumps(told)
    assert "0600" not in text


def test_a_saved_plan_shows_it_as_well(
    plan: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = "execute('x', command='true')\nfile(f'{D}/none/a', content='hello\\n')\n"
    plan(recipe)
    main(["plan", "r.py", "--local", "-o", "p.cook"])
    capsys.readouterr()
    main(["show", "p.cook"])
    shown = capsys.readouterr().out
    assert f"? file[{tmp_path}/none/a]  unknown until execute[x]" in shown
    assert "      +hello\n" in shown
    assert "what is there by then is unknown; if it is absent: mode 0644" in shown


def test_a_package_is_named_rather_than_a_later_command() -> None:
    assert _contains("openssh-server", "/etc/ssh/sshd_config.d")
    assert not _contains("etcd-server", "/etc/default/x")
