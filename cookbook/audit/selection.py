"""The part of a profile that an audit is about."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from cookbook.errors import RecipeError
from cookbook.language.collection import Declared
from cookbook.language.sections import Scope
from cookbook.run.selection import Selection


@dataclass(frozen=True)
class ControlSelection(Selection):
    """The resources of some controls; nothing is asked about the others."""

    controls: frozenset[str] = frozenset()
    """The ids of the controls."""

    known: frozenset[str] = frozenset()
    """The ids of all controls of the profile, as its text declares them."""

    def left_out(self, declared: Declared) -> str | None:
        """Return the reason why the audit is not about a resource; None if it is."""
        if declared.scope is None or declared.scope.id in self.controls:
            return None
        return "its control is not chosen"

    def check(self, declared: Iterable[Declared], *, complete: bool) -> None:
        """Raise RecipeError for a resource that is declared outside of these controls."""
        del complete
        for one in declared:
            check_scope(one, self.known)


def check_scope(declared: Declared, known: Collection[str]) -> Scope:
    """
    Return the control in which a resource is declared; `known` are the ids of the profile.

    Raises RecipeError without a control, and for a control that the text of the profile does not
    show: it would be judged on no host.
    """
    if (scope := declared.scope) is None:
        raise RecipeError(
            f"{declared.where}: {declared.resource} is outside of a control",
            hint="a profile declares only controls: with control(...)",
        )
    if scope.id not in known:
        raise RecipeError(
            f"{scope.where}: the control {scope.id!r} is not declared in a module of the profile",
            hint="declare it as `with control(...)` in a module of the folder itself",
        )
    return scope
