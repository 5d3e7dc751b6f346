"""Options of mounts: those that the kernel shows, compared with those that are declared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

_OPPOSITES = {
    "ro": "rw",
    "nosuid": "suid",
    "nodev": "dev",
    "noexec": "exec",
    "sync": "async",
    "nodiratime": "diratime",
    "lazytime": "nolazytime",
}
"""Flags that the kernel shows, and their opposites, which are the default and not shown."""

_TIMES = frozenset({"relatime", "noatime", "strictatime", "atime"})
_SHOWN = frozenset({"discard", "usrquota", "grpquota", "prjquota", "dirsync"})
"""More flags that are shown where they hold."""

# In these the kernel or the server decides about flags that are not declared.
_OWN_WILL = re.compile(
    r"nfs\d?|cifs|smb\d?|fuse.*|9p|ceph|proc|sysfs|cgroup\d?|devpts|devtmpfs|mqueue"
)


def satisfied(declared: Sequence[str], live: str, fstype: str, *, bind: bool) -> bool:
    """
    Return whether a mounted file system with the options `live` is as declared.

    >>> satisfied(["defaults"], "rw,relatime,size=1024k", "tmpfs", bind=False)
    True
    >>> satisfied(["noexec", "size=1m"], "rw,noexec,relatime,size=1024k", "tmpfs", bind=False)
    True
    >>> satisfied(["ro"], "rw,relatime", "ext4", bind=False)
    False
    >>> satisfied([], "rw,noexec,relatime", "ext4", bind=False)
    False
    """
    seen = live.split(",")
    strict = not bind and not _OWN_WILL.fullmatch(fstype)
    for flag, opposite in _OPPOSITES.items():
        wanted = flag in declared if strict or {flag, opposite} & {*declared} else None
        if wanted is not None and wanted != (flag in seen):
            return False
    wishes = _TIMES & {*declared}
    if (wishes or strict) and _time(wishes) != _time(_TIMES & {*seen}):
        return False
    if not _SHOWN & {*declared} <= {*seen}:
        return False
    values, found = _values(declared), _values(seen)
    return all(found[key] == value for key, value in values.items() if key in found)


def _time(options: Iterable[str]) -> str:
    """Return how access times are written; relatime unless something else is said."""
    named = sorted({"relatime" if one == "atime" else one for one in options} - {"relatime"})
    return named[0] if named else "relatime"


def _values(options: Iterable[str]) -> Mapping[str, object]:
    pairs = (option.partition("=") for option in options)
    return {key: _plain(key, value) for key, equals, value in pairs if equals and "%" not in value}


def _plain(key: str, value: str) -> object:
    """Return a value as it is compared: sizes in bytes, modes as numbers."""
    if key == "mode" and re.fullmatch("[0-7]{1,5}", value):
        return int(value, 8)
    if found := re.fullmatch(r"(\d{1,20})([kmgtKMGT]?)", value):
        return int(found[1]) << 10 * " kmgt".index(found[2].lower() or " ")
    return value


def complete(options: Sequence[str]) -> str:
    """
    Return the options for a remount, in which the default has to be said as well.

    >>> complete(["defaults", "noexec"])
    'noexec,rw,suid,dev,relatime'
    """
    given = [option for option in options if option != "defaults"]
    flags = ("ro", "nosuid", "nodev", "noexec")
    rest = [_OPPOSITES[flag] for flag in flags if not {flag, _OPPOSITES[flag]} & {*given}]
    times = [] if _TIMES & {*given} else ["relatime"]
    return ",".join([*given, *rest, *times])


_KEPT = re.compile(
    r"(ro|rw|nosuid|nodev|noexec|sync|dirsync|noatime|relatime|nodiratime|lazytime"
    r"|(size|mode|uid|gid|nr_inodes)=[^,]*)"
)


def settable(live: str) -> str:
    """Return those of the options of a mounted file system that mount(8) takes in any case."""
    return ",".join(option for option in live.split(",") if _KEPT.fullmatch(option))
