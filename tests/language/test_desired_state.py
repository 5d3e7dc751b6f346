"""The digest of a desired state: the same for the same declarations, another for any other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookbook.language.collection import Node
from cookbook.language.compiler import compile_recipes
from cookbook.language.desired_state import desired_digest
from cookbook.run.desired_key import desired_key

HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"
KEY = b"k" * 32

Digest = Callable[..., str]


@pytest.fixture
def digest(tmp_path: Path) -> Digest:
    """Compile a recipe's text, and return the digest of what it declares."""

    def of(text: str, key: bytes = KEY, heading: str = HEADING) -> str:
        path = tmp_path / "r.py"
        path.write_text(f"{heading}{text}\n")
        return desired_digest(compile_recipes([path], Node("web1")), key)

    return of


SAME = [
    ('file("/a", content="x")', '\n\n# a comment\nfile("/a",\n  content="x")'),
    ('package("a", action="install")', 'package("a")'),
    ('sysctl("vm.a", value="1", tags=[])', 'sysctl("vm.a", value="1")'),
    (
        'template("/a", source="t.j2", variables={"a": 1, "b": 2})',
        'template("/a", source="t.j2", variables={"b": 2, "a": 1})',
    ),
]
OTHER = [
    'file("/a", content="x")',
    'file("/a", content="y")',
    'file("/a", content=b"y")',
    'file("/b", content="x")',
    'file("/a", content="x", mode="0644")',
    'file("/a", content="x", only_if="true")',
    'file("/a", content="x", not_if="true")',
    'file("/a", content="x", not_if=lambda node: node.name == "web1")',
    'file("/a", content="x", not_if=lambda node: node.name == "web2")',
    'file("/a", content="x", sensitive=True)',
    'file("/a", content="y", sensitive=True)',
    'file("/a", content=lazy("cat /etc/id"))',
    'file("/a", content=lazy("cat /etc/ie"))',
    'file("/a", content="x", action="delete")',
    'file("/a", content="x")\nfile("/b", content="x")',
    'file("/b", content="x")\nfile("/a", content="x")',
    'file("/a", content="x", notifies=[delayed("run", "execute[e]")])\nexecute("e")',
    'file("/a", content="x", notifies=[immediate("run", "execute[e]")])\nexecute("e")',
    'with parallel():\n    file("/a", content="x")\n    file("/b", content="x")',
    'user("u", password="$6$a$b")',
    'user("u", password="$6$a$c")',
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_it_is_the_same_for_what_means_the_same(
    digest: Digest, tmp_path: Path, one: str, other: str
) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/t.j2").write_text("{{ a }}{{ b }}\n")
    assert digest(one) == digest(other) == digest(one)


def test_each_difference_gives_another_one(digest: Digest) -> None:
    found = {digest(text): text for text in OTHER}
    assert sorted(found.values()) == sorted(OTHER)


def test_a_template_counts_as_it_is_rendered(digest: Digest, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    template = tmp_path / "templates/t.j2"
    text = 'template("/a", source="t.j2", variables={"a": %s})'
    template.write_text("size {{ a }}\n")
    first = digest(text % 1)
    assert digest(text % 2) != first
    template.write_text("{# a comment #}size {{ a }}\n")
    assert digest(text % 1) == first
    template.write_text("sizes {{ a }}\n")
    assert digest(text % 1) != first


@given(st.permutations(["b", "a", "c", "é"]), st.integers())
def test_the_order_of_keys_does_not_count(names: list[str], number: int) -> None:
    from cookbook.language.desired_state import _plain, _text

    values = {name: {"x": number, "y": [name]} for name in names}
    ordered = dict(sorted(values.items()))
    assert _text(_plain(values, KEY)) == _text(_plain(ordered, KEY))
    assert _plain(set(names), KEY) == _plain(frozenset(sorted(names)), KEY)


PROCESS = """
import sys
from pathlib import Path
from cookbook.language.collection import Node
from cookbook.language.compiler import compile_recipes
from cookbook.language.desired_state import desired_digest
print(desired_digest(compile_recipes([Path(sys.argv[1])], Node("web1")), b"k" * 32))
"""


def test_it_is_the_same_in_another_process(digest: Digest, tmp_path: Path) -> None:
    """Whatever the seed of its hashes is: functions have no address in it."""
    text = 'group("g", members=["b", "a"])\n' + OTHER[7]
    here = digest(text)
    for seed in "12":
        done = subprocess.run(
            [sys.executable, "-c", PROCESS, tmp_path / "r.py"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == here


def test_a_secret_counts_by_a_digest_with_a_key(digest: Digest) -> None:
    """Without the key, nobody who guesses a secret can tell that it is the right one."""
    heading = f"{HEADING}from cookbook.secrets.secret import Secret\n"
    text = 'file("/a", content=Secret("%s"))'
    first = digest(text % "sesame-1", heading=heading)
    assert digest(text % "sesame-1", heading=heading) == first
    assert digest(text % "sesame-2", heading=heading) != first
    assert digest(text % "sesame-1", b"o" * 32, heading=heading) != first


def test_what_is_sensitive_depends_on_the_key_and_nothing_else_does(digest: Digest) -> None:
    for text, depends in (
        ('file("/a", content="x", sensitive=True)', True),
        ('user("u", password="$6$a$b")', True),
        ('file("/a", content="x")', False),
    ):
        assert (digest(text) != digest(text, b"o" * 32)) is depends, text


def test_the_key_is_made_once_and_is_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    assert desired_key() == desired_key()
    [path] = (tmp_path / "state").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(desired_key()) == 32
