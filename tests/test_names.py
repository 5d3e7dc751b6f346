"""Public names: each class and each alias of a type has one meaning in all of cookbook."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

PER_MODULE = {"providers": {"State"}, "resources": {"Action"}}
"""Names that each module of a folder has by contract: the state of its provider, its actions."""


def public_types(path: Path) -> Iterator[str]:
    """The classes and aliases that a module defines, without private names and constants."""
    for node in ast.parse(path.read_text()).body:
        names: list[str] = []
        if isinstance(node, ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
        yield from (name for name in names if name[0].isupper() and not name.isupper())


def test_no_public_type_is_defined_twice() -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for folder in ("cookbook", "providers", "resources"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for name in set(public_types(path)) - PER_MODULE.get(folder, set()):
                found[name].append(str(path.relative_to(ROOT)))
    assert len(found) > 200
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}
