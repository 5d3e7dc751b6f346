"""Offers and transactions of zypper(8), which asks nothing and leaves no trace of a question."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import LiteralString

from cookbook.provider import Change, Command, Table, sh
from cookbook.providers.private_folder import private_folder
from cookbook.providers.rpm import name_and_arch, split_lines
from cookbook.providers.rpm_repositories import offers, repositories, worst_age
from cookbook.providers.rpm_state import (
    Goals,
    Manner,
    State,
    foreseen,
    manner_of,
    named_in,
    waiting,
)

FOLDERS = ("/etc/zypp/repos.d",)

_PATTERN = sh("/repodata/repomd.xml")

_LOCKED = 7
"""ZYPPER_EXIT_ZYPP_LOCKED."""

# A repository without metadata would be fetched by a question, so there must be none of them;
# that of installed packages is made anew beside the cache. Where zypper(8) has not noted yet which
# packages came by themselves, its first call does, whatever it is asked.
_QUIET: LiteralString = r"""
LC_ALL=C ZYPP_READONLY_HACK=1 ZYPP_LOGFILE=/dev/null; export LC_ALL ZYPP_READONLY_HACK ZYPP_LOGFILE
mkdir -- "$cook_p/solv"; for d in /var/cache/zypp/solv/*; do case $d in */@System) ;;
*) ln -s -- "$d" "$cook_p/solv/" ;; esac; done
ask() { zypper --non-interactive --no-refresh --xmlout --solv-cache-dir "$cook_p/solv" "$@"; }
"""
_ALL_KNOWN: LiteralString = r"""
[ -f /var/lib/zypp/AutoInstalled ] || exit 0
for f in $(repositories | awk -F '\t' '$3 == 1 { print $1 }'); do
[ -f "/var/cache/zypp/solv/$f/solv" ] || exit 0; done
"""

_FOUND: LiteralString = r"""
search() { ask --disable-system-resolvables search -s -t package --match-exact "$@" ||
[ $? = 104 ]; }
v='"\([^"]*\)"'; v="name=$v kind=\"package\" edition=$v arch=$v repository=$v"
solvables() { sed -n "s/^<solvable status=\"[^\"]*\" $v.*/\1\t\3\t\2\t\4/p" |
sed "s/&apos;/'/g; s/&quot;/\"/g; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g"; }
arch='noarch|x86_64|i[3-6]86|aarch64|armv[0-9a-z]+|ppc64|ppc64le|s390x|riscv64|loongarch64'
bare=$(printf '%s\n' $names | sed -E "s/\\.($arch)\$//" | sort -u)
found=$(search -- $bare) || exit; found=$(printf '%s\n' "$found" | solvables)
provide() { by=$(search --provides -- "$1") || return; printf '%s\n' "$by" | solvables | cut -f 1; }
"""


def _ask_offers(keys: Sequence[str]) -> Command:
    find = sh(
        "{}{}{}{}",
        private_folder(),
        sh(_ALL_KNOWN.lstrip()),
        sh(_QUIET.lstrip()),
        sh(_FOUND.strip()),
    )
    asked = offers(keys, FOLDERS, find, by_name=True)
    return replace(asked, called=f"zypper search {' '.join(keys)}")


OFFERS = Table(_ask_offers, split_lines, apart=True)  # one process has the lock of zypper
"""The versions that the metadata has of packages, by `name`, `name=version` or `name=*`."""


def _age(cache_max_age: int) -> Command:
    return worst_age(FOLDERS, "/var/cache/zypp/raw", _PATTERN, cache_max_age)


def age(cache_max_age: int) -> Command:
    """Return the command that prints how old the metadata is: fresh, old or none."""
    text = sh('{}echo "$worst"', _age(cache_max_age))
    return replace(text, called="look for the age of the metadata of zypper")


def spec(name: str, version: str | None) -> str:
    """
    Return a package as zypper(8) takes it.

    >>> spec("glibc", "2.34-60")
    'glibc=2.34-60'
    """
    return name if version is None else f"{name}={version}"


def _verbs(goals: Goals, manner: Manner, *, downgrade: bool) -> Iterator[Command]:
    if goals.remove:
        names = list(dict.fromkeys(spec(*one) for one in goals.remove))
        yield sh("remove {} -- {}", manner.options, names)
    if goals.install or goals.upgrade:
        flag = {None: sh(""), True: sh("--recommends"), False: sh("--no-recommends")}
        old = sh("--oldpackage") if downgrade else sh("")
        names = [spec(*one) for one in goals.install] + list(goals.upgrade)
        yield sh(
            "install --auto-agree-with-licenses {} {} {} -- {}",
            flag[manner.recommends],
            old,
            manner.options,
            list(dict.fromkeys(names)),
        )


# 102 and 103: a reboot, or a restart of the package manager, is recommended; 106: a repository
# could not be refreshed and was left out. What was asked for is done, and is verified afterwards.
_RUN: LiteralString = r"""
run() { zypper --non-interactive "$@" || case $? in 102|103|106) ;; *) return $? ;; esac; }
"""


def transaction(goals: Goals, manner: Manner, *, downgrade: bool) -> Command:
    """Return the transaction: one to remove, one for all else. Old metadata is refreshed before."""
    work = list(_verbs(goals, manner, downgrade=downgrade))
    text = sh("{}{}", sh(_RUN.lstrip()), waiting(manner.lock_timeout, _LOCKED))
    if goals.install or goals.upgrade:
        refresh = '{}[ "$worst" = fresh ] || try run --quiet {} refresh || exit\n'
        text = sh("{}{}", text, sh(refresh, _age(manner.cache_max_age), manner.global_options))
    for one in work:
        text = sh("{}try run {} {} || exit\n", text, manner.global_options, one)
    shown = " && ".join(sh("zypper {} {}", manner.global_options, one).shown for one in work)
    return replace(text, shown=shown, called=shown)


_REHEARSE: LiteralString = r"""
for v; do eval "ask $v" 2>&1; done |
grep -E '^<(/?to-|solvable|install-summary|message type="error"|problem|description)'; :
"""


def rehearse(changes: Sequence[tuple[str, Change[State]]], *, downgrade: bool) -> Command | None:
    """Return the question for what changes do besides; None if that is not known yet."""
    goals = foreseen(changes)
    if goals is None:
        return None
    manner = manner_of(changes[0][1])
    manner = replace(manner, options=("--dry-run", *manner.options))
    verbs = [
        sh("{} {}", manner.global_options, one)
        for one in _verbs(goals, manner, downgrade=downgrade)
    ]
    if not verbs:
        return None
    told = sh("set -- {}\n{}", [str(verb) for verb in verbs], sh(_REHEARSE.strip()))
    known = sh("{}{}", repositories(FOLDERS), sh(_ALL_KNOWN.lstrip()))
    ask = sh("{}{}{}{}", private_folder(), known, sh(_QUIET.lstrip()), told)
    return replace(ask, called="zypper install --dry-run")


_HEADINGS = {
    "to-install": "installs",
    "to-upgrade": "upgrades",
    "to-downgrade": "brings back",
    "to-remove": "removes",
}

_ENTRY = re.compile(r' name="([^"]*)" edition="([^"]*)"')


def side_effects(changes: Sequence[tuple[str, Change[State]]], said: str) -> str | None:
    """Return a remark by the answer; it leaves out packages that are named in the plan."""
    if errors := re.findall(r'<message type="error">([^<]*)|<description>([^<]*)', said):
        failed = "to-install" not in said and "to-upgrade" not in said and "to-" not in said
        if failed:
            why = " ".join(html.unescape(one or other).strip() for one, other in errors)
            return f"zypper says that this fails: {why}"
    known = {name_and_arch(name)[0] for name in named_in(changes)}
    found: dict[str, list[str]] = {}
    verb: str | None = None
    for line in said.splitlines():
        if head := re.match(r"<(to-[a-z-]+)>", line):
            verb = _HEADINGS.get(head[1].removesuffix("-change-arch"))
        elif verb is not None and (entry := _ENTRY.search(line)) and entry[1] not in known:
            found.setdefault(verb, []).append(f"{entry[1]} {entry[2]}")
    others = [f"{verb} {', '.join(some)}" for verb, some in found.items()]
    return f"zypper also {' and '.join(others)}" if others else None
