"""The database of rpm(8): what is installed, what needs it, and how versions compare."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import LiteralString

from cookbook.provider import Command, Table, sh
from cookbook.providers.named_versions import BY

# One process reads the whole database. A name that no package has may be one that others provide.
_INSTALLED: LiteralString = r"""
all=$(rpm -qa --qf '%{NAME}\t%{ARCH}\t%{EVR}\n') || exit
for k in {}; do printf '%s\n' "$all" | awk -F '\t' -v k="$k" '
(($1 == k) || ($1 "." $2 == k)) && !($3 in seen) { seen[$3]; v = v (v == "" ? "" : " ") $3 }
END { print k "\t" v; exit v == "" }' && continue
by=$(rpm -q --whatprovides --qf '%{NAME}\n' -- "$k" 2>/dev/null) && echo "by $k "$by || :; done |
awk -F '\t' '/^by / { split($0, w, " "); sub(/^by [^ ]+ /, ""); by[w[2]] = $0; next }
{ key[++n] = $1; version[n] = $2 }
END { for (i = 1; i <= n; i++) print key[i] "\t" version[i] "\t" by[key[i]] }'
"""

# What becomes of packages besides those that are named: `@+ NAME`, `@- NAME=OLD`, `@^ NAME=OLD`.
TOLD: LiteralString = r"""
told_list() { rpm -qa --qf '%{NAME}=%{EVR}\n' | sort -u; echo -; }
before=$(told_list)
told() { { printf '%s\n' "$before"; told_list; } | awk -F = '
BEGIN { for (i = 1; i < ARGC; i++) { n = ARGV[i]; named[n]; sub(/\.[a-z0-9_]+$/, "", n)
named[n] }; ARGC = 1 }
$0 == "-" { part++; next }
part == 0 { old[$1] = old[$1] (old[$1] == "" ? "" : " ") $2 }
part == 1 { new[$1] = new[$1] (new[$1] == "" ? "" : " ") $2 }
END { for (n in new) if (!(n in old) && !(n in named)) print "@+ " n
for (n in new) if (n in old && old[n] != new[n] && !(n in named)) print "@^ " n "=" old[n]
for (n in old) if (!(n in new) && !(n in named)) print "@- " n "=" old[n] }' {}; }
"""

NEEDED: LiteralString = r"""
needed() { if said=$(LC_ALL=C rpm -e --test -- "$@" 2>&1); then return; fi
case $said in *' is needed by (installed) '*) ;; *) printf '%s\n' "$said" >&2; return 1 ;; esac
printf '%s\n' "$said" | sed -n 's/.* is needed by (installed) //p' | sort -u; }
"""
"""Defines `needed PACKAGE...`, which prints the installed packages that need one of those; it fails
if rpm(8) fails for another reason."""

# A line for each that others need which are to stay: `NAME... TAB OTHERS...`.
_OTHERS: LiteralString = r"""
others=$(needed {}) || exit; [ "$others" ] || exit 0
blame() { name=$1; shift; its=$(needed "$@") || exit
its=$(printf '%s\n' "$its" | grep -x -F -e "$others") || return 0
printf '%s\t%s\n' "$name" "$(echo $its)"; }
"""

ALONE: LiteralString = r"""
others=$(needed {}) || exit
[ -z "$others" ] || { echo "these would go, too:" $others >&2; exit 1; }
"""


def _ask_installed(names: Sequence[str]) -> Command:
    return replace(sh(_INSTALLED.strip(), list(names)), called=f"rpm -q {' '.join(names)}")


def split_lines(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the line for each key that it begins with."""
    lines = {line.partition("\t")[0]: line for line in text.splitlines()}
    return ((key, f"{lines[key]}\n") for key in keys if key in lines)


INSTALLED = Table(_ask_installed, split_lines)
"""A line for each package: its name, its versions, and the packages that provide the name."""


def parse_installed(text: str) -> tuple[str | None, tuple[str, ...]]:
    """Return the version, or versions, of a line of `INSTALLED`; and who provides the name."""
    _, version, providers = text.rstrip("\n").split("\t")
    if version:
        return " ".join(sorted(version.split(), key=order)), ()
    some = tuple(dict.fromkeys(providers.split()))
    return (BY + some[0] if some else None), some


def ask_others(going: Mapping[str, Sequence[str]]) -> Command:
    """Return the question for the packages that need those which go, by what they go with."""
    everything = [one for gone in going.values() for one in gone]
    text = sh("{}{}", sh(NEEDED.lstrip()), sh(_OTHERS.lstrip(), everything))
    for name, gone in going.items():
        text = sh("{}blame {} {}\n", text, name, gone)
    return text


_SEGMENT = re.compile(r"([0-9]+|[A-Za-z]+|~|\^)")


def _compare(one: str, other: str) -> int:
    """Compare two versions, or two releases, by segments: rpm-version(7)."""
    mine, theirs = _SEGMENT.findall(one), _SEGMENT.findall(other)
    for at in range(max(len(mine), len(theirs))):
        left = mine[at] if at < len(mine) else ""
        right = theirs[at] if at < len(theirs) else ""
        if found := _compare_segments(left, right):
            return found
    return 0


def _compare_segments(left: str, right: str) -> int:
    """Compare two segments, where "" is the end: a tilde is before it, a caret just after it."""
    ranks = [_rank(one) for one in (left, right)]
    if ranks[0] != ranks[1]:
        return 1 if ranks[0] > ranks[1] else -1
    if ranks[0] == _NUMBER:
        left, right = _number(left), _number(right)
    return (left > right) - (left < right)


_NUMBER = 4


def _number(digits: str) -> str:
    """Return digits so that their texts compare as numbers; a host may say very many."""
    bare = digits.lstrip("0")
    return f"{len(bare):09}{bare}"


def _rank(segment: str) -> int:
    if segment.isdecimal():
        return _NUMBER
    return {"~": 0, "": 1, "^": 2}.get(segment, 3)


def _split(version: str) -> tuple[str, str, str]:
    epoch, _, rest = version.rpartition(":")
    upstream, dash, release = rest.rpartition("-")
    if not dash:
        upstream, release = release, ""
    return _number(epoch) if epoch.isdecimal() else _number(""), upstream, release


def compare(one: str, other: str) -> int:
    """
    Return -1, 0 or 1 for two versions, EPOCH:VERSION-RELEASE, as rpm(8) orders them.

    >>> compare("1.0~rc1-1", "1.0-1"), compare("1.0^git1-1", "1.0-1"), compare("1:1-1", "2-1")
    (-1, 1, 1)
    """
    (epoch, version, release), theirs = _split(one), _split(other)
    if epoch != theirs[0]:
        return 1 if epoch > theirs[0] else -1
    return _compare(version, theirs[1]) or _compare(release, theirs[2])


order = functools.cmp_to_key(compare)
"""A key that sorts versions as rpm(8) does."""


def matches(declared: str, version: str) -> bool:
    """
    Return whether a version is the declared one, of which epoch and release may be left out.

    >>> matches("1.2", "1:1.2-3.el9"), matches("1.2-3.el9", "1:1.2-3.el9"), matches("1", "1.2-3")
    (True, True, False)
    """
    if ":" in declared:
        if _split(declared)[0] != _split(version)[0]:
            return False
        declared = declared.partition(":")[2]
    rest = version.rpartition(":")[2]
    return declared in (rest, rest.rpartition("-")[0])


_ARCH = re.compile(
    r"(.+)\.(noarch|x86_64|i[3-6]86|aarch64|armv[0-9a-z]+|ppc64(?:le)?|s390x|riscv64|loongarch64)"
)


def name_and_arch(name: str) -> tuple[str, str | None]:
    """
    Return the name, and the architecture if it has one behind a dot.

    >>> name_and_arch("glibc.i686"), name_and_arch("python3.11")
    (('glibc', 'i686'), ('python3.11', None))
    """
    found = _ARCH.fullmatch(name)
    return (found[1], found[2]) if found is not None else (name, None)
