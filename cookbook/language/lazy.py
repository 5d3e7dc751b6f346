"""Lazy values: properties whose value a host gives when the turn of their resource comes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, replace
from typing import Any, Never, TypeVar, cast

from cookbook.errors import CookError, ProbeError, RecipeError
from cookbook.language.resource import Resource
from cookbook.secrets.secret import Secret

R = TypeVar("R", bound=Resource)

_COMMON = frozenset(f.name for f in fields(Resource))
"""The properties of all resources: the engine needs them before a host is asked."""


class NotKnownYet(TypeError):
    """The signal that a lazy value was used as text before the host was asked for it."""


@dataclass(frozen=True, eq=False)
class Lazy:
    """The output of a command, as the value of a property."""

    command: str
    """Shell text that is asked on the host; it must not change anything."""

    parse: Callable[[str], Any]
    sensitive: bool

    def value(self, output: str) -> Any:
        """Return the value of the property for the output of the command."""
        text = output.rstrip("\n")
        return _secret(self.parse(Secret(text))) if self.sensitive else self.parse(text)

    def _misused(self, *_: object) -> Never:
        raise NotKnownYet(
            "a lazy value is not known while the recipe runs, so no text can contain it; make the"
            ' text of it by parse: lazy("cat /etc/id", lambda id: f"id={id}")'
        )

    __str__ = __format__ = __add__ = __radd__ = __bool__ = __iter__ = __len__ = _misused


@dataclass(frozen=True)
class Lazies:
    """The lazy values of a resource, and how it is made when they are known."""

    properties: Mapping[str, tuple[Lazy, ...]]
    """The properties with lazy values, also in mappings and lists."""

    construct: Callable[[Mapping[str, Any]], Resource]
    """Constructs the resource with these properties, as if the recipe had declared them."""

    @property
    def values(self) -> tuple[Lazy, ...]:
        """The lazy values of all properties."""
        return tuple(lazy for values in self.properties.values() for lazy in values)

    def resolved(self, resource: Resource, outputs: Mapping[Lazy, str]) -> Resource:
        """
        Return the resource with the values that the outputs of the commands give.

        Raises ProbeError if a value cannot be made of an output, or is refused by its property.
        """
        try:
            known = {
                f.name: _filled(getattr(resource, f.name), outputs)
                for f in fields(resource)
                if f.default is MISSING or getattr(resource, f.name) is not f.default
            }
            return self.construct(known)
        except CookError as error:
            raise ProbeError(f"{resource}: a lazy value: {error}", hint=error.hint) from None
        except Exception as error:
            raise ProbeError(
                f"{resource}: the parse of a lazy value raised {type(error).__name__}: {error}",
                hint="it is given what its command printed, without the newline at the end",
            ) from error


def lazies_in(properties: Mapping[str, Any]) -> Mapping[str, tuple[Lazy, ...]]:
    """
    Return the lazy values in properties, also in mappings and lists, by property.

    Raises RecipeError if one is in a property that all resource types have.
    """
    found = {name: tuple(_inside(value)) for name, value in properties.items()}
    lazies = {name: values for name, values in found.items() if values}
    for name in _COMMON & lazies.keys():
        raise RecipeError(f"{name} cannot be lazy: it is needed before the host is asked")
    return lazies


def unresolved(kind: Callable[..., R], properties: Mapping[str, Any], lazies: Lazies) -> R:
    """
    Return a resource with lazy values: it stands for the real one until they are known.

    Raises RecipeError if what names the thing on the host is lazy.
    """
    cls = cast("type[R]", kind)
    resource = object.__new__(cls)
    for f in fields(cls):
        object.__setattr__(resource, f.name, properties.get(f.name, _default(f)))
    object.__setattr__(resource, "lazies", lazies)
    if any(lazy.sensitive for lazy in lazies.values):
        object.__setattr__(resource, "sensitive", True)
    resource.check_types(skip=lazies.properties.keys())
    try:
        named = isinstance(resource.identity, str)
    except NotKnownYet:
        named = False
    if not named:
        raise RecipeError(f"{resource}: the name of the thing on the host cannot be lazy")
    return resource


def with_action(resource: R, action: str) -> R:
    """Return the resource with another action. Raises RecipeError if it is not allowed."""
    if resource.lazies is None:
        return replace(resource, action=action)
    changed = copy.copy(resource)
    object.__setattr__(changed, "action", action)
    return changed


def _secret(value: Any) -> Any:
    """Return a value with all its texts as Secrets: what JSON makes of a Secret are bare texts."""
    match value:
        case str():
            return value if isinstance(value, Secret) else Secret(value)
        case dict():
            return {name: _secret(one) for name, one in value.items()}
        case list() | tuple():
            return [_secret(one) for one in value]
        case _:
            return value


def _default(f: Field[Any]) -> Any:
    return f.default_factory() if f.default_factory is not MISSING else f.default


def _inside(value: object) -> Iterator[Lazy]:
    match value:
        case Lazy():
            yield value
        case dict():
            for one in value.values():
                yield from _inside(one)
        case list() | tuple():
            for one in value:
                yield from _inside(one)


def _filled(value: Any, outputs: Mapping[Lazy, str]) -> Any:
    match value:
        case Lazy():
            return value.value(outputs[value])
        case dict():
            return {name: _filled(one, outputs) for name, one in value.items()}
        case list() | tuple():
            return [_filled(one, outputs) for one in value]
        case _:
            return value
