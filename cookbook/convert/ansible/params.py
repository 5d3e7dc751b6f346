"""The parameters of a task, taken one after the other; what is left has no counterpart."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from typing import Any

from cookbook.convert.ansible.jinja import Translator
from cookbook.convert.ansible.task import Task
from cookbook.convert.declarations import properties
from cookbook.convert.expressions import Untranslatable, constant, is_constant, item, literal
from cookbook.convert.scope import NameScope


class Params:
    """The parameters of one task."""

    def __init__(self, task: Task, scope: NameScope) -> None:
        self.task = task
        self.scope = scope
        self.left: dict[str, Any] = dict(task.params)

    def raw(self, *names: str) -> Any:
        """Return the value of the first that is given, as it is in the YAML; None without one."""
        return next((self.left.pop(name) for name in names if name in self.left), None)

    def value(self, *names: str, default: Any = None) -> ast.expr | None:
        """Return the expression of the first that is given; None without one."""
        found = self.raw(*names)
        if found is None or found == "{{ omit }}":
            return None
        return Translator(self.scope, literal(default)).value(found)

    def needed(self, *names: str) -> ast.expr:
        """Return the expression of one; raises Untranslatable if it is not given."""
        if (found := self.value(*names)) is None:
            raise Untranslatable(f"there is no {names[0]}")
        return found

    def flag(self, *names: str, default: bool) -> bool:
        """Return a switch; raises Untranslatable if its value is not known now."""
        if (found := self.value(*names)) is None:
            return default
        return as_flag(constant(found))

    def choice(self, name: str, default: str, words: Mapping[str, Any]) -> ast.expr:
        """
        Return what the value of a parameter stands for: by a table in the recipe for a variable.

        Raises Untranslatable for a value that the table does not have.
        """
        found = self.value(name, default=default)
        return chosen(found if found is not None else literal(default), words, name)

    def property(self, kind: str, word: str, *names: str) -> ast.expr | None:
        """Return the expression of a parameter for a property; None if it is not given."""
        default = properties(kind)[word][1] if word in properties(kind) else None
        plain = isinstance(default, str | int | bool | float) or default is None
        found = self.value(*names, default=default if plain else None)
        return as_mode(found) if word == "mode" and found is not None else found

    def drop(self, name: str, values: Iterable[str] | None = None) -> None:
        """Leave out a parameter that needs no counterpart, if it has one of these values."""
        if name not in self.left:
            return
        if values is not None and str(self.left[name]).lower() not in values:
            return
        del self.left[name]

    def finish(self) -> None:
        """Raise Untranslatable if a parameter is left."""
        self.drop("_value") if self.left.get("_value") is None else None
        if self.left:
            names = ", ".join(sorted(self.left))
            raise Untranslatable(f"no counterpart of {names}")


def chosen(found: ast.expr, words: Mapping[str, Any], name: str) -> ast.expr:
    """Return what a value stands for; raises Untranslatable."""
    if not is_constant(found):
        return item(literal({word: literal(one) for word, one in words.items()}), found)
    word = str(constant(found))
    if word not in words:
        raise Untranslatable(f"{name}={word} has no counterpart")
    return literal(words[word])


def as_flag(value: Any) -> bool:
    """Return a value of YAML as a switch."""
    return value if isinstance(value, bool) else str(value).lower() in ("yes", "true", "on", "1")


_SYMBOLIC = re.compile(r"([ugoa]+)=([rwxXst]*)")


def as_mode(found: ast.expr) -> ast.expr:
    """
    Return a mode as octal text.

    Raises Untranslatable for a symbolic one that depends on what is there.
    """
    if not is_constant(found):
        return found
    value = constant(found)
    if value is None:
        return found
    if isinstance(value, int):
        return literal(f"{value:04o}")
    text = str(value)
    if re.fullmatch(r"[0-7]{3,4}", text):
        return literal(text if len(text) == 4 else f"0{text}")
    return literal(_octal(text))


def _octal(text: str) -> str:
    bits = {"r": 4, "w": 2, "x": 1}
    found: dict[str, int] = {}
    for part in text.split(","):
        matched = _SYMBOLIC.fullmatch(part)
        if matched is None or set(matched[2]) & set("Xst"):
            raise Untranslatable(f"the mode {text} depends on what is there")
        for who in matched[1].replace("a", "ugo"):
            found[who] = sum(bits[bit] for bit in set(matched[2]))
    if found.keys() != set("ugo"):
        raise Untranslatable(f"the mode {text} depends on what is there")
    return f"0{found['u']}{found['g']}{found['o']}"
