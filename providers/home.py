"""Homes of users: whether they are there, how one is made, and what would go with its user."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString, Self

from cookbook.errors import HostError
from cookbook.provider import Command, Probe, Table, Thing, join, sh
from cookbook.providers.mounts import free_of_mounts, mounts, refuse_mounts

_MOST = 200
"""So many files of a home are looked at; one is enough."""

# Keys are looked after by `authorized_key`, which leaves those of others.
_IN_IT: LiteralString = r"""
in_home() { printf '%s\0' "$1"; [ ! -d "$2" ] || (cd "$2" || exit; { find . ! -type d \
! -path ./.ssh/authorized_keys ! -path "./.ssh/$3" ! -path "./.ssh/$3.pub" ||
echo '(not all of it can be read)' 2>/dev/null; } | head -n {} | while IFS= read -r f; do
cmp -s "$f" "/etc/skel/$f" || printf '%s\0' "$2/${f#./}"; done) || exit; printf '\0'; }
"""


def listing(homes: Iterable[tuple[str, str | None, str]]) -> Command | None:
    """
    Return the question for the content of each home, with a NUL after each entry.

    Each is a name, the path, and the type of a key pair that was made with the account, or "".
    """
    asked = [sh("in_home {} {} {}", name, path, f"id_{key}") for name, path, key in homes if path]
    return join([sh(_IN_IT.strip(), _MOST), *asked], "\n") if asked else None


def objection(name: str, said: str, going: Collection[Thing]) -> str | None:
    """Why a user must stay."""
    records = (record.rstrip("\0").split("\0") for record in said.split("\0\0"))
    inside = {first: rest for first, *rest in records}
    gone = {thing.name for thing in going if thing.kind == "path"}
    others = sorted({*inside.get(name, ())} - gone)
    return f"there are files of others in its home: {', '.join(others[:5])}" if others else None


@dataclass(frozen=True)
class Place:
    """The state of a home."""

    own: bool
    """True if the home of the account is an existing folder."""
    wanted: bool
    """True if something exists at the path of the future home."""
    parent: bool
    """True if the folder above that path exists."""
    owner: str
    """Number and name of the owner, where that was asked for: `1000 ann`."""
    path: str
    inside: str = ""
    """The obstacles to its removal: the answer to `inside_of`."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `HOMES` prints of a user."""
        line = text.rstrip("\n").rpartition("\n")[2]
        own, wanted, parent, uid, name, path = line.split(" ", 5)
        return cls(own == "yes", wanted == "yes", parent == "yes", f"{uid} {name}".strip(), path)


# `~name` is the home of the account; without an account it stays as it is.
_SHOW = """\
home() { h=$2 t=$3 own=no wanted=no parent=no owner="- -"
case $h in /*) ;; *) h=;; esac
[ "$t" ] || t=${h:-/home/$1}
[ -z "$h" ] || [ ! -d "$h" ] || own=yes
[ ! -e "$t" ] && [ ! -L "$t" ] || wanted=yes
d=${t%/*}; [ ! -d "${d:-/}" ] || parent=yes
[ "$h" ] || [ $wanted = yes ] || return 0
[ -z "$4" ] || [ $wanted = no ] || owner=$(stat -c "%u %U" -- "$t") || exit
printf "@%s %s %s\\n%s\\n" "$1" "$3" "$4" "$own $wanted $parent $owner $t"; }
"""


def key(name: str, path: str, *, removed: bool) -> str:
    """Return the key of `HOMES` for a user; an empty path is the home that the account has."""
    return "\n".join([name, path, "owner" if removed else ""])


def _ask(keys: Sequence[str]) -> Command:
    parts = [one.split("\n") for one in keys]
    text = join(
        [sh(_SHOW.strip()), *(sh("home {} ~{} {} {}", n, n, p, o) for n, p, o in parts)], "\n"
    )
    return replace(text, called=f"look at the homes of {' '.join(n for n, *_ in parts)}")


def _split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    lines = text.split("\n")
    pairs = zip(lines[::2], lines[1::2], strict=False)
    found = {head[1:]: f"{head}\n{line}\n" for head, line in pairs}
    for one in keys:
        if (part := found.get(one.replace("\n", " "))) is not None:
            yield one, part


HOMES = Table(_ask, _split)
"""The content of the homes of some users; `key` makes the keys."""


def inside_of(name: str, path: str | None) -> Probe:
    """
    Return the question for mounts and immutable files in a home that is to be removed.

    userdel(8) removes the home of the account, whatever is mounted below it.
    """
    # `~name` is the home of the account; without an account it is no folder.
    declared = [sh("{}", path)] if path else []
    return mounts(sh("~{}", name), *declared)


def unmounted(name: str, command: Command) -> Command:
    """Return a command that fails where something is mounted in the home of the account."""
    return replace(sh("{} && {}", free_of_mounts(sh("~{}", name)), command), shown=command.shown)


def check_removal(name: str, uid: int | None, place: Place | None) -> None:
    """Raise HostError for a home that userdel(8) will not remove with its account."""
    if place is None:
        return
    refuse_mounts(place.path, place.inside)
    if not place.wanted or not place.owner.strip("- "):
        return
    number, _, owner = place.owner.partition(" ")
    if uid is None and owner != "UNKNOWN":
        raise HostError(
            f"the account {name} is gone, its home {place.path} is left and belongs to {owner}",
            hint="remove it with a directory resource, or declare manage_home=False",
        )
    if uid is not None and number != str(uid):
        raise HostError(
            f"userdel would remove {name}, but not its home {place.path}, which belongs to {owner}",
            hint=f"give it to {name} first, or declare manage_home=False",
        )


def check_move(name: str, found: str | None, wanted: str | None, place: Place | None) -> None:
    """Raise HostError for a home that usermod(8) cannot move to where it is wanted."""
    if place is None or wanted in (None, found) or not (place.own and place.wanted):
        return
    raise HostError(
        f"the home of {name} cannot be moved from {found} to {wanted}: that is there already",
        hint=f"move {wanted} away, or move the contents yourself and declare manage_home=False",
    )


def make_home(name: str, path: str) -> Command:
    """Make a home as useradd(8) does: from /etc/skel, with the mode of /etc/login.defs."""
    text = sh(_MAKE, path, path, path, path, path, name, name, path)
    return replace(text, called=f"make the home {path}")


_MAKE: LiteralString = (
    'm=$(awk \'$1 == "HOME_MODE" { h = $2 } $1 == "UMASK" { u = $2 }'
    ' END { print h ? h : "u" (u ? u : "022") }\' /etc/login.defs) && case $m in'
    " u*) m=$(printf %o $((0777 & ~0${m#u}))) ;; esac;"
    ' d={}; mkdir -p -- "${d%/*}/" && mkdir -m 700 -- {} && {'
    ' [ ! -d /etc/skel ] || cp -R -P /etc/skel/. {}; } && chmod "$m" -- {}'
    ' && [ -d {} ] && chown -R -h {}:"$(id -g {})" -- {}'
)
