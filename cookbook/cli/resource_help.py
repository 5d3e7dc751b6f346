"""What the words are and what can be said with them, from their own declarations."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, fields

from cookbook import resources
from cookbook.errors import UsageError
from cookbook.language.resource import Resource
from cookbook.text.suggest import did_you_mean


def list_words() -> Iterator[str]:
    """Every word with its first sentence."""
    for name, kind in _kinds().items():
        yield f"{name:16} {_first_line(kind)}"


def describe_word(name: str) -> Iterator[str]:
    """
    A word with all its properties: type, default, what it means.

    Raises UsageError if there is no such word.
    """
    kinds = _kinds()
    if name not in kinds:
        raise UsageError(f"there is no word {name!r}", hint=did_you_mean(name, kinds))
    kind = kinds[name]
    yield f"{name}: {inspect.getdoc(kind)}"
    yield ""
    yield f"actions: {', '.join(sorted(kind.actions()))}"
    own = set(fields(kind)) - set(fields(Resource))
    texts = _texts(kind) | _texts(Resource)
    for field in sorted(fields(kind), key=lambda f: f not in own):
        default = "" if field.default is MISSING else f" = {field.default!r}"
        yield f"\n  {field.name}: {field.type}{default}"
        if text := texts.get(field.name):
            yield textwrap.indent(textwrap.fill(" ".join(text.split()), 88), "      ")


def _kinds() -> dict[str, type[Resource]]:
    found = (getattr(resources, name) for name in resources.__all__)
    kinds = [one for one in found if isinstance(one, type) and issubclass(one, Resource)]
    return {kind.kind(): kind for kind in sorted(kinds, key=lambda kind: kind.kind())}


def _first_line(kind: type[Resource]) -> str:
    return (inspect.getdoc(kind) or "").split("\n")[0]


def _texts(kind: type[Resource]) -> dict[str, str]:
    """The string below each property; Python itself does not keep it."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if not issubclass(base, Resource):
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        assert isinstance(body, ast.ClassDef)  # noqa: S101 - getsource of a class
        for statement, below in zip(body.body, body.body[1:], strict=False):
            match statement, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    found[name] = text
    return found
