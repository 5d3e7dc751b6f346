"""Changes that a running program has to take: loaded without a pause, or put back."""

from __future__ import annotations

from typing import LiteralString

from cookbook.provider import Command, sh

# A master process that takes a new configuration starts new workers; one that does not, keeps the
# old ones, and says why in its log. Some of them try again for two seconds before they give up.
_TAKEN: LiteralString = r"""
cook_children() { cat "/proc/$1/task/$1/children"; }
cook_taken() { i=300 said=; while [ $((i -= 1)) -gt 0 ]; do for f in $(cook_children "$1"); do
case " $2 " in *" $f "*) ;; *) return 0 ;; esac; done
if [ ! "$said" ] && said=$(cook_said); then [ $i -lt 40 ] || i=40; fi; sleep 0.1; done
echo "$3 goes on with its former configuration: ${said:-no new one within 30 s}" >&2; return 1; }
"""

# What is in /run is gone after a boot, which loads everything.
_CHANGE: LiteralString = r"""
o=${a%/*}/.cook-$cook_nonce-old
trap 'rm -f -- "$o" "${c:-$o}"' EXIT; trap 'exit 143' HUP INT TERM
[ ! -e "$a" ] || cp -a -- "$a" "$o" || exit
mkdir -p -m 700 -- "$k" && : >"$k/$n" || exit
{ {}; } || { s=$?; if [ -e "$o" ] || [ -L "$o" ]; then mv -fT -- "$o" "$a"; else rm -f -- "$a"; fi
{}; rm -f -- "$k/$n"; exit $s; }
rm -f -- "$k/$n"
"""


def reloaded(functions: Command, steps: Command, restore: Command | None = None) -> Command:
    """
    Return the command that makes these steps; if one fails, the file `a` is as before.

    The functions set `a`, and `k` and `n`: a folder in /run, and the name of the mark in it that
    says that a change was interrupted. `cook_taken MASTER CHILDREN PROGRAM` waits until the
    program has other workers than these; `cook_said` prints its errors, and fails without any.
    `restore` is done after a failure as well; a file `c` is removed at the end.
    """
    change = sh(_CHANGE.strip("\n"), steps, restore or sh(":"))
    return sh("{}\n{}\n{}", sh(_TAKEN.strip("\n")), functions, change)
