"""Answers of sources that are kept, and used while they count."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cookbook.cli import main
from cookbook.errors import SourceError
from tests.inventory.conftest import Program, Sourced

COUNTING = """\
[ -e broken ] && { echo the cmdb is down >&2; exit 1; }
n=$(($(cat count 2>/dev/null || echo 0) + 1)); echo $n >count
printf '{"_meta": {"hostvars": {"a": {"n": %s, "ansible_x": 1}}}, "g": ["a"]}' $n
"""


def asked(sourced: Sourced, how: str, **more: bool) -> object:
    """The number of the answer that is used."""
    found = sourced(f"  - program: ./inv\n{how}", **more)
    return found.hosts["a"].vars["n"]


def grow_older(folder: Path, seconds: float) -> None:
    [path] = folder.glob("state/inventory/*.json")
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "at": document["at"] - seconds}))


def test_without_a_cache_each_command_asks(
    program: Program, sourced: Sourced, folder: Path
) -> None:
    program(COUNTING)
    assert [asked(sourced, "") for _ in range(2)] == [1, 2]
    assert not (folder / "state").exists()


def test_an_answer_counts_for_its_time(program: Program, sourced: Sourced, folder: Path) -> None:
    program(COUNTING)
    how = "    cache: 10m"
    assert [asked(sourced, how), asked(sourced, how)] == [1, 1]
    grow_older(folder, 599)
    assert asked(sourced, how) == 1
    grow_older(folder, 2)
    assert asked(sourced, how) == 2
    assert asked(sourced, how) == 2


def test_an_answer_without_a_host_is_not_kept(
    program: Program, sourced: Sourced, folder: Path
) -> None:
    """A machine that is just being started must not be missed for ten minutes."""
    program("echo '{}'")
    how = "  - program: ./inv\n    cache: 10m"
    assert list(sourced(how, "hosts: [own]").hosts) == ["own"]
    program(COUNTING)
    assert list(sourced(how, "hosts: [own]").hosts) == ["own", "a"]
    assert len(list(folder.glob("state/inventory/*.json"))) == 1


def test_it_can_be_asked_anew(program: Program, sourced: Sourced) -> None:
    program(COUNTING)
    how = "    cache: 10m"
    assert asked(sourced, how) == 1
    assert asked(sourced, how, refresh=True) == 2
    assert asked(sourced, how) == 2


def test_a_kept_answer_is_private(program: Program, sourced: Sourced, folder: Path) -> None:
    program(COUNTING)
    old = os.umask(0)
    try:
        asked(sourced, "    cache: 10m")
    finally:
        os.umask(old)
    [path] = folder.glob("state/inventory/*")
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_other_settings_are_another_answer(program: Program, sourced: Sourced) -> None:
    program(COUNTING)
    assert asked(sourced, "    cache: 10m") == 1
    found = sourced("  - program: [./inv, eu]\n    cache: 10m")
    assert found.hosts["a"].vars["n"] == 2


def test_another_account_is_another_answer(
    program: Program, sourced: Sourced, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(COUNTING)
    assert asked(sourced, "    cache: 10m") == 1
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert asked(sourced, "    cache: 10m") == 2


def test_a_source_that_fails_has_its_former_hosts_for_a_day(
    program: Program, sourced: Sourced, folder: Path
) -> None:
    program(COUNTING)
    how = "  - program: ./inv\n    cache: 10m"
    sourced(how)
    Path("broken").touch()
    grow_older(folder, 3 * 3600)

    found = sourced(how)
    assert found.hosts["a"].vars["n"] == 1
    assert found.warnings[-1] == (
        "hosts.yml:3: program ./inv: it ended with status 1; its hosts are those of 3 h ago"
    )
    assert found.sources[0].failure == "program ./inv: it ended with status 1"
    grow_older(folder, 22 * 3600)
    with pytest.raises(SourceError, match="it ended with status 1"):
        sourced(how)


def test_how_old_they_may_be_is_said(program: Program, sourced: Sourced, folder: Path) -> None:
    program(COUNTING)
    how = "  - program: ./inv\n    max_stale: 2h"
    sourced(how)
    Path("broken").touch()
    grow_older(folder, 7190)
    assert sourced(how).sources[0].failure is not None
    grow_older(folder, 60)
    with pytest.raises(SourceError):
        sourced(how)


def test_asked_anew_a_failure_is_one(program: Program, sourced: Sourced) -> None:
    program(COUNTING)
    how = "  - program: ./inv\n    cache: 10m"
    sourced(how)
    Path("broken").touch()
    with pytest.raises(SourceError):
        sourced(how, refresh=True)
    assert sourced(how).sources[0].failure is None


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "{}", '{"schema": 2, "at": 1, "data": {}, "warnings": []}'),
        '{"schema": 1, "at": "x", "data": {}, "warnings": []}',
        '{"schema": 1, "at": 99999999999, "data": {}, "warnings": []}',
        '{"schema": 1, "at": NaN, "data": {}, "warnings": []}',
    ],
)
def test_a_kept_answer_that_is_none_is_not_used(
    content: str, program: Program, sourced: Sourced, folder: Path
) -> None:
    program(COUNTING)
    asked(sourced, "    cache: 10m")
    [path] = folder.glob("state/inventory/*.json")
    path.write_text(content)
    assert asked(sourced, "    cache: 10m") == 2


def test_very_old_answers_are_dropped(program: Program, sourced: Sourced, folder: Path) -> None:
    program(COUNTING)
    asked(sourced, "    cache: 10m")
    [path] = folder.glob("state/inventory/*.json")
    os.utime(path, (1, 1))
    sourced("  - program: [./inv, other]\n    cache: 10m")
    [left] = folder.glob("state/inventory/*.json")
    assert left != path


@pytest.mark.parametrize("data", [{"hosts": {"a b": {}}}, {"hosts": 5}, {"x": {}}, {"groups": []}])
def test_a_kept_answer_that_is_not_understood_is_asked_for_again(
    data: object, program: Program, sourced: Sourced, folder: Path
) -> None:
    """It may be of a version of cook that was less strict."""
    program(COUNTING)
    asked(sourced, "    cache: 10m")
    [path] = folder.glob("state/inventory/*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "data": data}))
    assert [asked(sourced, "    cache: 10m") for _ in range(2)] == [2, 2]
    path.write_text(json.dumps({**json.loads(path.read_text()), "data": data}))
    Path("broken").touch()
    with pytest.raises(SourceError, match="it ended with status 1"):
        sourced("  - program: ./inv\n    cache: 10m")


def test_a_state_that_cannot_be_written_is_no_matter(
    program: Program, sourced: Sourced, folder: Path
) -> None:
    (folder / "state").write_text("a file, no folder")
    program(COUNTING)
    assert [asked(sourced, "    cache: 10m") for _ in range(2)] == [1, 2]


def test_cook_inventory_says_the_age(
    program: Program, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(COUNTING)
    Path("hosts.yml").write_text("sources:\n  - program: ./inv\n    cache: 10m\n")
    words = ["inventory", "--hosts", "hosts.yml"]

    def first_line(*more: str) -> str:
        assert main([*words, *more]) == 0
        return capsys.readouterr().out.splitlines()[0]

    assert first_line() == "hosts.yml:2 program ./inv: 1 hosts, asked now"
    grow_older(folder, 240)
    assert first_line() == "hosts.yml:2 program ./inv: 1 hosts, asked 4 min ago"
    grow_older(folder, 7200)
    Path("broken").touch()
    assert first_line() == "hosts.yml:2 program ./inv: 1 hosts, asked 2 h ago; it fails now"
    assert main([*words, "--output", "json"]) == 0
    [source] = json.loads(capsys.readouterr().out)["sources"]
    assert (source["name"], source["hosts"]) == ("program ./inv", 1)
    assert main([*words, "--refresh-inventory"]) == 1
    assert "the cmdb is down" in capsys.readouterr().err
