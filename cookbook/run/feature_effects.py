"""The features that a change is due to, found by a compilation with each answer inverted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from types import FunctionType
from typing import Any

from cookbook.errors import CookError
from cookbook.language.collection import Collection, FactsNeeded
from cookbook.language.feature_answer import FeatureAnswer
from cookbook.language.lazy import Lazy
from cookbook.language.resource import Resource
from cookbook.planning.step import FeatureEffect, Step

_SHOWN = frozenset({"changed", "unknown", "failed", "orphaned"})

_NOT_COMPARED = frozenset({"name", "tags", "notifies", "subscribes"})
"""Properties that do not decide about the state of the thing."""


class FeatureEffects:
    """
    The features that decide about the resources of one host.

    What the recipes would declare with the opposite answer is compiled at the first change, once
    for each feature that the recipes have asked about: a host in line costs nothing.
    """

    def __init__(self, declared: Collection, compiled: Callable[[str], Collection]) -> None:
        """`compiled` returns the declarations with the opposite answer about one feature."""
        self._declared = declared
        self._compiled = compiled
        self._others: Sequence[tuple[FeatureAnswer, Collection]] | None = None

    def added(self, step: Step) -> Step:
        """Return the step with the features that it is due to, if there are any."""
        if step.status not in _SHOWN or not self._declared.features:
            return step
        effects = [
            FeatureEffect(answer, decisive)
            for answer, other in self._inverted()
            if (decisive := _effect(step, other)) is not None
        ]
        return replace(step, features=tuple(effects)) if effects else step

    def _inverted(self) -> Sequence[tuple[FeatureAnswer, Collection]]:
        if self._others is None:
            self._others = [
                (answer, other)
                for name, answer in self._declared.features.items()
                if (other := self._with_opposite(name)) is not None
            ]
        return self._others

    def _with_opposite(self, name: str) -> Collection | None:
        """
        Return the declarations; None if the recipes do not work with the opposite answer.

        They do not, either, if they need facts of a host that was not asked: no host is asked only
        to explain a change.
        """
        try:
            return self._compiled(name)
        except (CookError, FactsNeeded):
            return None


def _effect(step: Step, other: Collection) -> bool | None:
    """
    Return whether the step would not be there with the opposite answer.

    None if the feature does not matter to it: the declaration is the same.
    """
    twin = other.get(str(step.resource))
    if step.orphan is not None:
        return True if twin is not None else None
    if twin is None:
        return True
    if step.because is not None or same(step.resource, twin.resource):
        return None
    return _in_line(step, twin.resource)


def _in_line(step: Step, resource: Resource) -> bool:
    """Return True if the host, as it was found, is what the other declaration wants."""
    if step.status != "changed" or step.change is None or step.provider is None:
        return False
    if resource.lazies is not None or resource.doing == ("nothing",):
        return resource.lazies is None
    try:
        return not step.provider.plan(resource, step.change.found).needed
    except CookError:
        return False


def same(one: Resource, other: Resource) -> bool:
    """Return whether two declarations of a resource want the same state of it."""
    if type(one) is not type(other):
        return False
    names = [field.name for field in fields(one) if field.name not in _NOT_COMPARED]
    return all(_alike(getattr(one, name), getattr(other, name)) for name in names)


def _alike(one: Any, other: Any) -> bool:
    """Return whether two values are equal; two compilations of one function are."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, FunctionType) and isinstance(other, FunctionType):
        return _function(one)[0] == _function(other)[0] and _alike(
            _function(one)[1], _function(other)[1]
        )
    if isinstance(one, Lazy) and isinstance(other, Lazy):
        return one.command == other.command and _alike(one.parse, other.parse)
    return type(one) is type(other) and bool(one == other)


def _function(function: FunctionType) -> tuple[object, list[object]]:
    """Return the code of a function, and the values that it has from where it was made."""
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    return function.__code__, [*cells, *(function.__defaults__ or ())]
