"""File modes and umasks: octal text or 0o-integers; ambiguous integers are refused."""

from __future__ import annotations

import re

from cookbook.errors import RecipeError

_TYPED = frozenset(
    "400 440 444 500 550 555 600 620 640 644 660 664 666 700 710 711 740 744 750 751 754 755"  # noqa: SIM905
    " 764 770 771 774 775 777".split()
)
"""Modes that are typed in octal, with one more digit or without."""

_MEANT = frozenset([0o2640, 0o2644])
"""The only values that may be written with 0o and that look like one typed in decimal."""

_TYPED_MASKS = frozenset([22, 26, 27, 33, 37, 77])


def octal(mode: str | int, what: str) -> str:
    """
    Return a mode as four octal digits; `what` names the resource in errors.

    >>> octal("644", "file[x]"), octal(0o2750, "file[x]")
    ('0644', '2750')

    Raises RecipeError for a value that is no mode, and for a decimal integer that was
    probably meant as octal: `mode=644` is 0o1204 in Python, and sets wrong permissions.
    """
    typed = str(mode)
    looks_typed = typed[-3:] in _TYPED and re.fullmatch("[0-7]{3,4}", typed)
    if isinstance(mode, int) and looks_typed and mode not in _MEANT:
        raise _decimal(mode, f"{mode:04d}", f"{what}: mode", "mode")
    return _digits(mode, "mode", f"{what}: {mode!r} is no mode", '"0644"')


def mask(umask: str | int, what: str) -> str:
    """
    Return a umask as four octal digits; `what` names the resource in errors.

    >>> mask("22", "execute[x]"), mask(0o077, "execute[x]")
    ('0022', '0077')

    Raises RecipeError as `octal` does.
    """
    if isinstance(umask, int) and umask in _TYPED_MASKS:
        raise _decimal(umask, f"{umask:04d}", f"{what}: umask", "umask")
    if isinstance(umask, str) and re.fullmatch("[0-7]{1,2}", umask):
        umask = umask.zfill(3)
    text = _digits(umask, "umask", f"{what}: {umask!r} is no umask", '"0022"')
    if int(text, 8) > 0o777:
        raise RecipeError(f"{what}: {umask!r} is no umask")
    return text


def _digits(value: str | int, name: str, complaint: str, example: str) -> str:
    text = f"{value:04o}" if isinstance(value, int) else value
    if not re.fullmatch(r"(0o)?[0-7]{3,4}|0[0-7]{4}", text, re.ASCII):
        raise RecipeError(complaint, hint=f"give it as octal text, e.g. {name}={example}")
    return f"{int(text.removeprefix('0o'), 8):04o}"


def _decimal(value: int, text: str, what: str, name: str) -> RecipeError:
    return RecipeError(
        f"{what} {value} is the decimal number {oct(value)}",
        hint=f'write {name}="{text}" or {name}=0o{value}',
    )
