"""The differences of texts: unified for reading, one line for everything else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

MOST_BYTES = 100_000
"""The maximum size in bytes; larger texts are summarised."""

MOST_LINES = 400

MOST_PAIRS = 30_000
"""Equal lines of both sides, each with each: what difflib looks at, again and again."""


_AROUND = 3
"""Lines that are shown before and after what differs."""


@dataclass(frozen=True, slots=True)
class Diff:
    """A unified diff, or why there is none."""

    lines: tuple[str, ...] = ()
    summary: str | None = None

    def __str__(self) -> str:
        return "\n".join([*self.lines, *([f"({self.summary})"] if self.summary else [])])


def texts_diff(
    name: str,
    found: bytes | None,
    wanted: bytes | None,
    *,
    secret: bool = False,
    known: bool = True,
) -> Diff:
    """
    Return the difference of two texts, either of which may be absent.

    If the found text is not `known`, the diff shows the wanted one and says so.
    """
    if secret:
        return Diff(summary="redacted")
    sides = [side for side in (found, wanted) if side is not None]
    if any(b"\0" in side for side in sides):
        return Diff(summary=_sizes("binary", found, wanted, known=known))
    if any(len(side) > MOST_BYTES for side in sides):
        return Diff(summary=_sizes("large", found, wanted, known=known))
    name = name.replace("\n", "\\n")  # a heading is one line, whatever a path contains
    names = (f"{name} ({'found' if known else 'unknown'})", f"{name} (wanted)")
    return _unified(names, _lines(found), _lines(wanted))


def _unified(names: tuple[str, str], found: list[str], wanted: list[str]) -> Diff:
    import difflib  # only where something differs

    lines = []
    compare = difflib.unified_diff if _pairs(found, wanted) <= MOST_PAIRS else _one_hunk
    for line in compare(found, wanted, *names):
        lines.append(line.removesuffix("\n"))
        if not line.endswith("\n"):
            lines.append("\\ No newline at end of file")
    if len(lines) > MOST_LINES:
        left = len(lines) - MOST_LINES
        return Diff(tuple(lines[:MOST_LINES]), f"{left} more lines")
    return Diff(tuple(lines))


def _pairs(found: list[str], wanted: list[str]) -> int:
    """Return the number of pairs that difflib compares; it omits very common lines."""
    counts = Counter(wanted)
    popular = len(wanted) // 100 + 1 if len(wanted) >= 200 else len(wanted)
    return sum(count for line in found if (count := counts[line]) <= popular)


def _one_hunk(found: list[str], wanted: list[str], *names: str) -> Iterator[str]:
    """Yield all between the first and the last difference, if a better diff takes too long."""
    shorter = min(len(found), len(wanted))
    same = next((i for i in range(shorter) if found[i] != wanted[i]), shorter)
    most = range(1, shorter - same + 1)
    after = next((i - 1 for i in most if found[-i] != wanted[-i]), shorter - same)
    start, tail = max(0, same - _AROUND), found[len(found) - after :][:_AROUND]
    old, new = found[same : len(found) - after], wanted[same : len(wanted) - after]
    around = same - start + len(tail)
    yield from (f"{sign} {name}\n" for sign, name in zip(("---", "+++"), names, strict=True))
    yield f"@@ -{start + 1},{len(old) + around} +{start + 1},{len(new) + around} @@\n"
    yield from (f" {line}" for line in found[start:same])
    yield from (f"-{line}" for line in old)
    yield from (f"+{line}" for line in new)
    yield from (f" {line}" for line in tail)


def _lines(text: bytes | None) -> list[str]:
    # Only \n ends a line; str.splitlines would take form feeds and more for one.
    decoded = (text or b"").decode(errors="backslashreplace")
    return [line for line in decoded.replace("\n", "\n\x00").split("\x00") if line]


def _sizes(what: str, found: bytes | None, wanted: bytes | None, *, known: bool) -> str:
    def size(side: bytes | None) -> str:
        if side is None:
            return "nothing" if known else "unknown"
        return f"{len(side)} bytes" if len(side) <= MOST_BYTES else f"over {MOST_BYTES} bytes"

    return f"{what}: {size(found)} -> {size(wanted)}"
