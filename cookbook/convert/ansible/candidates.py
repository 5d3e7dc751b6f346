"""Files of a role whose names have facts and variables in them, each with its condition."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from cookbook.convert.ansible import facts
from cookbook.convert.ansible.jinja import Translator
from cookbook.convert.ansible.role_tree import RoleTree
from cookbook.convert.expressions import Untranslatable, compare, every, literal, name
from cookbook.convert.scope import NameScope

_DYNAMIC = re.compile(
    r"\{\{\s*(?:ansible_facts\[?['\".]?|ansible_)(\w+)['\"]?\]?\s*(\|\s*lower\s*)?\}\}"
)


def candidates(
    tree: RoleTree, kind: str, given: str, scope: NameScope
) -> Iterator[tuple[ast.expr | None, str]]:
    """Yield condition and path of each file that a name with facts in it may mean."""
    found = _DYNAMIC.search(given)
    if found is None:
        if "{{" in given:
            yield from _by_name(tree, kind, given, scope)
        else:
            yield None, _existing(tree, kind, given)
        return
    fact = found[1]
    if fact not in facts.FACTS:
        raise Untranslatable(f"there is no fact like ansible_{fact}")
    pattern = given[: found.start()] + "\0" + given[found.end() :]
    if "{{" in pattern:
        yield from _by_pairs(tree, kind, given, scope)
        return
    expression = re.escape(Path(pattern).name).replace("\0", "(.+)")
    for path in tree.files(kind):
        if path.stem != "main" and (matched := re.fullmatch(expression, path.name)):
            words = (facts.LOWERED if found[2] else facts.WORDS).get(fact)
            if words is not None and matched[1] not in words:
                continue
            word = matched[1] if words is None else words[matched[1]]
            test = compare(name(facts.FACTS[fact]), ast.Eq(), literal(word))
            yield test, path.relative_to(tree.root).as_posix()


def _by_pairs(
    tree: RoleTree, kind: str, given: str, scope: NameScope
) -> Iterator[tuple[ast.expr | None, str]]:
    """Yield the same for a name with two facts: `{{ distribution }}-{{ version }}.yml`."""
    found = list(_DYNAMIC.finditer(given))
    words = [one[1] for one in found]
    if len(words) != 2 or words[0] not in facts.WORDS or words[1] not in facts.FACTS:
        yield from _by_name(tree, kind, given, scope)
        return
    between = given[found[0].end() : found[1].start()]
    ending = given[found[1].end() :]
    expression = rf"(\w+?){re.escape(between)}([\w.]+){re.escape(ending)}"
    for path in tree.files(kind):
        matched = re.fullmatch(expression, path.name)
        if matched is None:
            continue
        one = matched[1]
        known = (facts.LOWERED if found[0][2] else facts.WORDS)[words[0]].get(one)
        if known is None:
            continue
        tests = [
            compare(name(facts.FACTS[words[0]]), ast.Eq(), literal(known)),
            compare(name(facts.FACTS[words[1]]), ast.Eq(), literal(matched[2])),
        ]
        yield every(tests), path.relative_to(tree.root).as_posix()


def _by_name(
    tree: RoleTree, kind: str, given: str, scope: NameScope
) -> Iterator[tuple[ast.expr | None, str]]:
    """Yield each file of the folder, under the condition that its name is the wanted one."""
    wanted = Translator(scope).in_text(given)
    found = tree.files(kind)
    for path in found:
        below = path.relative_to(tree.root / kind).as_posix()
        if path.stem != "main":
            test = compare(wanted, ast.Eq(), literal(below))
            yield test, path.relative_to(tree.root).as_posix()
    if not found:
        raise Untranslatable("the name of the file is not known before the run")


def _existing(tree: RoleTree, kind: str, given: str) -> str:
    cleaned = given.strip().split(" ")[0]
    for below in (f"{kind}/{cleaned}", cleaned):
        if (path := tree.path(below)) is not None:
            return path.relative_to(tree.root).as_posix()
    raise Untranslatable(f"there is no {cleaned}")
