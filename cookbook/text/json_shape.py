"""
The check of JSON from outside: data of the expected shape, or an error with the place in it.

A shape is a type: a TypedDict or a dataclass, list[X], dict[str, X], X | None, a Literal, text or a
number; in `Annotated[X, check]` the function `check` takes the value and returns it, or raises
ValueError. msgspec and cattrs were measured: docs/decisions/0017-json-from-outside.md.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from cookbook.text.type_check import describe, fits

T = TypeVar("T")

_Read = Callable[[Any], Any]
_LONGEST = 60


class Misshapen(ValueError):
    """Data of another shape: `hosts.web1.steps[3].status: text was expected, not 5`."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.place = ""

    def within(self, step: str) -> Misshapen:
        """Return the same error, one level further out: a key, or `[number]`."""
        self.place = f"{step}{'.' if self.place[:1] not in ('', '[') else ''}{self.place}"
        return self

    def __str__(self) -> str:
        return f"{self.place}: {self.args[0]}" if self.place else str(self.args[0])


def shaped(shape: type[T], data: object) -> T:
    """
    Return JSON data as a value of this shape.

    In a TypedDict other keys are left out, since a later version may write more, and a missing key
    is None where None is allowed, or stays missing where it is NotRequired. In a dataclass the keys
    are exactly its fields. Raises Misshapen.
    """
    return cast("T", _reader(cast("Any", shape))(data))


def short(value: object) -> str:
    """Return a value for a message: hosts and files may send anything."""
    return repr(value)[:_LONGEST]


@functools.cache
def _reader(shape: Any) -> _Read:
    origin, arguments = get_origin(shape), get_args(shape)
    if shape is Any:
        return lambda value: value
    if origin is Literal and all(isinstance(one, str) for one in arguments):
        return _one_of(shape)
    if origin is Annotated:
        return _checked(_reader(arguments[0]), arguments[1:])
    if origin in (Union, types.UnionType) and type(None) in arguments and len(arguments) == 2:
        [inner] = [_reader(one) for one in arguments if one is not type(None)]
        return lambda value: None if value is None else inner(value)
    if origin is list:
        return _list(_reader(arguments[0]))
    if origin is dict:
        return _dict(_reader(arguments[0]), _reader(arguments[1]))
    if is_typeddict(shape):
        return _record(shape)
    if is_dataclass(shape):
        return _instance(cast("Callable[..., Any]", shape))
    return _leaf(shape)


_TYPES: dict[Any, frozenset[type]] = {
    str: frozenset({str}),
    bool: frozenset({bool}),
    int: frozenset({int}),
    float: frozenset({int, float}),
}
"""The types that JSON data of a shape has; `fits` says the same, and takes longer."""


def _leaf(shape: Any) -> _Read:
    allowed = _TYPES.get(shape, frozenset())

    def read(value: Any) -> Any:
        if type(value) not in allowed and not fits(value, shape):
            raise _unexpected(describe(shape), value)
        return value

    return read


def _one_of(shape: Any) -> _Read:
    choices = frozenset(get_args(shape))

    def read_choice(value: Any) -> Any:
        if not isinstance(value, str) or value not in choices:
            raise Misshapen(f"{short(value)} is none of {', '.join(sorted(choices))}")
        return value

    return read_choice


def _checked(read: _Read, checks: tuple[_Read, ...]) -> _Read:
    def read_and_check(value: Any) -> Any:
        found = read(value)
        for check in checks:
            try:
                found = check(found)
            except Misshapen:
                raise
            except ValueError as error:
                raise Misshapen(str(error)) from None
        return found

    return read_and_check


def _list(read: _Read) -> _Read:
    def read_list(value: Any) -> Any:
        if not isinstance(value, list):
            raise _unexpected("an array", value)
        found: list[Any] = []
        try:
            found.extend(map(read, value))
        except Misshapen as error:
            raise error.within(f"[{len(found)}]") from None
        return found

    return read_list


def _dict(read_key: _Read, read: _Read) -> _Read:
    def read_dict(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _unexpected("an object", value)
        found: dict[str, Any] = {}
        for key, item in value.items():
            try:
                found[read_key(key)] = read(item)
            except Misshapen as error:
                raise error.within(_key(key)) from None
        return found

    return read_dict


def _record(shape: Any) -> _Read:
    hints = get_type_hints(shape, include_extras=True)
    optional = {key for key, hint in hints.items() if get_origin(hint) is NotRequired}
    hints |= {key: get_args(hints[key])[0] for key in optional}
    readers = [(key, _reader(hint), _default(key, hint)) for key, hint in hints.items()]

    def read_record(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _unexpected("an object", value)
        found: dict[str, Any] = {}
        for key, read, default in readers:
            if key in optional and key not in value:
                continue
            try:
                found[key] = read(value[key]) if key in value else default()
            except Misshapen as error:
                raise error.within(key) from None
        return found

    return read_record


def _default(key: str, hint: Any) -> Callable[[], Any]:
    """Return a function that returns the value of a missing key, or raises Misshapen."""

    def default() -> Any:
        try:
            return _reader(hint)(None)
        except Misshapen:
            raise Misshapen(f"there is no {key!r}") from None

    return default


def _instance(kind: Callable[..., Any]) -> _Read:
    hints = get_type_hints(kind, include_extras=True)
    names = frozenset(f.name for f in fields(cast("Any", kind)))
    readers = {name: _reader(hints[name]) for name in names}

    def read_instance(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _unexpected("an object", value)
        if value.keys() != names:
            differ = sorted(map(str, value.keys() ^ names))
            raise Misshapen(f"keys that are missing or not known: {short(differ)}")
        found: dict[str, Any] = {}
        for name, item in value.items():
            try:
                found[name] = readers[name](item)
            except Misshapen as error:
                raise error.within(name) from None
        return kind(**found)

    return read_instance


def _unexpected(what: str, value: object) -> Misshapen:
    return Misshapen(f"{what} was expected, not {short(value)}")


def _key(key: str) -> str:
    return key if key.isidentifier() else short(key)
