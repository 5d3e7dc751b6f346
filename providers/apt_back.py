"""The way back of packages: versions, what came and went with them, who had asked for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, LiteralString

from cookbook.language.change import S
from cookbook.provider import Change, Command, join, sh
from cookbook.providers.apt_get import State, gone_of
from cookbook.providers.named_versions import versions

_TELLS = {
    "@+ ": "pulled",
    "@- ": "dropped",
    "@^ ": "moved",
    "@a ": "automatic",
    "@r ": "residue",
}
"""The marks that a transaction prints for its other effects, and the field of State for each."""


# A line for each that others need which are to stay: `NAME... TAB OTHERS...`.
_OTHERS: LiteralString = r"""
going() { s=$(apt-get -s -q remove -- "$@") || exit
printf '%s\n' "$s" | awk '$1 == "Remv" { print $2 }'; }
all=$(printf '%s\n' {}); its=$(going $all) || exit
others=$(printf '%s\n' "$its" | grep -v -x -F -e "$all") || exit 0
blame() { name=$1; shift; its=$(going "$@") || exit
its=$(printf '%s\n' "$its" | grep -x -F -e "$others") || return 0
printf '%s\t%s\n' "$name" "$(echo $its)"; }
"""


def learned(change: Change[State], said: str) -> Change[State]:
    """
    Return a change with the effects that its transactions have printed.

    Packages that were installed again on purpose have come with it, as dependencies do: a
    transaction of several changes does not print whose they are.
    """
    change = with_configuration(change, said)
    told = [line.split(" ", 1) for line in said.splitlines() if line[:3] in _TELLS]
    besides: dict[str, Any] = {
        hint: tuple(sorted(name for mark, name in told if mark == line.strip()))
        for line, hint in _TELLS.items()
    }
    side = change.wanted if change.wanted is not None else change.found
    again = {one.partition("=")[0] for one in (side.dropped if side is not None else ())}
    besides["pulled"] = tuple(sorted({*besides["pulled"], *again}))
    found, wanted = (
        replace(side, **{**besides, "residue": (*side.residue, *besides["residue"])})
        if side is not None
        else None
        for side in (change.found, change.wanted)
    )
    return replace(change, found=found, wanted=wanted)


def with_configuration(change: Change[S], said: str) -> Change[S]:
    """Return a change with a note on the configuration files that a transaction has left beside."""
    paths = sorted(line[3:] for line in said.splitlines() if line.startswith("@k "))
    if not paths:
        return change
    one = "is a version" if len(paths) == 1 else "are versions"
    note = f"beside the configuration in use {one} that differs: {', '.join(paths)}"
    return replace(change, note="; ".join(filter(None, (change.note, note))))


def lost(name: str, change: Change[State]) -> str | None:
    """Return the effects that no undo restores."""
    if change.act == "purge":
        return f"configuration and data of {name}"
    side = change.wanted if change.wanted is not None else change.found
    moved = side.moved if side is not None else ()
    stays = side.pulled if side is not None and _is_update(name, change) else ()
    told = [f"the versions before of what came with it: {', '.join(moved)}"] if moved else []
    told += [f"what came with it stays installed: {', '.join(stays)}"] if stays else []
    return "; ".join(told) or None


def _is_update(name: str, change: Change[State]) -> bool:
    """Return whether packages were there before and after: what came with them stays."""
    return bool(versions(name, change.found) and versions(name, change.wanted))


def back(name: str, change: Change[State], now: State | None) -> Change[State]:
    """Return the undo of a change."""
    now = replace(now if now is not None else State(), offers=())
    wanted, before = change.wanted, versions(name, change.found)
    if not before and wanted is not None:
        clean = {*name.split(), *wanted.pulled} - {*wanted.residue}
        found = _besides(replace(now, alone=True), wanted)
        with_it = ", ".join(wanted.pulled)
        note = f"removes what came with it as well: {with_it}" if with_it else None
        return Change(found, None, "purge" if clean else None, note)
    assert change.found is not None  # noqa: S101 - there were versions
    held = change.found.held if "held" in change.fields or wanted is None else None
    then = replace(now, version=change.found.version, held=held, leftovers=None, broken=None)
    then = _besides(then, change.found if wanted is None else wanted)
    if wanted is None and change.act is None:  # so that a redo leaves it, too
        gone = (one.partition("=")[0] for one in then.dropped)
        then = replace(then, residue=(*name.split(), *gone))
    return Change(now if now.version is not None else None, then)


def _besides(state: State, side: State) -> State:
    """With what came and went besides, as the other state has it."""
    hints = [hint for hint in _TELLS.values() if hint != "moved"]
    told: dict[str, Any] = {hint: getattr(side, hint) for hint in hints}
    return replace(state, **told)


def unobtainable(name: str, change: Change[State], now: State | None) -> str | None:
    """Why a change cannot be undone any more."""
    if now is None:
        return None
    return next(_held(change, now), None) or next(_missed(name, change, now), None)


def _held(change: Change[State], now: State) -> Iterator[str]:
    """Yield packages that were held since."""
    if change.wanted is None:
        return
    sides = (change.wanted, change.found)
    before = next((side.held for side in sides if side and side.held is not None), ())
    for one in now.held or ():
        if one not in before:
            yield f"{one} is held, and was not when the run left it"


def _missed(name: str, change: Change[State], now: State) -> Iterator[str]:
    """Versions that are not in the package lists."""
    offered = {offer.name: offer.versions for offer in now.offers}
    have = versions(name, now)
    for one, version in versions(name, change.found).items():
        exact = version[0].isdigit() and have.get(one) != version
        if exact and version not in offered.get(one, ()):
            old = "" if now.fresh else " (its package lists are old: see apt-get update)"
            yield f"{one} {version} cannot be had any more: no repository of the host has it{old}"


def preflight(changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
    """Return the question for the packages that would be removed besides."""
    going = {name: gone for name, change in changes if (gone := list(gone_of(name, change)))}
    if not going:
        return None
    everybody = [one for gone in going.values() for one in gone]
    blames = [sh("blame {} {}", name, gone) for name, gone in going.items()]
    return join([sh(_OTHERS.strip(), everybody), *blames], "\n")


def objection(name: str, said: str) -> str | None:
    """Return the objection from the output of `preflight` for one package."""
    lines = dict(line.split("\t") for line in said.splitlines())
    return f"these would go, too: {lines[name]}" if name in lines else None
