"""Edits that replace a simple command by the resource that does the same."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from cookbook.lint.finding import Edit
from cookbook.lint.linted_recipe import Call, LintedRecipe
from cookbook.lint.programs import simple_commands

_KEPT = ("notifies", "subscribes", "ignore_failure", "retries", "retry_delay")
"""Properties that mean the same for the new resource."""

_WIDTH = 100


def declared_instead(recipe: LintedRecipe, call: Call, text: str) -> tuple[Edit, ...]:
    """
    Return the edits that declare a resource instead of a command; none where that is not safe.

    It is safe for one simple command without a guard, which no notification names, in a recipe that
    imports from `cookbook.resources` by name.
    """
    keywords = [one.arg for one in call.node.keywords]
    if any(one not in ("command", *_KEPT) for one in keywords) or "?" in text:
        return ()
    commands = simple_commands(text)
    if len(commands) != 1 or any(sign in text for sign in "|&;<>$`*(){}\\"):
        return ()
    if f"{call.identity}]".removesuffix("]") in recipe.text or not _is_statement(recipe, call):
        return ()
    new = _declaration(commands[0])
    imported = _import(recipe)
    if new is None or imported is None:
        return ()
    kind, given = new
    kept = [recipe.segment(one) for one in call.node.keywords if one.arg in _KEPT]
    start, end = recipe.span(call.node)
    edits = [Edit(start, end, f"{kind}({', '.join([*given, *kept])})")]
    return (*_importing(recipe, imported, kind), *edits)


def _is_statement(recipe: LintedRecipe, call: Call) -> bool:
    """Return whether the value of the call is not used."""
    return isinstance(recipe.parents.get(call.node), ast.Expr) and isinstance(
        call.node.func, ast.Name
    )


def _declaration(words: Sequence[str]) -> tuple[str, list[str]] | None:
    """Return the type and the arguments that stand for a command; None if it says more."""
    program, *rest = words
    options = [word for word in rest if word.startswith("-")]
    names = [word for word in rest if not word.startswith("-")]
    match program.rpartition("/")[2], names, options:
        case "apt-get" | "apt", ["install", *packages], _ if {*options} <= {
            "-y",
            "--yes",
            "-q",
            "-qq",
            "-qy",
        }:
            return _package(packages)
        case "mkdir", [path], ["-p"] if path.startswith("/"):
            return "directory", [repr_(path), "recursive=True"]
        case "ln", [to, path], ["-s" | "-sf" | "-sfn" | "-fs"] if path.startswith("/"):
            return "link", [repr_(path), f"to={repr_(to)}"]
        case "useradd", [name], []:
            return "user", [repr_(name)]
        case "groupadd", [name], []:
            return "group", [repr_(name)]
        case "modprobe", [name], []:
            return "kernel_module", [repr_(name)]
        case _:
            return None


def _package(names: Sequence[str]) -> tuple[str, list[str]] | None:
    plain = all(name.replace("-", "").replace(".", "").replace("+", "").isalnum() for name in names)
    if not names or not plain:
        return None
    if len(names) == 1:
        return "package", [repr_(names[0])]
    listed = ", ".join(map(repr_, names))
    return "package", [repr_(" ".join(names)), f"package_name=[{listed}]"]


def repr_(text: str) -> str:
    """Return a text as a literal with double quotes, as formatters write it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _import(recipe: LintedRecipe) -> ast.ImportFrom | None:
    """Return the import of resource types by name, or by `*`."""
    for node in recipe.tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "cookbook.resources":
            return node
    return None


def _importing(recipe: LintedRecipe, node: ast.ImportFrom, kind: str) -> Iterator[Edit]:
    """Yield the edit that imports one more type, unless it is imported."""
    names = [(one.name, one.asname) for one in node.names]
    if ("*", None) in names or recipe.names.get(kind) == f"cookbook.resources.{kind}":
        return
    given = sorted({*names, (kind, None)})
    words = [f"{name} as {alias}" if alias else name for name, alias in given]
    line = f"from cookbook.resources import {', '.join(words)}"
    if len(line) > _WIDTH:
        line = "from cookbook.resources import (\n" + "".join(f"    {w},\n" for w in words) + ")"
    yield Edit(*recipe.span(node), line)
