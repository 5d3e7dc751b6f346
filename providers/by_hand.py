"""The mechanism of audits: files in a folder that were made by hand, and brought by no package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cookbook.provider import Command, Thing, sh


def files_by_hand(folder: str, patterns: Sequence[str] = ("*",)) -> Command:
    """Return the question for the files in a folder that no package of dpkg(1) has."""
    named = [word for pattern in patterns for word in ("-o", "-name", pattern)][1:]
    return sh(
        '[ -d {} ] || exit 0; found=$(find {} -maxdepth 1 -type f "(" {} ")") || exit;'
        ' printf "%s\\n" "$found" | grep -vxF -e "" -e - -e'
        ' "$(cat /var/lib/dpkg/info/*.list 2>/dev/null | grep -F {})" | LC_ALL=C sort',
        folder,
        folder,
        named,
        f"{folder}/",
    )


def named_by_file(text: str, suffixes: Sequence[str] = ()) -> Iterator[tuple[str, Thing]]:
    """Yield the name of each file in an answer, without one of the suffixes, and its path."""
    for path in text.splitlines():
        name = path.rpartition("/")[2]
        for suffix in suffixes:
            name = name.removesuffix(suffix)
        yield name, Thing("path", path)
