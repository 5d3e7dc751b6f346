"""Files and templates of a role: found for tasks, and copied into the folder that is written."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.filters import FILTERS
from jinja2.tests import TESTS

from cookbook.convert.ansible import facts
from cookbook.convert.ansible.jinja import Translator
from cookbook.convert.ansible.jinja_syntax import ENVIRONMENT
from cookbook.convert.ansible.params import Params
from cookbook.convert.expressions import Untranslatable, constant, is_constant, literal, name, text
from cookbook.convert.project import Folder
from cookbook.convert.scope import NameScope
from cookbook.convert.source_tree import OUTSIDE, content, files_below, is_inside

KINDS = ("files", "templates")
"""The folders of a role that are copied."""

_MANAGED = re.compile(r"\{\{\s*ansible_managed\s*(\|\s*comment(?:\(([^)]*)\))?)?\s*\}\}")
_STYLES: Mapping[str, str] = {
    "": "# {}",
    "plain": "# {}",
    "erlang": "% {}",
    "c": "// {}",
    "cblock": "/*\n * {}\n */",
    "xml": "<!--\n - {}\n-->",
}
"""Style of the filter `comment` -> the comment."""


class RoleFiles:
    """The folders `files` and `templates` of a role."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.scope = NameScope()
        """The variables that templates can use."""

    def file(self, source: ast.expr) -> tuple[str, ast.expr]:
        """Return `file` or `folder`, and the expression of the name below `files/`."""
        if not is_constant(source):
            if _starts_outside(source):
                raise Untranslatable("a source that is not in files/")
            return "file", source
        given = str(constant(source))
        path = self._below("files", given)
        if path is None:
            raise Untranslatable(f"there is no {given} in files/")
        return ("folder" if path.is_dir() else "file"), literal(
            _relative(path, self.root / "files")
        )

    def _below(self, kind: str, given: str) -> Path | None:
        cleaned = re.sub(rf"^(\.\./)?({kind}/)?", "", given)
        path = self.root / kind / cleaned
        if not path.exists():
            return None
        if not is_inside(path, self.root):
            raise Untranslatable(f"{given} is {OUTSIDE}")
        return path if is_inside(path, self.root / kind) else None

    def glob(self, patterns: Any) -> list[str]:
        """Return the files that a pattern finds in `files/` or `templates/`, as they are now."""
        found: list[str] = []
        for pattern in patterns if isinstance(patterns, list) else [patterns]:
            if "{{" in str(pattern):
                raise Untranslatable("a pattern with variables")
            cleaned = re.sub(r"^(\.\./)?(files|templates)/", "", str(pattern))
            for kind in ("files", "templates"):
                paths = _matching(self.root / kind, cleaned)
                found += [
                    _relative(path, self.root / kind)
                    for path in paths
                    if path.is_file() and is_inside(path, self.root)
                ]
        return found

    def template(self, source: ast.expr, params: Params) -> tuple[ast.expr, ast.expr]:
        """
        Return the expressions of the name below `templates/`, and of its variables.

        Raises Untranslatable for a template that needs something that Jinja2 does not have.
        """
        paths, shown = self._templates(source)
        needed: dict[str, bool] = {}
        for path in paths:
            self._needs(path, needed, params.scope)
        return shown, _variables(needed, params.scope)

    def _templates(self, source: ast.expr) -> tuple[list[Path], ast.expr]:
        root = self.root / "templates"
        if is_constant(source):
            given = re.sub(r"^(\.\./)?(\./)?(templates/)?", "", str(constant(source)))
            path = root / given
            if self._below("templates", given) is None or not path.is_file():
                raise Untranslatable(f"there is no {given} in templates/")
            return [path], literal(given)
        if _starts_outside(source):
            raise Untranslatable("a template that is not in templates/")
        pattern = _pattern(source)
        every = [path for path, can_be_copied in files_below(root, self.root) if can_be_copied]
        found = [path for path in every if re.fullmatch(pattern, _relative(path, root))]
        if not found:
            raise Untranslatable("the name of the template is not known")
        return found, source

    def _needs(self, path: Path, needed: dict[str, bool], scope: NameScope) -> None:
        """Add the variables of a template: True for those that it can do without."""
        source = converted(content(path).decode("utf-8", "surrogateescape"))
        try:
            tree = ENVIRONMENT.parse(source)
        except jinja2.TemplateError as error:
            raise Untranslatable(f"templates/{path.name}: {error}") from None
        _check(tree, path.name)
        optional = {
            node.node.name
            for node in tree.find_all((nodes.Test, nodes.Filter))
            if node.name in ("defined", "undefined", "default", "d")
            and isinstance(node.node, nodes.Name)
        }
        for word in meta.find_undeclared_variables(tree):
            needed[word] = word in optional and needed.get(word, True)
        parts = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
        for found in tree.find_all(parts):
            node: Any = found
            if isinstance(node.template, nodes.Const) and isinstance(node.template.value, str):
                inner = self.root / "templates" / node.template.value
                if inner.is_file() and inner != path and is_inside(inner, self.root):
                    self._needs(inner, needed, scope)


def _matching(folder: Path, pattern: str) -> list[Path]:
    """Return the files below a folder that a pattern finds; raises Untranslatable for others."""
    if pattern.startswith("/"):
        return []
    try:
        return sorted(folder.glob(pattern))
    except ValueError as error:
        raise Untranslatable(f"the pattern {pattern!r}: {error}") from None


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _starts_outside(source: ast.expr) -> bool:
    return bool(re.match(r"f?[\"'](/|\{[^}]*(playbook_dir|role_path))", text(source)))


def _pattern(source: ast.expr) -> str:
    """Return a regular expression of the names that an f-string may have."""
    if not isinstance(source, ast.JoinedStr):
        return ".*"
    parts = [
        re.escape(str(one.value)) if isinstance(one, ast.Constant) else ".*"
        for one in source.values
    ]
    return "".join(parts)


def _check(tree: nodes.Template, name: str) -> None:
    """Raise Untranslatable for filters, tests and functions that only Ansible has."""
    missing = sorted(
        {f"the filter {n.name}" for n in tree.find_all(nodes.Filter) if n.name not in FILTERS}
        | {f"the test {n.name}" for n in tree.find_all(nodes.Test) if n.name not in TESTS}
        | {
            f"the function {n.node.name}"
            for n in tree.find_all(nodes.Call)
            if isinstance(n.node, nodes.Name) and n.node.name in ("lookup", "query", "q", "now")
        }
    )
    if missing:
        raise Untranslatable(
            f"templates/{name} uses what Jinja2 does not have: {', '.join(missing)}"
        )


_GLOBALS = frozenset({"range", "dict", "lipsum", "cycler", "joiner", "namespace", "node"})


def _variables(needed: Mapping[str, bool], scope: NameScope) -> ast.expr:
    """Return the mapping of what a template can use."""
    shown: dict[str, ast.expr] = {}
    whole = False
    maybe = False
    for word in sorted(needed):
        if word in _GLOBALS:
            continue
        if word in scope.names:
            shown[word] = scope.names[word]
            maybe = maybe or word in scope.unset
        elif facts.fact_of(word) is not None or word in facts.MAGIC:
            _add_fact(shown, word, scope, optional=needed[word])
        elif word in scope.forbidden:
            raise Untranslatable(scope.forbidden[word])
        elif word in ("hostvars", "groups", "ansible_facts", "vars", "play_hosts"):
            raise Untranslatable(f"a template that reads {word}")
        else:
            whole = True
            if not needed[word]:
                scope.loose.add(word)
    made = literal(shown)
    assert isinstance(made, ast.Dict)  # noqa: S101 - of a mapping
    if maybe:
        made = _only_set(made, scope)
    if whole:
        spread: list[ast.expr | None] = [None, None] if maybe else [None, *made.keys]
        values = [name("node.vars"), *([made] if maybe else made.values)]
        return ast.Dict(keys=spread, values=values)
    return made


def _only_set(made: ast.Dict, scope: NameScope) -> Any:
    return ast.Call(func=scope.helper("only_set"), args=[made], keywords=[])


def _add_fact(shown: dict[str, ast.expr], word: str, scope: NameScope, *, optional: bool) -> None:
    try:
        shown[word] = Translator(scope).expression(nodes.Name(word, "load"))
    except Untranslatable:
        if not optional:
            raise


def converted(source: str) -> str:
    """
    Return the text of a template of Ansible for cook.

    Both cut the line break after a block; cook cuts the spaces before it, too, which `{%+` stops.
    """
    source = _MANAGED.sub(_managed, source)
    source = re.sub(r"(?m)^([ \t]+)\{%(?![-+])", r"\1{%+", source)
    source = re.sub(
        r"\|\s*bool(?=\s*(%\}|\}\}|\)|and\b|or\b|else\b))",
        '| string | lower in ["true", "yes", "on", "1"] ',
        source,
    )
    return re.sub(r"\|\s*mandatory(?=\s*(\}\}|\||\)))", "", source)


def _managed(found: re.Match[str]) -> str:
    """Return what stands for `ansible_managed`; a comment of another style is left as it is."""
    given = (found[2] or "").strip()
    if (own := re.fullmatch(r"decoration\s*=\s*(['\"])([^'\"\\]*)\1", given)) is not None:
        return f"{own[2]}Managed by cook"
    style = _STYLES.get(given.strip("'\"")) if found[1] else "{}"
    return found[0] if style is None else style.format("Managed by cook")


def copied(root: Path, folder: Folder, below: str = "") -> None:
    """Copy the files and templates of a role into a folder."""
    for kind in KINDS:
        for path, can_be_copied in files_below(root / kind, root):
            name = f"{below}{path.relative_to(root).as_posix()}"
            if not can_be_copied:
                continue
            if kind == "templates":
                folder.write(name, converted(content(path).decode("utf-8", "surrogateescape")))
            else:
                folder.copy(name, path)


def left_out(root: Path) -> Iterator[str]:
    """Yield the files of a role that are not read, since they are links to somewhere else."""
    for kind in KINDS:
        for path, can_be_copied in files_below(root / kind, root):
            if not can_be_copied:
                yield path.relative_to(root).as_posix()
    for kind in ("defaults", "handlers", "meta", "tasks", "vars"):
        for path in sorted((root / kind).glob("main.y*ml")):
            if not is_inside(path, root):
                yield path.relative_to(root).as_posix()
