"""The files of repositories that dnf(8) and zypper(8) read, and how old their metadata is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

from cookbook.provider import Command, sh

# The repositories in the files: `ID TAB NAME TAB ENABLED TAB PRIORITY`.
_REPOSITORIES: LiteralString = r"""
repositories() { for d in {}; do for f in "$d"/*.repo; do [ ! -f "$f" ] || { cat -- "$f"; echo; }
done; done | awk '
function out() { if (id != "" && id != "main") print id "\t" name "\t" on "\t" priority }
/^\[.*\]/ { out(); id = substr($0, 2, index($0, "]") - 2); name = id; on = 1; priority = 99; next }
/^[#;]/ || !/=/ { next }
{ k = $0; sub(/[ \t]*=.*/, "", k); v = $0; sub(/^[^=]*=[ \t]*/, "", v); sub(/[ \t\r]+$/, "", v) }
k == "name" { name = v } k == "enabled" { on = tolower(v) !~ /^(0|no|false|off)$/ }
k == "priority" && v ~ /^[0-9]+$/ { priority = v }
END { out() }'; }
"""

# A file of repositories that is newer than the metadata may say of another place.
_AGE: LiteralString = r"""
age() { for d in {}; do for r in "$d" "$d"/*.repo; do
[ ! -e "$r" ] || [ ! "$r" -nt "$1" ] || { echo old; return; }; done; done
[ "$(find "$1" -mmin -{} ! -newermt '1 hour' 2>/dev/null)" ] && echo fresh || echo old; }
worst=fresh; for f in $(repositories | awk -F '\t' '$3 == 1 { print $1 }') {}; do
m=; for g in {}/$f{}; do [ ! -f "$g" ] || [ "$m" -nt "$g" ] || m=$g; done
[ "$m" ] || { worst=none; break; }; [ "$(age "$m")" = fresh ] || worst=old; done
"""


def repositories(folders: Sequence[str]) -> Command:
    """Return the shell text that defines `repositories`, which prints those in the files."""
    return sh(_REPOSITORIES.lstrip(), list(folders))


def worst_age(
    folders: Sequence[str],
    cache: str,
    pattern: Command,
    cache_max_age: int,
    more: Sequence[str] = (),
) -> Command:
    """
    Return the shell text that sets `$worst` to fresh, old or none.

    The metadata of a repository is the file in the folder `cache` that has the pattern, which
    follows the id of the repository there. Those in `more` count although they are disabled.
    """
    minutes = cache_max_age // 60
    age = sh(_AGE.lstrip(), list(folders), minutes, list(more), cache, pattern)
    return sh("{}{}", repositories(folders), age)


# A line for what is not installed, or not at the version after the `=`; `=*` is always told.
_NEEDED: LiteralString = r"""
set -- {}
for k; do shift; case $k in *=\*) ;; *=*) ! rpm -q --quiet -- "${k%%=*}-${k#*=}" || continue ;;
*) ! rpm -q --quiet --whatprovides -- "$k" >/dev/null 2>&1 || continue ;; esac
set -- "$@" "$k"; done
[ $# -gt 0 ] || exit 0
names=$(printf '%s\n' "$@" | sed 's/=.*//' | sort -u)
"""

# `by TAB NAME TAB PROVIDER` for a name that no package has. A folder `$cook_p` is private.
_OFFERS: LiteralString = r"""
for n in $names; do printf '%s\n' "$found" | awk -F '\t' -v n="$n" '
$1 == n || ($1 "." $2) == n { there = 1 } END { exit !there }' ||
{ by=$(provide "$n") || exit; for one in $by; do printf 'by\t%s\t%s\n' "$n" "$one"; done; }
done >"$cook_p/by"
{ repositories; echo -; printf '%s\n' "$found"; cat "$cook_p/by"; } | awk -F '\t' -v id={} '
BEGIN { for (i = 1; i < ARGC; i++) key[i] = ARGV[i]; n = ARGC; ARGC = 1 }
$0 == "-" { part = 1; next } !part { priority[$id] = $4; next }
$1 == "by" && NF == 3 { by[$2] = by[$2] " " $3; next }
NF == 4 { one = " " ($4 in priority ? priority[$4] : 99) "/" $3
some[$1] = some[$1] one; some[$1 "." $2] = some[$1 "." $2] one }
END { for (i = 1; i < n; i++) { name = key[i]; sub(/=.*/, "", name)
print key[i] "\t" substr(some[name], 2) "\t" substr(by[name], 2) } }' "$@"
"""


def offers(keys: Sequence[str], folders: Sequence[str], find: Command, *, by_name: bool) -> Command:
    """
    Return the question for what repositories have, a line for each key that is not installed.

    The shell text `find` makes `$cook_p`, sets `$found` to `NAME TAB ARCH TAB VERSION TAB
    REPOSITORY` for the `$names`, and defines `provide NAME`, which prints the packages that
    provide it. A repository is told by its id, or `by_name`.
    """
    return sh(
        "{}{}{}\n{}",
        sh(_NEEDED.lstrip(), list(keys)),
        repositories(folders),
        find,
        sh(_OFFERS.strip(), 2 if by_name else 1),
    )
