"""CK4xx: recipes that depend on the machine on which they are compiled."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cookbook.lint.finding import Finding, LintRule
from cookbook.lint.linted_recipe import LintedRecipe
from cookbook.lint.project import Project

_MODULES = {
    "subprocess": "runs programs on this machine",
    "socket": "asks the network of this machine",
    "requests": "asks the network",
    "httpx": "asks the network",
    "urllib.request": "asks the network",
    "random": "is different each time",
    "platform": "describes this machine, not the host",
    "getpass": "asks the user of this machine",
}

_NAMES = {
    "os.environ": "is the environment of this machine",
    "os.getenv": "is the environment of this machine",
    "os.uname": "describes this machine, not the host",
    "os.getlogin": "is the user of this machine",
    "os.popen": "runs programs on this machine",
    "os.system": "runs programs on this machine",
    "os.path.exists": "looks at files of this machine",
    "os.path.isfile": "looks at files of this machine",
    "os.path.isdir": "looks at files of this machine",
    "os.listdir": "looks at files of this machine",
    "os.urandom": "is different each time",
    "time.time": "is different each time",
    "time.localtime": "is different each time",
    "time.strftime": "is different each time",
    "datetime.datetime.now": "is different each time",
    "datetime.datetime.utcnow": "is different each time",
    "datetime.datetime.today": "is different each time",
    "datetime.date.today": "is different each time",
    "secrets.token_hex": "is different each time",
    "secrets.token_urlsafe": "is different each time",
    "secrets.token_bytes": "is different each time",
    "secrets.choice": "is different each time",
    "uuid.uuid1": "is different each time",
    "uuid.uuid4": "is different each time",
    "open": "reads or writes files of this machine",
    "input": "asks the user of this machine",
}

_OF_PATHS = {"read_text", "read_bytes", "write_text", "write_bytes", "exists", "is_file", "is_dir"}
"""Methods of a pathlib.Path."""


def _impure(project: Project) -> Iterator[Finding]:
    for recipe in project.recipes:
        seen: set[ast.AST] = set()
        for node in recipe.nodes:
            if node in seen or not isinstance(node, ast.Name | ast.Attribute):
                continue
            if (why := _why(recipe, node)) is not None:
                seen.update(ast.walk(node))
                yield recipe.finding("CK401", node, f"`{recipe.segment(node)}` {why}: {_INSTEAD}")


_INSTEAD = (
    "the same recipe and the same facts must give the same resources; use node.facts, node.vars,"
    " secret(...) or lazy(...)"
)


def _why(recipe: LintedRecipe, node: ast.Name | ast.Attribute) -> str | None:
    if isinstance(node.ctx, ast.Store | ast.Del):
        return None
    full = recipe.dotted(node)
    if full is None:
        return "looks at files of this machine" if _is_of_a_path(recipe, node) else None
    if full in recipe.own_names:
        return None
    if full in _NAMES:
        return _NAMES[full]
    module, _, attribute = full.rpartition(".")
    return _MODULES.get(module) if attribute and not attribute[0].isupper() else None


def _is_of_a_path(recipe: LintedRecipe, node: ast.Name | ast.Attribute) -> bool:
    """Return whether a node is a call of a method that only paths have, where paths are used."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr in _OF_PATHS
        and isinstance(recipe.parents.get(node), ast.Call)
        and any(full.startswith("pathlib") for full in recipe.names.values())
    )


RULES = (
    LintRule(
        "CK401",
        "impure-recipe",
        "A recipe reads the state of the machine that compiles it",
        "A recipe is compiled on the controller, often more than once, for each host. What it reads"
        " there stands in no plan, and differs on the machine of a colleague.",
        "import os\n\nfrom cookbook.resources import file\n\n"
        'file("/etc/motd", content=os.environ["USER"])\n',
        "from cookbook.recipe import node\nfrom cookbook.resources import file\n\n"
        'file("/etc/motd", content=node.vars["greeting"])\n',
        _impure,
    ),
)
