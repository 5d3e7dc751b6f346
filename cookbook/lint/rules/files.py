"""CK5xx: templates, files and variables that do not fit the recipes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from cookbook.lint.finding import Finding, LintRule
from cookbook.lint.linted_recipe import Call, LintedRecipe
from cookbook.lint.project import Project

_TAG = re.compile(r"\{%-?\s*(?:include|extends|import|from)\s+(.*?)-?%\}", re.DOTALL)
_QUOTED = re.compile(r"""["']([^"']+)["']""")


def _unused_files(project: Project) -> Iterator[Finding]:
    for folder in project.folders:
        if not any((folder / kind).is_dir() for kind in ("templates", "files")):
            continue
        everything = project.below(folder)  # a module in a package below declares for a recipe
        wanted = {pattern for recipe in everything for pattern in _names_of_files(recipe)}
        wanted |= {name for path in _below(folder / "templates") for name in _included(path)}
        for kind in ("templates", "files"):
            for path in _below(folder / kind):
                name = str(path.relative_to(folder / kind))
                if not any(_fits(name, pattern) for pattern in wanted):
                    yield Finding("CK501", path, 1, 1, f"no recipe of {folder} uses it")


def _below(folder: Path) -> list[Path]:
    """Return the files below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or name.startswith(f"{pattern.rstrip('/')}/")


def _names_of_files(recipe: LintedRecipe) -> Iterator[str]:
    """Yield patterns of the files that a recipe may name: each text of it, and default sources."""
    for node in recipe.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            pieces = [one.value if isinstance(one, ast.Constant) else "*" for one in node.values]
            yield "".join(map(str, pieces))
    for call in recipe.calls:
        last = (call.name or "*").rpartition("/")[2]
        yield from (last, f"{last}.j2")


def _included(path: Path) -> set[str]:
    """Return the templates that a template includes, extends or imports."""
    text = path.read_bytes().decode("utf-8", "replace")
    return {name for tag in _TAG.findall(text) for name in _QUOTED.findall(tag)}


def _template_variables(project: Project) -> Iterator[Finding]:
    for recipe in project.recipes:
        for call in recipe.calls:
            if call.kind == "template" and not call.has_unknown_properties:
                yield from _variables(recipe, call)


def _variables(recipe: LintedRecipe, call: Call) -> Iterator[Finding]:
    node = call.value("variables")
    if node is not None and not (isinstance(node, ast.Dict) and None not in node.keys):
        return  # not known without running the recipe
    keys = [(key, recipe.text_of(key)) for key in (node.keys if isinstance(node, ast.Dict) else ())]
    path = _template(recipe, call)
    if path is None or any(name is None for _, name in keys):
        return
    read = _read_variables(path)
    if read is None:
        return
    given = {name for _, name in keys}
    for key, name in keys:
        if key is not None and name not in read:
            yield recipe.finding("CK502", key, f"{path.name} does not use the variable {name!r}")
    for name in sorted(read - given - {"node"}):
        yield recipe.finding(
            "CK503", call.node, f"{path.name} uses {name!r}, which `variables` does not have"
        )


def _template(recipe: LintedRecipe, call: Call) -> Path | None:
    source = call.value("source")
    if source is None and call.name is None:
        return None
    name = recipe.text_of(source) if source is not None else f"{_last(call.name)}.j2"
    if name is None or call.value("cookbook") is not None:
        return None
    path = recipe.path.parent / "templates" / name
    return path if path.is_file() else None


def _last(name: str | None) -> str:
    return (name or "").rpartition("/")[2]


def _read_variables(path: Path) -> set[str] | None:
    """Return the variables that a template reads; None if that depends on other templates."""
    import jinja2
    from jinja2 import meta

    text = path.read_bytes().decode("utf-8", "replace")
    environment = jinja2.Environment(autoescape=False)  # noqa: S701 - nothing is rendered
    try:
        tree = environment.parse(text)
    except jinja2.TemplateSyntaxError:
        return None
    if _TAG.search(text):
        return None
    return set(meta.find_undeclared_variables(tree)) - environment.globals.keys()


def _unused_variables(project: Project) -> Iterator[Finding]:
    if project.inventory is None:
        return
    everything = [*project.recipes, *project.below(project.inventory.parent)]
    text = "\n".join([*(recipe.text for recipe in everything), *_texts(project, everything)])
    words = set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", text))
    for name, line in _declared_variables(project.inventory):
        if name not in words:
            yield Finding(
                "CK504", project.inventory, line, 1, f"no recipe uses the variable {name!r}"
            )


def _texts(project: Project, recipes: Sequence[LintedRecipe]) -> Iterator[str]:
    """Yield the texts that may use variables: templates, and the files beside the inventory."""
    for folder in {recipe.path.parent for recipe in recipes}:
        for path in _below(folder / "templates"):
            yield path.read_bytes().decode("utf-8", "replace")
    for name in ("features.yml", "rollout.yml", "watch.yml"):
        path = (project.inventory or Path()).parent / name
        if path.is_file():
            yield path.read_text("utf-8", "replace")


def _declared_variables(inventory: Path) -> Iterator[tuple[str, int]]:
    """Yield the names below each `vars:` of a hosts.yml, with their lines, each name once."""
    import yaml

    try:
        tree = yaml.compose(inventory.read_text("utf-8"), Loader=yaml.SafeLoader)
    except (OSError, ValueError, yaml.YAMLError):
        return  # `cook inventory` says what is wrong
    found: dict[str, int] = {}
    todo: list[yaml.Node | None] = [tree]
    while todo:
        node = todo.pop()
        if not isinstance(node, yaml.MappingNode):
            continue
        for key, value in node.value:
            if key.value == "vars" and isinstance(value, yaml.MappingNode):
                for name, _ in value.value:
                    found.setdefault(str(name.value), name.start_mark.line + 1)
            else:
                todo.append(value)
    yield from found.items()


RULES = (
    LintRule(
        "CK501",
        "unused-file",
        "A template or file is used by no recipe beside it",
        "A file without a use is read and kept in line for years.",
        'from cookbook.resources import file\n\nfile("/etc/motd", source="motd")\n',
        'from cookbook.resources import file\n\nfile("/etc/motd", source="motd")\n'
        'file("/etc/issue", source="issue")\n',
        _unused_files,
        files=(("files/motd", ""), ("files/issue", "")),
    ),
    LintRule(
        "CK502",
        "unused-template-variable",
        "A template does not use a variable that it gets",
        "Either the template has forgotten it, or the recipe has not.",
        "from cookbook.resources import template\n\n"
        'template("/etc/app.conf", variables={"port": 80, "prot": 443})\n',
        "from cookbook.resources import template\n\n"
        'template("/etc/app.conf", variables={"port": 80})\n',
        _template_variables,
        files=(("templates/app.conf.j2", "port {{ port }}\n"),),
    ),
    LintRule(
        "CK503",
        "missing-template-variable",
        "A template uses a variable that it does not get",
        "cook refuses it when the recipe is compiled.",
        "from cookbook.resources import template\n\n"
        'template("/etc/app.conf", variables={"prot": 80})\n',
        "from cookbook.resources import template\n\n"
        'template("/etc/app.conf", variables={"port": 80})\n',
        _template_variables,
        files=(("templates/app.conf.j2", "port {{ port }}\n"),),
    ),
    LintRule(
        "CK504",
        "unused-variable",
        "A variable of the inventory is used by no recipe (with --hosts)",
        "Its name stands in no recipe, template, features.yml, rollout.yml or watch.yml.",
        'from cookbook.resources import package\n\npackage("nginx")\n',
        "from cookbook.recipe import node\nfrom cookbook.resources import package\n\n"
        'package("nginx", version=node.vars["nginx_version"])\n',
        _unused_variables,
        files=(("hosts.yml", "hosts: {web1: {vars: {nginx_version: 1.22.1-9}}}\n"),),
    ),
)
