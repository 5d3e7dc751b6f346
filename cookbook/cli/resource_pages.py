"""The resource types as pages of Markdown, made of the same descriptions as `cook resources`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING
from pathlib import Path

from cookbook.cli.resource_help import CATEGORIES, COMMON, described_properties, example_of
from cookbook.errors import UsageError
from cookbook.language.resource import Resource
from cookbook.plugins.registry import kinds


def write_pages(folder: Path) -> int:
    """
    Write a page for each resource type, and README.md with the list of all; return their number.

    Pages of types that do not exist any more are removed. Raises UsageError if the folder has
    files of another kind, or cannot be written.
    """
    types = kinds()
    pages = {f"{name}.md": "\n".join(_page(name, kind)) for name, kind in types.items()}
    pages["README.md"] = "\n".join(_list(types))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if old.name in pages:
                continue
            if not old.is_file() or not old.read_text(errors="replace").startswith(_HEAD):
                raise UsageError(
                    f"{old} was not written by `cook resources --pages`",
                    hint="name an empty folder, or one of an earlier call",
                )
            old.unlink()
        for name, text in pages.items():
            (folder / name).write_text(f"{_HEAD}\n\n{text}\n")
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from None
    return len(types)


_HEAD = "<!-- written by `cook resources --pages` -->"


def _list(types: dict[str, type[Resource]]) -> Iterator[str]:
    """Yield the list of all types by category."""
    yield "# Resource types"
    categories = {kind.category for kind in types.values()}
    for category in [*CATEGORIES, *sorted(categories - {*CATEGORIES})]:
        if category not in categories:
            continue
        yield f"\n## {category}\n\n| type | |\n|---|---|"
        for name, kind in types.items():
            if kind.category == category:
                summary = (inspect.getdoc(kind) or "").split("\n")[0]
                yield f"| [{name}]({name}.md) | {_cell(summary)} |"


def _page(name: str, kind: type[Resource]) -> Iterator[str]:
    """Yield one page: description, example, actions, own properties, common ones."""
    text, _, _ = (inspect.getdoc(kind) or "").partition("Example::")
    yield f"# {name}\n\n{text.strip()}\n"
    if example := example_of(kind):
        yield f"```python\n{example}\n```\n"
    default = kind.action if isinstance(kind.action, str) else ", ".join(kind.action)
    actions = ", ".join(f"`{action}`" for action in sorted(kind.actions()))
    yield f"Actions: {actions}; the default is `{default}`.\n"
    yield "| property | type | default | |\n|---|---|---|---|"
    for field, told in described_properties(kind):
        if field.name in COMMON or field.name == "action":
            continue
        shown = "" if field.default is MISSING else f"`{field.default!r}`"
        yield f"| `{field.name}` | `{_cell(str(field.type))}` | {_cell(shown)} | {_cell(told)} |"
    yield "\nProperties of all types: " + ", ".join(f"`{one}`" for one in COMMON) + "."


def _cell(text: str) -> str:
    """Return text as it stands in a table: in one line, without a bar that ends the cell."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|")
