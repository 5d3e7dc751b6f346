"""The functions of included files, and the conditions under which each is called."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from cookbook.convert.conditions import Conditions, exclusive


@dataclass(frozen=True)
class FileCall:
    """One place in which the tasks of a file are declared."""

    file: str
    conditions: Conditions
    within: frozenset[str]
    """The files whose tasks include it there, itself among them."""


@dataclass
class FileCalls:
    """The files of tasks of one role that are functions of its recipe."""

    functions: dict[str, str] = field(default_factory=dict)
    """File -> the name of its function."""

    open: list[str] = field(default_factory=list)
    """The files that are being translated, the one outside first."""

    made: list[FileCall] = field(default_factory=list)

    def note(self, file: str, conditions: Conditions) -> None:
        """Note that the tasks of a file are declared here."""
        self.made.append(FileCall(file, conditions, frozenset([*self.open, file])))

    def may_repeat(self, file: str, conditions: Conditions, changing: Collection[str]) -> bool:
        """
        Return whether a host that meets these conditions has not called the function before.

        The same must hold for what its tasks include: a second call would declare it twice.
        """
        inside = self._inside(file)
        return all(
            exclusive(one.conditions, conditions, changing)
            for one in self.made
            if one.file in inside
        )

    def repeat(self, file: str, conditions: Conditions) -> str:
        """Note one more call of a function; return its name."""
        for inner in sorted(self._inside(file)):
            self.note(inner, conditions)
        return self.functions[file]

    def _inside(self, file: str) -> set[str]:
        return {one.file for one in self.made if file in one.within}
