"""Replacements in text files."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as with_fields

from cookbook.errors import HostError
from cookbook.provider import Change, provides
from cookbook.providers.text_edits import TextEditProvider, TextState, bare, hunks_of
from cookbook.resources.replace import Replace


@dataclass(frozen=True)
class State(TextState):
    """The lines that a replacement would change."""

    lines: tuple[str, ...] = ()


_SHOWN = 5
"""New lines that a plan shows."""


@provides(Replace)
class ReplaceProvider(TextEditProvider[Replace, State]):
    """Replacements in text files, made on the controller."""

    owns = False  # what was there before is not known of an orphan

    def path(self, replacement: Replace) -> str:
        """Return the path of the file."""
        return replacement.path

    def read(self, replacement: Replace, text: str) -> State:
        """Return the lines that a replacement would change."""
        hunks = hunks_of(text, replacement.replaced(text))
        return State(lines=tuple(bare(line) for _, old, _ in hunks for line in old))

    def edit(self, replacement: Replace, text: str) -> str:
        """Replace all matches."""
        return replacement.replaced(text)

    def without(self, replacement: Replace, text: str) -> str:
        """Return the text: a replacement cannot be removed."""
        return text

    def plan(self, replacement: Replace, found: State | None) -> Change[State]:
        """Look for lines that a replacement would change, and say what they become."""
        change = super().plan(replacement, found)
        if change.wanted is None or not change.fields:
            return change
        new = [bare(line) for _, _, lines in change.wanted.hunks for line in lines]
        said = ", ".join(map(repr, new[:_SHOWN])) + (" ..." if len(new) > _SHOWN else "")
        return with_fields(change, note=f"they become {said or 'nothing'}")

    def refuse(self, replacement: Replace, text: str) -> None:
        """Raise HostError if a second replacement would change the text again."""
        once = replacement.replaced(text)
        if replacement.replaced(once) != once:
            raise HostError(
                f"{replacement}: the pattern still matches in {replacement.path} after its own"
                " replacement: each run would change the file again",
                hint="narrow the pattern, e.g. by ^ and $",
            )
