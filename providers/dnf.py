"""Offers and transactions of dnf(8), which asks nothing and leaves no trace of a question."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import LiteralString

from cookbook.provider import Change, Command, Table, sh
from cookbook.providers.private_folder import private_folder
from cookbook.providers.rpm import name_and_arch, split_lines
from cookbook.providers.rpm_repositories import offers, worst_age
from cookbook.providers.rpm_state import (
    Goals,
    Manner,
    State,
    foreseen,
    manner_of,
    named_in,
    waiting,
)

FOLDERS = ("/etc/yum.repos.d", "/etc/yum/repos.d", "/etc/distro.repos.d")

_PATTERN = sh("-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]*/repodata/*primary.xml*")

_LOCKED = 200
"""The exit status of dnf(8) for a lock of another process, with exit_on_lock."""

# Its metadata is used as it is (-C): a question fetches nothing. Logs and locks are beside it.
_QUIET: LiteralString = r"""
LC_ALL=C; export LC_ALL; mkdir -- "$cook_p/cache"
for f in /var/cache/dnf/*; do case $f in *.json|*.pid) ;; *) ln -s -- "$f" "$cook_p/cache/" ;; esac
done; ask() { dnf -C --setopt=cachedir="$cook_p/cache" --setopt=system_cachedir="$cook_p/cache" \
--setopt=logdir="$cook_p" --setopt=persistdir="$cook_p" "$@"; }
"""

# A repository that an option enables may have no metadata yet, which is an error of dnf(8).
_FOUND: LiteralString = r"""
find() { ask -q {} repoquery --qf "$@"; }
found=$(find '%{name}\t%{arch}\t%{evr}\t%{reponame}' $names) || {}
provide() { find '%{name}' --whatprovides "$1"; }
"""

_OF_REPOSITORIES = re.compile(r"--(?:enablerepo|disablerepo|repo|repoid)=([A-Za-z0-9_.:,*-]+)")


def repository_words(words: Sequence[str]) -> tuple[str, ...]:
    """Return the options that say which repositories count, for questions as well."""
    return tuple(word for word in words if _OF_REPOSITORIES.fullmatch(word))


@functools.cache
def offers_of(words: tuple[str, ...]) -> Table:
    """
    Return the table of the versions that the metadata has of packages, with these options.

    Its keys are `name`, `name=version` and `name=*`.
    """

    def ask(keys: Sequence[str]) -> Command:
        quiet = sh(_QUIET.lstrip())
        end = sh("exit 0") if words else sh("exit")
        find = sh("{}{}{}", private_folder(), quiet, sh(_FOUND.strip(), words, end))
        asked = offers(keys, FOLDERS, find, by_name=False)
        return replace(asked, called=f"dnf repoquery {' '.join(keys)}")

    return Table(ask, split_lines)


def _age(cache_max_age: int, words: Sequence[str] = ()) -> Command:
    found = (_OF_REPOSITORIES.fullmatch(word) for word in words)
    more = [
        one
        for match in found
        if match is not None and not match[0].startswith("--disable")
        for one in match[1].split(",")
        if "*" not in one
    ]
    return worst_age(FOLDERS, "/var/cache/dnf", _PATTERN, cache_max_age, more)


def age(cache_max_age: int, words: Sequence[str]) -> Command:
    """Return the command that prints how old the metadata is: fresh, old or none."""
    text = sh('{}echo "$worst"', _age(cache_max_age, words))
    return replace(text, called="look for the age of the metadata of dnf")


def spec(name: str, version: str | None) -> str:
    """
    Return a package as dnf(8) takes it.

    >>> spec("glibc.i686", "2.34-60")
    'glibc-2.34-60.i686'
    """
    if version is None:
        return name
    bare, arch = name_and_arch(name)
    # Of a version without a release dnf takes no architecture behind it.
    return f"{bare}-{version}.{arch}" if arch and "-" in version else f"{bare}-{version}"


def _verbs(goals: Goals, manner: Manner) -> Iterator[Command]:
    weak = (
        sh("")
        if manner.recommends is None
        else sh("--setopt=install_weak_deps={}", str(manner.recommends))
    )
    if goals.remove:
        names = list(dict.fromkeys(spec(*one) for one in goals.remove))
        yield sh("--noautoremove {} remove {}", manner.options, names)
    if goals.install:
        names = list(dict.fromkeys(spec(*one) for one in goals.install))
        yield sh("{} {} install {}", weak, manner.options, names)
    if goals.upgrade:
        yield sh("{} {} upgrade {}", weak, manner.options, list(goals.upgrade))


def transaction(goals: Goals, manner: Manner) -> Command:
    """Return the transaction; dnf(8) has one for each verb. Old metadata is refreshed before."""
    work = list(_verbs(goals, manner))
    text = waiting(manner.lock_timeout, _LOCKED)
    dnf = sh("dnf -y --setopt=exit_on_lock=True")
    if goals.install or goals.upgrade:
        words = repository_words(manner.options)
        refresh = '{}[ "$worst" = fresh ] || try {} -q --refresh {} makecache || exit\n'
        text = sh("{}{}", text, sh(refresh, _age(manner.cache_max_age, words), dnf, words))
    for one in work:
        text = sh("{}try {} {} || exit\n", text, dnf, one)
    shown = " && ".join(f"dnf {one.shown}" for one in work)
    return replace(text, shown=shown, called=shown)


# A name that is too long for its column has the rest of its line on the next one.
_REHEARSE: LiteralString = r"""
for v; do eval "ask --assumeno $v" 2>&1; done | awk '/^[A-Z][A-Za-z ]*:$/ { part = $0; print; next }
/^ / && part != "" { if (NF == 1) { held = $1; next } print " " held " " $0; held = ""; next }
/^=|^$/ { next } { part = "" } /^(Error:|Total (download )?size|Installed size|Freed space)/
/^Error:/ { part = $0 } /^  - / { print }'
"""


def rehearse(changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
    """Return the question for what changes do besides; None if that is not known yet."""
    goals = foreseen(changes)
    if goals is None:
        return None
    verbs = list(_verbs(goals, manner_of(changes[0][1])))
    if not verbs:
        return None
    ask = sh(
        "{}{}set -- {}\n{}",
        private_folder(),
        sh(_QUIET.lstrip()),
        [str(verb) for verb in verbs],
        sh(_REHEARSE.strip()),
    )
    return replace(ask, called="dnf --assumeno")


_HEADINGS = {
    "Installing": "installs",
    "Upgrading": "upgrades",
    "Downgrading": "brings back",
    "Removing": "removes",
}
_ENTRY = re.compile(r"\s+(\S+)\s+(\S+)\s+(\S+)\s")


def side_effects(changes: Sequence[tuple[str, Change[State]]], said: str) -> str | None:
    """Return a remark by the answer; it leaves out packages that are named in the plan."""
    lines = said.splitlines()
    if any(line.startswith("Error:") for line in lines):
        why = [line.strip() for line in lines if line.lstrip().startswith(("Error:", "- "))]
        return f"dnf says that this fails: {' '.join(why)}"
    known = {name_and_arch(name)[0] for name in named_in(changes)}
    found: dict[str, list[str]] = {}
    verb: str | None = None
    for line in lines:
        if line.endswith(":") and not line.startswith(" "):
            verb = _HEADINGS.get(line.split(" ")[0].rstrip(":"))
        elif verb is not None and (entry := _ENTRY.match(line)) and entry[1] not in known:
            found.setdefault(verb, []).append(f"{entry[1]} {entry[3]}")
    others = [f"{verb} {', '.join(some)}" for verb, some in found.items()]
    also = [f"dnf also {' and '.join(others)}"] if others else []
    size = re.search(r"^Total download size: (.+)$", said, re.MULTILINE)
    return "; ".join([*also, *([f"{size[1].strip()} to download"] if size else [])]) or None
