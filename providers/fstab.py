"""The lines of /etc/fstab, which mounts and swap files have in common: fstab(5)."""

from __future__ import annotations

import re
from typing import NamedTuple

from cookbook.provider import Probe, sh
from cookbook.providers.line_lists import LINES, key_of, lines_of

FSTAB = "/etc/fstab"

RELOAD = sh("[ ! -d /run/systemd/system ] || systemctl daemon-reload")
"""Has systemd read the file anew: it makes units of it."""


class FstabLine(NamedTuple):
    """A line of the file."""

    raw: str
    device: str
    point: str
    rest: str
    """Type, options, dump and pass, with one blank between them."""

    @property
    def entry(self) -> str:
        """All fields but the mount point, with one blank between them."""
        return f"{self.device} {self.rest}"


def escaped(path: str) -> str:
    r"""
    Return a path as the file and the kernel write it.

    >>> print(escaped("/srv/my files"))
    /srv/my\040files
    """
    return re.sub(r"[ \t\n\\]", lambda found: f"\\{ord(found[0]):03o}", path)


def unescaped(path: str) -> str:
    """Return a path as it is."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)


def ask_point(point: str) -> Probe:
    """Return the question for the lines of a mount point."""
    pattern = re.sub(r"[^A-Za-z0-9/_-]", r"[\g<0>]", escaped(point)).replace("[\\]", r"\\")
    return LINES.about(
        key_of(FSTAB, rf"^[[:space:]]*[^#[:space:]]+[[:space:]]+{pattern}/*[[:space:]]")
    )


def ask_device(device: str) -> Probe:
    """Return the question for the lines of a device."""
    return LINES.about(key_of(FSTAB, rf"^[[:space:]]*{_pattern(device)}[[:space:]]"))


def _pattern(path: str) -> str:
    """Return the regular expression of a path as the file has it."""
    return re.sub(r"[^A-Za-z0-9/_-]", r"[\g<0>]", escaped(path)).replace("[\\]", r"\\")


def last_line(answer: str) -> FstabLine | None:
    """Return the last line in an answer: it counts for mount(8) if there are several."""
    for line in reversed(lines_of(answer)):
        fields = line.split()
        if len(fields) >= 3:
            kind, options, dump, check, *_ = [
                *fields[2:],
                *["defaults", "0", "0"][len(fields) - 3 :],
            ]
            return FstabLine(line, fields[0], fields[1], f"{kind} {options} {dump} {check}")
    return None


def format_line(point: str, entry: str) -> str:
    """Return the line of an entry."""
    device, _, rest = entry.partition(" ")
    return f"{device} {point} {rest}"
