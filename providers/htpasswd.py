"""Users in password files of web servers; a hash reaches the host on standard input only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

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
    provides,
    secret,
    sh,
)
from cookbook.providers.line_lists import LINES, key_of, lines_of
from cookbook.providers.obstacles import OBSTACLES, refuse_fixed, refuse_links, refuse_loops
from cookbook.providers.password_hashes import fits, new_hash
from cookbook.providers.stat import TARGET
from cookbook.resources.htpasswd import HASH, Htpasswd
from cookbook.script.stash import age


@dataclass(frozen=True)
class State:
    """A user in the file. A hash is not in a state, only its digest; `contents` has the hash."""

    password: Content | None = secret()
    path: str = hint(default="")
    user: str = hint(default="")
    at: int = hint(default=0)
    """The number of its line, from 1; 0: at the end."""
    digest: str | None = hint()
    """The digest of the file before the change; `-`: there was none."""
    modified: str | None = hint()
    """When the file was last modified then, in seconds since the epoch."""
    mode: str = hint(default="0640")
    group: str | None = hint()


# The first line of the input is the new hash. Another line of the user is a mistake.
_EDIT: LiteralString = r"""
BEGIN { u = ENVIRON["cook_user"] ":"; at = ENVIRON["cook_at"] + 0 }
NR == 1 { new = $0; next }
NR - 1 == at && !done && !known { print u new; done = 1 }
index($0, u) == 1 { if (!done && new != "") print u new; done = 1; next }
{ print }
END { if (!done && new != "") print u new }
"""
_WRITE: LiteralString = (
    '(p={}; [ ! -L "$p" ] || p=$(readlink -f -- "$p") || exit; t=${p%/*}/.cook-$cook_nonce;'
    ' trap \'rm -f -- "$t"\' EXIT; umask 077; : >"$t" && if [ -e "$p" ]; then cp -p -- "$p" "$t";'
    ' else {}chmod {} -- "$t"; fi && { {}; echo; [ ! -e "$p" ] || cat -- "$p"; } |'
    ' cook_user={} cook_at={} awk {} >"$t" && was={} && {'
    ' if [ ! -s "$t" ] && [ "$was" = - ]; then rm -f -- "$p"; exit; fi;'
    ' [ "$(sha256sum <"$t")" != "$was  -" ] || touch -d @{} -- "$t"; } &&'
    ' sync "$t" && mv -fT -- "$t" "$p")'
)


@provides(Htpasswd)
class HtpasswdProvider(Provider[Htpasswd, State]):
    """A user is known by the name in front of the first colon."""

    def probe(self, entry: Htpasswd) -> Sequence[Probe]:
        """Ask for the line of the user, for what is in the way, and for the folder."""
        name = re.sub(r"([][\\.*^$+?(){}|])", r"\\\1", entry.user)
        return [
            LINES.about(key_of(entry.path, f"^{name}:")),
            OBSTACLES.about(entry.path),
            TARGET.about(entry.path.rpartition("/")[0] or "/", loose=True),
        ]

    def parse(
        self, entry: Htpasswd, text: str, obstacles: str | None, _: str | None
    ) -> State | None:
        """Return the digest of the hash: that of the declared one if the password fits it."""
        refuse_links(entry.path, obstacles, follows=True)
        lines = lines_of(text)
        if not lines:
            return None
        hashed = lines[0].split(":")[1]
        same = entry.password is not None and _same(entry, hashed)
        data = _wanted(entry) if same else hashed.encode("utf-8", "surrogateescape")
        return replace(_state(entry), password=Content.of(data))

    def plan(self, entry: Htpasswd, found: State | None) -> Change[State]:
        """Compare the password."""
        if entry.action == "delete":
            return Change(found, None)
        if entry.password is None:
            if found is None:
                raise HostError(f"{entry}: there is no password for a new user")
            return Change(found, found)
        return Change(found, replace(_state(entry), password=Content.of(_wanted(entry))))

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Edit the line of the user."""
        side = change.wanted or change.found
        if side is None:
            return
        digest = change.wanted.password if change.wanted is not None else None
        known = next((s for s in (change.wanted, change.found) if s and s.digest), State())
        group = sh('chgrp {} -- "$t" && ', side.group) if side.group is not None else sh("")
        text = sh(
            _WRITE,
            side.path,
            group,
            side.mode,
            sh("content {}", digest) if digest is not None else sh(":"),
            side.user,
            side.at,
            _EDIT,
            known.digest or "",
            known.modified or "0",
        )
        what = "set the password of" if digest is not None else "remove"
        shown = f"edit {side.path}: {what} {side.user}"
        yield replace(text, shown=shown, called=f"edit {side.path}")

    def contents(self, entry: Htpasswd) -> Mapping[str, bytes]:
        """Return the hash, which a state names by its digest."""
        if entry.password is None or entry.action != "create":
            return {}
        data = _wanted(entry)
        return {Content.of(data): data}

    def missing(
        self, entry: Htpasswd, text: str | None, obstacles: str | None, folder: str | None
    ) -> Iterator[Thing]:
        """Yield the folder."""
        refuse_fixed(entry.path, obstacles, replaces=True)
        refuse_loops(entry.path, obstacles, follows=True)
        if folder is None and entry.action == "create":
            yield Thing("path", entry.path.rpartition("/")[0] or "/")

    def about(self, entry: Htpasswd) -> Iterable[Thing]:
        """Yield the file: it may be written as a whole by another resource."""
        return [Thing("path", entry.path)]

    def alters(self, entry: Htpasswd, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the user only, because the rest of the file stays as it is."""
        return [Thing(entry.kind(), entry.identity)]

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Keep the former hash; print the digest and the age of the file, and the line's number."""
        side = change.found or change.wanted
        if side is None:
            return None
        hashed = sh("cook_user={} awk {} {}", side.user, _HASH, side.path)
        return sh(
            'p={}; if [ -e "$p" ]; then d=$(sha256sum <"$p"); echo ${d%% *} $({});'
            ' cook_user={} awk {} "$p"; {}; else echo -; fi',
            side.path,
            age(side.path),
            side.user,
            _NUMBER,
            keep_output(hashed),
        )

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add it to the change."""
        first, *rest = kept.splitlines() or [""]
        digest, _, when = first.partition(" ")
        if not re.fullmatch("[0-9a-f]{64}|-", digest):
            return change
        number = int(rest[0]) if rest and rest[0].isascii() and rest[0].isdigit() else 0
        former = rest[-1] if rest and re.fullmatch("[0-9a-f]{64}", rest[-1]) else None

        def known(side: State | None) -> State | None:
            if side is None:
                return None
            return replace(side, digest=digest, modified=mtime(when), at=number or side.at)

        found = known(change.found)
        if found is not None and former is not None:
            found = replace(found, password=Content(former))
        return replace(change, found=found, wanted=known(change.wanted))

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former hash, at its line."""
        done = change.found or change.wanted
        if now is not None and done is not None:
            now = replace(now, digest=done.digest, modified=done.modified)
        return Change(now, change.found)


_NUMBER: LiteralString = """\
BEGIN { u = ENVIRON["cook_user"] ":" }
index($0, u) == 1 { print NR; exit }"""
_HASH: LiteralString = """\
BEGIN { u = ENVIRON["cook_user"] ":" }
index($0, u) == 1 { split($0, part, ":"); printf "%s", part[2]; exit }"""


def _state(entry: Htpasswd) -> State:
    """Return the hints of a state."""
    return State(path=entry.path, user=entry.user, mode=str(entry.mode), group=entry.group)


def _same(entry: Htpasswd, hashed: str) -> bool:
    """Return whether the declared password, or hash, is that of a line."""
    declared = str.__str__(entry.password or "")
    if HASH.fullmatch(declared):
        return declared == hashed
    return fits(declared.encode(), hashed)


def _wanted(entry: Htpasswd) -> bytes:
    """Return the declared hash, or a new one of the declared password."""
    declared = str.__str__(entry.password or "")
    if HASH.fullmatch(declared):
        return declared.encode()
    return new_hash(entry.method, declared.encode(), entry.identity).encode()
