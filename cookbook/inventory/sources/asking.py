"""The sources are asked, side by side, or their kept answers are used."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from cookbook.errors import CookError, SourceError
from cookbook.inventory.sources import cache
from cookbook.inventory.sources.entries import DeclaredSource
from cookbook.text.spans import span_of
from cookbook.transport.registry import SOURCES

T = TypeVar("T")

_PATIENCE = 1.0
"""Seconds for the end of a source that is not waited for any more."""

MOST_VALUES = 1_000_000
"""Values that one answer may have."""


@dataclass
class SourceAnswer:
    """The answer of one source."""

    source: DeclaredSource
    data: Mapping[str, Any]
    warnings: list[str]
    age: float | None = None
    """Seconds since the source was asked; None: it was asked now."""

    failure: str | None = None
    """Why the source was of no use, and a kept answer is used."""

    @property
    def told(self) -> list[str]:
        """The warnings about it."""
        source = self.source
        told = [f"{source.at}: {source.name}: {text}" for text in self.warnings]
        if self.failure is None or self.age is None:
            return told
        stale = f"its hosts are those of {span_of(self.age)} ago"
        return [*told, f"{source.at}: {self.failure}; {stale}"]

    def keep(self) -> None:
        """Keep the answer, now that it was found to be right; not one without a host."""
        wanted = self.source.cache or self.source.max_stale
        if wanted and self.age is None and self.data.get("hosts"):
            cache.keep(self.source, self.data, self.warnings)


def ask(sources: Sequence[DeclaredSource], *, refresh: bool) -> list[SourceAnswer]:
    """
    Return the answer of each source; `refresh`: kept answers do not count.

    Raises the error of the first source that has none.
    """
    done: SimpleQueue[tuple[int, SourceAnswer | BaseException]] = SimpleQueue()

    def work(number: int) -> None:
        try:
            done.put((number, _answer(sources[number], refresh=refresh)))
        except BaseException as error:  # noqa: BLE001 - raised by the thread that waits
            done.put((number, error))

    for number in range(len(sources)):
        Thread(target=work, args=(number,), daemon=True).start()
    answers: list[SourceAnswer] = []
    for _, one in sorted(_waited(done, sources), key=lambda pair: pair[0]):
        if isinstance(one, BaseException):
            raise one
        answers.append(one)
    return answers


def _waited(done: SimpleQueue[T], sources: Sequence[DeclaredSource]) -> list[T]:
    """Return the results; if the user interrupts that, no program is left behind."""
    found: list[T] = []
    try:
        while len(found) < len(sources):
            found.append(done.get())
    except BaseException:
        for source in sources:
            source.query.cancelled.set()
        with suppress(Empty):
            while len(found) < len(sources):
                found.append(done.get(timeout=_PATIENCE))
        raise
    return found


def _answer(source: DeclaredSource, *, refresh: bool) -> SourceAnswer | CookError:
    kept = None
    if (source.cache or source.max_stale) and not refresh:
        kept = cache.kept_answer(source)
    if kept is not None and kept.age <= source.cache:
        return SourceAnswer(source, kept.data, kept.warnings, kept.age)
    try:
        answer = SOURCES.function(source.query.kind)(source.query)
        _check_size(source, answer)
    except SourceError as error:
        if kept is None or kept.age > source.max_stale:
            return error
        reason = error.message.removeprefix(f"{source.at}: ")
        return SourceAnswer(source, kept.data, kept.warnings, kept.age, reason)
    except CookError as error:
        return error
    return SourceAnswer(source, _without(answer, source.without), source.query.warnings)


def _without(answer: Mapping[str, Any], left_out: Collection[str]) -> Mapping[str, Any]:
    """Return an answer without some variables, which are not even kept."""
    if not left_out or not isinstance(answer, Mapping):
        return answer

    def stripped(one: Any) -> Any:
        """Return a host, a group or the defaults."""
        if not isinstance(one, Mapping) or not isinstance(one.get("vars"), Mapping):
            return one
        kept = {name: value for name, value in one["vars"].items() if name not in left_out}
        return {**one, "vars": kept}

    def each(key: str, part: Any) -> Any:
        if key == "defaults" or not isinstance(part, Mapping):
            return stripped(part)
        return {name: stripped(one) for name, one in part.items()}

    return {key: each(key, part) for key, part in answer.items()}


def _check_size(source: DeclaredSource, data: object) -> None:
    waiting, count = [data], 0
    while waiting:
        match waiting.pop():
            case Mapping() as one:
                waiting.extend(one.values())
                count += len(one)
            case list() | tuple() as one:
                waiting.extend(one)
                count += len(one)
        if count > MOST_VALUES:
            raise source.query.failure(f"its answer has more than {MOST_VALUES:,} values")
