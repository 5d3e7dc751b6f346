"""Packages as the database of rpm(8) has them, and one transaction of a tool that changes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString

from cookbook.provider import Change, Command, hint, sh
from cookbook.providers.named_versions import ANY, BY, NEWEST, versions
from cookbook.providers.rpm import ALONE, NEEDED, TOLD, order


@dataclass(frozen=True)
class RepositoryOffer:
    """The versions that repositories have of a package."""

    name: str
    versions: tuple[tuple[int, str], ...]
    """Priority of the repository (the lowest wins) and version."""
    providers: tuple[str, ...] = ()
    """Packages that provide the name, if no package has it."""

    @property
    def candidate(self) -> str | None:
        """Return the newest version of the repositories with the best priority; None without."""
        best = min((priority for priority, _ in self.versions), default=0)
        some = [version for priority, version in self.versions if priority == best]
        return max(some, key=order, default=None)

    @property
    def all(self) -> Sequence[str]:
        """Return all versions, newest first."""
        return sorted({version for _, version in self.versions}, key=order, reverse=True)


@dataclass(frozen=True)
class State:
    """
    Packages as rpm has them.

    The version is a text as `named_versions` reads it; a package of which several versions are
    installed, such as a kernel, has all of them: `5.14-1 5.14-2`.
    """

    version: str | None = None
    pulled: tuple[str, ...] = hint(default=())
    """Packages that came with them as dependencies."""
    dropped: tuple[str, ...] = hint(default=())
    """Packages that were removed with them: `nginx=1.22-1`."""
    moved: tuple[str, ...] = hint(default=())
    """Packages that changed their version with them, with the version before: `glibc=2.34-60`."""
    providers: tuple[str, ...] = hint(default=())
    """The installed providers of a name: `webserver nginx`."""
    alone: bool = hint(default=False)
    """Only what is named may go; where others would go, too, nothing does."""
    offers: tuple[RepositoryOffer, ...] = hint(default=())
    metadata: str = hint(default="fresh")
    """fresh; old; `none` if there is none of a repository."""
    options: tuple[str, ...] = hint(default=())
    global_options: tuple[str, ...] = hint(default=())
    recommends: bool | None = hint()
    cache_max_age: int = hint(default=86400)
    lock_timeout: int = hint(default=120)
    timeout: float = hint(default=1800.0)


@dataclass(frozen=True)
class Manner:
    """The options of a transaction; the properties of the resource with the same names."""

    options: tuple[str, ...]
    global_options: tuple[str, ...]
    recommends: bool | None
    cache_max_age: int
    lock_timeout: int
    alone: bool = False


@dataclass(frozen=True)
class Goals:
    """The work of a transaction: names, or pairs of name and version."""

    install: Sequence[tuple[str, str | None]] = ()
    upgrade: Sequence[str] = ()
    """Those that are there, and get whatever is newest."""
    remove: Sequence[tuple[str, str | None]] = ()


def is_exact(version: str) -> bool:
    """Return whether it is a version, and no text that stands for one."""
    return version not in (ANY, NEWEST) and not version.startswith(BY)


def side_of(change: Change[State]) -> State:
    """Return the state with the hints for the transaction."""
    state = change.wanted if change.wanted is not None else change.found
    assert state is not None  # noqa: S101 - a change has a side
    return state


def manner_of(change: Change[State]) -> Manner:
    """Return the options of the transaction for a change."""
    s = side_of(change)
    return Manner(
        s.options, s.global_options, s.recommends, s.cache_max_age, s.lock_timeout, s.alone
    )


def goals_of(changes: Sequence[tuple[str, Change[State]]]) -> Goals:
    """Return what the changes want to have done."""
    install: list[tuple[str, str | None]] = []
    upgrade: list[str] = []
    remove: list[tuple[str, str | None]] = []
    for name, change in changes:
        before, after = versions(name, change.found), versions(name, change.wanted)
        for one, version in after.items():
            have = before.get(one, "").split(" ")
            new = [v for v in version.split(" ") if v not in have] if is_exact(version) else [""]
            if before.get(one) == version:
                continue
            if version == NEWEST:
                upgrade.append(one)
            elif version.startswith(BY):
                install.append((version.removeprefix(BY), None))
            else:
                install += [(one, v or None) for v in new]
                # Of a package with several versions, such as a kernel, an undo removes one.
                remove += [(one, v) for v in have if v and not new and v not in version.split(" ")]
        gone = [one for one in before if one not in after]
        remove += [pair for one in gone for pair in _gone(one, before[one])]
        if change.wanted is None and change.found is not None:
            remove += [(one, None) for one in change.found.pulled]
        install += [
            (one, v)
            for one, _, some in (text.partition("=") for text in side_of(change).dropped)
            for v in some.split(" ")
        ]
    return Goals(install, upgrade, remove)


def _gone(name: str, version: str) -> Sequence[tuple[str, str | None]]:
    """Return what is removed with a name: its provider, or all versions of the package."""
    if version.startswith(BY):
        return [(version.removeprefix(BY), None)]
    several = version.split(" ")
    return [(name, one) for one in several] if len(several) > 1 else [(name, None)]


def named_in(changes: Sequence[tuple[str, Change[State]]]) -> list[str]:
    """Return the packages that changes name, or bring back."""
    sides = [(name, side) for name, change in changes for side in (change.found, change.wanted)]
    there = [pair for name, side in sides for pair in versions(name, side).items()]
    names = [one for name, version in there for one in (name, *_provider(version))]
    names += [one.partition("=")[0] for _, change in changes for one in side_of(change).dropped]
    return [*dict.fromkeys(names)]


def _provider(version: str) -> Sequence[str]:
    return [version.removeprefix(BY)] if version.startswith(BY) else []


def goes_back(changes: Sequence[tuple[str, Change[State]]]) -> bool:
    """Return whether a package gets an older version than it has."""
    for name, change in changes:
        before = versions(name, change.found)
        for one, version in versions(name, change.wanted).items():
            have = before.get(one, "")
            if have and is_exact(have) and is_exact(version) and order(version) < order(have):
                return True
    return False


def foreseen(changes: Sequence[tuple[str, Change[State]]]) -> Goals | None:
    """Return the goals if a tool can tell what they do besides: all metadata, exact versions."""
    if any(side_of(change).metadata == "none" for _, change in changes):
        return None
    goals = goals_of(changes)
    exact = all(version is not None and is_exact(version) for _, version in goals.install)
    return goals if exact and not goals.upgrade else None


def framed(names: Sequence[str], goals: Goals, manner: Manner, work: Command) -> Command:
    """Return the shell text around a transaction: what else it changes is printed at its end."""
    going = [name for name, _ in goals.remove]
    alone = sh("{}{}", sh(NEEDED.lstrip()), sh(ALONE.lstrip(), going))
    return sh(
        "{}{}{}\ntold",
        alone if manner.alone and going else sh(""),
        sh(TOLD.lstrip(), list(names)),
        work,
    )


WAIT: LiteralString = r"""
end=$(($(date +%s) + {}))
try() { while :; do left=$((end - $(date +%s))); "$@" && return; s=$?
[ $s = {} ] || return $s
[ $left -gt 0 ] || { echo "waited {} s for the lock" >&2; return $s; }; sleep 1; done; }
"""
"""Defines `try COMMAND`, which repeats it while it ends with the status for a lock of others."""


def waiting(seconds: int, status: int) -> Command:
    """Return the shell text that defines `try`."""
    return sh(WAIT.lstrip(), seconds, status, seconds)


_TELLS = {"@+ ": "pulled", "@- ": "dropped", "@^ ": "moved"}
"""The marks that a transaction prints for its other effects, and the field of State for each."""


def learned(change: Change[State], said: str) -> Change[State]:
    """Return a change with the effects that its transactions have printed."""
    told = [line.split(" ", 1) for line in said.splitlines() if line[:3] in _TELLS]
    besides: dict[str, Any] = {
        field: tuple(sorted({name for mark, name in told if mark == line.strip()}))
        for line, field in _TELLS.items()
    }
    again = {one.partition("=")[0] for one in side_of(change).dropped}
    besides["pulled"] = tuple(sorted({*besides["pulled"], *again}))
    found, wanted = (
        replace(side, **besides) if side is not None else None
        for side in (change.found, change.wanted)
    )
    return replace(change, found=found, wanted=wanted)


def back(name: str, change: Change[State], now: State | None) -> Change[State]:
    """Return the undo of a change."""
    now = replace(now if now is not None else State(), offers=())
    wanted, before = change.wanted, versions(name, change.found)
    if not before and wanted is not None:
        found = replace(now, pulled=wanted.pulled, dropped=wanted.dropped, alone=True)
        with_it = ", ".join(wanted.pulled)
        note = f"removes what came with it as well: {with_it}" if with_it else None
        return Change(found, None, None, note)
    assert change.found is not None  # noqa: S101 - there were versions
    side = side_of(change)
    then = replace(now, version=change.found.version, dropped=side.dropped, pulled=())
    return Change(now if now.version is not None else None, then)


def lost(name: str, change: Change[State]) -> str | None:
    """Return the effects that no undo restores."""
    side = side_of(change)
    updated = versions(name, change.found) and versions(name, change.wanted)
    told = []
    if side.moved:
        told += [f"the versions before of what came with it: {', '.join(side.moved)}"]
    if updated and side.pulled:
        told += [f"what came with it stays installed: {', '.join(side.pulled)}"]
    return "; ".join(told) or None


def missed(name: str, change: Change[State], now: State) -> Iterator[str]:
    """Yield the reasons why the former versions cannot be had."""
    offered = {offer.name: offer.all for offer in now.offers}
    have = versions(name, now)
    if now.metadata == "none":
        return  # what repositories have is not known
    for one, version in versions(name, change.found).items():
        if not is_exact(version) or have.get(one) == version:
            continue
        there = [*offered.get(one, ()), *have.get(one, "").split(" ")]
        if gone := [v for v in version.split(" ") if v not in there]:
            old = "" if now.metadata == "fresh" else " (its metadata is old)"
            which = " ".join(gone)
            yield f"{one} {which} cannot be had any more: no repository of the host has it{old}"
