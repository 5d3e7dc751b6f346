"""A change of one resource as a value: the state as found, and the state as wanted."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    NamedTuple,
    TypeVar,
)

from cookbook.language.field_traits import (
    NEVER_SECRET,
    SENSITIVE,
    compared_fields,
    open_fields,
    sensitive_fields,
)
from cookbook.script.shell import Command, Content

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


S = TypeVar("S", bound="DataclassInstance")


Kind = Literal["none", "create", "update", "remove", "act"]


class Texts(NamedTuple):
    """The sources of the two sides of a diff."""

    found: Command | None
    """A probe command that prints the found text; None if there was no text."""

    wanted: Content | None
    """The digest of the wanted text; None if the text is to be removed."""


@dataclass(frozen=True)
class Change(Generic[S]):
    """
    A change from the found state to the wanted state; None is an absent thing.

    The fields of the two states are compared with `==`. A field that is None in `wanted`
    is left as found. A field declared with `compare=False` (see `hint`) only tells how to
    make the thing.
    """

    found: S | None
    wanted: S | None

    act: str | None = None
    """An action that is no state: restart, reload, run. It cannot be undone."""

    note: str | None = None
    """A remark that the plan shows to the operator."""

    warning: str | None = None
    """A remark that is shown also if nothing has to be done."""

    @functools.cached_property
    def kind(self) -> Kind:
        """The kind of the change; `none` if nothing has to be done."""
        if self.wanted is None and self.found is not None:
            return "remove"
        if self.found is None and self.wanted is not None:
            return "create"
        if self.fields:
            return "update"
        return "act" if self.act else "none"

    @functools.cached_property
    def fields(self) -> Mapping[str, tuple[Any, Any]]:
        """The properties that differ: name -> (found, wanted)."""
        side = self.wanted if self.wanted is not None else self.found
        names = compared_fields(type(side)) if side is not None else ()
        pairs = {n: (getattr(self.found, n, None), getattr(self.wanted, n, None)) for n in names}
        if self.wanted is None:
            return {n: pair for n, pair in pairs.items() if pair[0] is not None}
        return {n: (a, b) for n, (a, b) in pairs.items() if b is not None and a != b}

    @property
    def sensitive(self) -> frozenset[str]:
        """The names of the fields whose values must not be shown, not even by a digest."""
        side = self.wanted if self.wanted is not None else self.found
        return sensitive_fields(type(side)) if side is not None else frozenset()

    @property
    def open(self) -> frozenset[str]:
        """The names of the fields that are shown although the resource holds a secret."""
        side = self.wanted if self.wanted is not None else self.found
        return open_fields(type(side)) if side is not None else frozenset()

    @property
    def needed(self) -> bool:
        """True if anything has to be done."""
        return self.kind != "none"


def hint(*, default: Any = None, sensitive: bool = False) -> Any:
    """
    Declare a field of a State that only tells how to make the thing; it is never compared.

    A sensitive one is not shown, and is not kept in the history.
    """
    return field(default=default, compare=False, metadata=SENSITIVE if sensitive else {})


def secret(*, default: Any = None) -> Any:
    """
    Declare a field of a State that must not be shown, not even by its digest.

    What can be guessed can be recognised by its digest. A plan without a key does not contain it.
    """
    return field(default=default, metadata=SENSITIVE)


def never_secret(*, default: Any = None) -> Any:
    """
    Declare a field of a State that is shown also if the resource holds a secret.

    Nothing in it is made of one, such as the commit of a working copy that is fetched by a key. Of
    a resource that is declared `sensitive` it is not shown.
    """
    return field(default=default, metadata=NEVER_SECRET)
