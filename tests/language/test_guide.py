"""The blocks of Python in docs/guide.md are recipes that compile."""

from __future__ import annotations

import re
from pathlib import Path
from types import MappingProxyType

import pytest

from cookbook.language.collection import Node
from cookbook.language.compiler import compile_recipes
from cookbook.script.facts import Facts
from cookbook.secrets.secret import Secret

TEXT = Path("docs/guide.md").read_text()
BLOCKS = re.findall(r"^## (.+?)\n(?:(?!^## ).*\n)*?```python\n((?:.*\n)*?)```", TEXT, re.MULTILINE)
SECTIONS = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)


class _Store:
    """A store that has each secret."""

    def secret(self, name: str, folder: Path) -> Secret:
        return Secret(f"the value of {name}")

    def derived(self, name: str, folder: Path, *, host: str, length: int, alphabet: str) -> Secret:
        raise NotImplementedError


@pytest.mark.parametrize(("section", "code"), BLOCKS, ids=[name for name, _ in BLOCKS])
def test_each_block_compiles(section: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "site.conf.j2").write_text("listen {{ port }};\n")
    (tmp_path / "r.py").write_text(code)
    facts = Facts(family="debian", distribution="debian", version="12")
    node = Node("web1", facts, MappingProxyType({}), ["frontend"], _Store())
    assert len(compile_recipes([tmp_path / "r.py"], node)) >= 1, section


def test_each_section_with_python_is_found() -> None:
    assert len(BLOCKS) == TEXT.count("```python") == 9
    assert {name for name, _ in BLOCKS} < {*SECTIONS}


def test_commands_of_the_guide_exist() -> None:
    from cookbook.cli import COMMANDS

    named = set(re.findall(r"(?:`|\$ )cook ([a-z]+)", TEXT))
    assert named - COMMANDS.keys() == set()
