"""Alternatives, by update-alternatives(1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.provider import Change, Command, Probe, Provider, Table, Thing, hint, provides, sh
from cookbook.providers.stat import TARGET
from cookbook.resources.alternatives import Alternatives


@dataclass(frozen=True)
class State:
    """A program in the list of a name, and the program that has the name."""

    priority: int | None = None
    """None in what was found: the program is not in the list."""
    link: str | None = None
    mode: str | None = None
    """auto or manual; empty if there is no such name."""
    value: str | None = None
    """The program that has the name; empty if there is none."""
    installed: bool = hint(default=False)
    """True if the program is in the list; without a program, True if there is a list."""
    slaves: tuple[str, ...] = hint(default=())
    """Link, name and program of each further link that goes with the program: three each."""


# --query has status 2 for a name that it does not know.
_ASK: LiteralString = r"""
for n in {}; do printf '%s\0' "$n"; s=$(update-alternatives --query "$n" 2>/dev/null) ||
[ $? = 2 ] || s=!; printf '%s\0' "$s"; done
"""


def _ask(names: Sequence[str]) -> Command:
    shown = " ".join(names)
    return replace(sh(_ASK.strip(), list(names)), called=f"update-alternatives --query {shown}")


def _split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    words = text.split("\0")
    found = dict(zip(words[0::2], words[1::2], strict=False))
    return ((key, f"{key}\0{found[key]}\0") for key in keys if key in found)


NAMES = Table(_ask, _split)
"""The list of a name; empty if there is none, `!` where there is no update-alternatives(1)."""


@provides(Alternatives)
class AlternativesProvider(Provider[Alternatives, State]):
    """The list and the choice; `auto` changes something only where the choice is manual."""

    def probe(self, choice: Alternatives) -> Sequence[Probe]:
        """Ask for the list, and for the program."""
        asked = [NAMES.about(choice.common)]
        return asked if choice.path is None else [*asked, TARGET.about(choice.path, loose=True)]

    def parse(self, choice: Alternatives, text: str, *_: str | None) -> State:
        """Return the state."""
        blocks = text.split("\0")[1].split("\n\n")
        head, programs = (
            _fields(blocks[0]),
            {_fields(one).get("Alternative"): one for one in blocks},
        )
        own = programs.get(choice.path or "")
        links = _slaves(blocks[0])
        further = _slaves(own or "").items()
        return State(
            priority=int(_fields(own)["Priority"]) if own is not None else None,
            link=head.get("Link", ""),
            mode=head.get("Status", ""),
            value=head.get("Value", ""),
            installed=own is not None or (choice.path is None and bool(head)),
            slaves=tuple(word for name, path in further for word in (links[name], name, path)),
        )

    def plan(self, choice: Alternatives, found: State | None) -> Change[State]:
        """Compare list and choice."""
        now = found or State(mode="", value="", link="")
        wanted = State(installed=now.installed, slaves=now.slaves)
        if "remove" in choice.doing:
            return Change(now if now.installed else None, None)
        if "install" in choice.doing:
            wanted = replace(wanted, priority=choice.priority, link=choice.link_path)
            wanted = replace(wanted, installed=True)
        if "set" in choice.doing:
            wanted = replace(wanted, mode="manual", value=choice.path, installed=True)
        if "auto" in choice.doing:
            wanted = replace(wanted, mode="auto" if now.mode else "")
        return Change(found, wanted)

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Register the program, then choose; or take it from the list."""
        common, _, path = name.partition(" ")
        found, wanted = change.found or State(), change.wanted
        if wanted is None or (found.installed and not wanted.installed):
            yield sh("update-alternatives --quiet --remove {} {}", common, path)
            if wanted is None:
                return
        if {"priority", "link"} & change.fields.keys() and wanted.installed:
            rest = wanted.slaves
            more = [("--slave", *rest[i : i + 3]) for i in range(0, len(rest), 3)]
            new = (wanted.link or found.link, common, path, wanted.priority or 0)
            yield sh("update-alternatives --quiet --install {} {} {} {} {}", *new, more)
        if not {"mode", "value"} & change.fields.keys():
            return
        if wanted.mode == "manual" and wanted.value:
            yield sh("update-alternatives --quiet --set {} {}", common, wanted.value)
        elif wanted.mode == "auto" and found.mode == "manual":
            yield sh("update-alternatives --quiet --auto {}", common)

    def missing(self, choice: Alternatives, *answers: str | None) -> Iterable[Thing]:
        """Yield the tool, and the program."""
        if "remove" in choice.doing:
            return
        if answers[0] is not None and "\0!\0" in answers[0]:
            yield Thing("tool", "update-alternatives")
        if choice.path is not None and answers[1] is None:
            yield Thing("path", choice.path)
        known = answers[0] is not None and f"Alternative: {choice.path}\n" in answers[0] + "\n"
        if choice.doing == ("set",) and not known:
            yield Thing("alternative", choice.identity)

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the entry of the list, and the link."""
        wanted = change.wanted
        if wanted is None or not wanted.installed:
            return []
        return [Thing("alternative", name), *([Thing("path", wanted.link)] if wanted.link else [])]

    def about(self, choice: Alternatives) -> Iterable[Thing]:
        """Yield the list."""
        return [Thing("alternatives", choice.common)]

    def there(self, state: State | None) -> bool:
        """Return whether the program is in the list."""
        return state is not None and state.installed

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former list and choice."""
        before = change.found or State(mode="", value="", link="")
        chosen = before.value if before.mode == "manual" else None
        if before.installed:
            return Change(now, replace(before, value=chosen, mode=before.mode or None))
        if now is None or chosen in (None, now.value):
            return Change(now, None)
        return Change(now, replace(before, priority=None, link=None, value=chosen))


def _slaves(block: str) -> dict[str, str]:
    """Return the further links in a block, by name."""
    pairs = (line.split(" ", 2) for line in block.splitlines() if line.startswith(" "))
    return {name: path for _, name, path in pairs}


def _fields(block: str) -> dict[str, str]:
    pairs = (line.partition(": ") for line in block.splitlines())
    return {name: value for name, colon, value in pairs if colon}
