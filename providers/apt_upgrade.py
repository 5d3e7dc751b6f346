"""Upgrades, by apt-get(8): what its simulation says is what is done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.language.access_path import packages_on_it
from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Probe,
    Provider,
    Risk,
    Thing,
    hint,
    provides,
    sh,
)
from cookbook.providers.apt_back import with_configuration
from cookbook.providers.apt_get import LISTS, TransactionOptions, arguments, transaction
from cookbook.providers.apt_rehearsal import ask_besides, besides
from cookbook.providers.dpkg import (
    INSTALLED,
    WITHOUT_TRACE,
    offers,
    order,
    parse_installed,
    parse_offer,
)
from cookbook.resources.apt_upgrade import AptUpgrade


@dataclass(frozen=True)
class State:
    """The packages that an upgrade is about, and nothing of the others."""

    packages: tuple[str, ...] | None = None
    """Each with its version: `nginx=1.22.1-9`."""
    archives: int | None = None
    """Downloaded archives that are of no use any more."""
    upgrades: tuple[str, ...] = hint(default=())
    """The packages as they are afterwards; in what was found."""
    unoffered: tuple[str, ...] = hint(default=())
    """Those of `packages` whose version no repository has."""
    offered: tuple[str, ...] = hint(default=())
    """All versions that can be had, of the packages that an undo asks about."""
    verb: tuple[str, ...] = hint(default=())
    """The words for apt-get(8); empty: the packages are brought to their versions one by one."""
    options: tuple[str, ...] = hint(default=())
    overwrite: bool = hint(default=False)
    lock_timeout: int = hint(default=120)
    timeout: float = hint(default=3600.0)


_ASK: LiteralString = r"""
LC_ALL=C; export LC_ALL; use="$use -o Dir::Log::Planner=/dev/null"
simulate() { apt-get -s -q -o Debug::NoLocking=1 $use {} "$@"; }
out=$(simulate {}) || exit
if [ {} ]; then
set -- $(printf '%s\n' "$out" | awk '/^Inst [^ ]+ \[/ && /[Ss]ecurity/ { print $2 }')
out=; [ $# = 0 ] || out=$(simulate install --only-upgrade -- "$@") || exit; fi
printf '%s\n' "$out" | awk '/^The following packages have been kept back:/ { kept = 1; next }
kept && /^ / { for (i = 1; i <= NF; i++) print "Kept " $i; next } { kept = 0 }
$1 ~ /^(Inst|Remv|Purg)$/ { print }'
set -- $(printf '%s\n' "$out" | awk '/^(Inst|Remv|Purg) [^ ]+ \[/ { print $2 }')
[ $# = 0 ] || apt-cache $use policy "$@" | awk '/^[^ ].*:$/ { own = 0
n = substr($0, 1, length($0) - 1); next }
/^ (\*\*\*|   ) [^ ]/ { own = $1 == "***"; if (own) print "Own " n; next }
own && !/ \/var\/lib\/dpkg\/status$/ { print "Offered " n }'
[ -z {} ] || apt-get -s -q $use autoclean | sed -n 's/^Del .*/Del/p'
"""


@provides(AptUpgrade, when=lambda facts: facts.package_tool == "apt")
class AptUpgradeProvider(Provider[AptUpgrade, State]):
    """A transaction of all upgrades; an undo brings the former versions back."""

    owns = False
    whole = True
    after_anything = True
    rehearsed = LISTS

    def probe(self, upgrade: AptUpgrade) -> Sequence[Probe]:
        """Ask for a simulation, which an undo does not need; of some packages for the versions."""
        ask = sh(
            WITHOUT_TRACE + _ASK.strip(),
            list(upgrade.words),
            list(_verb(upgrade)),
            "security" if upgrade.security_only else "",
            "clean" if upgrade.autoclean else "",
        )
        simulate = Probe(replace(ask, called=f"apt-get -s {' '.join(_verb(upgrade))}"))
        probes = [simulate] if upgrade.action == "upgrade" else []
        names = upgrade.packages
        probes += [INSTALLED.about(name) for name in names]
        return [*probes, *(offers().about(f"{name}=*", loose=True) for name in names)]

    def parse(self, upgrade: AptUpgrade, *answers: str | None) -> State | None:
        """Return the packages that would be changed, before and after; None without any."""
        text = answers[0] or "" if upgrade.action == "upgrade" else ""
        answers = answers[1:] if upgrade.action == "upgrade" else answers
        before, after = _simulated(text)
        words = [line.split(" ") for line in text.splitlines()]
        by = {mark: [w[1] for w in words if w[0] == mark] for mark in ("Own", "Offered")}
        count = len(upgrade.packages)
        lines = zip(upgrade.packages, answers[:count], strict=True)
        known = {name: parse_installed(line).version for name, line in lines if line is not None}
        before = {**{name: v for name, v in known.items() if v is not None}, **before}
        after = {**{name: v for name, v in known.items() if v is not None}, **after}
        told = [parse_offer(line) for line in answers[count:] if line is not None]
        archives = sum(word[0] == "Del" for word in words)
        if not before and not after and not archives:
            return None
        return State(
            _texts(before),
            archives if upgrade.autoclean else None,
            upgrades=_texts(after),
            unoffered=tuple(sorted({*by["Own"]} - {*by["Offered"]})),
            offered=tuple(f"{offer.name}={v}" for offer in told for v in offer.versions),
        )

    def plan(self, upgrade: AptUpgrade, found: State | None) -> Change[State]:
        """Plan what the simulation says."""
        if found is None:
            return Change(None, None)
        now = found
        wanted = replace(
            now,
            packages=now.upgrades,
            archives=None if now.archives is None else 0,
            offered=(),
            verb=_verb(upgrade),
            options=upgrade.words,
            overwrite=upgrade.overwrite_config_files,
            lock_timeout=upgrade.lock_timeout,
            timeout=upgrade.timeout,
        )
        if upgrade.security_only:
            names = sorted(_versions(now.packages).keys() & _versions(now.upgrades).keys())
            wanted = replace(wanted, verb=("install", "--only-upgrade", *names))
        lost = ", ".join(_lost(now))
        note = f"not undoable: no repository has {lost}" if lost else None
        change = Change(replace(now, offered=()), wanted, note=note)
        return change if change.needed else replace(change, note=None)

    def besides(self, upgrade: AptUpgrade) -> Sequence[Probe]:
        """Ask the same: what is kept back is told even if nothing is to be done."""
        return self.probe(upgrade)[:1]

    def warning(self, upgrade: AptUpgrade, said: str) -> str | None:
        """Name the packages that are kept back."""
        kept = sorted(line[5:] for line in said.splitlines() if line.startswith("Kept "))
        return f"kept back: {', '.join(kept)}" if kept else None

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Upgrade; in an undo bring each package to its version; remove old archives."""
        found, wanted = change.found or State(), change.wanted or State()
        if "packages" in change.fields:
            yield _transaction(found, wanted)
        if "archives" in change.fields:
            yield sh("apt-get -q autoclean")

    def rehearsal(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask for the bytes; which packages are upgraded is known."""
        change = changes[0][1]
        if change.found is None or change.wanted is None or "packages" not in change.fields:
            return None
        verb, specs, manner, back = _arguments(change.found, change.wanted)
        return ask_besides(arguments(verb, specs, manner, downgrade=back))

    def side_effects(self, changes: Sequence[tuple[str, Change[State]]], said: str) -> str | None:
        """Return the bytes; other packages there are none, unless the lists have changed."""
        change = changes[0][1]
        sides = [side.packages for side in (change.found, change.wanted) if side is not None]
        return besides(said, [name for side in sides for name in _versions(side)])

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add a note on configuration files that were left beside those in use."""
        return with_configuration(change, said)

    def alters(self, upgrade: AptUpgrade, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the packages."""
        its = change.found.packages if change is not None and change.found is not None else ()
        return [*self.about(upgrade), *(Thing("package", name) for name in _versions(its))]

    def about(self, upgrade: AptUpgrade) -> Iterable[Thing]:
        """Yield the lists of apt as well."""
        return [*super().about(upgrade), LISTS]

    def removes(self, upgrade: AptUpgrade, change: Change[State] | None) -> Iterable[Thing]:
        """Yield nothing: what is removed is named by the alteration."""
        return []

    def brings_anything(self, name: str) -> bool:
        """Return True: a new version may bring files and units."""
        return True

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk: sshd(8) or sudo(8) would be removed."""
        sides = [_versions(side.packages) if side else {} for side in (change.found, change.wanted)]
        return "will" if packages_on_it(frozenset(sides[0].keys() - sides[1].keys())) else "no"

    def limit(self, change: Change[State]) -> float:
        """Return the time that the recipe allows, and that for a lock."""
        state = change.wanted or State()
        return state.timeout + state.lock_timeout

    def absent(self, state: State | None) -> bool:
        """Return False: no package brings upgrades."""
        return False

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Name versions that no repository has, and archives."""
        lost = _lost(change.found) if change.found is not None else []
        gone = change.fields.get("archives", (0, 0))[0]
        return (
            "; ".join(
                [*([f"{', '.join(lost)}"] if lost else []), *([f"{gone} archives"] if gone else [])]
            )
            or None
        )

    def ask_back(self, upgrade: AptUpgrade, change: Change[State]) -> AptUpgrade:
        """Return the upgrade of the same packages only, so that their versions are asked for."""
        sides = [side for side in (change.found, change.wanted) if side is not None]
        names = {name for side in sides for name in _versions(side.packages)}
        some = replace(upgrade, packages=sorted(names), security_only=False, autoclean=False)
        return replace(some, action="nothing")

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former versions of these packages."""
        before, after = change.found or State(), change.wanted or State()
        if now is None:
            return Change(after, replace(before, archives=None, verb=(), options=()))
        names = _versions(before.packages).keys() | _versions(after.packages).keys()
        there = {n: v for n, v in _versions(now.packages).items() if n in names}
        found = replace(now, packages=_texts(there), archives=None, unoffered=())
        wanted = replace(
            before,
            archives=None,
            unoffered=(),
            verb=(),
            options=(),
            lock_timeout=after.lock_timeout,
            timeout=after.timeout,
        )
        return Change(found, wanted)

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: no repository has a version any more."""
        if now is None or change.found is None:
            return None
        have = _versions(now.packages)
        for one, version in _versions(change.found.packages).items():
            if have.get(one) != version and f"{one}={version}" not in now.offered:
                return f"{one} {version} cannot be had any more: no repository of the host has it"
        return None


def _verb(upgrade: AptUpgrade) -> tuple[str, ...]:
    """Return the words for apt-get(8); for chosen packages, with them."""
    if upgrade.packages:
        return ("install", "--only-upgrade", *upgrade.packages)
    return ("upgrade", "--with-new-pkgs") if upgrade.mode == "safe" else ("dist-upgrade",)


_INST = re.compile(r"Inst (\S+)(?: \[([^\]]*)\])? \((\S+) .*")
_GONE = re.compile(r"(?:Remv|Purg) (\S+) \[([^\]]*)\].*")


def _simulated(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the versions before and after, of the packages that are changed."""
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for line in text.splitlines():
        if (found := _INST.fullmatch(line)) is not None:
            after[found[1]] = found[3]
            before |= {found[1]: found[2]} if found[2] is not None else {}
        elif (found := _GONE.fullmatch(line)) is not None:
            before[found[1]] = found[2]
    return before, after


def _texts(versions: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{name}={version}" for name, version in sorted(versions.items()))


def _versions(texts: Sequence[str] | None) -> dict[str, str]:
    pairs = (text.partition("=") for text in texts or ())
    return {name: version for name, _, version in pairs}


def _lost(state: State) -> list[str]:
    return [text for text in state.packages or () if text.partition("=")[0] in state.unoffered]


# Packages that are named to apt-get(8) count as wanted by the operator: those that did not before
# do not afterwards.
_AS_MARKED: LiteralString = """\
auto=$(apt-mark showauto {}) || exit
({}
); s=$?; for p in $auto; do case $(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null) in
installed) apt-mark auto -- "$p" >/dev/null ;; esac; done; (exit $s)"""


def _transaction(found: State, wanted: State) -> Command:
    """Return the transaction; its lists are those from which it was planned."""
    verb, specs, manner, back = _arguments(found, wanted)
    text = transaction(verb, specs, manner, downgrade=back, refresh=False)
    if not specs:
        return text
    return replace(sh(_AS_MARKED, list(manner.names), text), shown=text.shown, called=text.called)


def _arguments(found: State, wanted: State) -> tuple[str, list[str], TransactionOptions, bool]:
    """Return verb, packages and options of the transaction, and whether one becomes older."""
    before, after = _versions(found.packages), _versions(wanted.packages)
    names = sorted(before.keys() | after.keys())
    verb, *words = wanted.verb or ("install",)
    back = False
    if wanted.verb:
        options = (*(word for word in words if word.startswith("-")), *wanted.options)
        specs = [word for word in words if not word.startswith("-")]
        if specs:
            specs = [f"{one}={after[one]}" for one in specs if before.get(one) != after.get(one)]
    else:
        options = ()
        specs = [f"{one}={v}" for one, v in after.items() if before.get(one) != v]
        specs += [f"{one}-" for one in before if one not in after]
        back = any(one in before and order(v) < order(before[one]) for one, v in after.items())
    manner = TransactionOptions(
        options,
        None,
        wanted.overwrite,
        86400,
        wanted.lock_timeout,
        names=tuple(names),
        timeout=wanted.timeout,
    )
    return verb, specs, manner, back
