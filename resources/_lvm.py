"""Names and sizes of LVM, checked when a recipe is compiled; see lvm(8)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cookbook.errors import RecipeError
from cookbook.provider import Resource

_NAME = re.compile(r"[A-Za-z0-9_+.][A-Za-z0-9_+.-]{0,126}")
_SIZE = re.compile(r"(\d+) ?([bkmgtpe])(i?b)?", re.IGNORECASE)
_SHARE = re.compile(r"(\d+)%(VG|FREE)", re.IGNORECASE)
_UNITS = "bkmgtpe"


def check_volume_name(resource: Resource, name: str) -> None:
    """Raise RecipeError for a name that LVM does not take."""
    if not _NAME.fullmatch(name) or name in (".", "..", "snapshot", "pvmove"):
        raise RecipeError(
            f"{resource}: {name!r} is no name for LVM",
            hint="letters, digits and _ + . -, up to 127, not beginning with a hyphen",
        )


def size_in_bytes(resource: Resource, size: str | int) -> int:
    """
    Return a size such as "10G" in bytes; units are powers of 1024, an integer is bytes.

    Raises RecipeError for other texts. A number without a unit is one: lvcreate(8) takes it for
    MiB, which is seldom meant.
    """
    if isinstance(size, int):
        found = size
    elif not (said := _SIZE.fullmatch(size)):
        raise RecipeError(
            f"{resource}: {size!r} is no size", hint='bytes as an integer, or "512M", "10G", "2T"'
        )
    else:
        found = int(said[1]) * 1024 ** _UNITS.index(said[2].lower())
    if found <= 0:
        raise RecipeError(f"{resource}: a size must be positive")
    return found


def share_of(resource: Resource, size: str | int) -> tuple[int, str] | None:
    """
    Return ("80", "FREE") of "80%FREE" as a pair of number and word; None for another size.

    Raises RecipeError for a percentage of anything else than VG and FREE, or beyond 100.
    """
    if isinstance(size, int) or "%" not in size:
        return None
    said = _SHARE.fullmatch(size)
    if said is None or not 1 <= int(said[1]) <= 100:
        raise RecipeError(
            f"{resource}: {size!r} is no share", hint='"80%VG" or "100%FREE"; 1 to 100'
        )
    return int(said[1]), said[2].upper()


def listed(paths: str | Sequence[str]) -> tuple[str, ...]:
    """Return one path, or several, as a tuple."""
    return (paths,) if isinstance(paths, str) else tuple(paths)
