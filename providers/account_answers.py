"""The answers about an account, and the state that a user resource wants."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from cookbook.errors import HostError
from cookbook.provider import Content, Table, Thing
from cookbook.providers.accounts import NO_PASSWORD, State
from cookbook.providers.getent import GROUP, PASSWD
from cookbook.providers.stat import TARGET
from cookbook.resources.user import User

_EPOCH = dt.date(1970, 1, 1)


def needed_by(user: User) -> list[tuple[Table, str]]:
    """
    Return what has to be looked up: groups, and the user who has the number.

    By name; a group that brings itself is known to a plan by its name only.
    """
    primary = [user.gid] if isinstance(user.gid, str) and not user.gid.isdigit() else []
    needed = [(GROUP, name) for name in (*primary, *(user.groups or ()))]
    shell = [(TARGET, user.shell)] if user.shell and _alters_account(user) else []
    alone = user.uid is not None and not user.non_unique and "remove" not in user.doing
    return [*needed, *([(PASSWD, str(user.uid))] if alone else []), *shell]


def looked_up(user: User, answers: Sequence[str | None]) -> Iterator[tuple[Table, str, str | None]]:
    """Yield what had to be looked up, with the answers."""
    needed = needed_by(user)
    lines = answers[len(answers) - len(needed) :] if needed else ()
    return ((table, name, line) for (table, name), line in zip(needed, lines, strict=True))


def answers_of_home(user: User) -> int:
    """Return the number of the answers about the account and its home."""
    removed = "remove" in user.doing
    return (3 if removed else 2) if user.manage_home else 1


def compares(user: User) -> bool:
    """Return whether the host has to compare a password with its hash."""
    return user.clear is not None and _alters_account(user)


def clear_password(user: User) -> bytes:
    """Return the declared password in the clear, as it is sent."""
    return str.__str__(user.clear or "").encode()


def has_key(user: User) -> bool:
    """Return whether the account is to have a key pair."""
    return user.generate_ssh_key and _alters_account(user)


def _alters_account(user: User) -> bool:
    return bool({"create", "modify", "manage"} & {*user.doing})


def answer_of_key(user: User, answers: Sequence[str | None]) -> str | None:
    """Return the answer about the key pair; None if none was asked for."""
    return answers[answers_of_home(user) + compares(user)] if has_key(user) else None


def missing_for_key(user: User, answers: Sequence[str | None]) -> Iterator[Thing]:
    """Yield ssh-keygen(1), and a home that is not made with the account."""
    if not has_key(user):
        return
    if answers[answers_of_home(user) + compares(user) + 1] is None:
        yield Thing("tool", "ssh-keygen")
    there = (answer_of_key(user, answers) or "").split()
    if answers[0] is not None and "home" not in there and not user.manage_home:
        yield Thing("path", answers[0].split("\n")[0].split(":")[5])


def names_of_groups(user: User, answers: Sequence[str | None]) -> tuple[tuple[str, str], ...]:
    """Return the names of groups that are declared by number: usermod(8) takes both."""
    looked = looked_up(user, answers)
    lines = [(name, line) for table, name, line in looked if table is GROUP and line is not None]
    return tuple((name, line.partition(":")[0]) for name, line in lines if name.isdigit())


def check_number(user: User, line: str) -> None:
    """Raise HostError where another user has the number."""
    owner = line.partition(":")[0]
    if owner != user.identity:
        raise HostError(
            f"{user.identity} cannot have uid {user.uid}: {owner} has it",
            hint="choose another uid, or declare non_unique=True for two accounts of one number",
        )


def shadow_fields(shadow: str) -> tuple[Any, ...]:
    """Digest of the hash, whether it is locked, when the account expires, days of its ages."""
    if not shadow:
        return (None,) * 7
    _name, field, _last, least, most, warn, inactive, expire, *_ = shadow.split(":")
    hashed = field.lstrip("!")
    date = (_EPOCH + dt.timedelta(int(expire))).isoformat() if expire else ""
    digest = Content.of(hashed.encode("utf-8", "surrogateescape"))
    days = (int(text) if text else -1 for text in (inactive, least, most, warn))
    return digest, field != hashed, date, *days


def wanted_state(user: User, found: State | None, locked: bool | None) -> State:  # noqa: FBT001 - three-valued
    """Return the wanted state; what is not declared is None."""
    password = None
    if user.password is not None:
        field = str.__str__(user.password)
        password = Content.of(clear_password(user) if user.clear else field.lstrip("!").encode())
        if locked is None and field.startswith("!") and not user.clear:
            locked = True
        elif locked is None and (found is None or found.password == NO_PASSWORD):
            locked = False  # only the lack of a password locked it; an explicit lock stays
    return State(
        user.uid,
        None if user.gid is None else str(user.gid),
        user.comment,
        user.home,
        user.shell,
        _groups(user, found),
        password,
        locked,
        user.expire_date,
        user.inactive,
        user.min_days,
        user.max_days,
        user.warn_days,
        user.ssh_key_type if user.generate_ssh_key else None,
        system=user.system,
        manage_home=user.manage_home,
        non_unique=user.non_unique,
        force=user.force,
        home_made=True if user.manage_home else None,
        names=found.names if found is not None else (),
        clear=user.clear is not None,
        key_bits=user.ssh_key_bits,
    )


def warning_of(user: User, found: State | None) -> str | None:
    """Return a warning of a shell that does not exist, where the account has it already."""
    if found is None or not found.no_shell or found.shell != user.shell:
        return None
    return f"the shell {user.shell} does not exist: {user.identity} cannot log in"


def _groups(user: User, found: State | None) -> tuple[str, ...] | None:
    if user.groups is None:
        return None
    kept = found.groups or () if found is not None and user.append_groups else ()
    names = dict(found.names) if found is not None else {}
    return tuple(sorted({*kept, *(names.get(group, group) for group in user.groups)}))
