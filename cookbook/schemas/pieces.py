"""The parts that several schemas share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

JsonSchema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"

TEXT: JsonSchema = {"type": "string", "minLength": 1}
FLAG: JsonSchema = {"type": "boolean"}
COUNT: JsonSchema = {"type": "integer", "minimum": 0}
PORT: JsonSchema = {"type": "integer", "minimum": 1, "maximum": 65535}
SPAN: JsonSchema = {
    "description": "a span of time: 90s, 15m, 12h, 1d; a number means seconds",
    "anyOf": [
        {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,3})?[smhdw]$"},
        {"type": "number", "minimum": 0},
    ],
}
AMOUNT: JsonSchema = {
    "description": "a number of hosts, or a share of the group: 25%",
    "anyOf": [COUNT, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?\s*%?$"}],
}


def described(schema: JsonSchema, text: str) -> JsonSchema:
    """Return a schema with a description, which editors show."""
    return {**schema, "description": text}


def several(item: JsonSchema) -> JsonSchema:
    """Return the schema of one, or of a list of them."""
    return {"anyOf": [item, {"type": "array", "items": item}]}


def mapping(
    properties: Mapping[str, JsonSchema], *required: str, description: str = ""
) -> JsonSchema:
    """Return the schema of a mapping that has no other keys."""
    found: JsonSchema = {
        "type": "object",
        "properties": dict(properties),
        "additionalProperties": False,
    }
    if required:
        found["required"] = [*required]
    return described(found, description) if description else found


def or_nothing(schema: JsonSchema) -> JsonSchema:
    """Return a schema that also takes an empty entry: all its lines may be commented out."""
    return {"anyOf": [schema, {"type": "null"}]}


def file(title: str, schema: JsonSchema) -> JsonSchema:
    """Return the schema of a whole file."""
    return {"$schema": DRAFT, "title": title, **schema}


HOURS: JsonSchema = mapping(
    {
        "days": described(several(TEXT), "mon-fri, or a list of days"),
        "from": described({"type": ["string", "integer"]}, '"08:00"'),
        "to": described({"type": ["string", "integer"]}, '"17:00"'),
        "zone": described(TEXT, "a time zone: Europe/Berlin"),
    }
)
