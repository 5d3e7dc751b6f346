"""Links, by ln(1) and readlink(1)."""

from __future__ import annotations

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
from cookbook.providers.obstacles import OBSTACLES, refuse_fixed, refuse_links, refuse_loops
from cookbook.providers.ownership import (
    ask_owners,
    chown,
    chown_new,
    found_owners,
    missing_owners,
    need_folder,
    text_or_none,
)
from cookbook.providers.stat import READLINK, STAT, TARGET, parse_link, parse_stat
from cookbook.providers.units import units_of
from cookbook.resources.link import Link


@dataclass(frozen=True)
class State:
    """A link, and what it is called with."""

    to: str
    hard: bool | None = None
    """None in what is wanted: a symbolic link, which goes without saying."""
    owner: str | None = None
    group: str | None = None


_WHOSE = ("owner", "group")


@provides(Link)
class LinkProvider(Provider[Link, State]):
    """Chef's link provider: a symbolic link is compared by its text, a hard one by its file."""

    essence = frozenset({"hard"})

    def probe(self, link: Link) -> Sequence[Probe]:
        """Ask for the path, its target, whether both are one file, the folder and the owners."""
        path = link.identity
        above = TARGET.about(path.rpartition("/")[0] or "/", loose=True)
        asked = [STAT.about(path), READLINK.about(path)]
        if link.link_type == "symbolic":
            return [*asked, above, *ask_owners(link), OBSTACLES.about(path)]
        same = Probe(sh("[ {} -ef {} ] && echo same || :", path, link.to))
        return [
            *asked,
            same,
            above,
            TARGET.about(link.to or path, loose=True),
            OBSTACLES.about(path),
        ]

    def parse(self, link: Link, at: str, text: str | None, *others: str | None) -> State:
        """Return the state: a link of either type; anything else is left alone."""
        refuse_links(link.identity, others[-1], follows=False)
        stat = parse_stat(at)
        if text is not None:
            answers = others[1:] if link.link_type == "symbolic" else ()
            owner, group = found_owners(link, stat, answers)
            return State(parse_link(text), hard=False, owner=owner, group=group)
        if link.link_type == "hard" and others[0] and stat.kind != "directory":
            return State(link.to or "", hard=True)
        raise HostError(
            f"{link.identity} is a {stat.kind}, not the {link.link_type} link that is meant",
            hint="only a link is replaced or deleted; remove it first",
        )

    def plan(self, link: Link, found: State | None) -> Change[State]:
        """Its text, and whose it is."""
        if link.action == "delete":
            if found is not None and link.link_type == "hard" and not found.hard:
                raise HostError(f"{link.identity} is a symbolic link, not the hard link meant")
            return Change(found, None)
        if link.link_type == "hard":
            return Change(found, State(link.to or "", hard=True))
        owner, group = text_or_none(link.owner), text_or_none(link.group)
        return Change(found, State(link.to or "", owner=owner, group=group))

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Yield the commands: a new link is created beside the old one and renamed."""
        found, wanted = change.found, change.wanted
        if wanted is None:
            yield sh("rm -f -- {}", name)
        elif {"to", "hard"} & change.fields.keys():
            yield _make(name, found, wanted)
        else:
            owner, group = (change.fields.get(field, (None, None))[1] for field in _WHOSE)
            yield chown(owner, group, sh("{}", name))

    def missing(self, link: Link, _at: str | None, *answers: str | None) -> Iterator[Thing]:
        """Yield the folder, for a hard link its target, and the owners."""
        text, *others, obstacles = answers
        same = text is not None and parse_link(text) == link.to and link.action != "delete"
        refuse_fixed(link.identity, obstacles, replaces=not same)
        if link.action == "delete":
            return
        refuse_links(link.identity, obstacles, follows=False)
        refuse_loops(link.identity, obstacles, follows=False)
        if link.link_type == "hard":
            _same, above, target = others
            if target is None:
                yield Thing("path", link.to or "")
            elif parse_stat(target).kind == "directory":
                raise HostError(f"{link.to} is a directory, which has no hard links")
        else:
            above, *owners = others
            yield from missing_owners(link, owners)
        need_folder(link.identity, above)
        if above is None:
            yield Thing("path", link.identity.rpartition("/")[0])

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """As of a file."""
        return "may" if file_is_on_it(name) else "no"

    def about(self, link: Link) -> Iterable[Thing]:
        """Yield the path; of a hard link, the file as well."""
        target = [Thing("path", link.to)] if link.link_type == "hard" and link.to else []
        return [Thing("path", link.identity), *target]

    def alters(self, link: Link, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the path, the paths below it, and the unit that it defines."""
        new = change is not None and change.found is None
        units = [] if new else [Thing("unit", unit) for unit in units_of(link.identity)]
        return [Thing("tree", link.identity), *units]

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the path, and the unit that it defines."""
        units = [Thing("unit", unit) for unit in units_of(name)]
        return [Thing("path", name), *units] if change.wanted is not None else []


def _make(name: str, found: State | None, wanted: State) -> Command:
    prepare = sh("p={}; t=${p%/*}/.cook-$cook_nonce; ", name)
    if wanted.hard:
        # ln(1) would make a second name of a symbolic link, not of its file.
        made = sh('ln -- "$(readlink -f -- {})" "$t"', wanted.to)
        own = sh("")
    else:
        made = sh('ln -s -- {} "$t"', wanted.to)
        before = found if found is not None and not found.hard else State("")
        own = chown_new(wanted.owner or before.owner, wanted.group or before.group, sh('"$t"'))
    give = sh("{} && ", own) if own else sh("")
    clean = sh('trap \'[ ! -L "$t" ] || rm -f -- "$t"\' EXIT; ') if own else sh("")
    place = sh('mv -fT -- "$t" "$p"')
    if found is not None:  # busybox's mv(1) does not rename over a link to a directory
        place = sh('{ {} 2>/dev/null || { rm -f -- "$p" && {}; }; }', place, place)
    text = sh("{}{}{} && {}{}", prepare, clean, made, give, place)
    return replace(text, called=f"link {name} to {wanted.to}")
