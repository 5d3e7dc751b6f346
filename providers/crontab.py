"""Entries of users' crontabs, by crontab(1) and awk(1)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cookbook.provider import (
    Change,
    Command,
    Probe,
    Provider,
    Table,
    Thing,
    hint,
    join,
    provides,
    sh,
)
from cookbook.providers.getent import PASSWD
from cookbook.resources.cron import Cron, same_time

_MARK = "# cook: "
_NOTE = "#: "


@dataclass(frozen=True)
class State:
    """An entry below its mark, perhaps with a comment and variables in between."""

    when: str
    command: str
    environment: tuple[str, ...] = ()
    """Lines `NAME=value`, in their order."""
    comment: str | None = None
    """Empty where there is none."""
    managed: bool = True
    """False: the entry has no mark of cook, and is adopted rather than doubled."""
    user: str = hint(default="root")
    line: str = hint(default="")
    """The exact text of an entry that is not directly below its mark."""


# `c` is the crontab. None is an empty one, but crontab(1) has the same status for every
# error, so its message decides. A user without account has no home: `~` stays as it is. Only
# root may name another user's crontab.
_LOAD = """\
tab() { u=$1; shift; if [ -O / ] || [ "$(id -un)" != "$u" ]; then crontab -u "$u" "$@"
else crontab "$@"; fi; }
load() { c=; case $2 in /*) ;; *) return 0;; esac
c=$(tab "$1" -l 2>/dev/null) && return; s=$?
e=$(tab "$1" -l 2>&1)
case $e in *"no crontab for"* | *"can't open '$1': No such file"*) c=;;
*) echo "$e" >&2; exit $s;; esac; }
told() { { [ -z "$c" ] || printf "%s\\n" "$c"; } | awk "$@"; }
"""

# The owner of each line: the mark, its comment, variables, and the one entry below them. A mark
# whose entry was taken away must not swallow its neighbours: an entry behind a blank line or a
# comment is only near, and cook's where its command is. `text` is a line without its CR,
# which cron(8) takes for a part of the command, and Debian's `crontab -l` shows as `\r`; so no line
# that is written again keeps it.
_OWNERS = """\
function own(  i, m, o) { for (i = 1; i <= NR; i++) {
  if (index(text[i], "# cook: ") == 1) { owner[i] = o = substr(text[i], 9); m = 1; continue }
  if (!m) continue
  if (text[i] ~ /^[ \\t]*(#|$)/ && index(text[i], "#: ") != 1) { m = 2; continue }
  if (m == 2) { near[i] = o; m = 0; continue }
  owner[i] = o
  if (index(text[i], "#: ") != 1 && text[i] !~ /^[A-Za-z_][A-Za-z0-9_]*[ \\t]*=/) m = 0 } }
BEGIN { n = ARGC; ARGC = 1 }
{ cr = sub(/\\r$/, "") || $0 ~ /(^|[^\\\\])\\\\r$/ && sub(/..$/, "")
  text[NR] = $0; line[NR] = cr && $0 != "" ? $0 "\\r" : $0 }
"""
_SHOW = """\
END { own(); for (k = 2; k < n; k += 2) { print "@" ARGV[1] " " ARGV[k]; c = ARGV[k + 1]
  for (i = 1; i <= NR; i++) {
    t = text[i]; sub(/[ \\t]+$/, "", t); same = substr(t, length(t) - length(c) + 1) == c
    if (i in owner) { if (owner[i] == ARGV[k]) print "+" line[i] }
    else if (near[i] == ARGV[k] && same) print "~" line[i]
    else if (c != "" && same) print "=" line[i]
  } } }"""
_EDIT = """\
function put(where, k) { for (k = 1; k < n; k += 4) if (ARGV[k + 2] == where) print ARGV[k + 3] }
END { own()
  for (k = 1; k < n; k += 4) { block[ARGV[k]] = k; if (ARGV[k + 1] != "") raw[ARGV[k + 1]] = k }
  put("top")
  for (i = 1; i <= NR; i++) { k = 0
    if (i in owner) { if (owner[i] in block) k = block[owner[i]] }
    else if (line[i] in raw) k = raw[line[i]]
    if (!k) print text[i]
    else if (ARGV[k + 2] == "place" && !(k in done)) { done[k]; print ARGV[k + 3] } }
  put("bottom") }"""


def _ask(keys: Sequence[str]) -> Command:
    asked = []
    for user, some in itertools.groupby(keys, lambda key: key.partition("\n")[0]):
        pairs = [part for key in some for part in key.split("\n")[1:]]
        asked.append(sh("load {} ~{}; told {} {} {}", user, user, _OWNERS + _SHOW, user, pairs))
    users = dict.fromkeys(key.partition("\n")[0] for key in keys)
    text = sh("{}{}", sh(_LOAD), join(asked, " || exit\n"))
    return replace(text, called=f"look at the crontab of {' '.join(users)}")


def _split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    parts: dict[str, str] = {}
    head = ""
    for line in text.split("\n")[:-1]:
        if line.startswith("@"):
            head = line[1:]
        parts[head] = parts.get(head, "") + f"{line}\n"
    for key in keys:
        user, name, _command = key.split("\n")
        if (part := parts.get(f"{user} {name}")) is not None:
            yield key, part


ENTRIES = Table(_ask, _split)
"""An entry of cook in a crontab, and similar ones of others: `USER NAME COMMAND`, a line each."""


@provides(Cron)
class CrontabProvider(Provider[Cron, State]):
    """An entry is known by the mark above it."""

    def probe(self, cron: Cron) -> Sequence[Probe]:
        """Ask for the entry, and for the user."""
        key = "\n".join([cron.user, cron.name, cron.command or ""])
        return [ENTRIES.about(key), PASSWD.about(cron.user, loose=True)]

    def parse(self, cron: Cron, text: str, *_user: str | None) -> State | None:
        """Return the entry of cook; else one of others with the same meaning."""
        own, near, others = (
            [line[1:] for line in text.split("\n") if line.startswith(mark)] for mark in "+~="
        )
        state = _block(cron, own) if own else None
        if state is not None and state.command:
            return state
        for line in near if cron.command is not None else ():
            if (entry := _entry(line))[1].rstrip() == cron.command:
                return _adopted(cron, entry, line, state)
        for line in others if "delete" not in cron.doing and not cron.variables else ():
            when, command = entry = _entry(line)
            if same_time(when, cron.when) and command.rstrip() == cron.command:
                return _adopted(cron, entry, line, state)
        if state is None or not near:
            return state
        return replace(state, line=near[0])

    def plan(self, cron: Cron, found: State | None) -> Change[State]:
        """Plan the whole entry; only an undeclared comment stays."""
        if "delete" in cron.doing:
            left = found.line if found is not None and not found.command else ""
            note = f"leaves an entry below its mark; give its command to delete it: {left}"
            return Change(found, None, note=note if left else None)
        when = cron.when
        if found is not None and same_time(found.when, when):
            when = found.when
        wanted = State(when, cron.command or "", cron.variables, cron.comment, user=cron.user)
        return Change(found, wanted)

    def missing(self, cron: Cron, _text: str | None, user: str | None) -> Iterable[Thing]:
        """Yield the user of the crontab."""
        if user is None and "delete" not in cron.doing:
            yield Thing("user", cron.user)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """One new crontab."""
        yield _edit([(name, change)])

    def entries(self, cron: Cron) -> Mapping[str, Cron]:
        """Return the job with the user, in whose crontab it is."""
        return {f"{cron.user} {cron.name}": cron}

    def together(self, changes: Sequence[tuple[str, Change[State]]]) -> Iterable[Command] | None:
        """One new crontab for the changes of a user."""
        if len({_user(change) for _, change in changes}) > 1:
            return None
        return [_edit(changes)]

    def everything(self) -> Command:
        """Ask for all crontabs of users."""
        return sh(
            "d=/var/spool/cron/crontabs; [ -d $d ] || exit 0; cd $d || exit; for u in *; do"
            ' [ ! -f "$u" ] || awk -v "u=$u" \'{ print u " " $0 }\' "$u" || exit; done'
        )

    def unmanaged(self, text: str, declared: Sequence[Cron]) -> Iterable[tuple[str, Thing]]:
        """Yield the entries that have no mark of cook, and are not those of a declared job."""
        known = {(cron.user, " ".join((cron.command or "").split())) for cron in declared}
        marked: set[str] = set()
        for line in text.splitlines():
            user, _, entry = line.partition(" ")
            if entry.startswith(_MARK):
                marked.add(user)
            if not entry.strip() or entry.startswith("#") or re.match(r"\w+\s*=", entry):
                continue
            if user in marked:
                marked.discard(user)
                continue
            command = " ".join(entry.split(None, 1 if entry.startswith("@") else 5)[-1].split())
            if (user, command) not in known:
                yield f"{entry.strip()} ({user})", Thing("cron", f"{user} {entry.strip()}")


def _block(cron: Cron, lines: Sequence[str]) -> State:
    """Return the state of a mark and its entry; an entry that was removed is empty."""
    notes = [line.removeprefix(_NOTE).rstrip("\r") for line in lines if line.startswith(_NOTE)]
    plain = [line for line in lines if not line.startswith("#")]
    variables = tuple(line for line in plain if re.match(r"[A-Za-z_]\w*[ \t]*=", line))
    entries = [line for line in plain if line not in variables]
    when, command = _entry(entries[0]) if len(entries) == 1 else ("", "")
    return State(when, command, variables, notes[0] if notes else "", user=cron.user)


def _adopted(cron: Cron, entry: tuple[str, str], line: str, own: State | None) -> State:
    """Return an entry that is not directly below its mark, with the rest of the mark."""
    variables, comment = (own.environment, own.comment) if own is not None else ((), "")
    return State(*entry, variables, comment, managed=False, user=cron.user, line=line)


def _entry(line: str) -> tuple[str, str]:
    """Return time and command; cron(8) takes a carriage return for a part of the command."""
    m = re.fullmatch(r"[ \t]*(@\w+|(?:[^ \t]+[ \t]+){4}[^ \t]+)[ \t]+(.*)", line, re.DOTALL)
    return (" ".join(m[1].split()).lower(), m[2].rstrip(" \t")) if m else ("", line)


def _user(change: Change[State]) -> str:
    side = change.wanted if change.wanted is not None else change.found
    assert side is not None  # noqa: S101 - there is something to change
    return side.user


def _edit(changes: Sequence[tuple[str, Change[State]]]) -> Command:
    """Read, rewrite some blocks, install at once; what fails on the way installs nothing."""
    user = _user(changes[0][1])
    words = [word for name, change in changes for word in _words(name, change)]
    text = sh(
        '{}load {} ~{}; new=$(told {} {}) || exit; if [ "$new" ]; then'
        ' printf "%s\\n" "$new" | tab {} -; else tab {} -r; fi',
        sh(_LOAD),
        user,
        user,
        _OWNERS + _EDIT,
        words,
        user,
        user,
    )
    return replace(text, called=f"change the crontab of {user}")


def _words(name: str, change: Change[State]) -> tuple[str, str, str, str]:
    """Name, the line that is adopted, where the block goes, and the block."""
    found, wanted = change.found, change.wanted
    raw = found.line if found is not None and found.command else ""
    if wanted is None:
        return name, raw, "nowhere", ""
    if found is not None and found.environment == wanted.environment:
        where = "place"
    else:
        where = "bottom" if wanted.environment else "top"  # a variable holds for lines below
    return name, raw, where, "\n".join(_lines(name, change))


def _lines(name: str, change: Change[State]) -> Iterator[str]:
    found, wanted = change.found, change.wanted
    assert wanted is not None  # noqa: S101 - otherwise there is no block
    if not wanted.managed:
        yield wanted.line
        return
    yield f"{_MARK}{name}"
    comment = found.comment if wanted.comment is None and found is not None else wanted.comment
    if comment:
        yield f"{_NOTE}{comment}"
    yield from wanted.environment
    yield f"{wanted.when} {wanted.command}"
