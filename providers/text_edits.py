"""
The mechanism of edits of a text file, each known by the lines that it replaces.

A type has three pure functions: read what is there, edit the text, and edit the text without it.
The difference of the texts is what an undo reverts, also where other lines were changed since. If
that leads to the former text, the file gets its former time of modification as well; one that the
edit has created is removed.
"""

from __future__ import annotations

import itertools
import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar

from cookbook.errors import HostError
from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Probe,
    Provider,
    Resource,
    Risk,
    Thing,
    file_is_on_it,
    hint,
    mtime,
    sh,
)
from cookbook.providers.checkers import checker_of
from cookbook.providers.edited_file import NO_FILE, ask_text, digest_of, write_text
from cookbook.providers.obstacles import OBSTACLES, refuse_fixed, refuse_links, refuse_loops
from cookbook.providers.stat import TARGET
from cookbook.script.stash import age
from cookbook.text.redaction import MASK

Hunk = tuple[int, tuple[str, ...], tuple[str, ...]]
"""The number of a line, from 0; the lines there, with their line breaks; and those instead."""


@dataclass(frozen=True)
class TextState:
    """The hints for an edit of a text; a subclass adds what is seen in the text."""

    path: str = hint(default="")
    there: bool = hint(default=True)
    """False only in what was found: the file does not have it."""
    text: str | None = hint(sensitive=True)
    """The text of the whole file in this state."""
    before: str | None = hint(sensitive=True)
    """In what is wanted: the text of the whole file that is edited."""
    hunks: tuple[Hunk, ...] = hint(default=())
    """The edit that leads here; in what is to be removed, the edit that removes it."""
    reverts: bool = hint(default=False)
    """True if the numbers of the hunks are those of the text that they lead to."""
    digest: str | None = hint()
    """The digest of the text before the change: an undo that leads to it restores the time."""
    modified: str | None = hint()
    """
    When the file was last modified before the change, in seconds since the epoch, or `NO_FILE`.
    """


R = TypeVar("R", bound=Resource)
T = TypeVar("T", bound=TextState)


class TextEditProvider(Provider[R, T], Generic[R, T]):
    """A provider of parts of a text file."""

    new_mode: ClassVar[str | None] = None
    """The mode of a file that the edit creates; None: the file must exist."""

    drops_empty: ClassVar[bool] = False
    """True if an edit that leaves nothing removes the file: only cook writes it."""

    @abstractmethod
    def path(self, resource: R, /) -> str:
        """Return the path of the file."""

    @abstractmethod
    def read(self, resource: R, text: str, /) -> T | None:
        """Return what is seen in a text; None if it does not have it."""

    @abstractmethod
    def edit(self, resource: R, text: str, /) -> str:
        """Return the text that has it as declared."""

    @abstractmethod
    def without(self, resource: R, text: str, /) -> str:
        """Return the text that does not have it."""

    def refuse(self, resource: R, text: str, /) -> None:
        """Raise HostError if the text of an existing file cannot be edited."""

    def probe(self, resource: R) -> Sequence[Probe]:
        """Ask for the text of the file, and for links and attributes in the way."""
        path = self.path(resource)
        if self.new_mode is None:
            return [ask_text(path), OBSTACLES.about(path)]
        folder = TARGET.about(path.rpartition("/")[0] or "/", loose=True)
        return [ask_text(path, or_empty=True), OBSTACLES.about(path), folder]

    def parse(self, resource: R, text: str, obstacles: str | None, *_more: Any) -> T:
        """Return what is seen, also if the file does not have it."""
        path = self.path(resource)
        refuse_links(path, obstacles, follows=True)
        found = self.read(resource, text)
        if found is None:
            return replace(self.state(), there=False, path=path, text=text)
        # To remove an orphan, nothing but its state is known.
        return replace(
            found, path=path, text=text, hunks=hunks_of(text, self.without(resource, text))
        )

    def plan(self, resource: R, found: T | None) -> Change[T]:
        """Compare what is seen before the edit and after it."""
        now = found if found is not None and found.there else None
        text = (found.text if found is not None else None) or ""
        if self.removes_it(resource):
            return Change(now, None)
        after = self.edit(resource, text)
        if found is not None and after != text:
            self.refuse(resource, text)
        seen = self.read(resource, after)
        if seen is None or self.edit(resource, after) != after:
            raise HostError(f"{resource}: the edited file would not be as declared")
        path = self.path(resource)
        hunks = hunks_of(text, after)
        return Change(now, replace(seen, path=path, text=after, before=text, hunks=hunks))

    def removes_it(self, resource: R) -> bool:
        """Return whether the action removes it."""
        return "delete" in resource.doing

    def commands(self, name: str, change: Change[T]) -> Iterable[Command]:
        """Replace the file by one with the edited text."""
        command = self.together([(name, change)])
        if command is None:
            side = change.wanted or change.found
            raise HostError(f"{side and side.path} has other lines there now: nothing is written")
        return command

    def together(self, changes: Sequence[tuple[str, Change[T]]]) -> Sequence[Command] | None:
        """Return one command for changes of the same file, if each finds its lines."""
        text = self.merged([change for _, change in changes])
        if text is None or not self._in_a_row(changes, text):
            return None
        path = _edit_of(changes[0][1]).path
        digest = digest_of(text)
        sides = [side for _, change in changes for side in (change.found, change.wanted) if side]
        times = [side.modified for side in sides if side.digest == digest]
        modified = next(iter(times), NO_FILE if not text and self.drops_empty else None)
        return [write_text(path, text, self.checker(path), modified, new_mode=self.new_mode)]

    def checker(self, path: str) -> str | None:
        """Return the command that has to accept the new file; see `checkers`."""
        return checker_of(path)

    def applied(self, change: Change[T], text: str, /) -> str | None:
        """
        Return any text with one change, where the text decides on the place of the edit.

        None if the place of the edit is known by its lines.
        """
        return None

    def _in_a_row(self, changes: Sequence[tuple[str, Change[T]]], merged: str) -> bool:
        """Return whether the changes one after the other lead to the same text."""
        sides = [change.wanted or change.found for _, change in changes]
        if len(changes) == 1 or any(side is None or side.digest for side in sides):
            return True
        text = _edit_of(changes[0][1]).base or ""
        for _, change in changes:
            after = self.applied(change, text)
            if after is None:
                return True
            text = after
        return text == merged

    def merged(self, changes: Sequence[Change[T]]) -> str | None:
        """Return the text after all changes; None if they are not of one text, or disagree."""
        edits = [_edit_of(change) for change in changes]
        if len({(edit.path, edit.base) for edit in edits}) != 1:
            return None
        if edits[0].base is None:
            raise HostError(f"the text of {edits[0].path} is not known: nothing is written")
        return _edited(edits[0].base, edits)

    def keeps(self, name: str, change: Change[T]) -> Command | None:
        """Ask when the file was modified."""
        state = change.found or change.wanted
        if state is None or self.new_mode is None:
            return age(state.path) if state is not None else None
        return sh("if [ -e {} ]; then {}; else echo {}; fi", state.path, age(state.path), NO_FILE)

    def learned(self, change: Change[T], kept: str, said: str) -> Change[T]:
        """Add the time of modification, and the text that it belongs to."""
        base = _edit_of(change).base
        if base is None or not kept:
            return change
        modified = NO_FILE if kept.strip() == NO_FILE else mtime(kept)
        digest = digest_of(base)

        def known(side: T | None) -> T | None:
            return replace(side, modified=modified, digest=digest) if side is not None else None

        return replace(change, found=known(change.found), wanted=known(change.wanted))

    def missing(
        self, resource: R, text: str | None, obstacles: str | None, *more: Any
    ) -> Iterator[Thing]:
        """Yield the file; the folder of one that may be created."""
        path = self.path(resource)
        refuse_fixed(path, obstacles, replaces=True)
        refuse_loops(path, obstacles, follows=True)
        if self.removes_it(resource):
            return
        if self.new_mode is None and text is None:
            yield Thing("path", path)
        if self.new_mode is not None and more[0] is None:
            yield Thing("path", path.rpartition("/")[0] or "/")

    def about(self, resource: R) -> Iterable[Thing]:
        """Yield the file: it may be written as a whole by another resource."""
        return [Thing("path", self.path(resource))]

    def alters(self, resource: R, change: Change[T] | None) -> Iterable[Thing]:
        """Yield this part only, because the rest of the file stays as it is."""
        return [Thing(resource.kind(), resource.identity)]

    def lockout_risk(self, name: str, change: Change[T], way: AccessPath) -> Risk:
        """Return the risk of a change of the file."""
        state = change.found or change.wanted
        return "may" if state is not None and file_is_on_it(state.path) else "no"

    def there(self, state: T | None) -> bool:
        """Return whether the file has it."""
        return state is not None and state.there

    def unobtainable(self, name: str, change: Change[T], now: T | None) -> str | None:
        """Return the reason: the lines are not there any more, or a secret is not kept."""
        if now is None:
            return "the file does not exist"
        back = self.back(name, change, now)
        if any(MASK in line for _, _, new in _edit_of(back).hunks for line in new):
            return "a secret in it is not kept"
        lost = back.needed and not _edit_of(back).hunks
        return "the file has other lines there now" if lost else None

    def restored(self, change: Change[T], text: str, /) -> str | None:
        """Return the text with the former state where its lines are others; None if unknown."""
        return None

    def back(self, name: str, change: Change[T], now: T | None) -> Change[T]:
        """Return the reverse edit, of the text as it is now; or as the change leaves it."""
        before, done = change.found, change.wanted or change.found
        if done is None or (now is None and done.text is None):
            return Change(now, None)
        edit = _edit_of(change)
        text = now.text if now is not None else _edited(edit.base or "", [edit])
        there = now if now is not None and now.there else None
        if now is not None and _edited(text or "", [_reverse(done)]) is None:
            other = self.restored(change, text or "")
            hunks = hunks_of(text or "", other) if other is not None else ()
            done = replace(done, hunks=tuple((at, new, old) for at, old, new in hunks))
        if before is None:
            return Change(_reversed(there, done) if there is not None else None, None)
        back = replace(_reversed(before, done), before=text)
        return Change(
            there, replace(back, text=_edited(text or "", [_edit_of(Change(None, back))]))
        )


def _reverse(done: TextState) -> _Edit:
    """Return the reverse of an edit that was done."""
    back = _reversed(done, done)
    return _Edit("", None, back.hunks, back.reverts, None)


def _reversed(side: T, done: T) -> T:
    """Return a side with the reverse of the edit that was done, and the age of the file then."""
    return replace(
        side,
        hunks=tuple((at, new, old) for at, old, new in done.hunks),
        reverts=not done.reverts,
        digest=done.digest,
        modified=done.modified,
    )


@dataclass(frozen=True)
class _Edit:
    """The edit that a change makes."""

    path: str
    base: str | None
    """The text that it edits; None if it is not known."""
    hunks: tuple[Hunk, ...]
    reverts: bool
    group: str | None
    """Changes of one group have hunks with the numbers of the same text."""


def _edit_of(change: Change[T]) -> _Edit:
    found, wanted = change.found, change.wanted
    side = wanted if wanted is not None else found
    assert side is not None  # noqa: S101 - there is something to change
    base = found.text if found is not None else side.before
    return _Edit(side.path, base, side.hunks, side.reverts, side.digest)


def _edited(text: str, edits: Sequence[_Edit]) -> str | None:
    """Return the text after the edits; None if one does not find its lines."""
    lines = lines_of(text)
    for (_, reverts), group in itertools.groupby(edits, key=lambda e: (e.group, e.reverts)):
        hunks = [hunk for edit in group for hunk in edit.hunks]
        # From the end, what is above keeps its number; from the start, it has it again.
        ordered = sorted(hunks if reverts else hunks[::-1], key=_number, reverse=not reverts)
        for at, old, new in ordered:
            where = _nearest(lines, at, old)
            if where is None:
                return None
            lines[where : where + len(old)] = new
    return "".join(lines)


def _number(hunk: Hunk) -> int:
    return hunk[0]


def _nearest(lines: Sequence[str], at: int, old: Sequence[str]) -> int | None:
    """Return where the old lines are, as near as can be to a number; None if they are nowhere."""
    most = len(lines) - len(old)
    for where in sorted(range(most + 1), key=lambda i: abs(i - at)) if old else [min(at, most)]:
        if all(_same(a, b) for a, b in zip(lines[where : where + len(old)], old, strict=True)):
            return where
    return None


def _same(line: str, known: str) -> bool:
    """Return whether a line is a known one, of which secrets may be masked."""
    if MASK not in known:
        return line == known
    return re.fullmatch(".*".join(map(re.escape, known.split(MASK))), line) is not None


def hunks_of(before: str, after: str) -> tuple[Hunk, ...]:
    """Return the difference of two texts."""
    if before == after:
        return ()
    old, new = lines_of(before), lines_of(after)
    pairs = zip(old, new, strict=False)
    first = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(old), len(new)))
    old, new = old[first:], new[first:]
    same = 0
    while same < min(len(old), len(new)) and old[-1 - same] == new[-1 - same]:
        same += 1
    old, new = old[: len(old) - same], new[: len(new) - same]
    if len(old) == len(new):
        pairs = zip(old, new, strict=True)
        return tuple((first + i, (a,), (b,)) for i, (a, b) in enumerate(pairs) if a != b)
    if not old or not new:
        return ((first, tuple(old), tuple(new)),)
    import difflib  # rare: an edit in several places, which changes the number of lines

    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return tuple(
        (first + i, tuple(old[i:j]), tuple(new[k:m]))
        for tag, i, j, k, m in blocks
        if tag != "equal"
    )


def lines_of(text: str) -> list[str]:
    """Return the lines of a text with their line breaks; only the last may have none."""
    pieces = text.split("\n")
    return [f"{piece}\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


def bare(line: str) -> str:
    """Return a line without its line break, CR LF too."""
    return line.removesuffix("\n").removesuffix("\r")


def text_with(lines: Sequence[str], at: int, gone: int, new: Sequence[str]) -> str:
    """Return the text with some lines replaced by new ones, which get its line break."""
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    whole = [*lines[:at], *(f"{line}{end}" for line in new), *lines[at + gone :]]
    cut = bool(lines) and not lines[-1].endswith("\n")
    # Only where the last line had no line break the new last line has none.
    whole = [line if line.endswith("\n") else f"{line}{end}" for line in whole]
    if cut and whole:
        whole[-1] = bare(whole[-1])
    return "".join(whole)


def place_in(lines: Sequence[str], after: str | None, before: str | None) -> int | None:
    """Return where new lines go: the number of a line; None if no line matches."""
    if after is None and before is None:
        return len(lines)
    numbers = [i for i, line in enumerate(lines) if re.search(after or before or "", bare(line))]
    if not numbers:
        return None
    return numbers[-1] + 1 if after is not None else numbers[0]


def refuse_no_place(resource: Resource, text: str, after: str | None, before: str | None) -> None:
    """Raise HostError if no line matches the pattern of the place."""
    if place_in(lines_of(text), after, before) is None:
        raise HostError(
            f"{resource}: no line matches {after if after is not None else before!r}",
            hint="it is not known where to insert it; without `after` and `before`: at the end",
        )
