"""Access control lists, by getfacl(1) and setfacl(1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cookbook.errors import HostError
from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Probe,
    Provider,
    Risk,
    Thing,
    file_is_on_it,
    provides,
    sh,
)
from cookbook.providers.getent import GROUP, PASSWD
from cookbook.resources.acl import Acl, key_of


@dataclass(frozen=True)
class State:
    """All entries of a list; a file without one has three by its mode."""

    entries: tuple[str, ...] = ()


_ENTRY = re.compile(r"(default:)?(user|group|mask|other):[^:]*:[r-][w-][x-]")


@provides(Acl)
class AclProvider(Provider[Acl, State]):
    """Access control lists; a change sets the whole list as it was planned."""

    owns = False  # entries are a part of a file

    def probe(self, acl: Acl) -> Sequence[Probe]:
        """Ask for the list, the program, and the users and groups of the entries."""
        path = acl.identity
        tool = sh("command -v getfacl >/dev/null")
        ask = sh(
            "[ -e {} ] || [ -L {} ] || exit 4; [ ! -L {} ] ||"
            " { echo 'a symbolic link has no list' >&2; exit 13; };"
            " {} || exit 4; getfacl -cpE -- {}",
            *(path, path, path, tool, path),
        )
        there = Probe(sh("[ -e {} ] || exit 4", path), absent=4, loose=True)
        return [
            Probe(replace(ask, called=f"getfacl {path}"), absent=4),
            there,
            Probe(sh("{} || exit 4", tool), absent=4, loose=True),
            *_ask_names(acl),
        ]

    def parse(self, acl: Acl, text: str, *_: str | None) -> State:
        """Return the entries."""
        lines = [line.partition("#")[0].strip() for line in text.splitlines()]
        entries = [line for line in lines if line]
        keys = {key_of(entry) for entry in entries if _ENTRY.fullmatch(entry)}
        if len(keys) != len(entries) or not keys >= {"user:", "group:", "other:"}:
            raise ValueError("no entries of getfacl")
        return State(tuple(sorted(entries)))

    def plan(self, acl: Acl, found: State | None) -> Change[State]:
        """Compare the declared entries, and have the masks cover them."""
        if acl.action == "remove" and found is None:
            return Change(None, None)
        now = {key_of(entry): entry[-3:] for entry in (found.entries if found else ())}
        wanted = dict(now)
        for entry in acl.entries:
            if acl.action == "create":
                wanted[key_of(entry)] = entry[-3:]
            else:
                wanted.pop(key_of(f"{entry.rstrip(':')}:" if "mask" in entry else entry), None)
        if wanted != now and found is not None:
            for kind in ("", "default:"):
                _complete(acl, kind, wanted)
        return Change(found, State(tuple(sorted(f"{k}:{v}" for k, v in wanted.items()))))

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Set the whole list; with a mask in it, none is computed."""
        wanted, found = change.wanted or State(), change.found or State()
        if _has_defaults(found) and not _has_defaults(wanted):
            yield sh("setfacl -k -- {}", name)
        yield sh("printf '%s\\n' {} | setfacl --set-file=- -- {}", list(wanted.entries), name)

    def missing(
        self, acl: Acl, text: str | None, there: str | None, tool: str | None, *names: str | None
    ) -> Iterator[Thing]:
        """Yield the file, the program, and the users and groups."""
        if acl.action == "remove" and text is None:
            return
        if there is None:
            yield Thing("path", acl.identity)
        if tool is None:
            yield Thing("tool", "setfacl")
        for probe, answer in zip(_ask_names(acl), names, strict=True):
            if answer is None:
                yield Thing("user" if probe.table is PASSWD else "group", probe.key)

    def about(self, acl: Acl) -> Iterable[Thing]:
        """Yield the path: its mode is a part of the list."""
        return [Thing("path", acl.identity)]

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield nothing: the file was there before."""
        return []

    def removes(self, acl: Acl, change: Change[State] | None) -> Iterable[Thing]:
        """Yield nothing: the file stays."""
        return []

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk of a change of files of the access path."""
        return "may" if file_is_on_it(name) else "no"


def _has_defaults(state: State) -> bool:
    return any(entry.startswith("default:") for entry in state.entries)


def _ask_names(acl: Acl) -> list[Probe]:
    """Return the probes for users and groups; numbers need none."""
    parts = [key_of(entry).removeprefix("default:").split(":") for entry in acl.entries]
    return [
        (PASSWD if kind == "user" else GROUP).about(who, loose=True)
        for kind, who in dict.fromkeys(map(tuple, parts))
        if acl.action == "create" and kind != "mask" and who and not who.isdecimal()
    ]


def _complete(acl: Acl, kind: str, wanted: dict[str, str]) -> None:
    """
    Add what a list with named entries needs; take the mask away if there are none any more.

    Raises HostError if the mask would have to be widened.
    """
    mask, group = f"{kind}mask:", f"{kind}group:"
    named = [k for k in wanted if k.startswith((f"{kind}user:", group)) and not k.endswith(":")]
    if kind and not any(key.startswith(kind) for key in wanted):
        return
    if kind:  # as setfacl(1) does: what is not declared is as in the list of the folder itself
        for base in ("user:", "group:", "other:"):
            wanted.setdefault(kind + base, wanted[base])
    if not named:
        limit = wanted.pop(mask, "rwx")
        wanted[group] = _both(wanted[group], limit)
        return
    union = "".join(
        c if any(wanted[key][i] == c for key in [*named, group]) else "-"
        for i, c in enumerate("rwx")
    )
    if mask not in wanted:
        wanted[mask] = union
    declared = {key_of(entry) for entry in acl.entries}
    for key in named:
        if key in declared and _both(wanted[key], wanted[mask]) != wanted[key]:
            raise HostError(
                f"the mask {mask}:{wanted[mask]} of {acl.identity} limits {key}:{wanted[key]}",
                hint=f"declare the mask as well, e.g. {mask}:{union}: it limits all named entries"
                " and the group",
            )


def _both(one: str, other: str) -> str:
    """Return the permissions that both have."""
    return "".join(a if a == b else "-" for a, b in zip(one, other, strict=True))
