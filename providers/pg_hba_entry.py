"""Entries of pg_hba.conf, checked by pg_hba_file_rules before the server reads them."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString, NamedTuple

from cookbook.provider import Change, Command, Thing, hint, options, provides, sh
from cookbook.providers.postgresql import FUNCTION, RELOAD, SERVER
from cookbook.providers.text_edits import TextEditProvider, TextState, bare, lines_of, text_with
from cookbook.resources.pg_hba_entry import PgHbaEntry


class HbaRule(NamedTuple):
    """A line of the file."""

    type: str
    databases: tuple[str, ...]
    users: tuple[str, ...]
    address: str
    method: str
    options: tuple[str, ...]

    @property
    def key(self) -> tuple[object, ...]:
        """The connections that it is about."""
        return self[:4]


@dataclass(frozen=True)
class State(TextState):
    """The rest of an entry."""

    method: str | None = None
    options: tuple[str, ...] | None = None
    reached: bool | None = None
    """False if a line before it matches all that it matches."""
    port: int | None = hint()


# The server reads the file only when it is told to, so a faulty one can be put back before that.
_CHECKED: LiteralString = """\
{}(p=$(readlink -f -- {}) || exit; b=${p%/*}/.cook-$cook_nonce.was; trap 'rm -f -- "$b"' EXIT
ask() { printf '%s\\n' "$1" | pg -v ON_ERROR_STOP=1 {} -d postgres -f -; }
d=$(ask 'SHOW data_directory') || { echo 'the entry cannot be checked' >&2; exit 1; }
(umask 077; cp -p -- "$p" "$b") && ({}) || exit
e=$(ask {}) || e='the file cannot be checked'
if [ "$e" ]; then mv -fT -- "$b" "$p"; echo "$e" >&2; exit 1; fi
{} | pg {} -d postgres -f - >/dev/null
if ! ask 'SELECT 1' >/dev/null; then
mv -fT -- "$b" "$p"; kill -HUP "$(head -n 1 "$d/postmaster.pid")"
echo 'with this file the user postgres cannot connect: it was put back' >&2; exit 1; fi)"""

_ERRORS = (
    "SELECT 'line ' || line_number || ': ' || error FROM pg_hba_file_rules WHERE error IS NOT NULL"
)


@provides(PgHbaEntry)
class PgHbaEntryProvider(TextEditProvider[PgHbaEntry, State]):
    """The first line of the same connections is the entry; what covers it comes after it."""

    def path(self, entry: PgHbaEntry) -> str:
        """Return the path of the file."""
        return entry.path

    def read(self, entry: PgHbaEntry, text: str) -> State | None:
        """Return the entry."""
        rules = _rules(text)
        at = _own(entry, rules)
        if at is None:
            return None
        rule = rules[at]
        shadow = _shadow(rule, rules)
        return State(
            method=rule.method,
            options=rule.options,
            reached=shadow is None or shadow > at,
            port=entry.port,
        )

    def edit(self, entry: PgHbaEntry, text: str) -> str:
        """Insert the entry, change its line, or move it before the line that covers it."""
        rules, lines = _rules(text), lines_of(text)
        wanted = _wanted(entry)
        at, shadow = _own(entry, rules), _shadow(wanted, rules)
        if at is not None and (shadow is None or at < shadow):
            same = rules[at][4:] == wanted[4:] or (
                entry.options is None and rules[at].method == wanted.method
            )
            return text if same else text_with(lines, at, 1, [_line(wanted)])
        if at is not None:
            text = text_with(lines, at, 1, [])
        return text_with(
            lines_of(text), len(lines) if shadow is None else shadow, 0, [_line(wanted)]
        )

    def without(self, entry: PgHbaEntry, text: str) -> str:
        """Remove the entry."""
        at = _own(entry, _rules(text))
        return text if at is None else text_with(lines_of(text), at, 1, [])

    def together(self, changes: Sequence[tuple[str, Change[State]]]) -> Sequence[Command] | None:
        """Return one command that writes, checks and reads the file."""
        written = super().together(changes)
        if written is None:
            return None
        side = changes[0][1].wanted or changes[0][1].found or State()
        at = options(port=side.port)
        return [
            replace(
                sh(_CHECKED, FUNCTION, side.path, at, one, _ERRORS, RELOAD, at),
                shown=f"edit {side.path}",
                called=f"edit {side.path}",
            )
            for one in written
        ]

    def about(self, entry: PgHbaEntry) -> Iterable[Thing]:
        """Yield the file, and the unit: a server that does not run checks nothing."""
        yield from super().about(entry)
        yield Thing("unit", f"{SERVER.package}.service")


def _wanted(entry: PgHbaEntry) -> HbaRule:
    words = [f"{name}={value}" for name, value in (entry.options or {}).items()]
    return HbaRule(
        entry.type,
        entry.databases,
        entry.users,
        entry.address or "",
        entry.method or "",
        tuple(sorted(words)),
    )


def _own(entry: PgHbaEntry, rules: Mapping[int, HbaRule]) -> int | None:
    key = _wanted(entry).key
    return next((at for at, rule in rules.items() if rule.key == key), None)


def _shadow(wanted: HbaRule, rules: Mapping[int, HbaRule]) -> int | None:
    """Return the number of the first line that matches all that a rule matches."""
    others = (at for at, rule in rules.items() if rule.key != wanted.key and _covers(rule, wanted))
    return next(others, None)


def _covers(one: HbaRule, other: HbaRule) -> bool:
    types = one.type == other.type or (one.type == "host" and other.type.startswith("host"))
    everything = "all" in one.databases and "replication" not in other.databases
    databases = everything or {*one.databases} >= {*other.databases}
    users = "all" in one.users or {*one.users} >= {*other.users}
    return types and databases and users and _covers_address(one.address, other.address)


def _covers_address(one: str, other: str) -> bool:
    if one in ("all", other):
        return True
    try:
        a, b = ipaddress.ip_network(one), ipaddress.ip_network(other)
    except ValueError:
        return False
    if isinstance(a, ipaddress.IPv4Network) and isinstance(b, ipaddress.IPv4Network):
        return b.subnet_of(a)
    if isinstance(a, ipaddress.IPv6Network) and isinstance(b, ipaddress.IPv6Network):
        return b.subnet_of(a)
    return False


_WORD = re.compile(r'(?:"[^"]*"|[^\s"#])+')


@functools.lru_cache(maxsize=4)
def _rules(text: str) -> Mapping[int, HbaRule]:
    """Return the rules of a file by the numbers of their lines; others are left alone."""
    found = ((at, _rule(bare(line))) for at, line in enumerate(lines_of(text)))
    return {at: rule for at, rule in found if rule is not None}


def _rule(line: str) -> HbaRule | None:
    """
    Return the rule of a line; None for an empty one, a comment, an `include`.

    >>> _rule("host all all 127.0.0.1 255.0.0.0 md5").address
    '127.0.0.0/8'
    """
    if line.endswith("\\"):
        return None
    words = list(_words(line))
    if len(words) < 4 or not re.fullmatch("local|host(no)?(ssl|gssenc)?", words[0]):
        return None
    kind, databases, users, *rest = words
    address = ""
    if kind != "local":
        address, *rest = rest
        if rest and re.fullmatch(r"[0-9]+\.[0-9.]+|[0-9a-f:]*:[0-9a-f:.]*", rest[0]):
            address = f"{address}/{rest.pop(0)}"
        with contextlib.suppress(ValueError):
            address = str(ipaddress.ip_network(address, strict=False))
    if not rest:
        return None
    method, *rest = rest
    return HbaRule(
        kind,
        _names(databases),
        _names(users),
        address,
        method,
        tuple(sorted(map(_bare_word, rest))),
    )


def _words(line: str) -> Iterator[str]:
    """Yield the fields before a comment; a list may have blanks after its commas."""
    at, words = 0, re.sub(r",\s+", ",", line)
    while found := re.compile(r"\s*").match(words, at):
        word = _WORD.match(words, found.end())
        if word is None:
            return
        yield word[0]
        at = word.end()


def _names(field: str) -> tuple[str, ...]:
    names = re.findall(r'(?:"[^"]*"|[^,"])+', field)
    return tuple(sorted(map(_bare_word, names)))


def _bare_word(word: str) -> str:
    return word.replace('"', "")


def _line(rule: HbaRule) -> str:
    databases, users = (",".join(map(_word, names)) for names in (rule.databases, rule.users))
    fields = [f"{rule.type:<7} {databases:<15} {users:<15} {rule.address:<23} {rule.method}"]
    pairs = (option.partition("=") for option in rule.options)
    return " ".join([*fields, *(f"{name}={_word(value)}" for name, _, value in pairs)])


def _word(word: str) -> str:
    return word if re.fullmatch(r"[A-Za-z0-9_.$+@/:-]+", word) else f'"{word}"'
