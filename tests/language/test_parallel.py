"""Parallel blocks: what a recipe may declare in them, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cookbook.errors import RecipeError
from cookbook.language.collection import Collection, Node
from cookbook.language.compiler import compile_recipes
from cookbook.language.sections import ParallelBlock

LINES = "from cookbook.recipe import *\nfrom cookbook.resources import *\n"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def compiled(recipe: str) -> Collection:
    Path("r.py").write_text(LINES + recipe)
    return compile_recipes([Path("r.py")], Node("web1"))


def test_a_resource_notes_its_block() -> None:
    found = compiled("""
file("/before")
with parallel():
    file("/a")
    with tagged("x"):
        file("/b")
file("/between")
with parallel(at_once=2):
    file("/c")
""")
    assert [declared.parallel for declared in found] == [
        None,
        ParallelBlock(1, 4),
        ParallelBlock(1, 4),
        None,
        ParallelBlock(2, 2),
    ]


def test_a_block_may_be_in_an_attempt_and_in_the_final_stage() -> None:
    found = list(
        compiled("""
with attempt("build") as build:
    with parallel():
        execute("a")
with final_stage():
    with parallel():
        http_check("http://localhost/")
""")
    )
    assert [section.part for section in found[0].sections] == ["body"]
    assert [declared.parallel is not None for declared in found] == [True, True]
    assert found[1].is_final


BLOCK = "with parallel():\n    execute('a')\n"
NOTIFIES = (
    "r.py:5: execute[b] and execute[a] (r.py:4) are in one parallel block,"
    " and one notifies the other"
)

REFUSED = {
    "a block in a block": (
        "with parallel():\n    with parallel():\n        pass",
        "r.py:4: a parallel block is inside another one",
    ),
    "an attempt in a block": (
        "with parallel():\n    with attempt('a'):\n        pass",
        "r.py:4: the attempt 'a' is inside a parallel block",
    ),
    "a rescue in a block": (
        "with attempt('a') as a:\n    pass\nwith parallel():\n    with a.rescue():\n        pass",
        "r.py:6: the attempt 'a' is inside a parallel block",
    ),
    "nothing at once": (
        "with parallel(at_once=0):\n    pass",
        "r.py:3: parallel: at_once must be a number from 1, not 0",
    ),
    "no number": (
        "with parallel(at_once='4'):\n    pass",
        "r.py:3: parallel: at_once must be a number from 1, not '4'",
    ),
    "a notification": (
        f"{BLOCK}    execute('b', notifies=[delayed('run', 'execute[a]')])",
        NOTIFIES,
    ),
    "a subscription": (
        f"{BLOCK}    execute('b', subscribes=[immediate('run', 'execute[a]')])",
        NOTIFIES,
    ),
}


@pytest.mark.parametrize(("recipe", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_independent_is_refused(recipe: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        compiled(recipe).check()
    assert caught.value.message == message


def test_resources_of_different_blocks_may_notify_each_other() -> None:
    compiled("""
with parallel():
    execute("a", action="nothing")
with parallel():
    execute("b", notifies=[delayed("run", "execute[a]")])
execute("c", subscribes=[immediate("run", "execute[b]")])
""").check()
