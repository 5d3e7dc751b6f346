"""The blocks of Python in docs/guide are recipes that compile, and its links lead somewhere."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from cookbook.cli.command_table import COMMANDS
from cookbook.hosts.connect import gather_facts
from cookbook.inventory import from_data
from cookbook.language.collection import Node
from cookbook.language.compiler import compile_recipes
from cookbook.language.feature_answer import FeatureAnswer
from cookbook.run.fleet import InventoryFleet
from cookbook.script.facts import Facts
from cookbook.secrets.secret import Secret
from cookbook.testing import check_case
from cookbook.transport.local import LocalTransport
from tests.data import from_yaml

GUIDE = Path("docs/guide")
PAGES = {path.stem: path.read_text() for path in sorted(GUIDE.glob("*.md"))}
FENCE = re.compile(r"^```(\w*)\n((?:.*\n)*?)```$", re.MULTILINE)


def blocks(language: str) -> list[tuple[str, str]]:
    """Return the blocks of code in a language, with the names of their pages and numbers."""
    return [
        (f"{page}-{number}", code)
        for page, text in PAGES.items()
        for number, (found, code) in enumerate(FENCE.findall(text))
        if found == language
    ]


RECIPES = blocks("python")


def modules(page: str) -> dict[str, str]:
    """Return the blocks of a page that a file is named for in their first line."""
    found = (code for name, code in RECIPES if name.rpartition("-")[0] == page)
    return {
        path[1]: code
        for code in found
        if (path := re.match(r"# ([a-z_/]+\.py)\b", code)) is not None
    }


class _Store:
    """A store that has each secret."""

    def secret(self, name: str, folder: Path) -> Secret:
        return Secret(f"the value of {name}")

    def derived(self, name: str, folder: Path, *, host: str, length: int, alphabet: str) -> Secret:
        raise NotImplementedError


class _Features:
    """Features that are all on."""

    def ask(self, name: str, subject: object) -> FeatureAnswer:
        return FeatureAnswer(name, is_on=True, why="always")


HOSTS = """
hosts: {"web[1:3]": {}, db1: {}}
groups: {web: {hosts: ["web[1:3]"]}, db: {hosts: [db1]}}
"""


def fleet() -> InventoryFleet:
    """Return hosts that a recipe may read the facts of: all are this machine."""
    hosts = from_data(from_yaml(HOSTS)).select()
    made = InventoryFleet(hosts, None, lambda host: dict(host.vars), 0)
    facts = functools.partial(gather_facts, connect=lambda _: LocalTransport())
    made.read([host.name for host in hosts], 1, facts)
    return made


@pytest.mark.parametrize(("name", "code"), RECIPES, ids=[name for name, _ in RECIPES])
def test_each_recipe_compiles(name: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "site.conf.j2").write_text("listen {{ port }};\n")
    (tmp_path / "files/etc/nginx/conf.d").mkdir(parents=True)
    (tmp_path / "files/etc/nginx/conf.d/shop.conf").write_text("server_tokens off;\n")
    for path, text in modules(name.rpartition("-")[0]).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    if "recipe_function" in code:  # it is not a recipe, but what one imports
        code = f"import {code.removeprefix('# ').partition('.py')[0]}\n"
    (tmp_path / "r.py").write_text(code)
    facts = Facts(family="debian", distribution="debian", version="12")
    node = Node(
        "web1",
        facts,
        MappingProxyType({}),
        ["frontend"],
        _Store(),
        features=_Features(),
        fleet=fleet(),
    )
    declared = compile_recipes([tmp_path / "r.py"], node)
    assert (len(declared) >= 1) == (not code.startswith("import ")), name


def test_every_fence_is_found() -> None:
    for page, text in PAGES.items():
        assert len(FENCE.findall(text)) * 2 == text.count("```"), page
    assert len(RECIPES) == sum(text.count("```python") for text in PAGES.values()) >= 20


def test_each_page_but_the_index_has_a_recipe_and_is_in_the_index() -> None:
    pages = PAGES.keys() - {"README"}
    assert {name.rpartition("-")[0] for name, _ in RECIPES} == pages
    assert set(re.findall(r"\]\(([a-z-]+)\.md\)", PAGES["README"])) == pages


CASES: list[dict[str, Any]] = [
    case for name, text in blocks("yaml") if name.startswith("testing-") for case in from_yaml(text)
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["it"])
def test_the_cases_hold(case: dict[str, Any]) -> None:
    check_case(case)


def test_commands_of_the_guide_exist() -> None:
    text = "\n".join(PAGES.values())
    named = set(re.findall(r"(?:`|\$ )cook ([a-z]+)", text))
    assert named - COMMANDS.keys() == set()


def documents() -> list[Path]:
    """Return all pages for readers."""
    return [*Path().glob("*.md"), *Path("docs").rglob("*.md")]


@pytest.mark.parametrize("path", documents(), ids=str)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        place = path.parent / file if file else path
        if not place.exists() or (anchor and anchor not in anchors(place)):
            dead.append(target)
    assert dead == []


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}
