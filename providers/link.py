"""Links, by ln(1) and readlink(1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cookbook.errors import HostError
from cookbook.provider import Change, Probe, Provider, Table, Thing, provides
from cookbook.providers.ownership import (
    ask_owners,
    chown,
    found_owners,
    missing_owners,
    text_or_none,
)
from cookbook.providers.stat import STAT, TARGET, parse_stat
from cookbook.resources.link import Link
from cookbook.shell import Command, sh


@dataclass(frozen=True)
class State:
    """A link, and what it is called with."""

    to: str
    hard: bool = False
    owner: str | None = None
    group: str | None = None


def _ask_links(paths: Sequence[str]) -> Command:
    return sh(
        'for p in {}; do [ -L "$p" ] && printf "%s\\n%s\\n" "$p" "$(readlink -- "$p")"; done; :',
        list(paths),
    )


def _split_links(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Two lines a link; the next key tells where the target ends, whatever is in it."""
    at = 0
    for key in keys:
        if text.startswith(f"{key}\n", at):
            end = text.find("\n", at + len(key) + 1) + 1
            yield key, text[at:end]
            at = end


READLINK = Table(_ask_links, _split_links)
"""What a symbolic link says; nothing for what is no symbolic link."""


@provides(Link)
class LinkProvider(Provider[Link, State]):
    """Chef's link provider: a symbolic link is compared by its text, a hard one by its file."""

    def probe(self, link: Link) -> Sequence[Probe]:
        """The path, its text, whether it is the same file as the target; folder and owners."""
        path = link.identity
        above = TARGET.about(path.rpartition("/")[0] or "/", loose=True)
        owners = ask_owners(link)
        if link.link_type == "symbolic":
            return [STAT.about(path), READLINK.about(path), above, *owners]
        same = Probe(sh("[ {} -ef {} ] && echo same || :", path, link.to))
        there = TARGET.about(link.to or path, loose=True)
        return [STAT.about(path), same, above, there, *owners]

    def parse(self, link: Link, at: str, how: str | None, *_: str | None) -> State:
        """A link of the kind that is wanted; whatever else is there is left alone."""
        stat = parse_stat(at)
        owner, group = found_owners(link, stat)
        if link.link_type == "hard":
            if how and stat.kind != "symlink":
                return State(link.to or "", hard=True)
        elif how is not None:
            return State(how[len(link.identity) + 1 :].rstrip("\n"), owner=owner, group=group)
        raise HostError(
            f"{link.identity} is a {stat.kind}, not the {link.link_type} link that is meant",
            hint="only a link is replaced or deleted; remove it first",
        )

    def plan(self, link: Link, found: State | None) -> Change[State]:
        """Its text, and whose it is."""
        if link.action == "delete":
            return Change(found, None)
        if link.link_type == "hard":
            return Change(found, State(link.to or "", hard=True))
        owner, group = text_or_none(link.owner), text_or_none(link.group)
        return Change(found, State(link.to or "", owner=owner, group=group))

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """A new link is made beside the old one and renamed, so that there always is one."""
        wanted = change.wanted
        if wanted is None:
            yield sh("rm -f -- {}", name)
        elif wanted.hard:
            yield sh("ln -- {} {}", wanted.to, name)
        else:
            owner = chown(wanted.owner, wanted.group, sh('"$t"'))
            then = sh("{} && ", owner) if owner else sh("")
            yield sh(
                'p={}; t=${p%/*}/.cook-$cook_nonce; ln -s -- {} "$t" && {}mv -fT -- "$t" "$p"',
                name,
                wanted.to,
                then,
            )

    def missing(self, link: Link, _at: str | None, *answers: str | None) -> Iterator[Thing]:
        """The folder it stands in, for a hard link its target, and the owners."""
        if link.action == "delete":
            return
        _how, above, *others = answers
        if above is None:
            yield Thing("path", link.identity.rpartition("/")[0])
        if link.link_type == "hard" and others.pop(0) is None:
            yield Thing("path", link.to or "")
        yield from missing_owners(link, others)

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """The path."""
        return [Thing("path", name)] if change.wanted is not None else []
