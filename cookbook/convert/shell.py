"""Text for the shell in the recipe that is written: a value in it is always quoted."""

from __future__ import annotations

import ast
import re
import shlex

from cookbook.convert.expressions import (
    Untranslatable,
    call,
    constant,
    is_constant,
    joined,
    literal,
)


def quoted(value: ast.expr) -> str | ast.expr:
    """Return a value as one word of the shell: now, or when the recipe is compiled."""
    if is_constant(value):
        return shlex.quote(str(constant(value)))
    return call("shlex.quote", value)


def asked(test: str, path: ast.expr) -> ast.expr:
    """Return the command that asks about a path: `asked("test -e", path)`."""
    return joined([f"{test} ", quoted(path)])


def words(line: ast.expr) -> ast.expr:
    """
    Return the command of a line that is split into words, and that no shell reads.

    It stays a text if each of its words means the same in a shell. What is in variables is split
    when the recipe is compiled. Raises Untranslatable for quotes that do not end.
    """
    if not is_constant(line):
        return call("shlex.split", line)
    try:
        found = shlex.split(str(constant(line)))
    except ValueError as error:
        raise Untranslatable(f"{error} in the command") from None
    plain = all(word == shlex.quote(word) for word in found)
    return literal(" ".join(found) if plain and "=" not in found[0] else found)


def as_text(command: ast.expr) -> ast.expr:
    """Return a command that is a list as text for the shell."""
    if is_constant(command) and isinstance(found := constant(command), list):
        return literal(shlex.join(map(str, found)))
    return call("shlex.join", command) if _is_list(command) else command


def _is_list(command: ast.expr) -> bool:
    match command:
        case ast.List():
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="shlex"), attr="split")):
            return True
    return False


def refuse_pattern(path: ast.expr, word: str) -> ast.expr:
    """Return a path; raises Untranslatable for a pattern that may mean several files."""
    if is_constant(path) and re.search(r"[*?\[]", str(constant(path))):
        raise Untranslatable(f"{word} with a pattern")
    return path
