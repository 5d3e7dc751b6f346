"""A change of one resource as a value: the state as found, and the state as wanted."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    NamedTuple,
    TypeVar,
)

from cookbook.script.shell import Command, Content

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


S = TypeVar("S", bound="DataclassInstance")


Kind = Literal["none", "create", "update", "remove", "act"]


class Texts(NamedTuple):
    """Where the two sides of a diff come from."""

    found: Command | None
    """A question whose answer is the found text; None if there was none."""

    wanted: Content | None
    """The digest of the wanted text; None if there is to be none."""


@dataclass(frozen=True)
class Change(Generic[S]):
    """
    From the state as found to the state as wanted; either may be nothing.

    Two fields of the states are compared with `==`; one that is None in
    `wanted` is left as found, and one declared with `compare=False` only says
    how to make the thing.
    """

    found: S | None
    wanted: S | None

    act: str | None = None
    """What is done besides, that is no state: restart, reload, run. It cannot be undone."""

    note: str | None = None
    """What people should know before it is applied."""

    @property
    def kind(self) -> Kind:
        """What it amounts to."""
        if self.wanted is None and self.found is not None:
            return "remove"
        if self.found is None and self.wanted is not None:
            return "create"
        if self.fields:
            return "update"
        return "act" if self.act else "none"

    @property
    def fields(self) -> dict[str, tuple[Any, Any]]:
        """What differs: property -> (found, wanted)."""
        side = self.wanted if self.wanted is not None else self.found
        names = [f.name for f in fields(side) if f.compare] if side is not None else []
        pairs = {n: (getattr(self.found, n, None), getattr(self.wanted, n, None)) for n in names}
        if self.wanted is None:
            return {n: pair for n, pair in pairs.items() if pair[0] is not None}
        return {n: (a, b) for n, (a, b) in pairs.items() if b is not None and a != b}

    @property
    def needed(self) -> bool:
        """Whether anything has to be done."""
        return self.kind != "none"


def hint(*, default: Any = None) -> Any:
    """A field of a State that only says how to make the thing; it is never compared."""
    return field(default=default, compare=False)
