"""The JSON Schema of the variables of a host: `schema:` in hosts.yml."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from cookbook.errors import InventoryError
from cookbook.inventory.schema_phrases import TYPES, sentence
from cookbook.secrets.reference import SecretReference
from cookbook.secrets.secret import Secret
from cookbook.text.suggest import did_you_mean
from cookbook.text.yaml_value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from jsonschema.exceptions import SchemaError, ValidationError

_STEPS = 200
"""Characters of the name of a variable inside of another one."""

_OF_TEXT = ("const", "enum", "format", "maxLength", "minLength", "not", "pattern")
"""The keywords that look into a text: a secret fits them all, since it is not looked up."""


class Misfit(NamedTuple):
    """A variable that does not fit the schema, or that is missing."""

    path: tuple[str | int, ...]
    """The variable, then the keys and places inside it. It has no value if it is missing."""

    text: str
    """The whole sentence, beginning with the variable."""


@dataclass(frozen=True)
class VariableSchema:
    """A schema as it was read; it is understood when it is first used."""

    value: Value
    """Its content, with the place of each part."""

    def misfits(self, variables: Mapping[str, object]) -> Iterator[Misfit]:
        """
        Yield all variables of a host that do not fit. No secret is looked up.

        Raises InventoryError if the schema itself is wrong.
        """
        import referencing.exceptions

        try:
            for error in self._validator.iter_errors(_without_secrets(variables)):
                yield _misfit(error)
        except referencing.exceptions.Unresolvable as error:
            raise self.value.error(
                f"the schema refers to {error.ref!r}, which is not in it",
                hint='only parts of the same document can be named: $ref: "#/$defs/port"',
            ) from None
        except RecursionError:
            raise self.value.error("the schema refers to itself without an end") from None
        except re.error as error:
            raise self.value.error(f"the schema has a wrong pattern: {error}") from None

    @cached_property
    def _validator(self) -> Any:
        from jsonschema import validators
        from jsonschema.exceptions import SchemaError
        from referencing import Registry

        validator_for: Any = validators.validator_for
        extend: Any = validators.extend

        schema = self.value.plain()
        draft: Any = validators.Draft202012Validator
        if isinstance(schema, dict) and "$schema" in schema:
            draft = validator_for(schema, default=None)
            if draft is None:
                raise _value_at(self.value, ["$schema"]).error(
                    f"the schema is of an unknown kind: {schema['$schema']!r}",
                    hint="leave $schema out for the draft 2020-12",
                )
        try:
            draft.check_schema(schema)
        except SchemaError as error:
            raise self._wrong(error) from None
        rules = {
            name: _unless_secret(draft.VALIDATORS[name])
            for name in _OF_TEXT
            if name in draft.VALIDATORS
        }
        rules |= {"required": _required, "additionalProperties": _additional(draft.VALIDATORS)}
        checked = extend(draft, rules)
        # A registry of its own: without one, the library asks the network for a schema.
        empty: Any = Registry()
        return checked(schema, registry=empty, format_checker=draft.FORMAT_CHECKER)

    def _wrong(self, error: SchemaError) -> Exception:
        """Return the error for a schema that is none."""
        steps = [*error.absolute_path]
        where, path = _value_at(self.value, steps), _named(("schema", *steps))
        if steps[-1:] == ["type"] and isinstance(error.instance, str):
            near = did_you_mean(error.instance, TYPES) or f"the types are: {', '.join(TYPES)}"
            return where.error(f"{path}: {error.instance!r} is no type of JSON Schema", hint=near)
        return where.error(f"{sentence(error, path)}, by the rules of JSON Schema")


def read_schema(value: Value, folder: Path) -> VariableSchema:
    """
    Return the schema that is written there, or in the YAML or JSON file that is named there.

    Raises InventoryError.
    """
    if isinstance(value.data, dict):
        return VariableSchema(value)
    if not isinstance(value.data, str) or not value.data or "\0" in value.data:
        raise value.error(f"schema must be a mapping or the path of a file, not {value}")
    from cookbook.text.yaml_reader import YamlReader

    path = folder / value.data
    found = YamlReader(InventoryError, is_json=path.suffix == ".json").read(path)
    if found is None or not isinstance(found.data, dict):
        raise value.error(f"the schema {value.data} is not a mapping, but {found or 'empty'}")
    return VariableSchema(found)


def place_in(value: Value, path: Iterable[str | int]) -> str:
    """Return file:line of what is at a path inside a value, or of the last that is there."""
    return _value_at(value, path).at


def _value_at(value: Value, path: Iterable[str | int]) -> Value:
    for step in path:
        match value.data:
            case dict() if step in value.data:
                value = value.data[str(step)]
            case list() if isinstance(step, int) and step < len(value.data):
                value = value.data[step]
            case _:
                break
    return value


class _Hidden(str):
    """A secret: text of which nothing is known; it is shown as it stands in the inventory."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _without_secrets(value: object) -> object:
    match value:
        case SecretReference() | Secret():
            return _Hidden(repr(value) if isinstance(value, SecretReference) else "(secret)")
        case list():
            return [_without_secrets(item) for item in value]
        case dict():
            return {key: _without_secrets(item) for key, item in value.items()}
        case _:
            return value


def _unless_secret(rule: Any) -> Any:
    """Return a rule that each secret fits."""

    def check(validator: Any, wanted: Any, instance: Any, schema: Any) -> Any:
        hidden = isinstance(instance, _Hidden)
        return None if hidden else rule(validator, wanted, instance, schema)

    return check


def _required(_: Any, wanted: Any, instance: Any, __: Any) -> Iterator[ValidationError]:
    """Yield an error at each variable that is missing."""
    from jsonschema.exceptions import ValidationError

    if isinstance(instance, dict) and isinstance(wanted, list):
        for name in wanted:
            if name not in instance:
                yield ValidationError("is missing", path=(name,))


def _additional(rules: Mapping[str, Any]) -> Any:
    """Return the rule of additionalProperties, with an error at each unknown variable."""

    def check(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        from jsonschema.exceptions import ValidationError

        if wanted is not False or not isinstance(instance, dict):
            yield from rules["additionalProperties"](validator, wanted, instance, schema) or ()
            return
        known = schema.get("properties", {})
        patterns = schema.get("patternProperties", {})
        for name in instance:
            if name not in known and not any(re.search(one, name) for one in patterns):
                near = did_you_mean(name, known)
                yield ValidationError(f"is not known{f'; {near}' if near else ''}", path=(name,))

    return check


def _misfit(error: ValidationError) -> Misfit:
    path = tuple(error.absolute_path)
    return Misfit(path, sentence(error, _named(("vars", *path))))


def _named(path: Iterable[str | int]) -> str:
    """
    Return how a place in a variable is shown.

    >>> _named(["vars", "sites", 2, "port"])
    'vars.sites[2].port'
    """
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    text = "".join(steps).removeprefix(".")
    return text if len(text) <= _STEPS else f"{text[: _STEPS - 3]}..."
