"""The account of a conversion: what was translated, what was not, for each file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from cookbook.convert.statements import SourcePlace, Todo


@dataclass
class FileTally:
    """The declarations of one file of the source."""

    translated: int = 0
    with_todo: int = 0

    @property
    def total(self) -> int:
        """All declarations of the file."""
        return self.translated + self.with_todo

    @property
    def share(self) -> float:
        """The part that was translated, from 0 to 1; 1 for a file without declarations."""
        return self.translated / self.total if self.total else 1.0


@dataclass
class ConvertReport:
    """The account of one conversion."""

    source: str
    files: dict[str, FileTally] = field(default_factory=dict)
    todos: list[Todo] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    """The paths of the files that were written, relative to the folder."""

    unread: list[str] = field(default_factory=list)
    """Files of tasks that nothing translated includes; their declarations are not counted."""

    def count(self, place: SourcePlace, todos: int) -> None:
        """Count a declaration, with the number of its TODO comments."""
        tally = self.files.setdefault(place.file, FileTally())
        if todos:
            tally.with_todo += 1
        else:
            tally.translated += 1

    @property
    def total(self) -> FileTally:
        """The sum over all files."""
        every = self.files.values()
        return FileTally(sum(t.translated for t in every), sum(t.with_todo for t in every))

    def as_text(self) -> str:
        """Return a table by file, and the number of TODO comments."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        width = max([len("all"), *(len(name) for name in self.files)])
        yield f"{'file':{width}}  declarations  translated  with TODO  share"
        for name, tally in [*sorted(self.files.items()), ("all", self.total)]:
            yield (
                f"{name:{width}}  {tally.total:12}  {tally.translated:10}  {tally.with_todo:9}"
                f"  {tally.share:5.0%}"
            )
        other = len(self.todos)
        yield f"{other} TODO comment{'' if other == 1 else 's'} in what was written."
        if self.unread:
            yield "Not read, and not counted: no task that was translated includes"
            yield from (f"  {name}" for name in self.unread)

    def as_json(self) -> str:
        """Return the same as JSON, with each TODO comment."""
        document = {
            "source": self.source,
            "declarations": _numbers(self.total),
            "files": {name: _numbers(tally) for name, tally in sorted(self.files.items())},
            "todos": [
                {
                    "file": todo.place.file,
                    "line": todo.place.line,
                    "was": todo.original,
                    "why": todo.why,
                }
                for todo in self.todos
            ],
            "unread": self.unread,
            "written": self.written,
        }
        return f"{json.dumps(document, indent=2)}\n"


def _numbers(tally: FileTally) -> dict[str, int | float]:
    return {
        "total": tally.total,
        "translated": tally.translated,
        "with_todo": tally.with_todo,
        "share": round(tally.share, 4),
    }
