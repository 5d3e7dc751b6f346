"""The JSON form of states and changes in saved plans, histories and manifests."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from cookbook.language.change import Change
from cookbook.language.field_traits import field_names
from cookbook.script.shell import Secret

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

S = TypeVar("S", bound="DataclassInstance")


def refuse_secret(_secret: Secret) -> Any:
    """Raise TypeError: a secret is not written in the clear."""
    raise TypeError("a secret cannot be written in the clear")


_PLAIN = frozenset({str, int, float, bool, type(None)})


def to_json(value: object, secret: Callable[[Secret], Any] = refuse_secret) -> Any:
    """Return a State or Change as JSON data; `secret` converts a Secret, or raises TypeError."""
    if type(value) in _PLAIN:
        return value
    match value:
        case Secret():
            return secret(value)
        case list() | tuple():
            return [to_json(item, secret) for item in value]
        case dict():
            return {str(k): to_json(v, secret) for k, v in value.items()}
        case str() | int() | float() | bool() | None:
            return value
        case _ if is_dataclass(value) and not isinstance(value, type):
            names = field_names(type(value))
            return {
                name: part
                if type(part := getattr(value, name)) in _PLAIN
                else to_json(part, secret)
                for name in names
            }
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON form")


def change_from_json(state: type[S], data: Mapping[str, Any]) -> Change[S]:
    """Return the Change of this class of states that `to_json` has converted."""
    return Change(
        state_from_json(state, data["found"]),
        state_from_json(state, data["wanted"]),
        data["act"],
        data["note"],
        data.get("warning"),
    )


def state_from_json(state: type[S], data: Mapping[str, Any] | None) -> S | None:
    """Return the State of this class, or None, that `to_json` has converted."""
    if data is None:
        return None
    hints = _hints(state)
    return state(**{name: _revive(hints[name], value) for name, value in data.items()})


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    """Return the types of the fields of a class, which each state in a saved plan asks for."""
    return get_type_hints(kind)


def _revive(hint: Any, value: Any) -> Any:
    """Return a value with the type of the hint: JSON has lists in place of tuples."""
    if value is None or isinstance(value, Secret):
        return value
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _revive(next(one for one in arguments if one is not type(None)), value)
    if origin is tuple:
        return tuple(_revive(arguments[0], item) for item in value)
    if is_dataclass(hint):
        inner = _hints(cast("type", hint))
        return hint(**{k: _revive(inner[k], v) for k, v in value.items()})  # type: ignore[operator]  # the class
    if isinstance(hint, type) and issubclass(hint, str):
        return hint(value)
    return value
