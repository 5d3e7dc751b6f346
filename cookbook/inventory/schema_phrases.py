"""Sentences for what does not fit a JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cookbook.text.yaml_value import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from jsonschema.exceptions import SchemaError, ValidationError

_LONGEST = 200

TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "a mapping",
    "string": "text",
}
"""The types of JSON Schema, in words."""

_WANTED: dict[str, Callable[[Any], str]] = {
    "type": lambda wanted: _alternatives(TYPES.get(one, str(one)) for one in _listed(wanted)),
    "enum": lambda wanted: _alternatives(map(shown, _listed(wanted))),
    "const": shown,
    "minimum": lambda wanted: f"at least {wanted}",
    "maximum": lambda wanted: f"at most {wanted}",
    "exclusiveMinimum": lambda wanted: f"above {wanted}",
    "exclusiveMaximum": lambda wanted: f"below {wanted}",
    "multipleOf": lambda wanted: f"a multiple of {wanted}",
    "pattern": lambda wanted: f"text that matches {wanted}",
    "format": lambda wanted: f"of the format {wanted}",
    "minLength": lambda wanted: f"at least {wanted} characters long",
    "maxLength": lambda wanted: f"at most {wanted} characters long",
}
"""Keyword -> what it wants, in words."""


def sentence(error: ValidationError | SchemaError, path: str) -> str:
    """Return what is wrong with the value at a path, on one line."""
    keyword: Any = error.validator
    if keyword in ("required", "additionalProperties") and error.message.startswith("is "):
        return f"{path} {error.message}"
    if keyword in _WANTED:
        wanted = _WANTED[keyword](error.validator_value)
        return f"{path} must be {_short(wanted)}, not {shown(error.instance)}"
    if keyword in ("anyOf", "oneOf") and error.context:
        return f"{path} fits none of the alternatives: {_nearest(error, path)}"
    return f"{path} does not fit: {_short(error.message)}"


def _nearest(error: ValidationError | SchemaError, path: str) -> str:
    """Return what is wrong by each alternative, the shortest sentences there are."""
    reasons = (
        sentence(one, "".join((path, *map(_step, one.relative_path))))
        for one in error.context or ()
    )
    return _short("; or ".join(dict.fromkeys(reasons)))


def _step(step: str | int) -> str:
    return f"[{step}]" if isinstance(step, int) else f".{step}"


def _alternatives(words: Any) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _listed(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
