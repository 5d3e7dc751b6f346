"""Variables of a role, in an order in which each comes after those that it needs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cookbook.convert import passwords
from cookbook.convert.ansible.jinja import Translator
from cookbook.convert.ansible.reader import Vaulted
from cookbook.convert.ansible.task import Task, as_names
from cookbook.convert.ansible.task_vars import words_in
from cookbook.convert.expressions import (
    Untranslatable,
    call,
    constant,
    is_constant,
    literal,
    method,
    name,
)
from cookbook.convert.statements import Assignment, Compound, SourcePlace, Statement
from cookbook.convert.work import RecipeWork


@dataclass
class Piece:
    """Statements that give variables a value."""

    statements: list[Statement]
    gives: set[str]
    needs: set[str] = field(default_factory=set)


def defaults(work: RecipeWork, data: Mapping[str, Any], place: SourcePlace) -> Iterator[Piece]:
    """Yield a piece for each default: a value of hosts.yml has priority."""
    own = {word: value for word, value in data.items() if word not in work.scope.forbidden}
    for word in [one for one in data if one not in own]:
        shown = "!vault" if isinstance(data[word], Vaulted) else data[word]
        why = work.scope.forbidden[word]
        yield Piece([work.todo(place, f"{word}: {shown}", why)], set())
    for word in own:
        work.scope.add(word)
    for word, value in own.items():
        yield _piece(work, word, value, place, default=True)


def constants(work: RecipeWork, data: Mapping[str, Any], place: SourcePlace) -> list[Statement]:
    """Return the assignments of a file of variables, which have priority over hosts.yml."""
    for word in data:
        work.scope.add(word)
    made: list[Statement] = []
    for word, value in data.items():
        made += _piece(work, word, value, place, default=False).statements
    return made


def _piece(work: RecipeWork, word: str, value: Any, place: SourcePlace, *, default: bool) -> Piece:
    notes: list[Statement] = []
    target = work.scope.add(word)
    work.scope.uses[word] = words_in(value)
    where = SourcePlace(place.file, place.line)
    if isinstance(value, Vaulted):
        made: ast.expr = call("secret", literal(word))
        notes.append(
            work.todo(where, f"{word}: !vault", f"`cook secret set {word}` with its value")
        )
        return Piece([*notes, Assignment(target, made)], {target})
    try:
        found = Translator(work.scope).value(value)
    except Untranslatable as why:
        return _lost(work, word, where, str(why), value)
    if is_constant(found):
        work.scope.kinds[target] = type(constant(found))
    secrets: list[str] = []
    try:
        found = passwords.hidden(word, found, secrets)
    except Untranslatable as why:
        return _lost(work, word, where, str(why))
    notes += [work.todo(where, f"`cook secret set {one}`", passwords.IN_CLEAR) for one in secrets]
    needs = {node.id for node in ast.walk(found) if isinstance(node, ast.Name)} - {"node"}
    if default:
        found = _from_hosts(word, found)
    return Piece([*notes, Assignment(target, found)], {target}, needs)


def _lost(work: RecipeWork, word: str, where: SourcePlace, why: str, value: Any = "...") -> Piece:
    work.scope.names.pop(word, None)
    work.scope.forbidden[word] = f"the value of {word} was not translated"
    return Piece([work.todo(where, f"{word}: {value}", why)], set())


def _from_hosts(word: str, found: ast.expr) -> ast.expr:
    if isinstance(found, ast.Constant) and found.value is None:
        return method(name("node.vars"), "get", literal(word))
    return method(name("node.vars"), "get", literal(word), found)


def ordered(pieces: Sequence[Piece]) -> list[Statement]:
    """Return the statements of pieces; each after those that give what it needs."""
    left = list(pieces)
    made: list[Statement] = []
    while left:
        ready = next((one for one in left if not _waits(one, left)), left[0])
        left.remove(ready)
        made += ready.statements
    return made


def _waits(one: Piece, left: Sequence[Piece]) -> bool:
    return any(one.needs & (other.gives - one.gives) for other in left if other is not one) or any(
        one.gives & other.gives for other in left[: left.index(one)]
    )


def gives_of(statements: Sequence[Statement]) -> tuple[set[str], set[str]]:
    """Return the variables that statements set, and those that they need."""
    gives: set[str] = set()
    needs: set[str] = set()
    for one in statements:
        for inner in one.walk():
            if isinstance(inner, Assignment):
                gives.add(inner.target)
                needs |= _names(inner.value)
            elif isinstance(inner, Compound) and not isinstance(inner.head, str):
                needs |= _names(inner.head[1])
    return gives, needs - gives - {"node"}


def _names(expression: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}


def hosts_lines(data: Mapping[str, Any]) -> list[str]:
    """Return the defaults as comments of hosts.yml, as far as they are values."""
    import yaml

    made: list[str] = []
    for word, value in data.items():
        if isinstance(value, Vaulted) or "{{" in str(value):
            continue
        shown = _plain(passwords.veiled(word, value))
        dumped = yaml.safe_dump({word: shown}, allow_unicode=True, width=90)
        made += dumped.rstrip("\n").split("\n")
    return made


def _plain(value: Any) -> Any:
    """Return a value of YAML without the types of the reader."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, str) else value


def files_of(task: Task) -> list[str]:
    """Return the names that `include_vars` tries one after the other; raises Untranslatable."""
    if "loop" in task.keywords or "with_items" in task.keywords:
        raise Untranslatable("variables in a loop")
    if left := task.params.keys() - {"file", "_raw_params"}:
        raise Untranslatable(f"no counterpart of {', '.join(sorted(left))}")
    first = task.keywords.get("with_first_found")
    if first is None:
        given = task.params.get("file") or task.free or task.params.get("_raw_params")
        if not given:
            raise Untranslatable("the file of the variables is not known")
        if "lookup(" in str(given) or "first_found" in str(given):
            return _first_found(task, str(given))
        return [str(given)]
    files: list[str] = []
    for entry in first if isinstance(first, list) else [first]:
        files += as_names(entry.get("files")) if isinstance(entry, dict) else [str(entry)]
    return files


def _first_found(task: Task, given: str) -> list[str]:
    """Return the names that `lookup('first_found', params)` of a task tries."""
    more = task.keywords.get("vars")
    found = re.search(r"first_found['\"],\s*(\w+)", given)
    entry = more.get(found[1]) if isinstance(more, dict) and found else None
    if isinstance(entry, dict) and "files" in entry:
        return as_names(entry["files"])
    if isinstance(entry, list):
        return as_names(entry)
    raise Untranslatable("the file of the variables is not known")
