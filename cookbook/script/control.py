"""
Commands over a second connection that control a running shell: stop it, or end its commands.

The work of a shell is the tree of processes below it; a daemon that has left the tree does
not count. The shell has reported its process id itself. If it has ended and the id was
given to another process, that is probably no /bin/sh, and then nothing is done.
"""

from __future__ import annotations

from cookbook.script.shell import Command, sh

PATIENCE = 5
"""Seconds between SIGTERM and SIGKILL."""

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
{ echo 'the processes of the shell cannot be listed there' >&2; exit 1; }
for signal in TERM KILL; do
tries=0
while [ $tries -lt {} ]; do
set -- $(below); [ $# -gt 0 ] || { {}; exit 0; }
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

_NOTHING = sh(":")

_HALT = '[ -d "$cook_home" ] || (umask 077; mkdir -p -- "$cook_home"); : >"$cook_home"/.halt-{}'


def halting(nonce: str) -> Command:
    """Return the command that stops the shell with this program before its next change."""
    return sh(_HALT, nonce)


def ending(shell: int, then: Command = _NOTHING) -> Command:
    """
    Return the command that ends the children of a shell; it fails if they cannot be ended.

    `then` is run when none is left.
    """
    return sh(_END, shell, PATIENCE * 10, then)


def retiring(shell: int, nonce: str) -> Command:
    """
    Return the command that ends a shell without a connection, if it runs no command.

    A shell that runs a command only completes that change; the command has to be sent again.
    """
    return sh(_RETIRE, shell, nonce)
