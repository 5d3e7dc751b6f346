"""
The mechanism of types whose state is one whole file with a text that is made of properties.

The type says which `file` it is; all else is as with a file that a recipe declares: it is
written at once, checked by the program that reads it, shown as a diff, and kept for an undo.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Probe,
    Provider,
    Resource,
    Risk,
    Texts,
    Thing,
    sh,
)
from cookbook.providers.file import FileProvider
from cookbook.providers.writing import State
from cookbook.resources.file import File

R = TypeVar("R", bound=Resource)

FILES = FileProvider()


class OwnFileProvider(Provider[R, State], Generic[R]):
    """A provider of one file; the identity of the resource is its path."""

    essence = FILES.essence
    tool: ClassVar[str] = ""
    """The program that reads the file, if it has to be there to check it."""

    @abstractmethod
    def file(self, resource: R, /) -> File:
        """Return the file that the resource stands for, with its action."""

    @property
    def state(self) -> type[State]:
        """The state of a file."""
        return State

    def probe(self, resource: R) -> Sequence[Probe]:
        """Ask for the file, and for the program."""
        find = sh("PATH=$PATH:/usr/sbin:/sbin command -v {} || exit 4", self.tool)
        tool = [Probe(find, absent=4, loose=True)] if self.tool else []
        return [*FILES.probe(self.file(resource)), *tool]

    def parse(self, resource: R, *answers: Any) -> State | None:
        """Return the state of the file."""
        return FILES.parse(self.file(resource), *self._of_file(answers))

    def _of_file(self, answers: Sequence[Any]) -> Sequence[Any]:
        return answers[:-1] if self.tool else answers

    def watches(self, resource: R) -> Sequence[Probe]:
        """Return more questions for the precondition."""
        return FILES.watches(self.file(resource))

    def plan(self, resource: R, found: State | None) -> Change[State]:
        """Compare the file."""
        return FILES.plan(self.file(resource), found)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Write or remove the file."""
        return FILES.commands(name, change)

    def contents(self, resource: R) -> Mapping[str, bytes]:
        """Return the wanted content."""
        return FILES.contents(self.file(resource))

    def texts(self, name: str, change: Change[State]) -> Texts | None:
        """Return the texts before and after."""
        return FILES.texts(name, change)

    def missing(self, resource: R, *answers: Any) -> Iterator[Thing]:
        """Yield the folder, and the program."""
        file = self.file(resource)
        yield from FILES.missing(file, *self._of_file(answers))
        if self.tool and answers[-1] is None and file.action != "delete":
            yield Thing("tool", self.tool)

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the file."""
        return FILES.brings(name, change)

    def about(self, resource: R) -> Iterable[Thing]:
        """Yield the file."""
        return FILES.about(self.file(resource))

    def alters(self, resource: R, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the file."""
        return FILES.alters(self.file(resource), change)

    def removes(self, resource: R, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the file, if it is removed."""
        return FILES.removes(self.file(resource), change)

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Keep the former content."""
        return FILES.keeps(name, change)

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add when it was modified."""
        return FILES.learned(change, kept, said)

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former file."""
        return FILES.back(name, change, now)

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason why the former file cannot be restored."""
        return FILES.unobtainable(name, change, now)

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk of a change of the file."""
        return FILES.lockout_risk(name, change, way)
