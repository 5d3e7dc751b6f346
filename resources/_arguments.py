"""Values that become arguments of commands, which every user of a host can see."""

from __future__ import annotations

from cookbook.errors import RecipeError
from cookbook.provider import Resource, holds_secret


def refuse_secrets(
    resource: Resource,
    *values: object,
    hint: str = "put the secret into a file that the command reads",
) -> None:
    """Raise RecipeError if a value that is seen in the list of processes holds a secret."""
    if any(map(holds_secret, values)):
        raise RecipeError(
            f"{resource}: every user can see the arguments of a running command", hint=hint
        )
