"""Answers to questions of packages, by debconf-set-selections(1) and debconf-communicate(1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.provider import (
    Change,
    Command,
    Probe,
    Provider,
    Table,
    Thing,
    hint,
    provides,
    secret,
    sh,
    tainted,
)
from cookbook.resources.debconf_selection import DebconfSelection


@dataclass(frozen=True)
class State:
    """A question, as the database has it."""

    value: str | None = None
    """The answer; empty if the question has the default of its template."""
    secret: str | None = secret()
    """The answer if it must not be shown, instead of `value`."""
    type: str | None = None
    seen: bool | None = None
    """True if it is not asked any more."""
    owner: str = hint(default="")


# The database is read as it is: debconf-show(1) shows no type and no password, and
# debconf-communicate(1) registers what it is asked about. A value is one line in it.
_ASK: LiteralString = r"""
cd /var/cache/debconf 2>/dev/null || exit 0; for q in {}; do for f in config.dat passwords.dat; do
[ -r $f ] || continue; awk -v q="$q" 'BEGIN { RS = ""; FS = "\n" } $1 == "Name: " q {
for (i = 1; i <= NF; i++) if ($i ~ /^(Value|Owners|Flags|Template): /) print q "\t" $i
print q "\tend"; exit }' $f; done
awk -v q="$q" 'BEGIN { RS = ""; FS = "\n" } $1 == "Name: " q {
for (i = 1; i <= NF; i++) if ($i ~ /^Type: /) print q "\t" $i; exit }' templates.dat; done
"""


def _ask(questions: Sequence[str]) -> Command:
    shown = " ".join(questions)
    return replace(sh(_ASK.strip(), list(questions)), called=f"debconf-show # {shown}")


def _split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    lines = text.splitlines(keepends=True)
    for key in keys:
        if own := "".join(line for line in lines if line.startswith(f"{key}\t")):
            yield key, own


QUESTIONS = Table(_ask, _split)
"""Lines of the database about a question, each after its name and a tab."""


@provides(DebconfSelection, when=lambda facts: facts.package_tool == "apt")
class DebconfSelectionProvider(Provider[DebconfSelection, State]):
    """The answer is right if the question has it, is of the type, and is not asked any more."""

    def probe(self, selection: DebconfSelection) -> Probe:
        """Ask for the question."""
        return QUESTIONS.about(selection.identity)

    def parse(self, selection: DebconfSelection, text: str) -> State | None:
        """Return the state; a template without a question is none."""
        lines = [line.partition("\t")[2] for line in text.splitlines()]
        if "end" not in lines:
            return None
        known = dict(line.split(": ", 1) for line in lines if line != "end")
        value = known.get("Value", "")
        hidden = selection.sensitive
        return State(
            None if hidden else value,
            tainted(value) if hidden else None,
            known.get("Type", ""),
            "seen" in known.get("Flags", "").split(", "),
            known.get("Owners", "").split(", ")[0],
        )

    def plan(self, selection: DebconfSelection, found: State | None) -> Change[State]:
        """Compare value and type."""
        if selection.action == "unset":
            return Change(found, None)
        value = str(selection.value)
        wanted = State(type=selection.type, seen=True, owner=selection.owner or "")
        if selection.sensitive:
            wanted = replace(wanted, secret=tainted(value))
        else:
            wanted = replace(wanted, value=value)
        note = "a package that is installed takes it by dpkg-reconfigure only"
        change = Change(found, wanted)
        return replace(change, note=note if change.needed else None)

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Set the answer, on standard input; or forget the question."""
        found, wanted = change.found, change.wanted
        if wanted is None:
            owner = found.owner if found is not None else ""
            yield _communicate(owner, f"UNREGISTER {name}")
            return
        owner, value = wanted.owner, wanted.value if wanted.secret is None else wanted.secret
        if {"value", "secret", "type"} & change.fields.keys():
            words = (owner, name, wanted.type or "string", value or "")
            line = sh("printf '%s %s %s %s\\n' {} {} {} {}", *words)
            yield sh("{} | DEBIAN_FRONTEND=noninteractive debconf-set-selections", line)
        if value == "":
            yield _communicate(owner, f"RESET {name}")
        if wanted.seen is False:
            yield _communicate(owner, f"FSET {name} seen false")
        elif change.fields.keys() == {"seen"}:
            yield _communicate(owner, f"FSET {name} seen true")

    def alters(self, selection: DebconfSelection, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the question."""
        return self.about(selection)


def _communicate(owner: str, text: str) -> Command:
    """Return the command that says one line to debconf; its answer is `0`, or an error."""
    return sh(
        "s=$(echo {} | DEBIAN_FRONTEND=noninteractive debconf-communicate {}) &&"
        ' case $s in 0*) ;; *) echo "$s" >&2; false ;; esac',
        text,
        owner or "debconf",
    )
