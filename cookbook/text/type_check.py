"""The check of values against the annotations of properties."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin


def fits(value: object, hint: Any) -> bool:
    """
    Return whether a value fits a type hint, as strictly as a type checker would.

    A bool is not an int, a str is not a sequence of str, an int is a float.
    """
    origin = get_origin(hint)
    arguments = get_args(hint)
    if hint is Any or hint is object:
        return True
    if origin is Literal:
        return any(value == choice and type(value) is type(choice) for choice in arguments)
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in arguments)
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            fits(k, arguments[0]) and fits(v, arguments[1]) for k, v in value.items()
        )
    if origin is not None and issubclass(origin, Sequence):
        return (
            isinstance(value, Sequence)
            and not isinstance(value, str | bytes)
            and all(fits(item, arguments[0]) for item in value)
        )
    if origin is Callable:
        return callable(value)
    return _is(value, hint)


def describe(hint: Any) -> str:
    """
    Return a type hint in words for the author of a recipe.

    >>> describe(int | None)
    'a whole number'
    >>> describe(Literal["create", "remove"])
    "'create' or 'remove'"
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return _either([repr(choice) for choice in arguments])
    if origin in (Union, types.UnionType):
        return _either([describe(one) for one in arguments if one is not type(None)])
    if origin is not None and issubclass(origin, Mapping):
        return "a mapping"
    if origin is not None and issubclass(origin, Sequence):
        return f"a list of {describe(arguments[0])}"
    return _NAMES.get(hint, getattr(hint, "__name__", str(hint)))


_NAMES: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    bytes: "bytes",
    type(None): "None",
}


def _is(value: object, kind: Any) -> bool:
    if kind is None:
        return value is None
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, get_origin(kind) or kind)


def _either(words: list[str]) -> str:
    words = list(dict.fromkeys(words))
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
