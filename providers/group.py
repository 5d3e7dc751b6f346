"""Groups, by groupadd(8), groupmod(8), groupdel(8) and gpasswd(1)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from cookbook.errors import HostError
from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    LockoutRisk,
    Probe,
    Provider,
    Thing,
    hint,
    options,
    provides,
    sh,
)
from cookbook.providers.getent import GROUP, PASSWD
from cookbook.resources.group import Group


@dataclass(frozen=True)
class State:
    """A group as group(5) has it."""

    gid: int | None = None
    members: tuple[str, ...] | None = None
    system: bool = hint(default=False)
    non_unique: bool = hint(default=False)


@provides(Group)
class GroupProvider(Provider[Group, State]):
    """Asks the name service, changes the local files."""

    def probe(self, group: Group) -> Sequence[Probe]:
        """The group, and whether its members-to-be are there."""
        users = [PASSWD.about(name, loose=True) for name in group.members or ()]
        return [GROUP.about(group.identity), *users]

    def parse(self, group: Group, text: str, *_users: str | None) -> State:
        """One line of group(5)."""
        _name, _password, gid, members = text.rstrip("\n").split(":")
        return State(int(gid), tuple(sorted(filter(None, members.split(",")))))

    def plan(self, group: Group, found: State | None) -> Change[State]:
        """Members that nobody named stay, unless the list is exact."""
        if group.action == "remove":
            return Change(found, None)
        if found is None and group.action == "manage":
            return Change(None, None)
        if found is None and group.action == "modify":
            raise HostError(f"there is no group {group.identity} to modify")
        before = found.members if found is not None else None
        members = _members(group, before or ())
        return Change(found, State(group.gid, members, group.system, group.non_unique))

    def cuts(self, name: str, change: Change[State], way: AccessPath) -> LockoutRisk:
        """A group that we are in, and would not be any more."""
        before = set(change.found.members or ()) if change.found is not None else set()
        after = set(change.wanted.members or ()) if change.wanted is not None else set()
        keeps = change.wanted is not None and change.wanted.members is None
        return "may" if way.users & (before - after) and not keeps else "no"

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Whoever comes back to a group that was empty brings that himself."""
        back = super().back(name, change, now)
        if back.kind != "create" or back.wanted is None or back.wanted.members != ():
            return back
        return replace(back, wanted=replace(back.wanted, members=None))

    def rehearsal(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Whose own group each of those that go is."""
        gone = [f"{name}:{c.found.gid}" for name, c in changes if c.found and c.wanted is None]
        return sh("printf '%s\\n' {}; echo; getent passwd", gone) if gone else None

    def objection(self, name: str, said: str, going: Collection[Thing]) -> str | None:
        """That it is the own group of a user who stays."""
        groups, _, users = said.partition("\n\n")
        gid = dict(line.split(":") for line in groups.splitlines()).get(name)
        lines = [line.split(":") for line in users.splitlines() if line.count(":") > 3]
        its = [user[0] for user in lines if user[3] == gid and Thing("user", user[0]) not in going]
        return f"it is the group of {', '.join(its[:5])}" if its else None

    def missing(self, group: Group, _text: str | None, *users: str | None) -> Iterable[Thing]:
        """Members whom the host does not know."""
        if group.action != "remove":
            for name, line in zip(group.members or (), users, strict=True):
                if line is None:
                    yield Thing("user", name)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """The number first, then who comes and who goes."""
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
        """The group, and the users who become members, or are no more."""
        yield Thing("group", group.identity)
        pair = change.fields.get("members", ((), ())) if change is not None else ((), group.members)
        yield from (Thing("user", name) for name in {*(pair[0] or ())} ^ {*(pair[1] or ())})

    def removes(self, group: Group, change: Change[State] | None) -> Iterable[Thing]:
        """The group; its members stay."""
        return [Thing("group", group.identity)] if group.action == "remove" else []

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """The group."""
        return [Thing("group", name)] if change.wanted is not None else []


def _members(group: Group, before: Sequence[str]) -> tuple[str, ...] | None:
    if group.members is None and not group.excluded_members:
        return None
    kept = set(before) if group.append or group.members is None else set()
    return tuple(sorted((kept | set(group.members or ())) - set(group.excluded_members)))
