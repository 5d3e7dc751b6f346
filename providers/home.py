"""What is in a home besides what useradd(8) has put there: it would go with its user."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import LiteralString

from cookbook.provider import Command, Thing, join, sh

_MOST = 200
"""So many files of a home are looked at; one is enough."""

# Keys are looked after by `authorized_key`, which leaves those of others.
_IN_IT: LiteralString = r"""
in_home() { printf '%s\0' "$1"; [ ! -d "$2" ] || (cd "$2" && find . ! -type d \
! -path ./.ssh/authorized_keys | head -n {} | while IFS= read -r f; do
cmp -s "$f" "/etc/skel/$f" || printf '%s\0' "$2/${f#./}"; done); printf '\0'; }
"""


def listing(homes: Iterable[tuple[str, str | None]]) -> Command | None:
    """A question: a record for each user, what is in the home, with a NUL after each."""
    asked = [sh("in_home {} {}", name, path) for name, path in homes if path]
    return join([sh(_IN_IT.strip(), _MOST), *asked], "\n") if asked else None


def objection(name: str, said: str, going: Collection[Thing]) -> str | None:
    """Why a user must stay."""
    records = (record.rstrip("\0").split("\0") for record in said.split("\0\0"))
    inside = {first: rest for first, *rest in records}
    gone = {thing.name for thing in going if thing.kind == "path"}
    others = sorted({*inside.get(name, ())} - gone)
    return f"somebody has something in its home: {', '.join(others[:5])}" if others else None
