"""Entries of known_hosts files, as sshd(8) describes them; edited on the controller."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString

from cookbook.errors import HostError, Missing
from cookbook.provider import Change, Probe, hint, provides, sh
from cookbook.providers.text_edits import (
    TextEditProvider,
    TextState,
    bare,
    lines_of,
    text_with,
)
from cookbook.resources.ssh_known_hosts_entry import (
    HostKey,
    SshKnownHostsEntry,
    fingerprint_of,
)


@dataclass(frozen=True)
class State(TextState):
    """The keys of a host: of one type, or of all."""

    keys: tuple[str, ...] | None = None
    shown: str = hint(default="")
    """The output of ssh-keyscan(1)."""


# There is no scan while the file has the key. It is asked for one type only.
_SCAN: LiteralString = """\
f={}; [ -f "$f" ] && ssh-keygen -l -F {} -f "$f" 2>/dev/null | grep -qF {} && exit 4
command -v ssh-keyscan >/dev/null || { echo ssh-keyscan; exit 0; }
ssh-keyscan -T {} -p {} -t {} -- {} 2>/dev/null | grep -v '^#'; :
"""


@provides(SshKnownHostsEntry)
class SshKnownHostsEntryProvider(TextEditProvider[SshKnownHostsEntry, State]):
    """Lines are found by name, also by a hashed one; patterns and marked lines are of others."""

    new_mode = "0644"

    def probe(self, entry: SshKnownHostsEntry) -> Sequence[Probe]:
        """Ask for the file; and for the key, if it is not given and the file does not have it."""
        asked = super().probe(entry)
        if not (entry.scan and entry.action == "create"):
            return asked
        host, kind = entry.address, entry.type or ""
        short = kind.removeprefix("ssh-").partition("-sha2")[0]
        scan = sh(
            _SCAN,
            *(entry.file_location, entry.title, entry.fingerprint, entry.timeout),
            *(entry.port, short, host),
        )
        scan = replace(scan, called=f"ssh-keyscan -p {entry.port} {host}")
        return [*asked, Probe(scan, absent=4, loose=True)]

    def parse(
        self, entry: SshKnownHostsEntry, text: str, obstacles: str | None, *more: Any
    ) -> State:
        """Return the keys of the host in the file, and what a scan has shown."""
        found = super().parse(entry, text, obstacles)
        return replace(found, shown=(more[1] if len(more) > 1 else None) or "")

    def plan(self, entry: SshKnownHostsEntry, found: State | None) -> Change[State]:
        """Compare the keys; one that is only known by its fingerprint is that of the scan."""
        if entry.action == "create" and entry.scan:
            entry = replace(entry, key=_expected(entry, found or State()), scan=False)
        change = super().plan(entry, found)
        revoked = change.wanted is not None and _revoked(change.wanted.text or "", entry)
        warning = f"the key of {entry.title} is marked @revoked in {entry.file_location}"
        return replace(change, warning=warning) if revoked else change

    def path(self, entry: SshKnownHostsEntry) -> str:
        """Return the path of the file."""
        return entry.file_location

    def read(self, entry: SshKnownHostsEntry, text: str) -> State | None:
        """Return the keys in the lines of the host, each once."""
        keys = [line.blob for line in map(_parsed, lines_of(text)) if _is_about(entry, line)]
        return State(keys=tuple(dict.fromkeys(keys))) if keys else None

    def edit(self, entry: SshKnownHostsEntry, text: str) -> str:
        """Return the text with the key, in place of other keys of its type."""
        key = entry.given
        if key is None:
            raise HostError(f"{entry}: there is no key")
        lines = lines_of(text)
        about = [i for i, line in enumerate(lines) if _is_about(entry, _parsed(line))]
        others = [i for i in about if _parsed(lines[i]).blob != key.blob]
        if len(others) == len(about):
            new = f"{_hashed(entry, key) if entry.hash_entries else entry.title} {' '.join(key)}"
            at = others[0] if others else len(lines)
            text = text_with(lines, at, 0, [new])
            others = [i + 1 for i in others]
        return _without(entry, text, others)

    def without(self, entry: SshKnownHostsEntry, text: str) -> str:
        """Return the text without the keys of the host."""
        lines = lines_of(text)
        about = [i for i, line in enumerate(lines) if _is_about(entry, _parsed(line))]
        return _without(entry, text, about)


@dataclass(frozen=True)
class _Line:
    """A line of a known_hosts file; without names if it is a comment, or marked with `@`."""

    names: tuple[str, ...] = ()
    type: str = ""
    blob: str = ""


def _parsed(line: str) -> _Line:
    words = bare(line).split()
    if len(words) < 3 or words[0][0] in "#@":
        return _Line()
    return _Line(tuple(words[0].split(",")), words[1], words[2])


def _is_about(entry: SshKnownHostsEntry, line: _Line) -> bool:
    kind = entry.type
    return kind in (None, line.type) and any(_is_name(one, entry.title) for one in line.names)


def _is_name(text: str, title: str) -> bool:
    """Return whether a name in a line is that of the host, in the clear or hashed."""
    if not text.startswith("|1|"):
        return text.lower() == title
    try:
        salt, wanted = map(base64.b64decode, text.split("|")[2:4])
    except ValueError:
        return False
    return hmac.digest(salt, title.encode(), "sha1") == wanted


def _hashed(entry: SshKnownHostsEntry, key: HostKey) -> str:
    """Return the hashed name. The salt is made of the key, so that a plan says what is written."""
    salt = hashlib.sha1(f"{entry.title} {key.blob}".encode(), usedforsecurity=False).digest()
    words = (salt, hmac.digest(salt, entry.title.encode(), "sha1"))
    return "|".join(["", "1", *(base64.b64encode(word).decode() for word in words)])


def _without(entry: SshKnownHostsEntry, text: str, numbers: Sequence[int]) -> str:
    """Return the text without the host in some lines; other hosts of the line keep their key."""
    lines = lines_of(text)
    for number in reversed(numbers):
        names = [n for n in _parsed(lines[number]).names if not _is_name(n, entry.title)]
        rest = bare(lines[number]).split(None, 1)[1]
        new = [f"{','.join(names)} {rest}"] if names else []
        lines = lines_of(text_with(lines, number, 1, new))
    return "".join(lines)


def _revoked(text: str, entry: SshKnownHostsEntry) -> bool:
    key = entry.given
    words = (line.split() for line in lines_of(text) if line.startswith("@revoked"))
    return key is not None and any(key.blob in one for one in words)


def _expected(entry: SshKnownHostsEntry, found: State) -> str:
    """
    Return the key with the declared fingerprint: that in the file, else that of the scan.

    Raises Missing if the other host did not answer, HostError if it showed another key.
    """
    shown = {line.blob for line in _of_scan(entry, found.shown)}
    for blob in (*(found.keys or ()), *shown):
        if fingerprint_of(blob) == entry.fingerprint:
            return f"{entry.type} {blob}"
    if found.shown.strip() == "ssh-keyscan":
        raise Missing(
            f"{entry} needs the tool ssh-keyscan, which is not there",
            thing="ssh-keyscan",
            hint="it is in the package openssh-client",
        )
    if not shown:
        raise Missing(
            f"{entry.title} did not show a key of the type {entry.type}",
            thing=entry.address,
            hint=f"`ssh-keyscan -p {entry.port} {entry.address}` on the managed host shows them",
        )
    raise HostError(
        f"{entry.title} showed the key {', '.join(map(fingerprint_of, sorted(shown)))},"
        f" not {entry.fingerprint}",
        hint="compare with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on that host;"
        " the connection may be intercepted",
    )


def _of_scan(entry: SshKnownHostsEntry, said: str) -> Iterator[_Line]:
    return (line for line in map(_parsed, lines_of(said)) if line.type == entry.type)
