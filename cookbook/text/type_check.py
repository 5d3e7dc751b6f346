"""The check of values against the annotations of properties."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin


def fits(value: object, hint: Any) -> bool:
    """
    Return whether a value fits a type hint, as strictly as a type checker would.

    A bool is not an int, a str is not a sequence of str, an int is a float.
    """
    return check_of(hint)(value)


@functools.cache
def check_of(hint: Any) -> Callable[[object], bool]:
    """Return the check of a type hint: whether a value fits it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any or hint is object:
        return lambda _: True
    if origin is Literal:
        known = [(type(choice), choice) for choice in arguments]
        return lambda value: (type(value), value) in known
    if origin in (Union, types.UnionType):
        either = [check_of(one) for one in arguments]
        return lambda value: any(check(value) for check in either)
    if origin is not None and issubclass(origin, Mapping):
        key_fits, value_fits = map(check_of, arguments)
        return lambda value: (
            isinstance(value, Mapping)
            and all(key_fits(k) and value_fits(v) for k, v in value.items())
        )
    if origin is not None and issubclass(origin, Sequence):
        item_fits = check_of(arguments[0])
        return lambda value: (
            isinstance(value, Sequence)
            and not isinstance(value, str | bytes)
            and all(map(item_fits, value))
        )
    if origin is Callable:
        return callable
    return functools.partial(_is, origin or hint)


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


def _is(kind: Any, value: object) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return value is None if kind is None else isinstance(value, kind)


def _either(words: list[str]) -> str:
    words = list(dict.fromkeys(words))
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
