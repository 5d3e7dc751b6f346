"""The commands that build programs of sources, keep former ones, and put them back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.provider import Command, Content, hint, join, sh
from cookbook.providers.source_revisions import acting, listing
from cookbook.resources._built import Built


@dataclass(frozen=True)
class BuiltState:
    """Programs, and what they were built of."""

    source: str | None = None
    """The revision of the sources."""
    toolchain: str | None = None
    """The version of the tools."""
    arguments: str | None = None
    differing: tuple[str, ...] | None = ()
    """Files that are not those that were built."""
    made: bool = hint(default=False)
    """True if there is a record, or a file."""
    source_now: str | None = hint()
    toolchain_now: str | None = hint()
    record: str = hint(default="")
    """The name of the folder with the record."""
    folder: str = hint(default="")
    user: str | None = hint()
    path: str | None = hint()
    """A folder that comes first in the PATH."""
    outputs: tuple[str, ...] = hint(default=())
    run: tuple[str, ...] = hint(default=())
    environment: tuple[tuple[str, str], ...] | None = hint(default=(), sensitive=True)
    apart: bool = hint(default=False)
    """True if the program is built in a private folder; else where the makefile says."""
    kept: tuple[str, ...] = hint(default=())
    """The former files: digest, mode, time and path; of the record only the digest."""
    restores: bool = hint(default=False)
    timeout: float = hint(default=3600.0)


def record_of_build(built: Built) -> str:
    """Return the name of the folder with the record of a build."""
    name = f"{built.kind()} {built.identity}"
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:32]


# The file is written by the user that builds if that one may; else by the user of the run, if the
# folder is its own: a link that the other has put there is never followed.
_PUT: LiteralString = r"""
cook_q() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }
cook_put() { q="f=$(cook_q "$1") o=$(cook_q "$2") m=$3 w=$4; "; d=${2%/*}; d=${d:-/}
if cook_as "$u" "$q"'[ -w "${o%/*}/" ]'; then cook_as "$u" "$q"'umask 022
n=${o%/*}/.cook-$cook_nonce; { cat -- "$f" >"$n" && chmod "$m" -- "$n" &&
{ [ -z "$w" ] || touch -d "@$w" -- "$n"; } && mv -fT -- "$n" "$o"; } || { rm -f -- "$n"; exit 1; }'
elif [ -O "$d" ]; then n=$d/.cook-$cook_nonce
{ (umask 022; cook_as "$u" "$q"'cat -- "$f"' >"$n") && chmod "$3" -- "$n" &&
{ [ -z "$4" ] || touch -d "@$4" -- "$n"; } && mv -fT -- "$n" "$2"; } || { rm -f -- "$n"; return 1; }
else echo "$u may not write into $d" >&2; return 1; fi; }
cook_drop() { q="o=$(cook_q "$1"); "; d=${1%/*}
if cook_as "$u" "$q"'[ -w "${o%/*}/" ]'; then cook_as "$u" "$q"'rm -f -- "$o"'
elif [ -O "${d:-/}" ]; then rm -f -- "$1"; fi; }
"""

# Other users cannot read what a build has in its private folder. A home that cannot be written
# has no cache; it is in the private folder then.
_APART: LiteralString = r"""
t=/var/tmp/.cook-$cook_nonce; (umask 077; mkdir -- "$t") || exit
{}cd -- {} || exit
[ -d "$HOME" ] && [ -w "$HOME" ] || export GOCACHE="$t/cache" GOPATH="$t/go"
export GOTMPDIR="$t"
{}{} {} -o "$t/out" {} >"$t/log" 2>&1 || { echo 'the build has failed:'; tail -n 60 -- "$t/log"
chmod -R u+w -- "$t"; rm -rf -- "$t"; exit 1; } >&2
[ -x "$t/out" ] || { rm -rf -- "$t"; echo 'the package is no program: go run it?' >&2; exit 1; }
printf %s "$t"
"""

_MOVE: LiteralString = r"""
t=$(cook_as "$u" {}) || exit
trap 'cook_as "$u" "chmod -R u+w -- $(cook_q "$t"); rm -rf -- $(cook_q "$t")"' EXIT
trap 'exit 143' HUP INT TERM
cook_put "$t/out" {} 755 '' || exit
"""

_IN_PLACE: LiteralString = r"""
t=/var/tmp/.cook-$cook_nonce; (umask 077; mkdir -- "$t") || exit; trap 'rm -rf -- "$t"' EXIT
{}cd -- {} || exit; set -- {}
i=0; for o; do i=$((i + 1)); [ ! -f "$o" ] || cp -p -- "$o" "$t/$i" || exit; done
({}exec {}) >"$t/log" 2>&1 || { echo 'make has failed:'
if [ "$(wc -l <"$t/log")" -gt 60 ]; then grep -E -m 20 'error|Error [0-9]' "$t/log"
tail -n 20 -- "$t/log"; else cat -- "$t/log"; fi
i=0; for o; do i=$((i + 1)); [ ! -f "$t/$i" ] || cmp -s -- "$t/$i" "$o" || {
cp -p -- "$t/$i" "$o.cook" && mv -fT -- "$o.cook" "$o" && echo "$o is put back"; }; done
exit 1; } >&2
for o; do [ -f "$o" ] || { echo "make has not made $o" >&2; exit 1; }; done
"""

# A commit that came while the build ran may be in the program or not: the one before is noted, so
# the next run builds again.
_BUILD: LiteralString = r"""
k=$cook_home/builds/{}; (umask 077; mkdir -p -- "$k") || exit
{}; {}{}x=$(cook_list) || exit; cook_named "$x" >"$k/.before" || exit
{}
l=$(cook_list) || exit
{ [ ! -e "$k/products" ] || cat -- "$k/products"; cook_named "$l" | LC_ALL=C comm -13 "$k/.before" -
for o in {}; do printf '%s\n' "$o"; done; } | LC_ALL=C sort -u >"$k/.products" &&
mv -f -- "$k/.products" "$k/products" || exit
cook_others before | LC_ALL=C sort -u >"$k/.before"; cook_named "$l" |
LC_ALL=C comm -12 "$k/.before" - | LC_ALL=C comm -23 - "$k/products" >"$k/inputs"
rm -f -- "$k/.before"
[ "$(printf '%s\n' "$x" | sed -n 2p)" = "$(printf '%s\n' "$l" | sed -n 2p)" ] || l=$x
{ printf 'source %s\n' "$(cook_revision "$l")"; printf '%s\n' {}
for o in {}; do h=$(sha256sum <"$o") && printf 'output %s %s\n' "${h%% *}" "$o" || exit; done
} >"$k/.record" && mv -f -- "$k/.record" "$k/record"
"""


def build(wanted: BuiltState) -> Command:
    """Return the command that builds, and writes the record."""
    first = sh("PATH={}:$PATH\n", wanted.path) if wanted.path is not None else sh("")
    exports = [sh("export {}\n", f"{key}={value}") for key, value in wanted.environment or ()]
    variables = join(exports, "")
    if wanted.apart:
        program, verb, *rest = wanted.run
        apart = sh(_APART.strip(), first, wanted.folder, variables, program, verb, rest)
        step = _inner(sh(_MOVE.strip(), apart.text, wanted.outputs[0]), apart)
    else:
        outputs, run = list(wanted.outputs), list(wanted.run)
        text = sh(_IN_PLACE.strip(), first, wanted.folder, outputs, variables, run)
        step = _inner(sh('cook_as "$u" {} || exit', text.text), text)
    lines = [f"toolchain {wanted.toolchain}", f"arguments {wanted.arguments}"]
    command = sh(
        _BUILD.strip(),
        wanted.record,
        acting(wanted.user, wanted.folder),
        listing(wanted.folder, sh(":"), wanted.path),
        sh(_PUT.removeprefix("\n")),
        step,
        list(wanted.outputs),
        lines,
        list(wanted.outputs),
    )
    said = f"{sh('{}', list(wanted.run)).shown} # in {wanted.folder}"
    return replace(command, shown=said, called=said)


def _inner(command: Command, inner: Command) -> Command:
    """Return a command that quotes another one, which may hold secrets."""
    return replace(command, shown=inner.shown)


_KEEP: LiteralString = r"""
k=$cook_home/builds/{}; for o in {}; do [ ! -f "$o" ] || { h=$(sha256sum <"$o")
printf 'kept %s %s %s\n' "$(cook_keep "$o" "${h%% *}")" "$(stat -L -c '%a %.Y' -- "$o")" "$o"
}; done
[ ! -e "$k/record" ] || printf 'kept %s\n' "$(cook_keep_by cook_tar -C "$k" -cf - record products \
inputs)"
"""


def keep_built(found: BuiltState) -> Command:
    """Return the command that keeps the files and the record."""
    return sh(_KEEP.strip(), found.record, list(found.outputs))


def parse_kept(said: str) -> tuple[str, ...]:
    """Return what `keep_built` has printed, a text for each file."""
    lines = said.splitlines()
    return tuple(one.removeprefix("kept ") for one in lines if one.startswith("kept "))


# The files that the build made among the sources go as their user.
_REMOVE: LiteralString = r"""
k=$cook_home/builds/{} s={}; {}
{}if [ -s "$k/products" ]; then f=$(mktemp -p /var/tmp) || exit
cat -- "$k/products" >"$f" && chmod 644 -- "$f"
cook_as "$u" "s=$(cook_q "$s") f=$f; "'s=$(readlink -f -- "$s"); while IFS= read -r n
do case $n in */../*) ;; "$s"/*) rm -f -- "$n" ;; esac; done <"$f"; :'
rm -f -- "$f"; fi
for o in {}; do cook_drop "$o" || exit; done; rm -rf -- "$k"
"""

_RESTORE: LiteralString = r"""
f=$(mktemp -p /var/tmp) && content {} >"$f" && { [ ! -O / ] || chown -- "$u" "$f"; } &&
cook_put "$f" {} {} {}; s=$?; rm -f -- "$f"; [ $s = 0 ] || exit
"""


def remove(state: BuiltState) -> Command:
    """Return the command that removes the files, what the build made besides, and the record."""
    said = f"remove what was built of {state.folder}"
    return replace(_removal(state), shown=said, called=said)


def restore_built(wanted: BuiltState) -> Command:
    """Return the command that puts the former files and their record back."""
    said = f"put back what was built of {wanted.folder} before"
    whole = join([_removal(wanted), *_restorations(wanted)], "\n")
    return replace(whole, shown=said, called=said)


def _removal(state: BuiltState) -> Command:
    put = sh(_PUT.removeprefix("\n"))
    user = acting(state.user, state.folder)
    outputs = list(state.outputs)
    return sh(_REMOVE.strip(), state.record, state.folder, user, put, outputs)


def _restorations(wanted: BuiltState) -> Iterator[Command]:
    for one in wanted.kept:
        digest, _, rest = one.partition(" ")
        if not rest:
            yield sh(
                '(umask 077; mkdir -p -- "$k") && content {} | tar -C "$k" -xf - || exit',
                Content(digest),
            )
            continue
        mode, time, path = rest.split(" ", 2)
        yield sh(_RESTORE.strip(), Content(digest), path, mode, time)
