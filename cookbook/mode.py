"""Permissions: octal text or 0o-integers, nothing that could be misread."""

from __future__ import annotations

import re

from cookbook.errors import RecipeError

_TYPED = frozenset(
    [
        "400",
        "440",
        "444",
        "500",
        "550",
        "555",
        "600",
        "640",
        "644",
        "660",
        "664",
        "666",
        "700",
        "710",
        "711",
        "750",
        "751",
        "755",
        "770",
        "771",
        "775",
        "777",
    ]
)


def octal(mode: str | int, what: str) -> str:
    """
    A mode as four octal digits.

    >>> octal("644", "file[x]"), octal(0o2750, "file[x]")
    ('0644', '2750')

    Raises RecipeError for what is no mode, and for integers that were meant to be
    octal: `mode=644` is 0o1204 in Python, and has cost people their files.
    """
    if isinstance(mode, int):
        if str(mode)[-3:] in _TYPED and len(str(mode)) in (3, 4):
            raise RecipeError(
                f"{what}: mode {mode} is the decimal number {oct(mode)}",
                hint=f'write mode="{mode:04d}" or mode=0o{mode}',
            )
        mode = f"{mode:04o}"
    if (
        not re.fullmatch(r"0?o?[0-7]{3,4}|0[0-7]{4}", mode)
        or int(mode.replace("o", ""), 8) > 0o7777
    ):
        raise RecipeError(
            f"{what}: {mode!r} is no mode", hint='give it as octal text, e.g. mode="0644"'
        )
    return f"{int(mode.replace('o', ''), 8):04o}"
