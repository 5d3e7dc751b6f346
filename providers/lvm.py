"""
The mechanism of types about LVM: its report commands as JSON, and the signatures of devices.

What pvs(8), vgs(8) and lvs(8) print is read strictly: sizes are bytes, and a document of another
form is no answer. They read only; `lvm_report` is one line of the answer for each of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, LiteralString

from cookbook.text.bounded_io import parsed_object

PREFIX: LiteralString = r"""
PATH=$PATH:/sbin:/usr/sbin; export LC_ALL=C LVM_SUPPRESS_FD_WARNINGS=1
command -v lvm >/dev/null && command -v wipefs >/dev/null || exit 4
lvm_report() { j=$("$@" --reportformat json --units b --nosuffix) || exit 1
printf '%s %s\n' "$1" "$(printf %s "$j" | tr -d '\n')"; }
lvm_signatures() { s=$(wipefs -n -p -- "$1") || exit 1
printf '%s\n' "$s" | sed -n "/^#/!s/.*,/signature /p"; }
"""
"""Shell functions for a question; exit status 4 means that LVM is not installed, and never what a
command of it has ended with: LVM has a status 4 of its own, for a failed initialization."""

MEMBER = "LVM2_member"
"""The name that wipefs(8) gives to the label of a physical volume."""

Row = Mapping[str, str]


def rows(text: str, command: Literal["pvs", "vgs", "lvs"]) -> Sequence[Row]:
    """
    Return the rows that a report command printed in an answer; none if it was not called.

    Raises ValueError, LookupError or TypeError for a document of another form.
    """
    lines = [line for line in text.split("\n") if line.startswith(f"{command} ")]
    found: list[Row] = []
    for line in lines:
        [report] = parsed_object(line.partition(" ")[2])["report"]
        for row in report[command[:-1]]:
            if not all(isinstance(value, str) for value in row.values()):
                raise TypeError("a value of a report is no text")
            found.append(row)
    return found


def signatures(text: str) -> tuple[str, ...]:
    """Return the types of the signatures in an answer, without that of a physical volume."""
    found = re.findall(r"(?m)^signature (.*)$", text)
    return tuple(sorted(set(found) - {MEMBER}))


def whole(size: int, extent: int, *, up: bool = False) -> int:
    """Return a size in bytes, rounded to whole extents: down, or up."""
    return (size + extent - 1 if up else size) // extent * extent
