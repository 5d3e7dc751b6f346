"""What differs, for people: unified for text, one line for everything else."""

from __future__ import annotations

from dataclasses import dataclass

MOST_BYTES = 100_000
"""Larger texts are summarised: nobody reads that, and it has to cross the wire."""

MOST_LINES = 400


@dataclass(frozen=True, slots=True)
class Diff:
    """A unified diff, or why there is none."""

    lines: tuple[str, ...] = ()
    summary: str | None = None

    def __str__(self) -> str:
        return "\n".join([*self.lines, *([f"({self.summary})"] if self.summary else [])])


def texts_diff(
    name: str, found: bytes | None, wanted: bytes | None, *, secret: bool = False
) -> Diff:
    """The difference of two texts, either of which may not be there."""
    if secret:
        return Diff(summary="redacted")
    sides = [side for side in (found, wanted) if side is not None]
    if any(b"\0" in side for side in sides):
        return Diff(summary=_sizes("binary", found, wanted))
    if any(len(side) > MOST_BYTES for side in sides):
        return Diff(summary=_sizes("large", found, wanted))
    return _unified(name, _lines(found), _lines(wanted))


def _unified(name: str, found: list[str], wanted: list[str]) -> Diff:
    import difflib  # only where something differs

    lines = []
    for line in difflib.unified_diff(found, wanted, f"{name} (found)", f"{name} (wanted)"):
        lines.append(line.removesuffix("\n"))
        if not line.endswith("\n"):
            lines.append("\\ No newline at end of file")
    if len(lines) > MOST_LINES:
        left = len(lines) - MOST_LINES
        return Diff(tuple(lines[:MOST_LINES]), f"{left} more lines")
    return Diff(tuple(lines))


def _lines(text: bytes | None) -> list[str]:
    # Only \n ends a line; str.splitlines would take form feeds and more for one.
    decoded = (text or b"").decode(errors="backslashreplace")
    return [line for line in decoded.replace("\n", "\n\x00").split("\x00") if line]


def _sizes(what: str, found: bytes | None, wanted: bytes | None) -> str:
    def size(side: bytes | None) -> str:
        if side is None:
            return "nothing"
        return f"{len(side)} bytes" if len(side) <= MOST_BYTES else f"over {MOST_BYTES} bytes"

    return f"{what}: {size(found)} -> {size(wanted)}"
