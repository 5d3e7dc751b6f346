"""The commands of a change of an account: useradd(8), usermod(8), chpasswd(8), ssh-keygen(1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cookbook.provider import Change, Command, options, sh
from cookbook.providers import logins
from cookbook.providers.accounts import NO_PASSWORD, State


def note_of(change: Change[State]) -> str | None:
    """Return a remark on effects that are easily overlooked."""
    notes = []
    differs = change.fields
    if "groups" in differs and (
        gone := set(differs["groups"][0] or ()) - set(differs["groups"][1])
    ):
        notes.append(f"leaves {', '.join(sorted(gone))}")
    if {"uid", "home"} & differs.keys():
        notes.append("usermod refuses while the user has a process")
    if "uid" in differs:
        notes.append("files outside of the home keep the old number")
    return "; ".join(notes) or None


def create(name: str, wanted: State) -> Command:
    """Return the command that makes an account; a group of its name is used if there is one."""
    words = options(
        uid=wanted.uid,
        gid=wanted.group,
        comment=wanted.comment,
        home_dir=wanted.home,
        shell=wanted.shell,
        groups=",".join(wanted.groups) if wanted.groups else None,
        expiredate=wanted.expire_date,
        inactive=wanted.inactive,
        non_unique=wanted.non_unique,
        system=wanted.system,
        create_home=wanted.manage_home,
        no_create_home=not wanted.manage_home,
    )
    if wanted.group is not None:
        return sh("useradd {} {}", words, name)
    # A group of that name may be there already; useradd would refuse to make it.
    text = sh(
        'set --; if getent group {} >/dev/null; then set -- --gid {}; fi; useradd "$@" {} {}',
        name,
        name,
        words,
        name,
    )
    return replace(text, called=sh("useradd {} {}", words, name).shown)


def moving(name: str, change: Change[State], usermod: Command) -> Command:
    """
    Return the command, or the same with the home of the account taken back where it stays.

    Status 12 says that usermod(8) has changed passwd(5), and could not move the home.
    """
    if change.found is None or not _moves(change):
        return usermod
    old = change.found.home
    text = sh(
        "{} || { s=$?; [ $s != 12 ] || [ ! -d {} ] || usermod --home {} {}; exit $s; }",
        usermod,
        old,
        old,
        name,
    )
    return replace(text, called=usermod.shown)


def _moves(change: Change[State]) -> bool:
    """Return whether a home is moved: where there is none, usermod(8) has nothing to move."""
    found, wanted = change.found, change.wanted
    there = found is None or found.place is None or found.place.own
    return "home" in change.fields and wanted is not None and wanted.manage_home and there


def modify(change: Change[State]) -> Command:
    """Return the command with the options that differ."""
    wanted = change.wanted
    assert wanted is not None  # noqa: S101 - it is modified
    new = {name: pair[1] for name, pair in change.fields.items()}
    before, after = set((change.found or wanted).groups or ()), set(new.get("groups", ()))
    only_more = "groups" in new and before <= after
    groups = ",".join(sorted(after - before if only_more else after)) if "groups" in new else None
    return options(
        uid=new.get("uid"),
        non_unique="uid" in new and wanted.non_unique,
        gid=new.get("group"),
        comment=new.get("comment"),
        home=new.get("home"),
        move_home=_moves(change),
        shell=new.get("shell"),
        append=only_more,
        groups=groups,
        expiredate=new.get("expire_date"),
        inactive=new.get("inactive"),
    )


def login(name: str, change: Change[State]) -> Iterator[Command]:
    """Password and lock. A new password would open a lock, so it brings its own."""
    found, new = change.found, change.fields
    locked = new["locked"][1] if "locked" in new else found is not None and found.locked
    if "password" in new:
        digest = new["password"][1]
        clear = change.wanted is not None and change.wanted.clear
        digest = digest if digest != NO_PASSWORD else None
        yield logins.set_password(name, digest, clear=clear, locked=bool(locked))
    elif "locked" in new and found is not None:
        yield sh("usermod {} {}", options(lock=locked, unlock=not locked), name)
    ages = ("min_days", "max_days", "warn_days")
    yield from logins.set_ages(name, {field: new[field][1] for field in ages if field in new})


def removed_key(change: Change[State]) -> str | None:
    """Return the type of the key pair that a change removes: only an undo does."""
    before, after = change.fields.get("ssh_key", (None, None))
    return before if change.wanted is not None and after == "" else None


def key_pair(name: str, change: Change[State]) -> Iterator[Command]:
    """Make the key pair, or remove the one that an earlier run has made."""
    before, after = change.fields.get("ssh_key", (None, None))
    wanted = change.wanted
    if after and wanted is not None:
        if wanted.key_pair is not None:
            yield logins.restore_key(name, after, wanted.key_pair)
        else:
            yield logins.generate(name, after, wanted.key_bits)
    elif before and wanted is not None:
        yield logins.remove_key(name, before, folder=not wanted.ssh_folder)
