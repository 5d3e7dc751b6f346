"""A recipe as a tree, with the calls that declare resources."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cookbook.lint.finding import Edit, Finding
from cookbook.plugins.registry import registered

_NOQA = re.compile(r"#\s*noqa(?::\s*(?P<codes>[A-Z0-9 ,]+))?", re.IGNORECASE)

_ENGINE = {"cookbook.resources", "cookbook.recipe"}


@dataclass(frozen=True)
class Call:
    """A call of a resource function."""

    kind: str
    """The resource type."""

    node: ast.Call
    name: str | None
    """The name that it declares, as far as it can be known without running the recipe."""

    @property
    def identity(self) -> str | None:
        """`type[name]`; None if the name is not known."""
        return None if self.name is None else f"{self.kind}[{self.name}]"

    def value(self, keyword: str) -> ast.expr | None:
        """Return the expression of a property; None if it is not given."""
        return next((one.value for one in self.node.keywords if one.arg == keyword), None)

    @property
    def has_unknown_properties(self) -> bool:
        """True if it has `**mapping`: then more properties may be given than are seen."""
        return any(one.arg is None for one in self.node.keywords)


class LintedRecipe:
    """One Python file with declarations: a recipe, or a module that recipes import."""

    def __init__(self, path: Path, data: bytes) -> None:
        """Read a file. Raises SyntaxError or ValueError if it is no Python."""
        self.path, self.data = path, data
        self.tree = ast.parse(data, str(path))
        self.nodes = list(ast.walk(self.tree))
        self.parents = {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    @cached_property
    def text(self) -> str:
        """The source; bytes that are not UTF-8 are replaced."""
        return self.data.decode("utf-8", "replace")

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Imported name -> its full name: `run` -> `subprocess.run`."""
        found: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for one in node.names:
                    first = one.name.partition(".")[0]
                    found[one.asname or first] = one.name if one.asname else first
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for one in node.names:
                    if one.name == "*" and node.module == "cookbook.resources":
                        found.update((kind, f"{node.module}.{kind}") for kind in registered())
                    elif one.name != "*":
                        found[one.asname or one.name] = f"{node.module}.{one.name}"
        return found

    def dotted(self, node: ast.expr) -> str | None:
        """Return the full name of what is named, e.g. `subprocess.run`; None if it is no name."""
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        return ".".join([self.names.get(node.id, node.id), *reversed(attributes)])

    @cached_property
    def calls(self) -> list[Call]:
        """The calls that declare resources, in the order of the file."""
        return [
            Call(kind, node, self.text_of(node.args[0]) if node.args else None)
            for node in self.nodes
            if isinstance(node, ast.Call) and (kind := self._kind(node.func)) is not None
        ]

    def _kind(self, function: ast.expr) -> str | None:
        full = self.dotted(function)
        if full is None:
            return None
        module, _, last = full.rpartition(".")
        by_engine = module == "cookbook.resources"
        by_plugin = "." in full and module.partition(".")[0] != "cookbook"
        return last if (by_engine or by_plugin) and last in registered() else None

    @cached_property
    def constants(self) -> Mapping[str, Any]:
        """The values of names that the module sets once, to something that is known."""
        found: dict[str, Any] = {}
        often: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                if node.id in found:
                    often.add(node.id)
                found.setdefault(node.id, _UNKNOWN)
        for statement in self.tree.body:
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                target = statement.targets[0]
                if isinstance(target, ast.Name) and target.id not in often:
                    found[target.id] = self._value(statement.value, found)
        return {name: v for name, v in found.items() if v is not _UNKNOWN and name not in often}

    @cached_property
    def own_names(self) -> frozenset[str]:
        """The names that the module itself gives to something."""
        stored = (
            node.id
            for node in self.nodes
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )
        kinds = (ast.FunctionDef, ast.ClassDef)
        return frozenset([*stored, *(node.name for node in self.nodes if isinstance(node, kinds))])

    def value_of(self, node: ast.expr | None) -> Any:
        """Return the value of an expression; None if it is not known without running the recipe."""
        if node is None:
            return None
        value = self._value(node, self.constants)
        return None if value is _UNKNOWN else value

    def text_of(self, node: ast.expr | None) -> str | None:
        """Return the text of an expression; None if it is not known, or no text."""
        value = self.value_of(node)
        return value if isinstance(value, str) else None

    def _value(self, node: ast.expr, known: Mapping[str, Any]) -> Any:
        if isinstance(node, ast.Name):
            return known.get(node.id, _UNKNOWN)
        if isinstance(node, ast.JoinedStr):
            return self._joined(node, known)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            both = [self._value(node.left, known), self._value(node.right, known)]
            return both[0] + both[1] if all(isinstance(one, str) for one in both) else _UNKNOWN
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return _UNKNOWN

    def _joined(self, node: ast.JoinedStr, known: Mapping[str, Any]) -> Any:
        pieces = []
        for piece in node.values:
            inner = piece.value if isinstance(piece, ast.FormattedValue) else piece
            plain = not isinstance(piece, ast.FormattedValue) or piece.format_spec is None
            value = self._value(inner, known) if plain else _UNKNOWN
            if value is _UNKNOWN:
                return _UNKNOWN
            pieces.append(str(value))
        return "".join(pieces)

    @cached_property
    def imports_own_modules(self) -> bool:
        """True if it imports modules from beside it, which may declare as well."""
        beside = self.path.parent
        modules = {full.partition(".")[0] for full in self.names.values()}
        return any((beside / f"{one}.py").is_file() or (beside / one).is_dir() for one in modules)

    def finding(self, code: str, node: ast.AST, message: str, fix: Iterable[Edit] = ()) -> Finding:
        """Return a finding at a node."""
        line: int = node.lineno  # type: ignore[attr-defined]
        return Finding(code, self.path, line, self.column(node), message, tuple(fix))

    def segment(self, node: ast.AST) -> str:
        """Return the source of a node."""
        start, end = self.span(node)
        return self.data[start:end].decode("utf-8", "replace")

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Return where a node begins and ends, in bytes."""
        at: Any = node
        return (
            self._lines[at.lineno - 1] + at.col_offset,
            self._lines[at.end_lineno - 1] + at.end_col_offset,
        )

    def column(self, node: ast.AST) -> int:
        """Return the column of the first character of a node, from 1."""
        at: Any = node
        start = self._lines[at.lineno - 1]
        return len(self.data[start : start + at.col_offset].decode("utf-8", "replace")) + 1

    @cached_property
    def _lines(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer(rb"\r\n|\n|\r", self.data))]

    @cached_property
    def silenced(self) -> Mapping[int, frozenset[str] | None]:
        """By line: the codes that `# noqa: CK101` silences there; None: all of them."""
        found: dict[int, frozenset[str] | None] = {}
        for number, line in enumerate(self.text.splitlines(), start=1):
            if (match := _NOQA.search(line)) is not None:
                codes = match["codes"]
                given = frozenset(re.split(r"[ ,]+", codes.strip().upper())) if codes else None
                found[number] = given
        return found

    @cached_property
    def ends(self) -> Mapping[int, int]:
        """By line on which a statement begins: the line on which it ends."""
        statements = (node for node in self.nodes if isinstance(node, ast.stmt))
        return {node.lineno: node.end_lineno or node.lineno for node in statements}


_UNKNOWN = object()
"""Stands for a value that only a run of the recipe can tell."""
