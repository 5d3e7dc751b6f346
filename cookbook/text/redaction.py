"""
The secrets of this process, and the one place where text is redacted.

Each Secret is registered here when it is made. Each text that leaves the process (a report, an
error, a line of a log or a journal) goes through `protect`, which masks the known values in all
their forms: as they are, quoted for a shell, in JSON, in a URL, in base64. So even an f-string,
which loses the type, shows nothing.
"""

from __future__ import annotations

import re
import shlex
import threading
from collections.abc import Iterator, Mapping
from typing import TypeVar, cast

T = TypeVar("T")

MASK = "***"

SHORTEST = 4
"""Characters; to mask less would mask everything."""

_LINE = 8
"""Characters of a line, or of a middle of base64, that is secret by itself."""

OUR_WORDS = frozenset(
    {"schema", "run", "mode", "status", "kind", "started", "cause", "orphan", "format", "version"}
)
"""Fixed words of documents: a secret that equals one of them does not hide it."""


class Registry:
    """Secret values, and the pattern that finds them."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._changing = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._values)

    def add(self, value: str) -> None:
        """Make a value known; one of many lines is known line by line, too."""
        if len(value) < SHORTEST or value in self._values:
            return
        with self._changing:
            for piece in (value, *_lines(value)):
                self._forms.update(form for form in _forms(piece) if len(form) >= SHORTEST)
            self._values.add(value)
            self._pattern = None

    def forget(self) -> None:
        """Know nothing any more."""
        with self._changing:
            self._values.clear()
            self._forms.clear()
            self._pattern = None

    def has(self, value: str) -> bool:
        """Return whether a text is a secret itself, not only contains one."""
        return value in self._values

    def knows(self, text: str) -> bool:
        """Return whether a text contains a secret, in any form."""
        return bool(self._values) and any(form in text for form in tuple(self._forms))

    def knows_bytes(self, data: bytes) -> bool:
        """Return whether the UTF-8 of a text contains a secret, in any form; it is not copied."""
        return bool(self._values) and any(
            form.encode("utf-8", "surrogateescape") in data for form in tuple(self._forms)
        )

    def protect(self, text: str) -> str:
        """Return the redacted text; the identical object if it contains no secret."""
        return self._compiled().sub(MASK, text) if self.knows(text) else text

    def protected(self, data: T) -> T:
        """
        Return a document of the same shape, redacted, except `OUR_WORDS`.

        A part without a secret is the identical object. In others tuples become lists.
        """
        return cast("T", self._redacted(data)) if self else data

    def _redacted(self, data: object) -> object:
        # One search in all texts of a part is much faster than one in each of them.
        if not isinstance(data, str) and not self.knows("\0".join(_texts(data))):
            return data
        match data:
            case str():
                return self.protect(data)
            case list() | tuple():
                return [self._redacted(item) for item in data]
            case Mapping():
                return {
                    self.protect(str(key)): item if key in OUR_WORDS else self._redacted(item)
                    for key, item in data.items()
                }
            case _:
                return data

    def _compiled(self) -> re.Pattern[str]:
        with self._changing:
            if self._pattern is None:
                longest_first = sorted(self._forms, key=len, reverse=True)
                self._pattern = re.compile("|".join(map(re.escape, longest_first)))
            return self._pattern


REGISTRY = Registry()
"""The secrets of this process."""

protect = REGISTRY.protect
protected = REGISTRY.protected


def _texts(data: object) -> Iterator[str]:
    """Yield all texts in a document, the keys included."""
    match data:
        case str():
            yield str.__str__(data)
        case list() | tuple():
            for item in data:
                yield from _texts(item)
        case Mapping():
            for key, item in data.items():
                yield str(key)
                yield from _texts(item)


def _lines(value: str) -> Iterator[str]:
    """Yield the lines to redact: a diff shows a key line by line, between two fixed ones."""
    lines = value.splitlines()
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _LINE and not line.startswith("-----"))


def _forms(value: str) -> Iterator[str]:
    """Yield the forms that a value can take in other texts."""
    import json
    from urllib.parse import quote, quote_plus

    plain = value.strip()
    yield from (value, plain)
    yield shlex.quote(plain).strip("'")
    yield json.dumps(plain)[1:-1]
    yield json.dumps(plain, ensure_ascii=False)[1:-1]
    yield repr(plain)[1:-1]
    data = plain.encode("utf-8", "surrogateescape")
    yield from (quote(data, safe=""), quote(data), quote_plus(data))
    yield from _base64(data)


def _base64(data: bytes) -> Iterator[str]:
    """By itself, and what is the same wherever it stands in a longer text (user:password)."""
    from base64 import b64encode, urlsafe_b64encode

    for encode in (b64encode, urlsafe_b64encode):
        yield encode(data).decode().rstrip("=")
        for before in range(3):
            whole = encode(b"\0" * before + data).decode().rstrip("=")
            middle = whole[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]
            if len(middle) >= _LINE:
                yield middle
