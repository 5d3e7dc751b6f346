"""The files of lives: each resource type has one, and of a wrong one the fault is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from cookbook.errors import UsageError
from cookbook.plugins.registry import registered
from cookbook.testing import load_life, load_lives
from tests.life.groups import HERE

GOOD = {"declare": "{x: {content: y}}", "judge": "test -e x", "drift": "{x: rm x}", "gone": "ls x"}


def test_each_resource_type_has_a_life() -> None:
    assert [life.type for life in load_lives(HERE.glob("*.yml"))] == sorted(registered())


def test_a_good_file_is_read(tmp_path: Path) -> None:
    life = load_life(_written(tmp_path, GOOD))
    assert (life.type, [*life.declare], [*life.drift]) == ("file", ["file[x]"], ["file[x]"])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"judge": ""}, "judge: text is needed, not None"),
        ({"judge": "[]"}, "judge: at least one command is needed"),
        ({"declare": "[x]"}, "declare: a mapping with text as keys is needed"),
        ({"declare": "{x: {contnet: y}}"}, "declare: x: no property 'contnet'"),
        ({"declare": '{"fiel[x]": {}}'}, "declare: fiel[x]: no such resource type"),
        ({"drift": "{y: rm y}"}, "drift: file[y] is not declared"),
        ({"drift": "{x: 5}"}, "drift: x: text is needed, not 5"),
        ({"later": "{declare: {x: {}}}"}, "later: the key 'judge' is missing"),
        ({"later": "{declare: {x: {}}, jugde: x}"}, "later: unknown key 'jugde'"),
        ({"remove": "all"}, "remove: a mapping with text as keys is needed"),
        ({"lost": "{z: all}"}, "lost: file[z] is not declared"),
        ({"packages": "curl"}, "packages: a list of names is needed, not 'curl'"),
        ({"packages": "[-y]"}, "packages: '-y' is no name of a package"),
        ({"packages": "[5]"}, "packages: 5 is no name of a package"),
        ({"gnoe": "true"}, "unknown key 'gnoe'"),
        ({"declare": "{x: ["}, "not YAML: while parsing a flow sequence"),
    ],
)
def test_a_wrong_file_is_named_with_the_key(
    tmp_path: Path, wrong: dict[str, str], says: str
) -> None:
    path = _written(tmp_path, {**GOOD, **wrong})
    with pytest.raises(UsageError) as raised:
        load_life(path)
    assert str(raised.value).replace(":3:6: ", ": ").startswith(f"{path}: {says}")


@pytest.mark.parametrize("key", GOOD)
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    path = _written(tmp_path, {name: text for name, text in GOOD.items() if name != key})
    with pytest.raises(UsageError, match=f"the key '{key}' is missing"):
        load_life(path)


def test_a_file_of_no_resource_type_is_named(tmp_path: Path) -> None:
    path = _written(tmp_path, GOOD, "fiel.yml")
    with pytest.raises(UsageError, match="no resource type 'fiel'") as raised:
        load_life(path)
    assert raised.value.hint == "did you mean 'file'?"


def _written(folder: Path, keys: dict[str, str], name: str = "file.yml") -> Path:
    path = folder / name
    path.write_text("".join(f"{key}: {text}\n" for key, text in keys.items()))
    return path
