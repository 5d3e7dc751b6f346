"""Groups, by groupadd(8), groupmod(8), groupdel(8) and gpasswd(1)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Probe,
    Provider,
    Risk,
    Thing,
    hint,
    options,
    provides,
    sh,
)
from cookbook.providers.getent import GROUP, PASSWD, people
from cookbook.resources.group import Group


@dataclass(frozen=True)
class State:
    """A group as group(5) has it."""

    gid: int | None = None
    members: tuple[str, ...] | None = None
    system: bool = hint(default=False)
    non_unique: bool = hint(default=False)
    names: tuple[tuple[str, str], ...] = hint(default=())
    """Users that are declared by number, and their names."""


# Status 2 says that there is no such group (getent(1)).
_PRIMARY: LiteralString = (
    "g=$(getent group {}) || [ $? = 2 ] || exit 1; g=${g#*:*:};"
    ' getent passwd | awk -F: -v g="${g%%:*}" \'g != "" && $4 == g { print $1 }\''
)


@provides(Group)
class GroupProvider(Provider[Group, State]):
    """Asks the name service, changes the local files."""

    def probe(self, group: Group) -> Sequence[Probe]:
        """
        Ask for the group, its future members, and the owner of its number.

        For a group to be removed, also the users whose primary group it is.
        """
        asked = [GROUP.about(group.identity)]
        if "remove" in group.doing:
            return [*asked, Probe(sh(_PRIMARY, group.identity), loose=True)]
        users = [PASSWD.about(name, loose=True) for name in _named(group)]
        alone = group.gid is not None and not group.non_unique
        number = [GROUP.about(str(group.gid), loose=True)] if alone else []
        return [*asked, *users, *number]

    def parse(self, group: Group, text: str, *others: str | None) -> State:
        """One line of group(5)."""
        _name, _password, gid, members = text.rstrip("\n").split(":")
        lines = [] if "remove" in group.doing else zip(_named(group), others, strict=False)
        names = {name: line.partition(":")[0] for name, line in lines if line and name.isdigit()}
        return State(
            int(gid), tuple(sorted(filter(None, members.split(",")))), names=tuple(names.items())
        )

    def plan(self, group: Group, found: State | None) -> Change[State]:
        """Plan the group; undeclared members stay, unless the list is exact."""
        doing = set(group.doing)
        if "remove" in doing:
            return Change(found, None)
        if found is None and "create" not in doing:
            if "modify" not in doing:
                return Change(None, None)
            raise HostError(f"there is no group {group.identity} to modify")
        before = found.members if found is not None else None
        names = found.names if found is not None else ()
        members = _members(group, before or (), dict(names))
        return Change(found, State(group.gid, members, group.system, group.non_unique, names))

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk: a group that the login user would leave."""
        before = set(change.found.members or ()) if change.found is not None else set()
        after = set(change.wanted.members or ()) if change.wanted is not None else set()
        keeps = change.wanted is not None and change.wanted.members is None
        return "may" if way.users & (before - after) and not keeps else "no"

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former group; members of an empty one come back with their user."""
        back = super().back(name, change, now)
        if back.kind != "create" or back.wanted is None or back.wanted.members != ():
            return back
        return replace(back, wanted=replace(back.wanted, members=None))

    def preflight(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask for the users whose primary group would be removed."""
        gone = [f"{name}:{c.found.gid}" for name, c in changes if c.found and c.wanted is None]
        return sh("printf '%s\\n' {}; echo; getent passwd", gone) if gone else None

    def objection(self, name: str, said: str, going: Collection[Thing]) -> str | None:
        """Return the reason that it is the primary group of a user who stays."""
        groups, _, users = said.partition("\n\n")
        gid = dict(line.split(":") for line in groups.splitlines()).get(name)
        lines = [line.split(":") for line in users.splitlines() if line.count(":") > 3]
        its = [user[0] for user in lines if user[3] == gid and Thing("user", user[0]) not in going]
        return f"it is the group of {', '.join(its[:5])}" if its else None

    def missing(self, group: Group, _text: str | None, *others: str | None) -> Iterable[Thing]:
        """
        Yield members that do not exist.

        Raises HostError for a group that a user needs, and for a number that another group has.
        """
        if "remove" in group.doing:
            _check_removal(group, others[0] or "")
            return
        named = _named(group)
        for name, line in zip(named, others, strict=False):
            if line is None and name in (group.members or ()):
                yield Thing("user", name)
        for line in others[len(named) :]:
            if line is not None and (owner := line.partition(":")[0]) != group.identity:
                raise HostError(
                    f"{group.identity} cannot have gid {group.gid}: {owner} has it",
                    hint="choose another gid, or declare non_unique=True",
                )

    def about(self, group: Group) -> Iterable[Thing]:
        """Yield the group, its number, and its role as a primary group."""
        yield Thing("group", group.identity)
        if group.gid is not None and not group.non_unique:
            yield Thing("gid", str(group.gid))
        if "remove" in group.doing:
            yield Thing("primary group", group.identity)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Yield the command for the number first, then those for the members."""
        if change.wanted is None:
            yield sh("groupdel {}", name)
            return
        wanted, non_unique = change.wanted, change.wanted.non_unique
        if change.kind == "create":
            number = options(gid=wanted.gid, non_unique=non_unique, system=wanted.system)
            yield sh("groupadd {} {}", number, name)
        elif "gid" in change.fields:
            yield sh("groupmod {} {}", options(gid=wanted.gid, non_unique=non_unique), name)
        before = set(change.found.members or ()) if change.found is not None else set()
        if wanted.members is not None:
            for user in sorted(set(wanted.members) - before):
                yield sh("gpasswd --add {} {} >/dev/null", user, name)
            for user in sorted(before - set(wanted.members)):
                yield sh("gpasswd --delete {} {} >/dev/null", user, name)

    def alters(self, group: Group, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the group, and the users who become members, or leave."""
        yield Thing("group", group.identity)
        for gid in change.fields.get("gid", ()) if change is not None else ():
            yield Thing("gid", str(gid))
        pair = change.fields.get("members", ((), ())) if change is not None else ((), group.members)
        yield from (Thing("user", name) for name in {*(pair[0] or ())} ^ {*(pair[1] or ())})

    def removes(self, group: Group, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the group; its members stay."""
        return [Thing("group", group.identity)] if "remove" in group.doing else []

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the group, by its name and its number."""
        if change.wanted is None:
            return []
        gid = change.wanted.gid
        return [Thing("group", str(one)) for one in (name, gid) if one is not None]

    def everything(self) -> Command:
        """Ask for the groups, and for the accounts, since most accounts have a group."""
        return sh("getent passwd || exit; echo; getent group")

    def unmanaged(self, text: str, declared: Sequence[Group]) -> Iterable[tuple[str, Thing]]:
        """Yield those with a number from 1000 on that are not declared, nor those of accounts."""
        users, _, groups = text.partition("\n\n")
        known = {group.identity for group in declared} | {
            line.partition(":")[0] for line in users.splitlines()
        }
        return [(name, Thing("group", name)) for name in people(groups) if name not in known]


def _named(group: Group) -> list[str]:
    """Return the users that are declared, by name or by number, each once."""
    return list(
        dict.fromkeys([*(group.members or ()), *filter(str.isdigit, group.excluded_members)])
    )


def _check_removal(group: Group, users: str) -> None:
    """Raise HostError for a group that groupdel(8) refuses to remove."""
    if names := users.split():
        raise HostError(
            f"{group} cannot be removed: it is the primary group of {', '.join(names[:5])}",
            hint="give these users another primary group before, or remove them",
        )


def _members(
    group: Group, before: Sequence[str], names: Mapping[str, str]
) -> tuple[str, ...] | None:
    """Return the members that it is to have; `names` are of those declared by number."""
    if group.members is None and not group.excluded_members:
        return None
    kept = set(before) if group.append or group.members is None else set()
    more, less = (
        {names.get(one, one) for one in given or ()}
        for given in (group.members, group.excluded_members)
    )
    if both := more & less:
        raise HostError(f"{group.identity}: {', '.join(sorted(both))} cannot be in both lists")
    return tuple(sorted((kept | more) - less))
