"""
The record that a host keeps of which commands of a batch began, and how each ended.

It is read after a lost link, when the reply itself is not to be had any more: a command that
leaves no state behind can be judged by nothing else. The record is one file in `$cook_home`, of the
latest batch only; its first line is the nonce of the program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from cookbook.script.shell import Command, sh

# Builtins only, so a command costs no further process. A record that cannot be written (no room,
# a read-only file system) must not stop a change, so every failure is ignored here. It is printf
# that makes the file, because a failed redirection of `:` ends dash(1).
FUNCTIONS = """\
cook_step=0
cook_note() { { printf '%s\\n' "$cook_nonce${1:+ $*}" >>"$cook_home/.batch"; } 2>/dev/null || :; }
[ -d "$cook_home" ] || (umask 077; mkdir -p -- "$cook_home") 2>/dev/null
umask 077; { printf '' >"$cook_home/.batch"; } 2>/dev/null || :; umask 022; cook_note
cook_work() {
if [ "$cook_stop" ]; then cook_end -; return; fi
cook_step=$((cook_step + 1)); cook_note $cook_step
(cook_run "$1") </dev/null 8>&-; set -- $?; [ $1 = 0 ] || cook_stop=1
cook_note $cook_step $1; cook_end $1; }
"""

QUESTION: Command = sh('{ : >>"$cook_home/.batch"; } 2>/dev/null && cat -- "$cook_home/.batch"')
"""Print the record; fails where none could have been written."""


@dataclass(frozen=True)
class Trace:
    """Which of the traced commands of one program began, and with which status each ended."""

    begun: frozenset[int] = frozenset()
    """Their numbers, from 1, in the order of the program."""

    ended: dict[int, int] = field(default_factory=dict)
    """Number -> exit status."""

    def fate(self, numbers: Sequence[int]) -> Literal["done", "failed", "begun", "not-begun"]:
        """Return what became of adjacent commands, one after the other."""
        if not self.begun.intersection(numbers):
            return "not-begun"
        if any(self.ended.get(number, 0) != 0 for number in numbers):
            return "failed"
        return "done" if all(number in self.ended for number in numbers) else "begun"


def read_trace(text: str, nonce: str) -> Trace | None:
    """
    Return the record of the program with this nonce; None if the text is of another program.

    A line that was not written to its end is ignored.
    """
    lines = [line.split(" ") for line in text.split("\n")[:-1]]
    ours = [
        [int(word) for word in words if word.isdecimal()] for name, *words in lines if name == nonce
    ]
    if not ours:
        return None
    begun = frozenset(numbers[0] for numbers in ours if numbers)
    return Trace(begun, {numbers[0]: numbers[1] for numbers in ours if len(numbers) > 1})
