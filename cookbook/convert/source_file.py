"""The text of a recipe that is written: imports, helpers, statements."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cookbook.convert.statements import Statement
from cookbook.plugins.registry import registered

_RECIPE = frozenset(
    {"attempt", "before", "delayed", "final", "immediate", "lazy", "node", "secret", "tagged"}
)
_STANDARD = ("base64", "collections.abc", "json", "pathlib", "posixpath", "re", "shlex")


def recipe_text(
    title: str, parts: Sequence[Sequence[Statement]], helpers: Mapping[str, str]
) -> str:
    """
    Return the source of a recipe; a blank line is between the parts, and its imports on top.

    `helpers` are the functions that it needs: name -> source.
    """
    functions = [helpers[word] for word in sorted(helpers)]
    blocks = ["\n".join(line for one in part for line in one.render(0)) for part in parts if part]
    body = "\n\n".join([*blocks]) if blocks else "# There is nothing to declare."
    used = _names("\n\n".join([*functions, body]))
    imports = _imports(used, [*registered()])
    head = [_docstring(title)]
    if imports:
        head.append(imports)
    whole = "\n\n".join(head)
    functions = [f"{one}\n" for one in functions]
    if functions:
        whole += "\n\n\n" + "\n\n".join(functions).rstrip("\n") + "\n\n"
        return _spaced(f"{whole}\n{body}\n")
    return _spaced(f"{whole}\n\n{body}\n")


def _docstring(title: str) -> str:
    """Return a title as a docstring on one line, which no title can end."""
    flat = "".join(one if one.isprintable() else " " for one in title)
    words = " ".join(flat.split()).replace("\\", "\\\\").replace('"', "'")
    return f'"""{words}"""'


def _spaced(source: str) -> str:
    """Return the source with at most two blank lines anywhere, and none at its end."""
    return re.sub(r"\n{4,}", "\n\n\n", source).rstrip("\n") + "\n"


def _names(source: str) -> set[str]:
    tree = ast.parse(source)
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _imports(used: set[str], types: Sequence[str]) -> str:
    standard = [f"import {one}" for one in _STANDARD if one.partition(".")[0] in used]
    own = []
    for module, names in (("cookbook.recipe", _RECIPE), ("cookbook.resources", frozenset(types))):
        if found := sorted(used & names):
            line = f"from {module} import {', '.join(found)}"
            if len(line) > 100:
                line = f"from {module} import (\n" + "".join(f"    {n},\n" for n in found) + ")"
            own.append(line)
    return "\n\n".join("\n".join(group) for group in (standard, own) if group)


@dataclass
class Function(Statement):
    """A function that declares the statements of a file of tasks."""

    name: str
    title: str
    body: Sequence[Statement]
    assigned: Sequence[str] = ()
    """The variables of the recipe that it sets."""

    def render(self, indent: int) -> list[str]:
        """Return its lines, with the blank lines around it."""
        pad = " " * indent
        inner = [line for one in self.body for line in one.render(indent + 4)]
        words = [f"{pad}    global {', '.join(self.assigned)}"] if self.assigned else []
        head = [f"{pad}def {self.name}() -> None:", f"{pad}    {_docstring(self.title)}"]
        return ["", *head, *words, *inner, ""]

    def walk(self) -> Iterator[Statement]:
        """Yield it, and all statements inside of it."""
        yield self
        for one in self.body:
            yield from one.walk()
