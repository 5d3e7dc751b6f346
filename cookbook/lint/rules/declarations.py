"""CK3xx: declarations that do not fit each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cookbook.lint.finding import Finding, LintRule
from cookbook.lint.linted_recipe import Call, LintedRecipe
from cookbook.lint.project import Project
from cookbook.plugins.registry import resource_type
from cookbook.text.suggest import did_you_mean

_TIMINGS = ("delayed", "immediate", "before", "final")


def _dangling(project: Project) -> Iterator[Finding]:
    for recipe in project.recipes:
        if recipe.imports_own_modules or _is_imported(project, recipe):
            continue  # others may declare the target
        known = {call.identity for call in recipe.calls if call.identity is not None}
        open_ended = {call.kind for call in recipe.calls if call.identity is None}
        for node in recipe.nodes:
            target = _target(recipe, node)
            if target is None or target in known:
                continue
            if target.partition("[")[0] in open_ended:
                continue
            near = did_you_mean(target, sorted(known))
            more = f"; {near}" if near else ""
            yield recipe.finding("CK301", node, f"nothing here declares {target}{more}")


def _is_imported(project: Project, recipe: LintedRecipe) -> bool:
    """Return whether another recipe of the project imports this file."""
    name = recipe.path.stem
    return any(
        full.partition(".")[0] == name or full.endswith(f".{name}")
        for other in project.recipes
        if other is not recipe
        for full in other.names.values()
    )


def _target(recipe: LintedRecipe, node: ast.AST) -> str | None:
    """Return the resource that a notification is for; None if it is none, or not known."""
    if not isinstance(node, ast.Call) or len(node.args) != 2:
        return None
    full = recipe.dotted(node.func)
    if full is None or full not in {f"cookbook.recipe.{timing}" for timing in _TIMINGS}:
        return None
    return recipe.text_of(node.args[1])


def _doubled(project: Project) -> Iterator[Finding]:
    for recipe in project.recipes:
        first: dict[tuple[str, int], Call] = {}
        for call in recipe.calls:
            if call.identity is None:
                continue
            block = id(_block(recipe, call.node))
            before = first.setdefault((call.identity, block), call)
            if before is not call:
                yield recipe.finding(
                    "CK302",
                    call.node,
                    f"{call.identity} is declared in line {before.node.lineno} already: declare it"
                    " once, with all its properties",
                )


def _block(recipe: LintedRecipe, node: ast.AST) -> ast.AST:
    """Return the statement whose body a call is in, or the branch of it."""
    at = node
    while at in recipe.parents:
        parent = recipe.parents[at]
        if isinstance(
            parent, ast.If | ast.For | ast.While | ast.FunctionDef | ast.Module | ast.Try
        ):
            orelse = getattr(parent, "orelse", [])
            return orelse[0] if at in orelse else parent
        at = parent
    return at


def _deprecated(project: Project) -> Iterator[Finding]:
    for recipe in project.recipes:
        for call in recipe.calls:
            kind = resource_type(call.kind)
            if kind is not None and kind.deprecated:
                yield recipe.finding("CK303", call.node, f"{call.kind}: {kind.deprecated}")


RULES = (
    LintRule(
        "CK301",
        "notification-to-nothing",
        "A notification names a resource that nothing declares",
        "cook refuses it when the recipe is compiled. A target is written as type[name].",
        "from cookbook.recipe import delayed\nfrom cookbook.resources import file, service\n\n"
        'file("/etc/a", content="", notifies=[delayed("restart", "service[ngnix]")])\n'
        'service("nginx")\n',
        "from cookbook.recipe import delayed\nfrom cookbook.resources import file, service\n\n"
        'file("/etc/a", content="", notifies=[delayed("restart", "service[nginx]")])\n'
        'service("nginx")\n',
        _dangling,
    ),
    LintRule(
        "CK302",
        "declared-twice",
        "A resource is declared twice",
        "cook refuses it when the recipe is compiled: which of the two counts?",
        "from cookbook.resources import package\n\n"
        'package("jq")\npackage("jq", action="upgrade")\n',
        'from cookbook.resources import package\n\npackage("jq", action="upgrade")\n',
        _doubled,
    ),
    LintRule(
        "CK303",
        "deprecated-type",
        "A resource type will be removed",
        "Its class says in `deprecated` what to use instead (docs/plugins.md).",
        "",
        "",
        _deprecated,
    ),
)
