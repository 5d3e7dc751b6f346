"""The part of a profile that an audit is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cookbook.errors import RecipeError
from cookbook.language.collection import Declared
from cookbook.run.selection import Selection


@dataclass(frozen=True)
class ControlSelection(Selection):
    """The resources of some controls; nothing is asked about the others."""

    controls: frozenset[str] = frozenset()
    """The ids of the controls."""

    def left_out(self, declared: Declared) -> str | None:
        """Return the reason why the audit is not about a resource; None if it is."""
        if declared.scope is None or declared.scope.id in self.controls:
            return None
        return "its control is not chosen"

    def check(self, declared: Iterable[Declared], *, complete: bool) -> None:
        """Raise RecipeError for a resource that is declared outside of a control."""
        del complete
        for one in declared:
            if one.scope is None:
                raise outside(one)


def outside(declared: Declared) -> RecipeError:
    """Return the error for a resource that is declared outside of a control."""
    return RecipeError(
        f"{declared.where}: {declared.resource} is outside of a control",
        hint="a profile declares only controls: with control(...)",
    )
