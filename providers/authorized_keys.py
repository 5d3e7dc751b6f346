"""
Public keys in sshd(8)'s authorized_keys files, by sh(1), awk(1) and setpriv(1).

A user who may write into a folder may put a symbolic link into it, which root would follow. So
commands in a user's folder run as that user; root only gives a `.ssh` with another owner back to
its user, by `chown -h`, which follows no link. A file in a folder of root (`path`) is written by
root, and readable: sshd reads it as the user.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Probe,
    Provider,
    Risk,
    Table,
    Thing,
    hint,
    join,
    provides,
    sh,
)
from cookbook.providers.getent import PASSWD
from cookbook.resources._key_options import depends, option_error
from cookbook.resources.authorized_key import AuthorizedKey, PublicKey, parse_key


@dataclass(frozen=True)
class State:
    """Those keys in a file that a resource is about, and whether sshd(8) would trust it."""

    keys: tuple[str, ...] = ()
    """Each without its comment: another comment makes no other key."""
    mode: str | None = None
    owner: str | None = None
    folder: str | None = None
    """Mode and owner of `.ssh`: `0700 ann`."""
    comments: tuple[str, ...] = hint(default=())
    user: str = hint(default="")
    path: str | None = hint()
    exclusive: bool = hint(default=False)
    fresh: tuple[str, ...] = hint(default=())
    """Created for the keys: `file`, `folder`; for existing ones the mode: `file=644`."""


# For each key: mode and owner of the folder and of the file, and the lines that have the key
# in them (all but comments, where the list is exclusive). A user without account has no
# home, so `~` stays as it is, and nothing is said: as of an account without a `.ssh`.
_SHOW = """\
show() { f=$1 d=${1%/*} h=${1%/*/*}
case $f in /*) ;; *) return;; esac
for p in "$h" "$d"; do [ ! -e "$p" ] || [ -x "$p" ] || {
echo "cannot look into $p" >&2; exit 13; }; done
[ -e "$d" ] || return 0
printf "@%s\\n" "$2"
if [ ! -f "$f" ]; then stat -L -c "%a %U" -- "$d" || exit; return; fi
stat -L -c "%a %U" -- "$d" "$f" || exit
awk -v k="${2%% *}" '(k == "*" && !/^[ \\t\\r]*(#|$)/) || index($0, k) { print "+" $0 }' \
<"$f" || exit; }
"""

_EVERY = "*"

_FRESH: LiteralString = (
    'f={}; if [ -e "$f" ]; then stat -L -c file=%a -- "$f"; else echo file; fi;'
    ' d=${f%/*}; if [ -e "$d" ]; then stat -L -c folder=%a -- "$d"; else echo folder; fi'
)
_REMOVE_FRESH = {
    "file": sh('{ [ -s "$f" ] || rm -f -- "$f"; }'),
    "folder": sh('{ [ -e "$f" ] || rmdir -- "$d" 2>/dev/null || :; }'),
}

# As the user: the file without some keys, with others, beside its place and then into it.
_WRITE = """\
umask 077; f=$1 t=$2 d=${1%/*}; trap 'rm -f -- "$t"' EXIT
"""
_DROP = "{ for (i = 1; i <= NF; i++) if ($i in gone && $1 !~ /^#/) next; print }"
_GONE = "BEGIN { while (ARGC > 1) gone[ARGV[--ARGC]] } "
_ONLY_COMMENTS = "/^[ \\t\\r]*(#|$)/"


def _ask(keys: Sequence[str]) -> Command:
    text = sh("{}{}", sh(_SHOW), join([sh("show {} {}", _file(key), key) for key in keys], "\n"))
    places = dict.fromkeys(key.partition(" ")[2] for key in keys)
    return replace(text, called=f"look for keys of SSH in {' '.join(places)}")


def _file(key: str) -> Command:
    """Return the shell word for the file of a table's key."""
    place = key.partition(" ")[2]
    return _path(place[1:], None) if place.startswith("~") else sh("{}", place)


def _path(user: str, path: str | None) -> Command:
    """Return the shell word for the path; a tilde before a plain name is the home."""
    return sh("~{}/.ssh/authorized_keys", user) if path is None else sh("{}", path)


def _split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    blocks: dict[str, str] = {}
    key = ""
    for line in text.split("\n")[:-1]:
        if line.startswith("@"):
            key = line[1:]
        blocks[key] = blocks.get(key, "") + f"{line}\n"
    return ((key, blocks[key]) for key in keys if key in blocks)


KEYS = Table(_ask, _split)
"""Some keys in a file: asked for as `BASE64 ~USER` or `BASE64 /path`."""


@provides(AuthorizedKey)
class AuthorizedKeysProvider(Provider[AuthorizedKey, State]):
    """A key is its base64; what is around it, and the lines of others, are kept."""

    def probe(self, resource: AuthorizedKey) -> Sequence[Probe]:
        """Ask for the declared keys, or all; and for the user."""
        place = resource.path or f"~{resource.identity}"
        blobs = [_EVERY] if resource.exclusive else [key.blob for key in resource.keys]
        asked = [KEYS.about(f"{blob} {place}") for blob in blobs]
        return [*asked, PASSWD.about(resource.identity, loose=True)]

    def parse(self, resource: AuthorizedKey, *answers: str | None) -> State | None:
        """Keys in declared order; others, that are to go, behind them."""
        texts = [text for text in answers[:-1] if text is not None]
        lines = [line[1:] for text in texts for line in text.split("\n") if line[:1] == "+"]
        order = {key.blob: i for i, key in enumerate(resource.keys)}
        read = [(line, key) for line in lines if (key := _key(line)) is not None]
        if not resource.exclusive:
            read = [(line, key) for line, key in read if _blob(line, key) in order]
        found = [key for _, key in read]
        if not found:
            return None
        found.sort(key=lambda key: order.get(key.blob, len(order)))
        folder, file = (_mode_and_owner(line) for line in texts[0].split("\n")[1:3])
        return State(
            tuple(key.text for key in found),
            file.partition(" ")[0],
            file.partition(" ")[2],
            folder,
            tuple(key.comment for key in found),
            resource.identity,
            resource.path,
            resource.exclusive,
        )

    def plan(self, resource: AuthorizedKey, found: State | None) -> Change[State]:
        """Plan the keys; undeclared options and comments stay as they are."""
        if "remove" in resource.doing:
            return Change(found, None)
        before = _lines_of(found)
        wanted = [one for key in resource.keys for one in _merged(key, before, resource)]
        if found is None and not wanted:
            return Change(None, None)
        own = resource.path is None
        state = State(
            tuple(key.text for key in wanted),
            "0600" if own else None,
            resource.identity if own else None,
            f"0700 {resource.identity}" if own and resource.manage_dir else None,
            tuple(key.comment for key in wanted),
            resource.identity,
            resource.path,
            resource.exclusive,
        )
        return Change(found, state, note=_note(before, wanted))

    def missing(self, resource: AuthorizedKey, *answers: str | None) -> Iterable[Thing]:
        """Yield the user."""
        if answers[-1] is None and "remove" not in resource.doing:
            yield Thing("user", resource.identity)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """One new file."""
        yield _edit([change])

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk: keys of the login user that would be removed."""
        before = set(change.found.keys) if change.found is not None else set()
        after = set(change.wanted.keys) if change.wanted is not None else set()
        side = _side(change)
        ours = name == way.user or side.path is not None
        return "may" if ours and (before - after or side.exclusive) else "no"

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return the keys and the modes as they were; the owner of the file stays."""
        before, wanted = change.found, change.wanted
        if before is None and now is not None and wanted is not None:
            return Change(replace(now, fresh=wanted.fresh), None)
        if before is None or now is None:
            return Change(now, before)
        return Change(now, replace(before, owner=now.owner))

    def about(self, resource: AuthorizedKey) -> Iterable[Thing]:
        """Yield the keys; of an exclusive list the whole file, which each other key alters."""
        whole = Thing("authorized_key", resource.topic)
        rest = Thing("authorized_key", f"{resource.topic} (others)")
        return [*_things(resource), whole if resource.exclusive else rest]

    def alters(self, resource: AuthorizedKey, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the keys; an exclusive list removes the others."""
        whole = Thing("authorized_key", resource.topic)
        rest = Thing("authorized_key", f"{resource.topic} (others)")
        return [*_things(resource), whole, *([rest] if resource.exclusive else [])]

    def entries(self, resource: AuthorizedKey) -> Mapping[str, AuthorizedKey]:
        """Return each key of the file as a resource; none of them is the only one."""
        lines = [resource.key] if isinstance(resource.key, str) else resource.key
        return {
            f"{resource.topic} {key.blob}": replace(resource, key=line, exclusive=False)
            for line, key in zip(lines, resource.keys, strict=True)
        }

    def holds(self, state: State, entry: AuthorizedKey) -> bool:
        """Return whether the key has a line."""
        return not _lines_of(state).keys().isdisjoint(key.blob for key in entry.keys)

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Print which of file and folder are new, and the modes of the others."""
        if change.found is not None or change.wanted is None or change.wanted.path is not None:
            return None
        return sh(_FRESH, _path(change.wanted.user, None))

    def learned(self, change: Change[State], kept: str, _said: str) -> Change[State]:
        """Note what was created for the keys, so that it is removed with them."""
        if change.wanted is None or not kept:
            return change
        return replace(change, wanted=replace(change.wanted, fresh=tuple(kept.split())))

    def together(self, changes: Sequence[tuple[str, Change[State]]]) -> Iterable[Command] | None:
        """One new file for the changes of the same one."""
        sides = [_side(change) for _, change in changes]
        if len({(side.user, side.path) for side in sides}) > 1:
            return None
        return None if any(s.exclusive for s in sides) else [_edit([c for _, c in changes])]

    def everything(self) -> Command:
        """Ask for the keys of all accounts."""
        return sh(
            "users=$(getent passwd) || exit; printf '%s\\n' \"$users\" |"
            " while IFS=: read -r u _ _ _ _ h _; do f=$h/.ssh/authorized_keys;"
            ' [ ! -f "$f" ] || awk -v "u=$u" \'{ print u " " $0 }\' "$f" || exit; done'
        )

    def unmanaged(
        self, text: str, declared: Sequence[AuthorizedKey]
    ) -> Iterable[tuple[str, Thing]]:
        """Yield the keys that are not declared, with the account."""
        known = {(one.identity, key.blob) for one in declared for key in one.keys}
        for line in text.splitlines():
            user, _, entry = line.partition(" ")
            key = found[0] if (found := _BLOB.search(entry)) and not entry.startswith("#") else None
            if key is not None and (user, key) not in known:
                comment = entry.partition(key)[2].strip() or key[-12:]
                yield f"{user}: {comment}", Thing("key", f"{user} {key}")


def _things(resource: AuthorizedKey) -> Iterator[Thing]:
    for key in resource.keys:
        yield Thing("authorized_key", f"{resource.topic} {key.blob}")


def _key(line: str) -> PublicKey | None:
    """Return the key in a line; of a line that sshd(8) cannot read, the line as the key's type."""
    if line.lstrip().startswith("#"):
        return None
    return parse_key(line) or PublicKey(line.strip(), "")


def _blob(line: str, key: PublicKey) -> str:
    """Return the key that a line is about, though sshd(8) may be unable to read the line."""
    found = _BLOB.search(line) if not key.blob else None
    return found[0] if found else key.blob


_BLOB = re.compile(r"(?<!\S)AAAA[A-Za-z0-9+/]+=*(?!\S)")


def _keys(state: State | None) -> Iterator[PublicKey]:
    """Return each line's key, in the order of the file."""
    if state is not None:
        for text, comment in zip(state.keys, state.comments, strict=True):
            yield parse_key(f"{text} {comment}") or PublicKey(text, "")


def _lines_of(state: State | None) -> dict[str, list[PublicKey]]:
    """Return the lines of each key: base64 -> lines."""
    lines: dict[str, list[PublicKey]] = {}
    for key in _keys(state):
        lines.setdefault(_blob(key.text, key), []).append(key)
    return lines


def _merged(
    key: PublicKey, before: Mapping[str, Sequence[PublicKey]], resource: AuthorizedKey
) -> Sequence[PublicKey]:
    """
    Return the lines that a key is to have: one, where its options are declared.

    Otherwise those by which sshd(8) lets it in today. It takes the first line, unless an option
    of that one (`from`) has it go on to the next: none of the options is lost, and none is added.
    Raises HostError where sshd(8) can read none of them: a bare line would allow more.
    """
    lines = before.get(key.blob, ())
    comment = key.comment or next((line.comment for line in lines), "")
    if not lines or key.options or resource.key_options is not None:
        return [replace(key, comment=comment)]
    if all(not line.blob or option_error(line.options) for line in lines):
        raise HostError(
            f"the host has a line of this key that sshd cannot read: {lines[0].text}",
            hint='declare key_options (may it do anything: key_options=""), or correct the line',
        )
    lines = [line for line in lines if line.blob]
    used = [*itertools.takewhile(lambda line: depends(line.options), lines)]
    used += lines[len(used) : len(used) + 1]
    unlike = {line.text: line for line in reversed(used)}
    return [
        replace(line, comment=key.comment or line.comment)
        for line in used
        if unlike.pop(line.text, None)
    ]


def _note(before: Mapping[str, object], wanted: Sequence[PublicKey]) -> str | None:
    """Return how many keys are removed that are not declared."""
    gone = set(before) - {key.blob for key in wanted}
    if not gone:
        return None
    if len(gone) == 1:
        return "removes a key that is not declared"
    return f"removes {len(gone)} keys that are not declared"


def _mode_and_owner(line: str) -> str:
    mode, _, owner = line.partition(" ")
    return f"{mode:0>4} {owner}"


def _side(change: Change[State]) -> State:
    """Return the state with the path, which is the same before and after."""
    side = change.wanted if change.wanted is not None else change.found
    assert side is not None  # noqa: S101 - there is something to change
    return side


def _edit(changes: Sequence[Change[State]]) -> Command:
    """Find the file, see who may write it, and have that user do so."""
    side = _side(changes[0])
    own = side.path is None  # a folder that a path names is never given to the user
    folder = own and any(c.wanted is not None and c.wanted.folder is not None for c in changes)
    find = sh(
        "f={}; case $f in /*) ;; *) echo {} >&2; exit 1;; esac;"
        ' d=${f%/*} t=${f%/*}/.cook-$cook_nonce g=$(stat -c %G -- "$f" 2>/dev/null) || :',
        _path(side.user, side.path),
        f"{side.user} has no home",
    )
    give = sh(
        '[ -L "$d" ] || [ ! -d "$d" ] || [ "$(stat -c %U -- "$d")" = {} ] || chown -h {} "$d"',
        side.user,
        side.user,
    )
    write = sh("printf %s {}", _word(_script(changes, folder=folder, own=own)))
    # A user cannot give a file to a foreign group, but root can: the one that it had.
    group = sh(
        '{ [ -z "$g" ] || [ ! -f "$f" ] || [ "$(stat -c %G -- "$f")" = "$g" ] ||'
        ' chown -h --from={} ":$g" -- "$f" 2>/dev/null || :; }',
        side.user,
    )
    steps = [find, give if folder else sh(":"), sh("{} | { {}; }", write, _as(side)), group]
    where = f"the authorized keys of {side.user}" if side.path is None else side.path
    return replace(join(steps, " && "), called=f"change {where}")


def _as(side: State) -> Command:
    """Return the shell as the user; as root, for root and in a folder of root."""
    user = sh(
        'if [ "$(id -un)" = {} ]; then set --; else'
        ' set -- setpriv --reuid {} --regid "$(id -g {})" --init-groups; fi;'
        ' "$@" /bin/sh -s -- "$f" "$t"',
        side.user,
        side.user,
        side.user,
    )
    if side.user == "root":
        return sh('/bin/sh -s -- "$f" "$t"')
    if side.path is None:
        return user
    roots = sh('[ "$(stat -c %u -- "$d")" = 0 ] && [ "$(readlink -f -- "$d")" = "$d" ]')
    return sh('if {}; then /bin/sh -s -- "$f" "$t"; else {}; fi', roots, user)


def _script(changes: Sequence[Change[State]], *, folder: bool, own: bool) -> Command:
    gone = {blob for c in changes for side in (c.found, c.wanted) for blob in _lines_of(side)}
    lines = [
        " ".join(filter(None, pair))
        for c in changes
        if c.wanted is not None
        for pair in zip(c.wanted.keys, c.wanted.comments, strict=True)
    ]
    drop = sh("awk {} {}", _GONE + _DROP, sorted(gone))
    if any(_side(c).exclusive for c in changes):
        drop = sh("awk {}", _ONLY_COMMENTS)
    steps = [
        sh('{ [ -d "$d" ] || mkdir -m 700 -- "$d"; } && chmod {} -- "$d"', _folder(changes))
        if folder
        else sh(":"),
        sh("set -C"),
        sh(
            '{ if [ -e "$f" ]; then {} <"$f"; fi && {}; } >"$t"',
            drop,
            sh('printf "%s\\n" {}', lines) if lines else sh(":"),
        ),
        sh('chmod {} -- "$t"', _mode(changes))
        if own
        else sh('chmod "$(stat -c %a -- "$f" || echo 644)" -- "$t"'),
        sh('{ g=$(stat -c %G -- "$f" 2>/dev/null) && chgrp -- "$g" "$t" 2>/dev/null || :; }'),
        sh('sync "$t" && mv -f -- "$t" "$f"'),
        *[_REMOVE_FRESH[what] for what in _fresh(changes)],
        *[sh('chmod -- {} "$d"', mode[-4:]) for mode in _modes(changes, "folder")],
    ]
    return sh("{}{}", sh(_WRITE), join(steps, " && "))


def _fresh(changes: Sequence[Change[State]]) -> Iterator[str]:
    """Yield what was created for keys that are removed now."""
    for what in ("file", "folder"):
        if any(c.wanted is None and c.found and what in c.found.fresh for c in changes):
            yield what


def _modes(changes: Sequence[Change[State]], what: str) -> list[str]:
    """Return the mode that file or folder had before keys were added that are removed now."""
    known = [one for c in changes if c.wanted is None and c.found for one in c.found.fresh]
    return [one.partition("=")[2] for one in known if one.startswith(f"{what}=")][:1]


def _mode(changes: Sequence[Change[State]]) -> str:
    """Return the mode of the new file."""
    wanted = [c.wanted.mode for c in changes if c.wanted is not None and c.wanted.mode]
    return next(iter([*wanted, *_modes(changes, "file")]), "600")


def _folder(changes: Sequence[Change[State]]) -> str:
    """Return the mode of `.ssh`."""
    sides = [c.wanted.folder for c in changes if c.wanted is not None]
    return next((side.partition(" ")[0] for side in sides if side), "700")


def _word(body: Command) -> Command:
    """Return a piece of shell as one word of another."""
    return sh("{}", body.text)
