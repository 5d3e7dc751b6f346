"""
The language of docstrings, comments, messages and pages: `python -m tests.wording PATH...`.

Plain technical English, as ../CONTRIBUTING.md says: no question words at the beginning of a
docstring, and no words that treat a program as a person. In Markdown, code is not read: blocks,
and spans between backquotes. One line of output for each fault.
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

ALLOWED = re.compile(r"\bus-ascii\b|\ben_US\b|\bUS\b|\blocale-us\b|(?<=\d )us\b")
"""Names, and microseconds."""


CODE = re.compile(
    r"^(?P<fence> *```+)(?!.*`).*\n(?s:.*?)^(?P=fence)`*[ ]*$"  # a block between fences
    r"|(?<=\n\n)(?:(?:    .*)?\n)*    .*$"  # an indented block, with its empty lines
    r"|(?P<ticks>(?<!`)`+(?!`))(?:(?!\n\n)[\s\S])+?(?<!`)(?P=ticks)(?!`)",  # a span in a paragraph
    re.MULTILINE,
)
"""The code in Markdown."""


class Fault(NamedTuple):
    """One place that does not follow the rules."""

    file: Path
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.kind}: {self.text}"


def faults(files: Iterable[Path]) -> Iterator[Fault]:
    """Yield all faults in docstrings, comments and strings of Python files, and in Markdown."""
    for file in files:
        source = file.read_text("utf-8")
        if file.suffix == ".md":
            yield from _persons_in_prose(file, source)
        else:
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
    if not _has_person(source):
        return  # to find the tokens takes longer than all else, and few files have such a word
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            for number, line in enumerate(token.string.splitlines()):
                if _has_person(line):
                    yield Fault(file, token.start[0] + number, "person", line.strip())


def _has_person(text: str) -> bool:
    return PERSONS.search(ALLOWED.sub("", text)) is not None


def _persons_in_prose(file: Path, source: str) -> Iterator[Fault]:
    lines = source.splitlines()
    for number, line in enumerate(CODE.sub(_only_its_line_breaks, source).splitlines()):
        if _has_person(line):
            yield Fault(file, number + 1, "person", lines[number].strip())


def _only_its_line_breaks(code: re.Match[str]) -> str:
    return "\n" * code[0].count("\n")


def sources(places: Iterable[Path]) -> Iterator[Path]:
    """Yield the Python files and Markdown pages at or below these places, each once."""
    for place in places:
        below = (file for file in place.rglob("*.*") if file.suffix in (".py", ".md"))
        yield from [place] if place.is_file() else sorted(below)


if __name__ == "__main__":
    found = list(faults(sources(map(Path, sys.argv[1:]))))
    for fault in found:
        print(fault)
    print(f"{len(found)} faults")
    sys.exit(bool(found))
