"""CK2xx: values with another meaning than they seem to have, and secrets."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cookbook.errors import RecipeError
from cookbook.language.file_mode import octal
from cookbook.lint.finding import Edit, Finding, LintRule
from cookbook.lint.linted_recipe import Call, LintedRecipe
from cookbook.lint.project import Project
from cookbook.text.provenance import is_private
from cookbook.text.secret_marks import SECRETS

_MODES = ("mode", "umask", "directory_mode", "file_mode")

_PUBLIC = ("public_key", "key_type", "keyring", "keyserver", "keyid", "ssh_keys", "key_path")


def _decimal_modes(project: Project) -> Iterator[Finding]:
    for recipe in project.recipes:
        for call in recipe.calls:
            for name in _MODES:
                node = call.value(name)
                if isinstance(node, ast.Constant) and type(node.value) is int:
                    yield from _mode(recipe, name, node, node.value)


def _mode(recipe: LintedRecipe, name: str, node: ast.Constant, value: int) -> Iterator[Finding]:
    written = recipe.segment(node)
    if written.lower().startswith("0o"):
        return
    digits = f"{value:04d}"
    fix = (Edit(*recipe.span(node), f'"{digits}"'),) if _is_mode(digits) else ()
    yield recipe.finding(
        "CK201",
        node,
        f"{name}={written} is a decimal number, {value:#o} in octal: write"
        f' {name}="{digits}"' + ("" if fix else ", or what is meant"),
        fix,
    )


def _is_mode(digits: str) -> bool:
    try:
        octal(digits, "")
    except RecipeError:
        return False
    return True


def _clear_secrets(project: Project) -> Iterator[Finding]:
    for recipe in project.recipes:
        for call in recipe.calls:
            yield from _private_properties(recipe, call)
        for node in recipe.nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for pattern, what in SECRETS:
                    if pattern.search(node.value):
                        yield recipe.finding("CK202", node, f"{what} in clear: {_INSTEAD}")


_INSTEAD = 'keep it by `cook secret set NAME`, and write secret("NAME")'


def _private_properties(recipe: LintedRecipe, call: Call) -> Iterator[Finding]:
    for keyword in call.node.keywords:
        if keyword.arg is not None:
            yield from _private(recipe, keyword.arg, keyword.value)
        if keyword.arg in ("environment", "variables") and isinstance(keyword.value, ast.Dict):
            for key, value in zip(keyword.value.keys, keyword.value.values, strict=True):
                yield from _private(recipe, recipe.text_of(key) or "", value)


def _private(recipe: LintedRecipe, name: str, node: ast.expr) -> Iterator[Finding]:
    value = recipe.text_of(node)
    if not value or not is_private(name) or name in _PUBLIC:
        return
    if name == "key" or "key" in name.lower():
        return  # keys are public ones, or found by what they look like
    if value.startswith(("$", "/", "~", "{", "!", "*")) or len(value) < _SHORTEST:
        return  # a hash as in crypt(5), a path, a mark
    yield recipe.finding("CK202", node, f"{name} in clear: {_INSTEAD}")


_SHORTEST = 3
"""Characters of a value that may be a secret."""

RULES = (
    LintRule(
        "CK201",
        "decimal-mode",
        "A mode is a decimal number",
        "mode=644 is 0o1204 in Python. cook refuses it when the recipe is compiled; text is read as"
        " octal.",
        'from cookbook.resources import file\n\nfile("/etc/motd", content="hi", mode=644)\n',
        'from cookbook.resources import file\n\nfile("/etc/motd", content="hi", mode="0644")\n',
        _decimal_modes,
        fixes=True,
    ),
    LintRule(
        "CK202",
        "secret-in-clear",
        "A secret stands in the recipe",
        "Each reader of the repository has it, now and later. An encrypted file beside the recipes"
        " keeps it, and no output of cook shows it.",
        "from cookbook.resources import postgresql_role\n\n"
        'postgresql_role("shop", password="hunter2")\n',
        "from cookbook.recipe import secret\nfrom cookbook.resources import postgresql_role\n\n"
        'postgresql_role("shop", password=secret("shop_db"))\n',
        _clear_secrets,
    ),
)
