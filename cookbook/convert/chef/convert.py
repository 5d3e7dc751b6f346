"""The conversion of a cookbook into a folder of recipes."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cookbook.convert.chef import attributes, erb
from cookbook.convert.chef.flow import RubyFlow
from cookbook.convert.chef.ruby import Tree
from cookbook.convert.chef.words import NIL
from cookbook.convert.chef.words import Path as Attribute
from cookbook.convert.expressions import Untranslatable, constant, is_constant, text
from cookbook.convert.project import Folder, hosts_file, is_outside, module_name
from cookbook.convert.report import ConvertReport
from cookbook.convert.source_file import recipe_text
from cookbook.convert.source_tree import OUTSIDE, content, files_below, is_inside
from cookbook.convert.statements import Code, PythonLines, SourcePlace, Statement
from cookbook.convert.work import RecipeWork

_IMPORT = re.compile(r"(?m)^(\s*import )(\w+)(?=  # noqa)")
"""The import of another recipe, whose name may be that of a function or of a resource type."""

_PLACES = ("default", "debian", "")
"""Folders below files/ and templates/ that count for every host."""


def is_cookbook(path: Path) -> bool:
    """Return whether a folder has recipes of Chef."""
    return any((path / "recipes").glob("*.rb")) if (path / "recipes").is_dir() else False


def convert_cookbook(root: Path, folder: Folder, report: ConvertReport) -> None:
    """Convert a cookbook; write its recipes, attributes, files and templates."""
    book = _Cookbook(root, report)
    texts, attribute_text = book.convert()
    for name, source in texts.items():
        folder.write(f"{name}.py", source)
    folder.write("attributes.py", attribute_text)
    for name, template in book.sources.templates.items():
        folder.write(f"templates/{name}", template)
    for name, path in book.sources.files.items():
        folder.copy(f"files/{name}", path)
    name = module_name(root.resolve().name)
    first = "default" if "default" in texts else next(iter(texts))
    folder.finish(hosts_file({name: f"{first}.py"}, []), name)


@dataclass
class _Sources:
    """The files and templates of a cookbook."""

    root: Path
    known: Mapping[Attribute, Any]
    templates: dict[str, str] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)

    def _path(self, kind: str, source: str) -> Path:
        if is_outside(source):
            raise Untranslatable(f"{source} is not in {kind}/")
        for place in _PLACES:
            path = self.root / kind / place / source
            if path.exists():
                if not is_inside(path, self.root):
                    raise Untranslatable(f"{source} is {OUTSIDE}")
                return path
        raise Untranslatable(f"there is no {source} in {kind}/")

    def file(self, source: str) -> str:
        """Return the name of a file below `files/`; a folder is taken with all that is in it."""
        path = self._path("files", source)
        if not path.is_dir():
            self.files[source] = path
            return source
        found = [*files_below(path, self.root)]
        for one, can_be_copied in found:
            if not can_be_copied:
                raise Untranslatable(f"{one.relative_to(path).as_posix()} is {OUTSIDE}")
        for one, _ in found:
            self.files[f"{source}/{one.relative_to(path).as_posix()}"] = one
        return source

    def template(self, source: str, given: Mapping[str, ast.expr]) -> tuple[str, bool]:
        """
        Return the name of a template, and whether it reads attributes.

        Raises Untranslatable for one that does more than show, choose and repeat; it is copied
        as it is, for the author.
        """
        path = self._path("templates", source)
        original = content(path).decode("utf-8", "surrogateescape")
        name = f"{source.removesuffix('.erb')}.j2"
        try:
            made = erb.translated(original, self.known, _values(given, self.known))
        except Untranslatable:
            self._keep(source, original)
            raise
        if missing := sorted(made.variables - given.keys()):
            self._keep(source, original)
            raise Untranslatable(f"the template needs {', '.join(missing)}, which is not given")
        self._keep(name, made.text)
        return name, made.attributes

    def _keep(self, name: str, text: str) -> None:
        if self.templates.setdefault(name, text) != text:
            raise Untranslatable(f"another template is written to templates/{name}")


def _values(given: Mapping[str, ast.expr], known: Mapping[Attribute, Any]) -> dict[str, Any]:
    """Return the known values of the variables of a template, by their names with `@`."""
    found: dict[str, Any] = {}
    for word, value in given.items():
        match value:
            case ast.Constant():
                found[f"@{word}"] = NIL if value.value is None else value.value
            case ast.Call(func=ast.Name(id="attribute")) if all(map(is_constant, value.args)):
                found[f"@{word}"] = known.get(tuple(str(constant(one)) for one in value.args))
    return found


class _Cookbook:
    """One cookbook that is converted."""

    def __init__(self, root: Path, report: ConvertReport) -> None:
        self.root = root
        self.report = report
        self.known: dict[Attribute, Any] = {}
        self.sources = _Sources(root, self.known)
        every = sorted((root / "recipes").glob("*.rb"))
        self.paths = {path.stem: path for path in every if is_inside(path, root)}
        every += sorted((root / "attributes").glob("*.rb"))
        self.left_out = [path for path in every if not is_inside(path, root)]
        self.lost: set[Attribute] = set()
        self.levels: dict[Attribute, int] = {}
        self.slashed: set[Attribute] = set()
        self.cyclic: frozenset[str] = frozenset()
        self.modules = _modules([*self.paths])

    def convert(self) -> tuple[dict[str, str], str]:
        """Return the source of each recipe, and that of the attributes."""
        first = _FirstPass(self)
        statements, _ = self._attributes(RecipeWork(self.report))
        texts = {}
        for stem in self.paths:
            work = RecipeWork(self.report, declared=first.before(stem))
            self.cyclic = first.users(stem)
            made = self._recipe(stem, work, first.targets(stem))
            texts[self.modules[stem]] = self._text(stem, made)
        work = RecipeWork(self.report)
        notes = [
            work.todo(SourcePlace(path.relative_to(self.root).as_posix(), 1), path.stem, OUTSIDE)
            for path in self.left_out
        ]
        return texts, attributes.text([*notes, *statements])

    def _attributes(self, work: RecipeWork) -> tuple[list[Statement], dict[Attribute, Any]]:
        self.known.clear()
        self.levels.clear()

        def flow(tree: Tree, known: dict[Attribute, Any]) -> RubyFlow:
            self.known.update(known)
            made = RubyFlow(tree, work, self.sources, self.known, {})
            made.levels, made.slashed = self.levels, self.slashed
            return made

        made = attributes.convert(self.root, flow)
        self.lost = set(work.scope.lost)
        return made

    def names(self) -> Mapping[str, str]:
        """Return how include_recipe names the recipes of this cookbook -> module."""
        names = {self.root.resolve().name, _name_of(self.root), ""}
        found: dict[str, str] = {}
        for book in names:
            for stem, module in self.modules.items():
                found[f"{book}::{stem}"] = module
            if book and "default" in self.modules:
                found[book] = self.modules["default"]
        return found

    def _recipe(
        self, stem: str, work: RecipeWork, targets: frozenset[str] | None
    ) -> tuple[RecipeWork, list[Statement]]:
        tree = Tree.of(self.paths[stem], f"recipes/{stem}.rb")
        flow = RubyFlow(tree, work, self.sources, self.known, self.names())
        flow.targets = targets
        flow.cyclic = self.cyclic
        flow.levels, flow.slashed = self.levels, self.slashed
        work.scope.lost |= self.lost
        return work, flow.statements(tree.root)

    def _text(self, stem: str, made: tuple[RecipeWork, list[Statement]]) -> str:
        work, statements = made
        source = recipe_text(
            f"The recipe {stem}, converted from Chef.", [statements], work.scope.helpers
        )
        used = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
        source = _IMPORT.sub(
            lambda found: f"{found[0]} as {found[2]}_recipe" if found[2] in used else found[0],
            source,
        )
        words = sorted(used & {"as_text", "attribute", "attributes", "default", "is_set"})
        if not words:
            return source
        line = f"from attributes import {', '.join(words)}"
        head, quotes, rest = source.partition('"""\n')
        return f"{head}{quotes}\n{line}\n{rest.lstrip()}" if rest else source


class _FirstPass:
    """The declarations and imports of each recipe, before names and notices are settled."""

    def __init__(self, book: _Cookbook) -> None:
        silent = _Cookbook(book.root, ConvertReport(""))
        silent._attributes(RecipeWork(silent.report))  # noqa: SLF001 - the same room
        self.modules = silent.modules
        self.declared: dict[str, dict[str, bool]] = {}
        self.names: dict[str, set[str]] = {}
        self.imports: dict[str, set[str]] = {}
        for stem in silent.paths:
            work, statements = silent._recipe(stem, RecipeWork(silent.report), None)  # noqa: SLF001
            self.declared[stem] = work.declared
            every = [inner for one in statements for inner in one.walk()]
            calls = [one.expression for one in every if isinstance(one, Code)]
            self.names[stem] = {_target(one) for one in calls if isinstance(one, ast.Call)}
            modules = {one.source.split()[1] for one in every if isinstance(one, PythonLines)}
            self.imports[stem] = {s for s, module in silent.modules.items() if module in modules}

    def _with_imports(self, stem: str) -> set[str]:
        found, left = {stem}, [stem]
        while left:
            for one in self.imports[left.pop()] - found:
                found.add(one)
                left.append(one)
        return found

    def users(self, stem: str) -> frozenset[str]:
        """Return the modules that import a recipe, also by others."""
        found = {one for one in self.imports if one != stem and stem in self._with_imports(one)}
        later = {
            one for one in found if list(self.imports).index(one) < list(self.imports).index(stem)
        }
        circle = {one for one in found if one in self._with_imports(stem)}
        default = circle & {"default"} if stem != "default" else set()
        return frozenset(self.modules[one] for one in default | (circle & later))

    def before(self, stem: str) -> dict[str, bool]:
        """Return what the recipes that a recipe imports declare."""
        made: dict[str, bool] = {}
        for one in self._with_imports(stem) - {stem}:
            made.update(self.declared[one])
        return made

    def targets(self, stem: str) -> frozenset[str]:
        """Return what notices can be for: of a recipe, those it imports, and those of its users."""
        users = {one for one in self.imports if stem in self._with_imports(one)}
        every = {inner for one in users | {stem} for inner in self._with_imports(one)}
        return frozenset(name for one in every for name in self.names[one])


def _target(declared: ast.Call) -> str:
    from cookbook.convert.expressions import constant, is_constant, joined

    if not declared.args:
        return ""
    name = declared.args[0]
    shown = str(constant(name)) if is_constant(name) else name
    inner = [shown] if not isinstance(name, ast.JoinedStr) else _parts(name)
    return text(joined([f"{text(declared.func)}[", *inner, "]"]))


def _parts(name: ast.JoinedStr) -> list[str | ast.expr]:
    return [
        str(one.value) if isinstance(one, ast.Constant) else one.value
        for one in name.values
        if isinstance(one, ast.Constant | ast.FormattedValue)
    ]


def _modules(stems: Sequence[str]) -> dict[str, str]:
    """Return the module of each recipe; no two have one."""
    found: dict[str, str] = {}
    for stem in stems:
        made = module_name(stem)
        made = f"{made}_recipe" if made == "attributes" else made
        while made in found.values():
            made = f"{made}_2"
        found[stem] = made
    return found


def _name_of(root: Path) -> str:
    path = root / "metadata.rb"
    found = (
        re.search(r"(?m)^\s*name\s+['\"]([^'\"]+)", content(path).decode("utf-8", "replace"))
        if path.is_file() and is_inside(path, root)
        else None
    )
    return found[1] if found else root.name
