"""The `vars` of a task, a block or an include: names with priority over those around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import jinja2
from jinja2 import meta

from cookbook.convert import passwords
from cookbook.convert.ansible.jinja import Translator
from cookbook.convert.ansible.jinja_syntax import ENVIRONMENT
from cookbook.convert.expressions import Untranslatable
from cookbook.convert.scope import NameScope


def with_vars(scope: NameScope, given: Any) -> NameScope:
    """
    Return a scope with the variables of `vars`.

    A variable whose value has no counterpart is noted as forbidden, so that only what uses it is
    not translated. So are those around it whose value was made with another value of one of these.
    """
    if given is None:
        return scope
    if not isinstance(given, Mapping):
        raise Untranslatable("vars that are no mapping")
    inner = replace(
        scope,
        names={**scope.names},
        forbidden={**scope.forbidden},
        unset=scope.unset - given.keys(),
    )
    for word in [*scope.names]:
        if changed := _made_of(word, scope.uses) & given.keys():
            _forbid(inner, word, f"{word} is made of {min(changed)}, which has another value here")
    for word in given:
        _forbid(inner, word, f"{word} needs itself")
    left = {word: value for word, value in given.items() if word not in scope.assigned}
    for word in given.keys() - left.keys():
        _forbid(inner, word, f"a task sets {word} as well, which has priority")
    _take(inner, left)
    return inner


def _take(scope: NameScope, left: dict[str, Any]) -> None:
    """Translate variables, each after those that it needs."""
    for _ in range(len(left)):
        for word, value in [*left.items()]:
            try:
                found = passwords.refuse(word, Translator(scope).value(value))
            except Untranslatable as why:
                scope.forbidden[word] = str(why)
                continue
            del left[word], scope.forbidden[word]
            scope.names[word] = found


def _forbid(scope: NameScope, word: str, why: str) -> None:
    scope.names.pop(word, None)
    scope.forbidden[word] = why


def _made_of(word: str, uses: Mapping[str, set[str]]) -> set[str]:
    """Return all variables that the value of one is made of, also by others."""
    found: set[str] = set()
    left = [word]
    while left:
        new = uses.get(left.pop(), set()) - found
        found |= new
        left += new
    return found


def words_in(value: Any) -> set[str]:
    """Return the variables that a value of YAML uses in its texts."""
    return {word for text in _texts(value) for word in _undeclared(text)}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _texts(key)
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _undeclared(text: str) -> set[str]:
    if "{{" not in text and "{%" not in text:
        return set()
    try:
        return set(meta.find_undeclared_variables(ENVIRONMENT.parse(text)))
    except (jinja2.TemplateError, RecursionError):
        return set()
