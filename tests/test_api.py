"""docs/api.md names what is public: exactly the names in `__all__` of the public modules."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/api.md").read_text("utf-8")
MODULES = ("recipe", "audit", "provider", "plugin", "testing", "errors")
RESOURCES = "resources"
"""Its names are those of the files in resources/: a new type adds no line to the page."""


def documented(module: str) -> set[str]:
    """The names in the table of a module."""
    [section] = re.findall(
        rf"^## cookbook\.{module}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL
    )
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def test_the_page_lists_the_public_modules() -> None:
    assert tuple(re.findall(r"^## cookbook\.(\w+)$", PAGE, re.MULTILINE)) == (
        "recipe",
        RESOURCES,
        *MODULES[1:],
    )


@pytest.mark.parametrize("name", MODULES)
def test_the_page_names_all_that_is_public(name: str) -> None:
    module = importlib.import_module(f"cookbook.{name}")
    assert documented(name) == set(module.__all__)
    for one in module.__all__:
        assert getattr(module, one) is not None


@pytest.mark.parametrize("name", MODULES)
def test_each_public_name_is_explained(name: str) -> None:
    [section] = re.findall(
        rf"^## cookbook\.{name}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL
    )
    assert not re.findall(r"^\| `\w+` \|\s*\|$", section, re.MULTILINE)
