"""States and changes as JSON, and back: what a plan, a history and a manifest write of them."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from cookbook.language.change import Change
from cookbook.script.shell import Secret

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

S = TypeVar("S", bound="DataclassInstance")


def refuse_secret(_secret: Secret) -> Any:
    """Secrets are not written in the clear. Raises TypeError."""
    raise TypeError("a secret cannot be written in the clear")


def to_json(value: object, secret: Callable[[Secret], Any] = refuse_secret) -> Any:
    """A State or a Change as JSON data; `secret` makes JSON of a Secret, or raises TypeError."""
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
            return {f.name: to_json(getattr(value, f.name), secret) for f in fields(value)}
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON form")


def change_from_json(state: type[S], data: Mapping[str, Any]) -> Change[S]:
    """Read what `to_json` made of a Change of this kind of state."""
    return Change(
        state_from_json(state, data["found"]),
        state_from_json(state, data["wanted"]),
        data["act"],
        data["note"],
    )


def state_from_json(state: type[S], data: Mapping[str, Any] | None) -> S | None:
    """Read what `to_json` made of a State, or of None."""
    if data is None:
        return None
    hints = get_type_hints(state)
    return state(**{name: _revive(hints[name], value) for name, value in data.items()})


def _revive(hint: Any, value: Any) -> Any:
    """JSON has lists where states have tuples."""
    if value is None or isinstance(value, Secret):
        return value
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _revive(next(one for one in arguments if one is not type(None)), value)
    if origin is tuple:
        return tuple(_revive(arguments[0], item) for item in value)
    if is_dataclass(hint):
        inner = get_type_hints(hint)
        return hint(**{k: _revive(inner[k], v) for k, v in value.items()})  # type: ignore[operator]  # the class
    if isinstance(hint, type) and issubclass(hint, str):
        return hint(value)
    return value
