"""
The language of docstrings, comments and messages, counted: `python -m tests.wording PATH...`.

Plain technical English, as ../CONTRIBUTING.md says: no question words at the beginning of a
docstring, and no words that treat a program as a person. One line of output for each fault.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

BEGINNINGS = re.compile(r"(what|who|whom|whose|whoever|whether|how|where)\b", re.IGNORECASE)
"""A docstring that begins so is a question, or half a sentence."""

PERSONS = re.compile(
    r"\b(nobody|somebody|anybody|everybody|whoever|whosoever|whomever|whom|him|himself"
    r"|we|us|our|ours|ourselves)\b",
    re.IGNORECASE,
)
"""Words for persons; the program is none."""

ALLOWED = re.compile(r"\bus-ascii\b|\ben_US\b|\bUS\b|\blocale-us\b")


class Fault(NamedTuple):
    """One place that does not follow the rules."""

    file: Path
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.kind}: {self.text}"


def faults(files: Iterable[Path]) -> Iterator[Fault]:
    """Yield all faults in the docstrings, comments and strings of Python files."""
    for file in files:
        source = file.read_text("utf-8")
        yield from _docstrings(file, source)
        yield from _persons(file, source)


def _docstrings(file: Path, source: str) -> Iterator[Fault]:
    """A constant that stands by itself is a docstring: of a module, class, function or value."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            text = node.value.value
            if isinstance(text, str) and BEGINNINGS.match(text.strip()):
                yield Fault(file, node.lineno, "question", text.strip().splitlines()[0])


def _persons(file: Path, source: str) -> Iterator[Fault]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            for number, line in enumerate(token.string.splitlines()):
                if PERSONS.search(ALLOWED.sub("", line)):
                    yield Fault(file, token.start[0] + number, "person", line.strip())


def sources(places: Iterable[Path]) -> Iterator[Path]:
    """Yield the Python files at or below these places, each once."""
    for place in places:
        yield from [place] if place.is_file() else sorted(place.rglob("*.py"))


if __name__ == "__main__":
    found = list(faults(sources(map(Path, sys.argv[1:]))))
    for fault in found:
        print(fault)
    print(f"{len(found)} faults")
    sys.exit(bool(found))
