"""
The mechanism of trees of files that come as one archive: from the host, or from the cookbook.

The host keeps a record of each tree: its members with mode, owner and digest. A member that is
changed or missing has the archive extracted again. It is extracted into a private folder, and
checked there; only then its members replace those in the destination.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import LiteralString, TypeVar

from cookbook.provider import (
    Change,
    Command,
    Content,
    Probe,
    Resource,
    hint,
    sh,
)
from cookbook.providers.folders import FolderProvider

SHOWN = 20
"""Members that a plan shows as differing."""


@dataclass(frozen=True)
class TreeState:
    """A tree that was extracted, as its record on the host has it."""

    content: str | None = None
    """The digest of the archive."""
    options: str | None = None
    """The options of the extraction: owner, strip_components."""
    differing: tuple[str, ...] | None = ()
    """Members that were changed since, or are missing."""
    extra: tuple[str, ...] | None = ()
    """Files of others that are to be removed; None: they do not count."""
    recorded: bool = hint(default=True)
    """False only in what was found: there is no record."""
    folder: bool = hint(default=False)
    """True if the destination exists."""
    archive: str | None = hint()
    """Path of the archive on the host; None: it is sent."""
    latest: str | None = hint()
    """The digest of the archive that is there now."""
    form: str = hint(default="tar")
    owner: str = hint(default="")
    """OWNER:GROUP for chown(1); empty: left as it comes."""
    mode: str | None = hint()
    strip: int = hint(default=0)
    former: str | None = hint()
    """The digest of the kept tree, `none` where there was none, `-` where it was not kept."""
    gone: tuple[str, ...] = hint(default=())
    """Files of others that are removed when the tree is made."""
    restores: bool = hint(default=False)
    """True if the kept tree is put back."""


# A file whose content was changed has another time of change in its inode, which no program can
# set: what has the same one, as in the index of git(1), is not read.
_HEAD: LiteralString = """\
d={} m=$cook_home/trees/{}
cook_seen() { tr '\\n' '\\0' <"$1" | xargs -0 -r stat -c '%a %u:%g %N' -- 2>/dev/null
tr '\\n' '\\0' <"$1.f" | xargs -0 -r sha256sum -- 2>/dev/null; }
cook_quick() { tr '\\n' '\\0' <"$1" | xargs -0 -r stat -c '%i %s %.9Y %.9Z %a %u:%g %n' -- \
2>/dev/null; }
cook_gone() { sort -r | while IFS= read -r f; do if [ -d "$d/$f" ] && [ ! -L "$d/$f" ]
then rmdir -- "$d/${f#.}" 2>/dev/null; else rm -f -- "$d/$f"; fi; done; }
"""


def _shell(name: str, text: LiteralString, *values: object) -> Command:
    """Return a script that has the destination in `d`, the folder of the record in `m`."""
    head = sh(_HEAD.rstrip(), name, record_of_tree(name))
    return sh("{}\n{}", head, sh(text.rstrip(), *values))


_ASK: LiteralString = """\
if [ -e "$m/head" ]; then cat "$m/head"; fi; printf '\\0'
if [ -d "$d" ]; then echo folder; fi; printf '\\0'
if [ -e "$m/head" ]; then if cd "$d" 2>/dev/null; then
cook_quick "$m/names" | cmp -s - "$m/quick" || {
cook_seen "$m/names" | diff "$m/seen" -; [ $? -lt 2 ]; }; else echo '< .'; fi; fi; printf '\\0'
[ ! {} ] || [ ! -d "$d" ] || { cd "$d" && find . -mindepth 1 ! -type d -print0; }
"""


def ask_tree(name: str, *, others: bool) -> Probe:
    """Return the question for the record, what differs from it, and other files."""
    command = _shell(name, _ASK, "1" if others else "")
    return Probe(replace(command, called=f"compare {name}"))


def parse_tree(text: str) -> TreeState:
    """Return the state in the answer; `extra` has all files there are."""
    head, folder, differing, *files = text.split("\0")
    if not head:
        extra = tuple(sorted(_plain(one) for one in files if one))
        return TreeState(recorded=False, folder=folder != "", extra=extra)
    content, options = head.rstrip("\n").split("\n")
    names = sorted({_member(line) for line in differing.splitlines() if line.startswith("< ")})
    if len(names) > SHOWN:
        names = [*names[:SHOWN], f"and {len(names) - SHOWN} more"]
    extra = tuple(sorted(_plain(one) for one in files if one))
    return TreeState(content, options, tuple(names), extra, folder=folder != "")


def _plain(name: str) -> str:
    return name.removeprefix("./")


def _member(line: str) -> str:
    found = re.search(r"[ '](\.(/.*?)?)('?( -> .*)?)$", line)
    return _plain(found[1]) if found is not None else line[2:]


_EXTRACT: LiteralString = """\
refuse() { echo "the archive is refused: $1: $2" >&2; exit 1; }
if [ -d "$d" ]; then t=$d/.cook-$cook_nonce; else t=${d%/*}/.cook-$cook_nonce; fi
trap 'cd /; rm -rf -- "$t"' EXIT; trap 'exit 143' HUP INT TERM
umask 077; mkdir -- "$t" "$t/x" || exit
{}
[ "$(sha256sum <"$a")" = {} ] || { echo 'the archive has other content now' >&2; exit 1; }
{} >"$t/n" || exit
! bad=$(grep -E -m 1 '^/|(^|/)[.][.](/|$)' "$t/n") || refuse 'a name leads outside' "$bad"
umask 022
{} || exit
cd "$t/x" || exit
bad=$(find . ! -type f ! -type d ! -type l -print -quit)
[ -z "$bad" ] || refuse 'neither a file, a folder nor a link' "$bad"
bad=$(find . -name '*
*' -print -quit); [ -z "$bad" ] || refuse 'a line break in a name' "$bad"
bad=$(find . -type l -print0 | xargs -0 -r readlink -m -- |
cook_x=$t/x/ cook_d=$d/ awk {} | head -n 1)
[ -z "$bad" ] || refuse 'a link leads outside' "$bad"
find . -type d >"$t/dirs"; find . | sort >"$t/names"; find . -type f | sort >"$t/names.f"
while IFS= read -r f; do if [ "$f" != . ] && { [ -L "$d/$f" ] ||
{ [ -e "$d/$f" ] && [ ! -d "$d/$f" ]; }; }; then echo "$d/$f is no folder" >&2; exit 1; fi
done <"$t/dirs"
while IFS= read -r f; do if [ -d "$d/$f" ] && [ ! -L "$d/$f" ]
then echo "$d/$f is a folder" >&2; exit 1; fi; done <"$t/names.f"
{}
{} && {} || exit
[ ! -e "$m/names" ] || comm -23 "$m/names" "$t/names" | cook_gone
(cd "$d" 2>/dev/null && rm -f -- {})
mkdir -p -- "$d" && cp -al --remove-destination -- "$t/x/." "$d/" || exit
cd "$d" && rm -rf -- "$t/x" && cook_seen "$t/names" >"$t/seen" &&
cook_quick "$t/names" >"$t/quick" && (umask 077; mkdir -p -- "$m") &&
mv -f -- "$t/names" "$t/names.f" "$t/seen" "$t/quick" "$m/" && printf '%s\\n' {} {} >"$m/head"
"""

_OUTSIDE = """\
{ p = $0 "/" } index(p, ENVIRON["cook_x"]) != 1 && index(p, ENVIRON["cook_d"]) != 1 { print }"""

_UNZIP: LiteralString = """\
unzip -q -o "$a" -d "$t/x" && { n={}; while [ $((n -= 1)) -ge 0 ]; do mkdir "$t/y" &&
find "$t/x" -mindepth 2 -maxdepth 2 -print0 | xargs -0 -r mv -t "$t/y" -- &&
rm -rf "$t/x" && mv "$t/y" "$t/x" || exit; done; }"""


_AS_BEFORE: LiteralString = (
    'if [ -d "$d" ]; then chmod --reference="$d" . && chown --reference="$d" .;'
    " else chmod 755 .; fi"
)
"""A folder that exists keeps its mode and its owner; an archive may have others."""

_AS_SENT: LiteralString = "-m $([ ! -O / ] || echo --same-owner)"
"""Options of tar(1) for a tree of the cookbook: only root can give files away."""


def extract(
    name: str, found: TreeState | None, wanted: TreeState, unpack: Command | None = None
) -> Command:
    """
    Return the command that extracts the archive, checks it, and records it.

    `unpack` makes the tree `$t/x` of the archive `$a` in another way.
    """
    names = sh('unzip -Z1 "$a"') if wanted.form == "zip" else sh('tar -tf "$a"')
    if unpack is None and wanted.form == "zip":
        unpack = sh(_UNZIP, wanted.strip)
    elif unpack is None:
        options = sh(_AS_SENT if wanted.form == "tree" else "--no-same-owner")
        strip = f"--strip-components={wanted.strip}"
        unpack = sh('tar {} -xpf "$a" {} -C "$t/x"', options, strip)
    archive = (
        sh("a={}", wanted.archive)
        if wanted.archive is not None
        else sh('a=$t/a; content {} >"$a" || exit', Content(wanted.content or ""))
    )
    command = _shell(
        name,
        _EXTRACT,
        archive,
        f"{wanted.content}  -",
        names,
        unpack,
        _OUTSIDE,
        sh(":") if wanted.form == "tree" else sh(_AS_BEFORE),
        sh("chown -Rh {} .", wanted.owner) if wanted.owner else sh(":"),
        sh("chmod {} .", wanted.mode) if wanted.mode is not None else sh(":"),
        [f"./{one}" for one in (wanted.gone if found is None else found.extra or ())] or ["./-"],
        wanted.content,
        wanted.options,
    )
    return replace(command, called=f"extract into {name}", shown=f"extract into {name}")


_KEEP: LiteralString = """\
if [ ! -d "$d" ]; then echo none; else cd / && set -- "${d#/}"
[ ! -e "$m/head" ] || set -- "$@" "${m#/}"
cook_keep_by cook_tar --format=posix --acls --xattrs --numeric-owner -cf - -- "$@" 2>/dev/null; fi
"""

_RESTORE: LiteralString = """\
t=$cook_home/.tree-$cook_nonce; trap 'rm -rf -- "$t"' EXIT; umask 077; mkdir -- "$t" || exit
former={}; cat "$m/names" >"$t/names" 2>/dev/null
(cd "$d" 2>/dev/null && rm -f -- {})
cook_gone <"$t/names"; rm -rf -- "$m"; [ "$former" ] || exit 0
{} >"$t/tar" || exit; tar -C / -xpf "$t/tar" -- "${m#/}" 2>/dev/null
{ cat "$t/names" "$m/names" 2>/dev/null; printf '%s\\n' {}; } |
cook_d=${d#/} awk {} | sort -u >"$t/l"
tar --quoting-style=literal -tf "$t/tar" | sed 's,/$,,' | sort -u | comm -12 - "$t/l" >"$t/list"
tar -C / --no-recursion --acls --xattrs '--xattrs-include=*' -xpf "$t/tar" -T "$t/list"
"""

_FULL = """\
{ sub(/^\\.\\/?/, ""); print ENVIRON["cook_d"] ($0 == "" ? "" : "/" $0) }"""


def restore(name: str, found: TreeState | None, wanted: TreeState | None) -> Command:
    """Return the command that removes the members, and puts the former files back."""
    side = wanted if wanted is not None else found
    former = side.former if side is not None else None
    kept = former if former not in (None, "none", "-") else None
    back: tuple[str, ...] = (wanted.extra or ()) if wanted is not None else ()
    gone: tuple[str, ...] = ()
    if wanted is not None:
        gone = wanted.gone if found is None else found.extra or ()
    elif found is not None:
        back = found.gone
    command = _shell(
        name,
        _RESTORE,
        kept or "",
        [f"./{one}" for one in gone] or ["./-"],
        sh("content {}", Content(kept)) if kept is not None else sh(":"),
        [f"./{one}" for one in back] or ["."],
        _FULL,
    )
    said = f"remove from {name}" if wanted is None else f"restore {name}"
    return replace(command, called=said, shown=said)


def keep_members(name: str) -> Command:
    """Return the command that keeps a folder and its record; it prints the digest, or `none`."""
    return _shell(name, _KEEP)


def put_back(digest: str) -> Command:
    """Return the command that puts a whole kept tree back, with its record."""
    return sh("content {} | tar -C / --acls --xattrs '--xattrs-include=*' -xpf -", Content(digest))


def record_of_tree(name: str) -> str:
    """Return the name of the record of a tree, in the folder `trees` among the files of cook."""
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:32]


R = TypeVar("R", bound=Resource)


class TreeProvider(FolderProvider[R, TreeState]):
    """A provider of trees; the identity of the resource is the destination."""

    concurrent = True

    @property
    def state(self) -> type[TreeState]:
        """The state of a tree."""
        return TreeState

    def commands(self, name: str, change: Change[TreeState]) -> Iterable[Command]:
        """Extract the archive, or put back what was there."""
        found, wanted = change.found, change.wanted
        if wanted is None or wanted.restores:
            return [restore(name, found, wanted)]
        return [extract(name, found, wanted)]

    def keeps(self, name: str, change: Change[TreeState]) -> Command | None:
        """Keep the destination and the record."""
        return keep_members(name)

    def learned(self, change: Change[TreeState], kept: str, said: str) -> Change[TreeState]:
        """Add where the former files are kept."""
        former = kept.strip() or "-"
        found, wanted = change.found, change.wanted
        return replace(
            change,
            found=replace(found, former=former) if found is not None else None,
            wanted=replace(wanted, former=former) if wanted is not None else None,
        )

    def there(self, state: TreeState | None) -> bool:
        """Return whether there is a record of the tree."""
        return state is not None and state.recorded

    def back(
        self, name: str, change: Change[TreeState], now: TreeState | None
    ) -> Change[TreeState]:
        """Return the removal of the members, with the former files put back."""
        done = change.wanted or change.found
        former = done.former if done is not None else None
        there = now if now is not None and now.recorded else None
        gone = done.gone if done is not None else ()
        if change.found is None:
            side = replace(there, former=former, gone=gone) if there is not None else None
            return Change(side, None)
        return Change(there, replace(change.found, former=former, restores=True))

    def unobtainable(
        self, name: str, change: Change[TreeState], now: TreeState | None
    ) -> str | None:
        """Return the reason: the former files were too large to be kept."""
        done = change.wanted or change.found
        lost = done is not None and done.former == "-"
        return "the former files were not kept" if lost else None
