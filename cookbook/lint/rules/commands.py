"""CK1xx: commands, which show no state in a plan and cannot be undone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from cookbook.lint.finding import Finding, LintRule
from cookbook.lint.linted_recipe import Call, LintedRecipe
from cookbook.lint.programs import instead_of
from cookbook.lint.project import Project
from cookbook.lint.rules.rewriting import declared_instead

_GUARDS = ("creates", "only_if", "not_if")

_SAFE = re.compile(r"[A-Za-z0-9_@%+=:,./-]*")
"""Text that means the same to a shell with and without quotes."""

_QUOTING = {"shlex.quote", "shlex.join"}


def _executes(project: Project) -> Iterator[tuple[LintedRecipe, Call]]:
    for recipe in project.recipes:
        for call in recipe.calls:
            if call.kind == "execute" and call.node.args:
                yield recipe, call


def _command(recipe: LintedRecipe, call: Call) -> str | None:
    """Return the text of a command, as far as it is known; words of a list with spaces between."""
    node = call.value("command") or call.node.args[0]
    if isinstance(node, ast.List | ast.Tuple):
        words = [recipe.text_of(word) for word in node.elts]
        return " ".join(word if word is not None else "?" for word in words)
    if isinstance(node, ast.JoinedStr):
        return "".join(recipe.text_of(one) or "?" for one in _pieces(node))
    return recipe.text_of(node)


def _pieces(node: ast.JoinedStr) -> Iterator[ast.expr]:
    for piece in node.values:
        yield piece.value if isinstance(piece, ast.FormattedValue) else piece


def _has_type(project: Project) -> Iterator[Finding]:
    for recipe, call in _executes(project):
        text = _command(recipe, call)
        found = list(instead_of(text)) if text else []
        if not found:
            continue
        said = ", ".join(f"`{one.program}`: {one.kind}" for one in found)
        yield recipe.finding(
            "CK101",
            call.node,
            f"there is a resource type for what this command does ({said})",
            declared_instead(recipe, call, text or ""),
        )


def _is_notified_only(recipe: LintedRecipe, call: Call) -> bool:
    value = recipe.value_of(call.value("action"))
    return value == "nothing" or (isinstance(value, list | tuple) and list(value) == ["nothing"])


def _unguarded(project: Project) -> Iterator[Finding]:
    for recipe, call in _executes(project):
        if call.has_unknown_properties or _is_notified_only(recipe, call):
            continue
        if any(call.value(guard) is not None for guard in _GUARDS):
            continue
        yield recipe.finding(
            "CK102",
            call.node,
            "this command runs each time: give it `creates`, `only_if` or `not_if`, or have it"
            ' notified (action="nothing")',
        )


def _unquoted(project: Project) -> Iterator[Finding]:
    for recipe in project.recipes:
        for call in recipe.calls:
            named = ("command", "only_if", "not_if", "until")
            given = [call.value(name) for name in named]
            if call.kind == "execute" and call.node.args and call.value("command") is None:
                given.append(call.node.args[0])
            for node in given:
                if node is not None:
                    yield from _unquoted_in(recipe, node)


def _unquoted_in(recipe: LintedRecipe, node: ast.expr) -> Iterator[Finding]:
    for value in _inserted(node):
        known = recipe.value_of(value)
        if known is not None and _SAFE.fullmatch(str(known)):
            continue
        if isinstance(value, ast.Call) and recipe.dotted(value.func) in _QUOTING:
            continue
        shown = recipe.segment(value)
        yield recipe.finding(
            "CK103",
            value,
            f"the shell splits and expands the value of `{shown}`: write {{shlex.quote({shown})}},"
            " or give the command as a list of words",
        )


def _inserted(node: ast.expr) -> Iterator[ast.expr]:
    """Yield the expressions that are put into a text: by an f-string, `+`, `%` or `format`."""
    if isinstance(node, ast.JoinedStr):
        for piece in node.values:
            if isinstance(piece, ast.FormattedValue):
                yield piece.value
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        for side in (node.left, node.right):
            if isinstance(side, ast.JoinedStr | ast.BinOp):
                yield from _inserted(side)
            elif not isinstance(side, ast.Constant):
                yield side
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        yield from node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "format"
    ):
        yield from (*node.args, *(one.value for one in node.keywords))


_ACTS = {"restart", "reload"}


def _acts_each_time(project: Project) -> Iterator[Finding]:
    for recipe in project.recipes:
        for call in recipe.calls:
            action = recipe.value_of(call.value("action"))
            actions = [action] if isinstance(action, str) else action
            if call.kind not in ("service", "systemd_unit") or not isinstance(
                actions, list | tuple
            ):
                continue
            if acts := sorted(_ACTS & {*actions}):
                yield recipe.finding(
                    "CK104",
                    call.node,
                    f"{' and '.join(acts)} is done in each run; a notification does it when"
                    f' something has changed: notifies=[delayed("{acts[0]}", ...)]',
                )


RULES = (
    LintRule(
        "CK101",
        "command-with-a-type",
        "A command does what a resource type does",
        "A command shows no state in a plan, runs whether it is needed or not, and cannot be"
        " undone. A resource type compares, plans, changes and undoes.",
        'from cookbook.resources import execute\n\nexecute("apt-get install -y nginx")\n',
        'from cookbook.resources import package\n\npackage("nginx")\n',
        _has_type,
        fixes=True,
    ),
    LintRule(
        "CK102",
        "command-without-a-guard",
        "A command runs in each run",
        "The second run should change nothing. `creates`, `only_if` or `not_if` says when the"
        ' command is not needed; with action="nothing" it runs only when it is notified.',
        'from cookbook.resources import execute\n\nexecute("migrate", command="/srv/migrate")\n',
        "from cookbook.resources import execute\n\n"
        'execute("migrate", command="/srv/migrate", creates="/srv/.migrated")\n',
        _unguarded,
    ),
    LintRule(
        "CK103",
        "shell-without-quotes",
        "A value is put into shell text without quotes",
        "A space, a quote or a `;` in the value becomes shell. No shell reads a list of words.",
        "from cookbook.recipe import node\nfrom cookbook.resources import execute\n\n"
        'execute("a", command=f"/srv/a {node.vars[\'title\']}", creates="/srv/done")\n',
        "from cookbook.recipe import node\nfrom cookbook.resources import execute\n\n"
        'execute("a", command=["/srv/a", node.vars["title"]], creates="/srv/done")\n',
        _unquoted,
    ),
    LintRule(
        "CK104",
        "restart-in-each-run",
        "A service is restarted or reloaded in each run",
        "A restart is an act, not a state: it is due when a file of the service has changed.",
        'from cookbook.resources import service\n\nservice("nginx", action="restart")\n',
        "from cookbook.recipe import delayed\nfrom cookbook.resources import file, service\n\n"
        'file("/etc/nginx/conf.d/a.conf", content="",'
        ' notifies=[delayed("restart", "service[nginx]")])\n'
        'service("nginx", action="start")\n',
        _acts_each_time,
    ),
)
