"""Users, groups and keys that no package has made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cookbook.errors import HostError, RecipeError
from cookbook.importing.declaration import Declaration, HostItem, LeftOut
from cookbook.importing.questions import Seen
from cookbook.importing.states import Reader, properties_of
from cookbook.providers.accounts import NO_PASSWORD
from cookbook.resources.authorized_key import parse_key
from cookbook.resources.user import User
from cookbook.script.shell import Content

_FIRST, _LAST = 1000, 59999
"""The numbers of accounts of people, as Debian has it."""

_AS_MADE = {
    "min_days": (0, -1),
    "max_days": (99999, -1),
    "warn_days": (7, -1),
    "inactive": (-1,),
    "expire_date": ("",),
    "comment": ("",),
}
"""The values of an account of which nothing was declared."""

_NOTHING = frozenset({NO_PASSWORD, Content.of(b"*"), Content.of(b"")})
"""Digests of what stands in the place of a hash where there is no password."""


class _Account(NamedTuple):
    name: str
    number: int
    group: str
    """The name of the primary group."""

    home: str


def _numbers(seen: Seen) -> dict[str, int]:
    fields = (line.split(":") for line in seen.lines("group"))
    return {one[0]: int(one[2]) for one in fields if len(one) >= 4 and one[2].isdigit()}


def _accounts(seen: Seen) -> Iterator[_Account]:
    names = {number: name for name, number in reversed(_numbers(seen).items())}
    for line in seen.lines("passwd"):
        fields = line.split(":")
        if len(fields) == 7 and fields[2].isdigit() and fields[3].isdigit():
            group = names.get(int(fields[3]), fields[3])
            yield _Account(fields[0], int(fields[2]), group, fields[5])


class ByHand:
    """The accounts and groups of a host that no package has made."""

    def __init__(self, seen: Seen) -> None:
        """Find them: a number of people, or a name that no script of a package has in it."""
        self._words = set(re.findall(r"[A-Za-z_][A-Za-z0-9_.-]*", seen.texts.get("scripts", "")))
        self._seen = seen
        self.users = {
            one.name: one for one in _accounts(seen) if self._is_own(one.name, one.number)
        }
        self.groups = {n: g for n, g in _numbers(seen).items() if self._is_own(n, g)}

    def _is_own(self, name: str, number: int) -> bool:
        if _FIRST <= number <= _LAST:
            return True
        return 0 < number < _FIRST and name not in self._words

    def members(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each group with its further members that are accounts of packages."""
        lines = self._seen.texts.get("scripts", "").splitlines()
        for line in self._seen.lines("group"):
            name, _, _, members = (line.split(":") + [""] * 4)[:4]
            named = [set(re.findall(r"[\w.-]+", one)) for one in lines if name in one]
            more = [
                one
                for one in filter(None, members.split(","))
                if one not in self.users and not any({name, one} <= words for words in named)
            ]
            yield name, more

    def groups_of(self, user: str) -> list[str]:
        """Return the further groups of a user."""
        found = []
        for line in self._seen.lines("group"):
            fields = line.split(":")
            if len(fields) >= 4 and user in fields[3].split(","):
                found.append(fields[0])
        return sorted(found)


def groups(seen: Seen) -> Iterator[Declaration]:
    """Yield the groups made by hand, and others that have members by hand."""
    own = ByHand(seen)
    for name, members in own.members():
        properties: dict[str, Any] = {}
        if name in own.groups:
            system = own.groups[name] < _FIRST
            properties = {"system": True} if system else {"gid": own.groups[name]}
        elif not members:
            continue
        if members:
            properties["members"] = members
        yield Declaration("group", "group", name, properties)


def users(seen: Seen, reader: Reader) -> Iterator[HostItem]:
    """Yield the users made by hand. The hash of a password is never read into a recipe."""
    own = ByHand(seen)
    asked = []
    for name in own.users:
        try:
            asked.append(User(name=name))
        except RecipeError as error:
            yield LeftOut("user", name, str(error))
    for user, state in reader.states(asked):
        account = own.users[user.name]
        if isinstance(state, HostError) or state is None:
            yield LeftOut("user", user.name, str(state or "the account cannot be read"))
        else:
            yield _declared_user(account, state, own.groups_of(user.name), _homes(seen))


def _declared_user(
    account: _Account, state: Any, further: list[str], homes: Mapping[str, str]
) -> Declaration:
    system = account.number < _FIRST
    said = properties_of(state, User, {"group": "gid"})
    properties: dict[str, Any] = {"system": True} if system else {"uid": account.number}
    properties |= {"gid": account.group}
    for name in ("comment", "home", "shell", "expire_date", "inactive", "min_days", "max_days"):
        if name in said and said[name] not in _AS_MADE.get(name, ()):
            properties[name] = said[name]
    if said.get("warn_days", 7) not in _AS_MADE["warn_days"]:
        properties["warn_days"] = said["warn_days"]
    if further:
        properties["groups"] = further
    if account.home in homes and homes[account.home] == account.name:
        properties["manage_home"] = True
    todo: tuple[str, ...] = ()
    if state.password is not None and state.password not in _NOTHING:
        todo = (f'password=secret("{account.name}_password"): it has one, which is not read',)
        if state.locked:
            properties["action"] = ["create", "lock"]
    return Declaration("user", "user", account.name, properties, todo=todo)


def _homes(seen: Seen) -> dict[str, str]:
    """Return the folders that are homes of accounts, each with its owner."""
    fields = (line.split("\t") for line in seen.lines("homes"))
    return {one[0]: one[2] for one in fields if len(one) == 4}


def homes(seen: Seen) -> Iterator[Declaration]:
    """Yield the homes of these users, whose modes useradd(8) may make otherwise elsewhere."""
    own = ByHand(seen)
    by_home = {one.home: one.name for one in own.users.values()}
    for line in seen.lines("homes"):
        path, mode, owner, group = (line.split("\t") + [""] * 4)[:4]
        if by_home.get(path) == owner:
            properties = {"owner": owner, "group": group, "mode": mode.zfill(4)}
            yield Declaration("user", "directory", path, properties)


def keys(reader: Reader) -> Iterator[HostItem]:
    """Yield the keys of each account; a line that is no key for sshd(8) is left out."""
    found: dict[str, list[str]] = {}
    for number, line in enumerate(reader.list_text("authorized_key").splitlines(), 1):
        user, _, entry = line.partition(" ")
        entry = entry.strip()
        if not entry or entry.startswith("#"):
            continue
        if parse_key(entry) is None:
            yield LeftOut("authorized_key", f"{user}: key {number}", "it is no public key")
        else:
            found.setdefault(user, []).append(entry)
    for user, lines in found.items():
        for line in lines:
            parsed = parse_key(line)
            told = parsed.comment if parsed is not None else ""
            name = f"{user} {told}".strip() if len(lines) > 1 else user
            properties: dict[str, Any] = {"key": line}
            if name != user:
                properties = {"user": user, **properties}
            yield Declaration("authorized_key", "authorized_key", name, properties)
