"""`cook import`: bad input, before and after a host is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from cookbook.cli.authoring.import_ import recipe_name
from cookbook.importing.declaration import Declaration, LeftOut
from cookbook.importing.importer import Imported, chosen_subjects, secret_of, write_folder
from cookbook.inventory import Host

HOSTS = """\
hosts:
  web1: {address: 127.0.0.1, port: 1, user: admin}
  web2: {address: 127.0.0.1, port: 1}
groups:
  web: {hosts: [web1, web2]}
"""


@pytest.fixture
def asks(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    Path("hosts.yml").write_text(HOSTS)

    def ask(*words: str) -> tuple[int, str]:
        status = main(["import", *words, "--hosts", "hosts.yml"])
        said = capsys.readouterr()
        assert said.out == ""
        return status, said.err

    return ask


def test_an_unknown_type_is_answered_with_the_nearest(asks: Any) -> None:
    status, said = asks("web1", "--types", "package,users")
    assert status == 1
    assert said == (
        "cook: 'users' cannot be imported\n      next: did you mean 'user'?\n"
        "      more: cook explain wrong-usage\n"
    )


def test_a_folder_with_something_in_it_is_left_alone(asks: Any) -> None:
    Path("web1").mkdir()
    Path("web1/mine.txt").write_text("")
    status, said = asks("web1")
    assert status == 1
    assert "web1 exists already, and is not empty" in said
    assert "-o FOLDER; nothing was written" in said


def test_a_group_is_no_host(asks: Any) -> None:
    status, said = asks("web")
    assert status == 1
    assert "an import is of one host, and web means 2" in said


def test_a_host_that_cannot_be_reached(asks: Any) -> None:
    status, said = asks("web1")
    assert status == 4
    assert "127.0.0.1:1: Connection refused" in said
    assert not Path("web1").exists()


@pytest.mark.parametrize(
    ("properties", "secret"),
    [
        ({"command": "app --token hunter2"}, True),
        ({"options": ["rw", "password=hunter2"]}, True),
        ({"lc_env": {"LC_ALL": "C", "DB_PASS": "hunter2"}}, True),
        ({"content": "bindpw hunter2\n"}, True),
        ({"content": "# password = hunter2\n", "mode": "0644"}, False),
        ({"uid": 1600, "groups": ["secret", "adm"], "lc_env": {"LC_ALL": "C"}}, False),
    ],
)
def test_secrets_in_properties(properties: dict[str, Any], *, secret: bool) -> None:
    assert (secret_of(Declaration("file", "file", "/etc/a", properties)) is not None) == secret


def test_types_and_exceptions() -> None:
    assert chosen_subjects(["user", "group"], ["group"]) == {"user"}
    assert "package" not in chosen_subjects([], ["package"])


def test_names_of_recipes() -> None:
    assert [recipe_name(one) for one in ("web1.example.com", "10.0.0.7", "DB-1")] == [
        "web1_example_com",
        "host_10_0_0_7",
        "db_1",
    ]


def test_the_folder(tmp_path: Path) -> None:
    one = Declaration("file", "cookbook_file", "/etc/a", {"source": "etc/a"}, content=b"a")
    imported = Imported("web1", [one], [LeftOut("file", "/etc/b", "it is large")])
    host = Host("web1", address="192.0.2.7", user="admin", become="sudo")
    paths = write_folder(tmp_path / "new", "web1", host, imported, "2026-11-29")
    assert {str(path.relative_to(tmp_path / "new")) for path in paths} == {
        "web1.py",
        "hosts.yml",
        ".gitignore",
        "files/etc/a",
    }
    assert modes(tmp_path / "new") == {0o600, 0o700}
    assert (tmp_path / "new/hosts.yml").read_text() == (
        "hosts:\n  web1:\n    address: 192.0.2.7\n    user: admin\n    become: sudo\n"
        "    recipes:\n    - web1.py\n"
    )
    assert imported.counts == {"file": {"found": 2, "written": 1, "left_out": 1}}


def modes(folder: Path) -> set[int]:
    """The modes of the folder and its files; the folders in it are behind its own."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.stat().st_mode & 0o777 for path in (folder, *files)}


def test_a_folder_that_is_there_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir(mode=0o755)
    one = Declaration("file", "cookbook_file", "/etc/a", {"source": "etc/a"}, content=b"a")
    write_folder(folder, "web1", Host("web1"), Imported("web1", [one], []), "2026-11-29")
    assert modes(folder) == {0o600, 0o700}
