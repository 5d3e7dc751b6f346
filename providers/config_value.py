"""Settings in configuration files, edited as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cookbook.errors import HostError
from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Probe,
    Provider,
    Risk,
    Thing,
    file_is_on_it,
    hint,
    mtime,
    provides,
)
from cookbook.providers import settings
from cookbook.providers.edited_file import ask_text, digest_of, write_text
from cookbook.providers.obstacles import OBSTACLES, refuse_fixed, refuse_links, refuse_loops
from cookbook.resources.config_value import ConfigValue
from cookbook.script.stash import age


@dataclass(frozen=True)
class State:
    """A setting: its value, and what is needed to write its line."""

    value: str | None = None
    """None only in what was found: the file does not have the setting."""
    raw: str | None = hint()
    """Its line, which an undo restores exactly."""
    at: int = hint(default=0)
    """The number of its line, from 0."""
    others: tuple[tuple[int, str], ...] = hint(default=())
    """Other lines of the setting, with their numbers: they would count without that one."""
    heading: int = hint(default=0)
    """The number of lines that are added for its section."""
    path: str = hint(default="")
    section: str | None = hint()
    key: str = hint(default="")
    form: str = hint(default="")
    modified: str | None = hint()
    """When the file was last modified before the change, in seconds since the epoch."""
    digest: str | None = hint()
    """The digest of its text before the change: an undo that leads to it restores the time."""
    text: str | None = hint(sensitive=True)
    """The text of the whole file, as it was found."""


@provides(ConfigValue)
class ConfigValueProvider(Provider[ConfigValue, State]):
    """Settings in files of the formats in `settings`."""

    def probe(self, value: ConfigValue) -> Sequence[Probe]:
        """Ask for the text of the file, and for links and attributes in the way."""
        return [ask_text(value.path), OBSTACLES.about(value.path)]

    def parse(self, value: ConfigValue, text: str, obstacles: str | None) -> State:
        """Return the setting, also if the file does not have it."""
        refuse_links(value.path, obstacles, follows=True)
        form = value.dialect or "ini"
        found = settings.find(settings.SettingPlace(form, value.section, value.setting), text)
        return State(
            found.value,
            found.raw,
            found.at,
            found.others,
            path=value.path,
            section=value.section,
            key=value.setting,
            form=form,
            text=text,
        )

    def plan(self, value: ConfigValue, found: State | None) -> Change[State]:
        """Compare the value."""
        now = found if found is not None and found.value is not None else None
        if value.action == "unset":
            return Change(now, None)
        form = value.dialect or "ini"
        base = found or State(
            path=value.path, section=value.section, key=value.setting, form=form, text=""
        )
        heading = settings.headings(_place(base), base.text or "")
        wanted = replace(base, value=_text_of(value), raw=None, others=(), heading=heading)
        return Change(now, wanted)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Replace the file by one with the edited line."""
        return self.together([(name, change)]) or []

    def together(self, changes: Sequence[tuple[str, Change[State]]]) -> Sequence[Command] | None:
        """Return one command for changes of the same file, each an edit of the text before it."""
        bases = [change.found or change.wanted for _, change in changes]
        states = [state for state in bases if state is not None]
        if len({(state.path, state.text) for state in states}) != 1:
            return None
        text = states[0].text
        if text is None:
            raise HostError(f"the text of {states[0].path} is not known: nothing is written")
        for _, change in _in_order(changes):
            text = _edited(text, change)
        digest = digest_of(text)
        sides = [side for _, change in changes for side in (change.found, change.wanted) if side]
        times = [side.modified for side in sides if side.digest == digest]
        return [write_text(states[0].path, text, next(iter(times), None))]

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Ask when the file was modified."""
        state = change.found or change.wanted
        return age(state.path) if state is not None else None

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add the time of modification, and the text that it belongs to."""
        base = change.found or change.wanted
        if base is None or base.text is None or not kept:
            return change
        modified, digest = mtime(kept), digest_of(base.text)

        def known(side: State | None) -> State | None:
            return replace(side, modified=modified, digest=digest) if side is not None else None

        return replace(change, found=known(change.found), wanted=known(change.wanted))

    def missing(
        self, value: ConfigValue, text: str | None, obstacles: str | None
    ) -> Iterator[Thing]:
        """Yield the file."""
        refuse_fixed(value.path, obstacles, replaces=True)
        refuse_loops(value.path, obstacles, follows=True)
        if text is None and value.action == "set":
            yield Thing("path", value.path)

    def about(self, value: ConfigValue) -> Iterable[Thing]:
        """Yield the file: it may be written as a whole by another resource."""
        return [Thing("path", value.path)]

    def alters(self, value: ConfigValue, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the setting only, because other settings of the file stay as they are."""
        return [Thing("setting", value.identity)]

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk of a change of the file."""
        state = change.found or change.wanted
        return "may" if state is not None and file_is_on_it(state.path) else "no"

    def there(self, state: State | None) -> bool:
        """Return whether the file has the setting."""
        return state is not None and state.value is not None

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return the former value and line, in the text as it is now."""
        before, done = change.found, change.found or change.wanted
        if now is None or done is None:
            return Change(now, None)
        heading = change.wanted.heading if change.wanted is not None else 0
        now = replace(now, modified=done.modified, digest=done.digest, heading=heading)
        there = now if now.value is not None else None
        if before is None or before.value is None:
            return Change(there, None)
        return Change(there, replace(before, text=now.text))


def _text_of(value: ConfigValue) -> str:
    """Return the wanted value as text; a Secret stays one."""
    return value.value if isinstance(value.value, str) else str(value.value)


def _place(state: State) -> settings.SettingPlace:
    return settings.SettingPlace(state.form, state.section, state.key)


def _in_order(
    changes: Sequence[tuple[str, Change[State]]],
) -> Sequence[tuple[str, Change[State]]]:
    """Return the changes; lines that were removed from one text come back by their numbers."""
    removed = [change.wanted for _, change in changes if _restored(change)]
    if len({side.digest for side in removed if side is not None}) > 1:
        return changes
    return sorted(changes, key=lambda one: _number(one[1]))


def _number(change: Change[State]) -> int:
    """Return the number of the line that a change brings back; -1 if it brings none back."""
    return change.wanted.at if change.wanted is not None and _restored(change) else -1


def _restored(change: Change[State]) -> bool:
    """Return whether a change brings back lines that were removed."""
    return change.found is None and change.wanted is not None and change.wanted.raw is not None


def _edited(text: str, change: Change[State]) -> str:
    found, wanted = change.found, change.wanted
    if wanted is None:
        assert found is not None  # noqa: S101 - there is something to change
        rest = settings.edited(text, _place(found), None)
        return settings.without_heading(rest, found.section, found.heading)
    if _restored(change) and not settings.headings(_place(wanted), text):
        return settings.inserted(text, [(wanted.at, wanted.raw or ""), *wanted.others])
    return settings.edited(text, _place(wanted), wanted.value, wanted.raw)
