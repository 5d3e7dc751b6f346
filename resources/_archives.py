"""The forms of archives, by the names of their files."""

from __future__ import annotations

import re

_FORMS = (
    (r".*\.(tar\.gz|tgz)", "tar", "gzip"),
    (r".*\.(tar\.xz|txz)", "tar", "xz"),
    (r".*\.(tar\.bz2|tbz2?)", "tar", "bzip2"),
    (r".*\.(tar\.zst|tzst)", "tar", "zstd"),
    (r".*\.tar", "tar", "tar"),
    (r".*\.zip", "zip", "unzip"),
)
"""Patterns of names, the form of the archive, and the program that the host needs."""

FORMS = ".tar, .tar.gz, .tar.xz, .tar.bz2, .tar.zst or .zip"
"""The forms, as a hint for the author of a recipe."""


def form_of(name: str) -> tuple[str, str] | None:
    """
    Return the form of an archive, and the program that the host needs for it.

    None if the name does not tell.

    >>> form_of("go1.22.1.linux-amd64.tar.gz")
    ('tar', 'gzip')
    """
    return next(((f, tool) for p, f, tool in _FORMS if re.fullmatch(p, name.lower())), None)
