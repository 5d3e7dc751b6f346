"""Settings in files on this machine: each change byte for byte, and its undo and redo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cookbook.cli import main

HEADING = "from cookbook.resources import *\n"

Cook = Callable[..., str]


@pytest.fixture
def cook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cook:
    """The command on this machine, in an empty folder; it must end with status 0."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))

    def run(*words: str) -> str:
        status = main([*words, "--local"])
        said = capsys.readouterr()
        assert status == 0, said
        return said.out

    return run


SET = 'config_value("{}", path=f"{{D}}/{}", value="{}"{})\n'
UNSET = 'config_value("{}", path=f"{{D}}/{}", action="unset"{})\n'
TYPED = 'config_value("{}", path=f"{{D}}/{}", value={})\n'
S = ', section="s"'
WORDS = ', format="words"'

CASES = {
    "a removal takes all lines of a setting (ini)": (
        "x.ini",
        UNSET.format("a", "x.ini", S),
        "[s]\na = 1\nb = 2\n[t]\na = 9\n[s]\na=3\n",
        "[s]\nb = 2\n[t]\na = 9\n[s]\n",
    ),
    "a removal takes all lines of a setting (shell)": (
        "x.env",
        UNSET.format("A", "x.env", ""),
        "A=1\nB=2\nexport A=3 # c\n",
        "B=2\n",
    ),
    "a removal takes all lines of a setting (words)": (
        "c",
        UNSET.format("Port", "c", WORDS),
        "Port 1\nX y\nport 2\nMatch User a\nPort 3\n",
        "X y\nMatch User a\nPort 3\n",
    ),
    "an edited line keeps CR LF": (
        "x.ini",
        SET.format("a", "x.ini", "2", S),
        "[s]\r\na = 1\r\nb = 2\r\n",
        "[s]\r\na = 2\r\nb = 2\r\n",
    ),
    "an added line has CR LF where the file has": (
        "x.ini",
        SET.format("c", "x.ini", "3", S),
        "[s]\r\na = 1\r\n",
        "[s]\r\na = 1\r\nc = 3\r\n",
    ),
    "an added section has CR LF where the file has": (
        "x.ini",
        SET.format("c", "x.ini", "3", S),
        "[t]\r\na = 1\r\n",
        "[t]\r\na = 1\r\n\r\n[s]\r\nc = 3\r\n",
    ),
    "CR LF in a shell file is no part of a value": (
        "x.env",
        SET.format("A", "x.env", "2", "") + SET.format("B", "x.env", "x", ""),
        "A=1\r\nB=x\r\n",
        "A=2\r\nB=x\r\n",
    ),
    "a last line without newline stays one": (
        "x.ini",
        SET.format("b", "x.ini", "2", S),
        "[s]\na = 1",
        "[s]\na = 1\nb = 2",
    ),
    "an added section goes with the undo": (
        "x.ini",
        SET.format("a", "x.ini", "1", S),
        "# none\n",
        "# none\n\n[s]\na = 1\n",
    ),
    "two removed lines come back in their order": (
        "x.ini",
        UNSET.format("a", "x.ini", S) + UNSET.format("b", "x.ini", S),
        "[s]\na = 1\nb = 2\nc = 3\n",
        "[s]\nc = 3\n",
    ),
    "two settings of a new section go with the undo": (
        "x.ini",
        SET.format("a", "x.ini", "1", S) + SET.format("b", "x.ini", "2", S),
        "[t]\n",
        "[t]\n\n[s]\na = 1\nb = 2\n",
    ),
    "YAML keeps comments, quotes and indents": (
        "x.yml",
        TYPED.format("server.port", "x.yml", 80) + TYPED.format("list.1", "x.yml", "'m'"),
        "# top\n---\nserver:\n    port: 1  # of http\n    host: \"a\"\nlist:\n    - x\n    - 'y'\n",
        "# top\n---\nserver:\n    port: 80 # of http\n    host: \"a\"\nlist:\n    - x\n    - 'm'\n",
    ),
    "YAML has two new keys in a new mapping": (
        "x.yaml",
        TYPED.format("a.b", "x.yaml", "[1, 'x']") + TYPED.format("a.c", "x.yaml", True),
        "# only this\nz: 1\n",
        "# only this\nz: 1\na:\n  b:\n  - 1\n  - x\n  c: true\n",
    ),
    "TOML keeps comments": (
        "x.toml",
        TYPED.format("server.port", "x.toml", 80) + UNSET.format("server.old", "x.toml", ""),
        "# top\n[server] # s\nport = 1  # p\nold = true\n\n[[list]]\na = 1\n",
        "# top\n[server] # s\nport = 80  # p\n\n[[list]]\na = 1\n",
    ),
    "TOML has a new table": (
        "x.toml",
        TYPED.format("new.table.a", "x.toml", "{'b': 1.5}"),
        "x = 1\n",
        "x = 1\n\n[new.table.a]\nb = 1.5\n",
    ),
    "JSON keeps its form": (
        "x.json",
        TYPED.format("a.n", "x.json", 5) + TYPED.format("l.0", "x.json", 9),
        '{\n    "a" : {\n        "k":1e400\n    },\n    "l": [1, 2]\n}\n',
        '{\n    "a" : {\n        "k":1e400,\n        "n": 5\n    },\n    "l": [9, 2]\n}\n',
    ),
    "JSON in one line stays so": (
        "x.json",
        TYPED.format("b.c", "x.json", False) + UNSET.format("a", "x.json", ""),
        '{"a": 1, "z": [{}]}',
        '{"z": [{}], "b": {"c": false}}',
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_setting_is_changed_and_restored_byte_for_byte(cook: Cook, name: str) -> None:
    file, recipe, before, after = CASES[name]
    path = Path(file)
    path.write_bytes(before.encode())
    Path("r.py").write_text(f"{HEADING}D = '{Path.cwd()}'\n{recipe}")

    cook("converge", "r.py")
    assert path.read_bytes().decode() == after
    cook("plan", "r.py")  # nothing to do
    cook("undo", "last", "--yes")
    assert path.read_bytes().decode() == before
    cook("undo", "last", "--yes")
    assert path.read_bytes().decode() == after
