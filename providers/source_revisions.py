"""
The revision of a source folder on the host, and the version of the tools that build it.

It is the commit, with a digest of what differs from it; without git, a digest of all files. Files
that were made by the build itself do not count: they are listed beside its record. All that is in
the folder is read as the user that builds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import LiteralString

from cookbook.provider import Command, sh
from cookbook.providers.revisions import git_shell

# Names come with NUL at the end; of each a line is printed: what tells its content, and its name.
_SUMS: LiteralString = r"""
cook_sums() { { xargs -0 -r sh -c 'for f; do if [ -L "$f" ]
then printf "%s%s  ./%s\n" "->" "$(readlink -- "$f")" "$f"
elif [ -f "$f" ]; then printf "./%s\0" "$f" >&3
elif [ -d "$f" ]; then printf "folder  ./%s\n" "$f"
else printf "gone  ./%s\n" "$f"; fi; done' cook 3>&1 >&4 | xargs -0 -r sha256sum --; } 4>&1; }
"""

# A folder that an outer repository ignores is none of its revisions.
_LIST: LiteralString = r"""
v=$(cd / && {} 2>/dev/null); printf 'toolchain %s\n' "$(echo $v)"
cd -- {} || exit
git_here() { cook_git -c safe.directory='*' "$@"; }
if c=$(git_here rev-parse -q --verify HEAD 2>/dev/null) && [ "$(git_here ls-files . | head -n 1)" ]
then t=$(git_here rev-parse --show-toplevel) && cd -- "$t" || exit
printf 'commit %s\ntop %s\n' "$c" "$t"; git_here diff --quiet HEAD; [ $? -le 1 ] || exit
git_here diff --name-only --no-renames -z HEAD | cook_sums | sed 's/^/tracked /'
git_here ls-files -z -o --exclude-standard | cook_sums
else printf 'folder\ntop %s\n' "$PWD"
find . -name .git -prune -o \( -type f -o -type l \) -printf '%P\0' | cook_sums; fi"""

# The first three lines of a list are the version, the commit, and the folder that names are in.
#
# What another build has made counts only if it was there when this one was made, because then it
# may be a source; unless that other one was itself made of what this one has made.
_FUNCTIONS: LiteralString = r"""
cook_list() { cook_as "$u" {}; }
cook_top() { printf '%s\n' "$1" | sed -n '3s/^top //p'; }
cook_others() { for f in "$cook_home"/builds/*/products
do [ -e "$f" ] && [ "$f" != "$k/products" ] || continue; i=${f%/*}/inputs
[ "$1" ] && [ -e "$i" ] && [ "$(LC_ALL=C comm -12 "$i" "$k/products")" ] || cat -- "$f"; done; }
cook_named() { printf '%s\n' "$1" | tail -n +4 | cook_t=$(cook_top "$1") awk '/^tracked / { next }
{ print ENVIRON["cook_t"] "/" substr($0, index($0, "  ./") + 4) }' | LC_ALL=C sort -u; }
cook_counts() { { [ ! -e "$k/products" ] || sed 's/^/o /' "$k/products"
[ ! -e "$k/inputs" ] || sed 's/^/i /' "$k/inputs"; cook_others | sed 's/^/p /'
printf '%s\n' "$1" | tail -n +4 | sed 's/^/e /'; } | cook_t=$(cook_top "$1")/ awk '
{ x = substr($0, 3); t = ENVIRON["cook_t"] }
/^[oip] / { if (index(x, t) == 1) has[substr($0, 1, 1), substr(x, length(t) + 1)]; next }
{ n = substr(x, index(x, "  ./") + 4); made = ("o", n) in has
if (("p", n) in has && !(("i", n) in has)) made = 1 }
x ~ /^tracked / || !made { print x }' | LC_ALL=C sort; }
cook_revision() { h=$(printf '%s\n' "$1" | sed -n 2p); e=$(cook_counts "$1")
d=$(printf '%s\n' "$e" | sha256sum); d=${d%% *}; case $h in commit\ *) h=${h#commit }
[ -z "$e" ] || h=$(printf '%.12s+%.12s' "$h" "$d"); printf %s "$h" ;; *) printf %s "$d" ;; esac; }
"""


def listing(folder: str, version: Command, path: str | None) -> Command:
    """
    Return the functions `cook_list` and `cook_revision LIST`.

    `$u` is the user, `$k` the folder of the record. `version` prints the version of the tools;
    `path` is a folder that comes first in the PATH.
    """
    first = sh("PATH={}:$PATH\n", path) if path is not None else sh("")
    body = sh(_LIST.removeprefix("\n"), version, folder)
    inner = git_shell(sh("{}{}{}", first, sh(_SUMS.removeprefix("\n")), body))
    functions = sh(_FUNCTIONS.removeprefix("\n"), inner.text)
    return replace(functions, shown="")


def acting(user: str | None, folder: str) -> Command:
    """Return the shell that sets `$u` to the user that builds: a name, or the owner."""
    return (
        sh("u={}", user)
        if user is not None
        else sh("u=$(stat -c %U -- {} 2>/dev/null) || u=$(id -un)", folder)
    )
