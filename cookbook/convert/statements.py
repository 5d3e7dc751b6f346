"""Statements of the recipe that is written: declarations, blocks, and comments for the author."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cookbook.convert.expressions import text
from cookbook.convert.layout import WIDTH, lines
from cookbook.text.secret_marks import masked

_SHORT = 300
"""Characters of the original text in a comment."""


@dataclass(frozen=True)
class SourcePlace:
    """A line of the source."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass
class Statement:
    """A part of the recipe."""

    def render(self, indent: int) -> list[str]:
        """Return the lines of its source."""
        raise NotImplementedError

    def walk(self) -> Iterator[Statement]:
        """Yield it, and all statements inside of it."""
        yield self

    def is_code(self) -> bool:
        """Return whether Python runs something for it."""
        return True


@dataclass
class Note(Statement):
    """A comment."""

    words: str

    def render(self, indent: int) -> list[str]:
        """Return the comment, wrapped."""
        pad = " " * indent
        room = max(40, WIDTH - indent - 2)
        words = "".join(one if one.isprintable() else " " for one in self.words)
        wrapped = textwrap.wrap(words, room, break_long_words=False, break_on_hyphens=False)
        return [f"{pad}# {line}" for line in wrapped]

    def is_code(self) -> bool:
        """Return False."""
        return False


@dataclass
class Todo(Note):
    """A comment about something that was not translated: `# TODO FILE:LINE: what (why)`."""

    words: str = field(init=False, default="")
    place: SourcePlace
    original: str
    why: str
    code: Sequence[str] = ()
    """Lines of a declaration that is near, but does not mean the same; shown as comments."""

    def __init__(
        self, place: SourcePlace, original: str, why: str, code: Sequence[str] = ()
    ) -> None:
        self.place, self.why = place, why
        self.code = [masked(line) for line in code]
        self.original = shortened(masked(original))
        self.words = f"TODO {place}: {self.original} ({why})"

    def render(self, indent: int) -> list[str]:
        """Return the comment, and the declaration that is near."""
        pad = " " * indent
        near = [line for one in self.code for line in one.splitlines()]
        return [*super().render(indent), *(f"{pad}# | {line}".rstrip() for line in near)]


def shortened(original: str) -> str:
    """Return a text on one line, cut where it is long."""
    flat = re.sub(r"\s+", " ", original).strip()
    return flat if len(flat) <= _SHORT else f"{flat[: _SHORT - 4]} ..."


@dataclass
class Code(Statement):
    """An expression that stands by itself: a declaration."""

    expression: ast.expr

    def render(self, indent: int) -> list[str]:
        """Return its lines."""
        return lines(self.expression, indent)


@dataclass
class Assignment(Statement):
    """A variable of the recipe."""

    target: str
    value: ast.expr

    def render(self, indent: int) -> list[str]:
        """Return its lines."""
        return lines(self.value, indent, f"{self.target} = ")


@dataclass
class PythonLines(Statement):
    """Lines of Python as they are."""

    source: str

    def render(self, indent: int) -> list[str]:
        """Return the lines, indented."""
        pad = " " * indent
        return [f"{pad}{line}".rstrip() for line in self.source.split("\n")]


@dataclass
class Compound(Statement):
    """Statements below a head: `if x:`, `for x in y:`, `with attempt("x") as x:`."""

    head: str | tuple[str, ast.expr]
    """Text without the colon; or a word and an expression that may be long."""

    body: list[Statement]

    def render(self, indent: int) -> list[str]:
        """Return its lines; `pass` where nothing but comments is inside."""
        if isinstance(self.head, str):
            first = [f"{' ' * indent}{self.head}:"]
        else:
            first = lines(self.head[1], indent, f"{self.head[0]} ", ":")
        inner = [line for one in self.body for line in one.render(indent + 4)]
        if not any(one.is_code() for one in self.body):
            inner.append(f"{' ' * (indent + 4)}pass")
        return [*first, *inner]

    def walk(self) -> Iterator[Statement]:
        """Yield it, and all statements inside of it."""
        yield self
        for one in self.body:
            yield from one.walk()

    @property
    def condition(self) -> str:
        """The head as text, to compare it with another one."""
        return self.head if isinstance(self.head, str) else f"{self.head[0]} {text(self.head[1])}"


def merged(statements: Sequence[Statement]) -> list[Statement]:
    """Return the statements with neighbours below the same `if` put together."""
    out: list[Statement] = []
    for one in statements:
        last = out[-1] if out else None
        if (
            isinstance(one, Compound)
            and isinstance(last, Compound)
            and one.condition == last.condition
            and one.condition.startswith("if ")
            and not _assigns(last)
        ):
            out[-1] = Compound(last.head, merged([*last.body, *one.body]))
        else:
            out.append(one)
    return out


def _assigns(block: Compound) -> bool:
    return any(isinstance(one, Assignment | PythonLines) for one in block.walk())
