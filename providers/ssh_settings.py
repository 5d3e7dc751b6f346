"""
The mechanism of settings of OpenSSH: written where they win, which may be one of several files.

Own settings are in a file that is included before all others; where there is no such `Include`, or
an earlier file has the setting, they are edited in the file that decides.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Thing, hint
from cookbook.providers.obstacles import OBSTACLES, refuse_fixed, refuse_links
from cookbook.providers.ssh_files import SshEdit, SshFiles, ask_files, settings_of
from cookbook.providers.stat import TARGET
from cookbook.providers.text_edits import TextEditProvider, TextState, hunks_of
from cookbook.resources._ssh_settings import EACH, JOINED, SshSetting


@dataclass(frozen=True)
class State(TextState):
    """A setting; its path is that of the file that is edited."""

    value: str | None = None
    """The value in effect; several are separated by commas."""
    files: tuple[str, ...] = hint(default=())
    """The files that have the setting, in the order in which they are read."""
    change: SshEdit | None = hint()
    """The edit that sets or removes it."""
    target: str = hint(default="")
    """The file in which it would win."""
    texts: tuple[tuple[str, str], ...] = hint(default=(), sensitive=True)
    """All files with their texts."""


R = TypeVar("R", bound=SshSetting)


class SshSettingProvider(TextEditProvider[R, State]):
    """A provider of settings of OpenSSH."""

    new_mode = "0644"
    drops_empty = True

    @property
    def state(self) -> type[State]:
        """The state of a setting."""
        return State

    @abstractmethod
    def own_path(self, resource: R, /) -> str:
        """Return the path of the file for own settings."""

    @abstractmethod
    def section(self, resource: R, /) -> tuple[str, str]:
        """Return the name of the section (see `section_name`), and the line that begins it."""

    def edit_of(self, resource: R) -> SshEdit:
        """Return the edit that brings the setting into a file."""
        name, heading = self.section(resource)
        return SshEdit(
            name,
            heading,
            resource.key,
            resource.lines,
            resource.first_word,
            joined=resource.key in JOINED,
        )

    def probe(self, resource: R) -> Sequence[Probe]:
        """Ask for all files, for what is in the way, and for the folder of the own one."""
        main, own = self.path(resource), self.own_path(resource)
        folder = own.rpartition("/")[0]
        return [
            ask_files(main, or_empty=main == own),
            OBSTACLES.about(main),
            OBSTACLES.about(own),
            TARGET.about(folder, loose=True),
        ]

    def parse(self, resource: R, text: str, obstacles: str | None, *more: Any) -> State:
        """Return the setting in effect, and the file that is to be edited."""
        main, own = self.path(resource), self.own_path(resource)
        refuse_links(main, obstacles, follows=True)
        refuse_links(own, more[0], follows=True)
        files, edit = SshFiles.parse(main, text), self.edit_of(resource)
        found = list(files.settings(edit))
        paths = tuple(dict.fromkeys(path for path, _ in found))
        path = own if own in paths else next(iter(paths), own)
        its = files.texts.get(path, "")
        return State(
            path,
            bool(found),
            its,
            hunks=hunks_of(its, edit.removed(its)),
            value=_textual(resource.key, [setting.value for _, setting in found]),
            files=paths,
            change=edit,
            target=self._target(resource, files, edit, paths),
            texts=tuple(files.texts.items()),
        )

    def _target(self, resource: R, files: SshFiles, edit: SshEdit, paths: Sequence[str]) -> str:
        """Return the path of the file in which the setting wins."""
        main, own = self.path(resource), self.own_path(resource)
        if edit.joined and paths:
            return own if own in paths else paths[0]
        return own if files.reads_first(own, edit) else next(iter(paths), main)

    def plan(self, resource: R, found: State | None) -> Change[State]:
        """Compare the value in effect; a file that others share is edited as little as possible."""
        edit, own = self.edit_of(resource), self.own_path(resource)
        side = found if found is not None else State(own, there=False, target=own)
        if self.removes_it(resource):
            self._refuse_others(resource, side, side.path)
            note = f"from {side.path}" if side.there else None
            return Change(side if side.there else None, None, note=note)
        declared = self.declared(resource)
        if side.value == declared:
            return Change(found, found)
        if edit.joined:
            self._refuse_others(resource, side, side.target)
        text = dict(side.texts).get(side.target, "")
        after = edit.written(text)
        if after == text:
            raise HostError(
                f"{resource}: {side.target} has it as declared, and {side.value!r} is in effect",
                hint="another section or file decides: `sshd -T` shows what is in effect",
            )
        wanted = State(
            side.target,
            text=after,
            before=text,
            hunks=hunks_of(text, after),
            value=declared,
            files=(side.target,),
            change=edit,
            target=side.target,
            texts=tuple({**dict(side.texts), side.target: after}.items()),
        )
        now = replace(side, path=side.target, text=text) if side.there else None
        return Change(now, wanted, note=f"in {side.target}")

    def declared(self, resource: R) -> str | None:
        """Return the declared value as a state has it."""
        return _textual(resource.key, [line.split(None, 1)[1] for line in resource.lines])

    def _refuse_others(self, resource: R, side: State, edited: str) -> None:
        """Raise HostError if a file that is not edited has the setting as well."""
        if others := [path for path in side.files if path != edited]:
            raise HostError(
                f"{resource}: {resource.setting} is in {edited} and in {', '.join(others)}",
                hint="one file is edited: remove the lines of the others, e.g. by `line`",
            )

    def read(self, resource: R, text: str) -> State | None:
        """Return what one file has."""
        values = [one.value for _, one in SshFiles("", {"": text}).settings(self.edit_of(resource))]
        return State(value=_textual(resource.key, values)) if values else None

    def edit(self, resource: R, text: str) -> str:
        """Return the text of a file with the setting."""
        return self.edit_of(resource).written(text)

    def without(self, resource: R, text: str) -> str:
        """Return the text of a file without the setting."""
        return self.edit_of(resource).removed(text)

    def removes_it(self, resource: R) -> bool:
        """Return whether the action removes the setting."""
        return resource.action == "unset"

    def applied(self, change: Change[State], text: str) -> str | None:
        """Return any text with the setting, or without it."""
        side = change.wanted or change.found
        if side is None or side.change is None:
            return None
        edit = side.change
        return edit.written(text) if change.wanted is not None else edit.removed(text)

    def together(self, changes: Sequence[tuple[str, Change[State]]]) -> Sequence[Command] | None:
        """Return one command, unless a line would come into another section."""
        commands = super().together(changes)
        if commands is None or len(changes) == 1:
            return commands
        settings = list(settings_of(self.merged([change for _, change in changes]) or ""))
        for _, change in changes:
            edit = (change.wanted or change.found or State()).change
            there = edit is not None and any(edit.is_in(setting) for setting in settings)
            if there != (change.wanted is not None):
                return None
        return commands

    def missing(
        self, resource: R, text: str | None, obstacles: str | None, *more: Any
    ) -> Iterator[Thing]:
        """Yield the main file, or the folder of the own one."""
        main, own = self.path(resource), self.own_path(resource)
        refuse_fixed(main, obstacles, replaces=True)
        refuse_fixed(own, more[0], replaces=True)
        if self.removes_it(resource):
            return
        if text is None and main != own:
            yield Thing("path", main)
        elif more[1] is None:
            files, edit = SshFiles.parse(main, text or ""), self.edit_of(resource)
            paths = [path for path, _ in files.settings(edit)]
            if self._target(resource, files, edit, paths) == own:
                yield Thing("path", own.rpartition("/")[0])

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason, by the file that was edited."""
        return super().unobtainable(name, change, _of_its_file(change, now))

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return the reverse edit of the file that was edited."""
        return super().back(name, change, _of_its_file(change, now))

    def about(self, resource: R) -> Iterable[Thing]:
        """Yield the files, each of which may decide."""
        main, own = self.path(resource), self.own_path(resource)
        return [Thing("path", main), Thing("tree", own.rpartition("/")[0])]


def _of_its_file(change: Change[State], now: State | None) -> State | None:
    """Return the state with the text of the file that the change has edited."""
    done = change.wanted or change.found
    if now is None or done is None or not now.texts:  # a history has no texts
        return now
    return replace(now, path=done.path, text=dict(now.texts).get(done.path, ""))


def _textual(key: str, values: Sequence[str]) -> str | None:
    """Return values in the form in which they are compared; None without any."""
    if not values:
        return None
    plain = [" ".join(value.replace('"', "").split()) for value in values]
    if key not in JOINED:
        return plain[0]
    words = plain if key in EACH or key == "subsystem" else [w for v in plain for w in v.split()]
    return ", ".join(sorted({*words}))
