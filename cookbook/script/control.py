"""
What a host is told beside a shell that is at work there: to stop, to end what it runs, to go.

A shell's work is what is below its process: a daemon that it has started is not, any more.
The number of the process is what the shell itself has said; should it have ended, and its
number been given to something else, that is most likely no /bin/sh, and nothing is done.
"""

from __future__ import annotations

from cookbook.script.shell import Command, sh

PATIENCE = 5
"""Seconds between a polite and a rude end."""

_BELOW = """\
below() { cat /proc/[0-9]*/status 2>/dev/null | awk -v top="$p" '
/^Pid:/ { pid = $2 } /^PPid:/ { up[pid] = $2 }
END { for (one in up) { for (q = up[one]; q in up && q != top; ) q = up[q]
if (q == top) print one } }'; }
nap() { sleep 0.1 2>/dev/null || sleep 1; }
"""

_END = (
    _BELOW
    + """\
p={}; [ "/proc/$p/exe" -ef /bin/sh ] && command -v awk >/dev/null ||
{ echo 'nobody can see there what our shell has started' >&2; exit 1; }
for signal in TERM KILL; do
tries=0
while [ $tries -lt {} ]; do
set -- $(below); [ $# -gt 0 ] || exit 0
[ $tries -gt 0 ] || {
# Held first: a script must not come to its next line because the one before was ended.
kill -s STOP "$@" 2>/dev/null; set -- $(below); kill -s STOP "$@" 2>/dev/null
kill -s $signal "$@" 2>/dev/null; kill -s CONT "$@" 2>/dev/null; }
tries=$((tries + 1)); nap
done
done
echo "still there: $*" >&2; exit 1"""
)

_RETIRE = (
    _BELOW
    + """\
p={}; [ "/proc/$p/exe" -ef /bin/sh ] && command -v awk >/dev/null || exit 0
umask 077; mkdir -p -- "$cook_home" && : >"$cook_home/.halt-{}"
[ "$(below)" ] || { nap; nap; nap; [ "$(below)" ] || kill -s KILL "$p"; }"""
)

_HALT = '[ -d "$cook_home" ] || (umask 077; mkdir -p -- "$cook_home"); : >"$cook_home"/.halt-{}'


def halting(nonce: str) -> Command:
    """Have the shell that reads this program begin no further change."""
    return sh(_HALT, nonce)


def ending(shell: int) -> Command:
    """End what a shell runs, politely, then not; the shell itself goes on. Fails if it cannot."""
    return sh(_END, shell, PATIENCE * 10)


def retiring(shell: int, nonce: str) -> Command:
    """
    End a shell that nobody speaks to any more, unless it is at work.

    Then it finishes only the change it is at, and has to be told once more.
    """
    return sh(_RETIRE, shell, nonce)
