"""
The mechanism of files in PEM that openssl(1) makes: keys, certificates, parameters.

A file that is as declared is kept. Another one is made beside its place, with its mode from the
beginning, and moved there. The controller never reads it; what is replaced or removed goes into
the stash of the host, so an undo brings it back.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Generic, LiteralString, TypeVar

from cookbook.errors import HostError
from cookbook.provider import (
    Change,
    Command,
    Content,
    Probe,
    Provider,
    Thing,
    hint,
    keep_output,
    mtime,
    octal,
    sh,
)
from cookbook.providers.ownership import ask_owners, missing_owners
from cookbook.providers.stat import TARGET
from cookbook.resources._pem import PemFile
from cookbook.script.stash import age

ABSENT = 4
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class PemState:
    """The attributes of a file; a subclass adds what is in it."""

    owner: str | None = None
    group: str | None = None
    mode: str | None = None
    kept: Content | None = hint()
    """The digest of the file in the stash."""
    modified: str | None = hint()
    """Its time of modification then, in seconds since the epoch."""


R = TypeVar("R", bound=PemFile)
P = TypeVar("P", bound=PemState)

_ASK: LiteralString = """\
p={}; [ -e "$p" ] || [ -L "$p" ] || exit 4; [ -f "$p" ] || { echo "$p is not a file" >&2; exit 13; }
command -v openssl >/dev/null || { echo 'there is no openssl' >&2; exit 13; }
stat -L -c '%U %G %a' -- "$p" && {}"""

_WRITE: LiteralString = """\
(p={}; [ ! -L "$p" ] || p=$(readlink -f -- "$p") || exit; t=${p%/*}/.cook-$cook_nonce
umask 077; d=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d) || exit
trap 'rm -rf -- "$t" "$d"' EXIT; trap 'exit 143' HUP INT TERM
{} && [ -s "$t" ] && {} && chmod {} -- "$t" && sync "$t" && mv -fT -- "$t" "$p")"""


class PemProvider(Provider[R, P], Generic[R, P]):
    """A provider of one file that openssl(1) makes."""

    concurrent = True

    content: ClassVar[frozenset[str]]
    """The fields that are in the file: if one differs, it is made anew."""

    @abstractmethod
    def question(self, resource: R, /) -> Command:
        """Return the command that prints what is in the file `$p`, without anything secret."""

    @abstractmethod
    def make(self, wanted: P, /) -> Command:
        """Return the command that writes the file `$t`; the folder `$d` is for what it needs."""

    def probe(self, resource: R) -> Sequence[Probe]:
        """Ask for the file, the folder above, openssl(1), and the owners."""
        path = resource.identity
        ask = replace(sh(_ASK, path, self.question(resource)), called=f"openssl # {path}")
        above = TARGET.about(path.rpartition("/")[0] or "/", loose=True)
        tool = Probe(sh("command -v openssl >/dev/null || exit 4"), absent=ABSENT, loose=True)
        return [Probe(ask, absent=ABSENT), above, tool, *ask_owners(resource)]

    def attributes(self, resource: R) -> tuple[str | None, str | None, str]:
        """Return the declared owner, group and mode."""
        return resource.owner, resource.group, octal(resource.mode, str(resource))

    def missing(self, resource: R, *answers: str | None) -> Iterator[Thing]:
        """Yield the folder above, openssl(1), the owners, and what the type needs."""
        if resource.action == "delete":
            return
        _, above, tool, *owners = [*answers, None, None, None][: max(3, len(answers))]
        if above is None:
            yield Thing("path", resource.identity.rpartition("/")[0])
        if tool is None:
            yield Thing("tool", "openssl")
        count = len(ask_owners(resource))
        yield from missing_owners(resource, owners[:count] if owners else [None] * count)

    def commands(self, name: str, change: Change[P]) -> Iterable[Command]:
        """Make the file, change its attributes, or remove it."""
        wanted, found = change.wanted, change.found
        if wanted is None:
            yield sh("rm -f -- {}", name)
            return
        now = found if found is not None else PemState()
        owner, group = wanted.owner or now.owner, wanted.group or now.group
        whom = f"{owner or ''}{f':{group}' if group is not None else ''}"
        if found is None or self.content & change.fields.keys():
            make = self.make(wanted)
            if wanted.kept is not None:
                touch = sh('touch -d @{} -- "$t"', wanted.modified or "0")
                make = sh('content {} >"$t" && {}', wanted.kept, touch)
            chown = sh('chown {} -- "$t"', whom) if whom else sh(":")
            command = sh(_WRITE, name, make, chown, wanted.mode or now.mode or "0600")
            yield replace(command, shown=f"openssl # {name}", called=f"openssl # {name}")
            return
        todo = change.fields.keys()
        if {"owner", "group"} & todo:
            yield sh("chown {} -- {}", whom, name)
        if {"owner", "group", "mode"} & todo and wanted.mode is not None:
            yield sh("chmod {} -- {}", wanted.mode, name)

    def brings(self, name: str, change: Change[P]) -> Iterable[Thing]:
        """Yield the file."""
        return [Thing("path", name)] if change.wanted is not None else []

    def about(self, resource: R) -> Iterable[Thing]:
        """Yield the file."""
        return [Thing("path", resource.identity)]

    def alters(self, resource: R, change: Change[P] | None) -> Iterable[Thing]:
        """Yield the file, unless it is new: what needs it is made after it in any case."""
        new = change is not None and change.kind == "create"
        return [] if new else [Thing("path", resource.identity)]

    def keeps(self, name: str, change: Change[P]) -> Command | None:
        """Keep a file that is replaced or removed."""
        found = change.found
        if found is None or not (change.wanted is None or self.content & change.fields.keys()):
            return None
        return sh("{}; {}", keep_output(sh("cat -- {}", name)), age(name))

    def learned(self, change: Change[P], kept: str, _said: str) -> Change[P]:
        """Add the digest of what was kept."""
        digest, _, when = kept.partition("\n")
        if change.found is None or not re.fullmatch("[0-9a-f]{64}", digest):
            return change
        found = replace(change.found, kept=Content(digest), modified=mtime(when))
        return replace(change, found=found)


def attributes_of(line: str) -> tuple[str, str, str]:
    """Return owner, group and mode in the first line of an answer. Raises ValueError."""
    found = re.fullmatch(r"(\S+) (\S+) ([0-7]+)", line)
    if found is None:
        raise ValueError("no attributes")
    return found[1], found[2], found[3].zfill(4)


def passed(secret: str | None) -> Command:
    """Return the beginning of a pipe to openssl(1) with a passphrase, so that none is asked for."""
    if isinstance(secret, Content):
        return sh("content {}", secret)
    return sh("printf '%s\\n' {}", secret or "")


def phrase_of(secret: str | None) -> Content | None:
    """Return the digest of a passphrase; a state that held the text would not be recorded."""
    return None if secret is None else Content.of(str.__str__(secret).encode())


def refuse_other(resource: PemFile, differs: str) -> None:
    """Raise HostError for a file that is not made anew unless that is declared."""
    raise HostError(
        f"{resource.identity} is another key: {differs}",
        hint="a key is never overwritten; move it away, or declare force=True",
    )
