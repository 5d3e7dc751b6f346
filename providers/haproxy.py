"""The configuration of a running haproxy, and the states of its servers by the admin socket."""

from __future__ import annotations

from dataclasses import replace
from typing import LiteralString

from cookbook.provider import Command, Probe, sh
from cookbook.providers.reloads import reloaded

# Perl is a part of each Debian (perl-base is essential); socat(1) is not.
_SAY: LiteralString = r"""
cook_say() { command -v perl >/dev/null || { echo 'there is no perl' >&2; return 1; }
perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Peer => shift)
or die "$!\n"; print $s "@ARGV\n"; print while <$s>' -- "$@"; }
cook_sessions() { cook_say "$1" 'show stat -1 4 -1' 2>/dev/null | cook_b=$2 cook_n=$3 awk -F , \
'$1 == ENVIRON["cook_b"] && $2 == ENVIRON["cook_n"] { print $5 }'; }
"""

# Debian's unit reads haproxy.cfg alone. A folder of files would be an argument in EXTRAOPTS, which
# a running haproxy takes only by a restart, and a restart ends all connections. A reload forgets
# which servers are drained or in maintenance, so they are told again: to a new worker, and where
# none answers for a moment, to the one that does then.
_FUNCTIONS: LiteralString = r"""
a=$(readlink -f -- {}) s={} k=/run/cook-haproxy n=changed PATH=$PATH:/usr/sbin:/sbin
[ "$a" ] || exit
cook_errors() { grep -F '[ALERT]' | sed -e 's/^\[ALERT\][^:]*: *//' -e 's/^config : //'; }
cook_check() { said=$(haproxy -c -f "$1" 2>&1) && return
printf '%s\n' "$said" | cook_errors | sed "s|$1|$a|g" >&2; return 1; }
cook_states() { cook_say "$s" 'show servers state' 2>/dev/null | awk '$7 ~ /^[0-9]+$/ {
x = int($7 % 2) ? "maint" : int($7 / 8) % 2 ? "drain" : ""
if (x && int($7 / 4) % 2 == 0) print $2 "/" $4, x }'; }
cook_reload() { p=$(systemctl show -P MainPID haproxy 2>/dev/null)
[ "${p:-0}" != 0 ] || return 0
b=$(cook_children "$p") z=$(date +%s) w=$(cook_states)
systemctl reload haproxy || { echo "haproxy is not reloaded: $(cook_said)" >&2; return 1; }
cook_taken "$p" "$b" haproxy || return
[ -S "$s" ] || return 0; i=600 j=50; while [ $((i -= 1)) -gt 0 ]; do
f=$(cook_say "$s" 'show info' 2>/dev/null | sed -n 's/^Pid: //p')
case "$f: $b " in :*) [ $((j -= 1)) -gt 0 ] || break ;; *" $f "*) ;; *) break ;; esac
sleep 0.1; done
[ ! "$w" ] || printf '%s\n' "$w" | while read -r x f; do
cook_say "$s" "set server $x state $f" >/dev/null; done; }
cook_said() { journalctl -q -u haproxy --since "@$z" -o cat 2>/dev/null | cook_errors | grep .; }
"""

CHECK = "cook_check {path}"
"""The check of the new file, inside of `with_haproxy`."""


def with_haproxy(path: str, socket: str, steps: Command) -> Command:
    """Return the command that makes these steps and reloads haproxy, or puts the file back."""
    functions = _with_socket(sh(_FUNCTIONS.strip("\n"), path, socket))
    whole = reloaded(functions, sh("(\n{}\n) && cook_reload", steps))
    return replace(whole, shown=steps.shown, called=steps.called)


UNLOADED = Probe(sh("[ ! -e /run/cook-haproxy/changed ] || echo unloaded"))
"""The question for a change that was interrupted before haproxy had loaded it."""


# The bits of the administrative state: 1 is maintenance, 8 is drain, by this socket each.
_ASK: LiteralString = r"""
s={}; [ -e "$s" ] || { echo 'no socket'; exit; }
said=$(cook_say "$s" {} 2>&1) || { echo "no answer: $said"; exit; }
printf '%s\n' "$said" | cook_n={} awk '$4 == ENVIRON["cook_n"] { a = $7
print int(a % 2) ? "maint" : int(a / 8) % 2 ? "drain" : "ready"; f = 1 }
END { if (!f) print "none" }'
"""

_SESSIONS: LiteralString = r"""
s={}; [ -e "$s" ] || exit 0
cook_sessions "$s" {} {}
"""


def ask_server(name: str, socket: str) -> list[Probe]:
    """Return the questions for the state of a server, and for its sessions."""
    backend, _, server = name.partition("/")
    state = sh(_ASK.strip(), socket, f"show servers state {backend}", server)
    sessions = sh(_SESSIONS.strip(), socket, backend, server)
    asked = replace(_with_socket(state), called=f"ask for the state of {name}")
    counted = replace(_with_socket(sessions), called=f"ask for the sessions of {name}")
    return [Probe(asked), Probe(counted, loose=True)]


def _with_socket(command: Command) -> Command:
    return sh("{}\n{}", sh(_SAY.strip("\n")), command)


_SET: LiteralString = r"""
s={}; said=$(cook_say "$s" {}) || exit
[ ! "$said" ] || { echo "haproxy says: $said" >&2; exit 1; }
"""

_UNLESS_MAINT: LiteralString = r"""
s={}; cook_say "$s" {} 2>/dev/null | cook_n={} awk '$4 == ENVIRON["cook_n"] && int($7 % 2) { f = 1 }
END { exit !f }' && echo maintenance || {
{}
}
"""

_DRAINED: LiteralString = r"""
end=$(($(date +%s) + {})); while i=$(cook_sessions "$s" {} {}) && [ "${i:-0}" != 0 ]; do
[ $(date +%s) -lt $end ] || { echo "it still has $i sessions after "{}" s" >&2; exit 1; }
sleep 0.5; done
"""


def set_server(
    name: str, state: str, socket: str, seconds: float, *, unless_maint: bool = False
) -> Command:
    """
    Return the command that sets the state of a server; `drain` waits until it is idle.

    With `unless_maint` a server in maintenance stays so, and the command prints `maintenance`.
    """
    backend, _, server = name.partition("/")
    text = sh(_SET.strip(), socket, f"set server {name} state {state}")
    if unless_maint:
        states = f"show servers state {backend}"
        text = sh(_UNLESS_MAINT.strip("\n"), socket, states, server, text)
    if state == "drain":
        wait = sh(_DRAINED.strip(), int(seconds), backend, server, int(seconds))
        text = sh("{}\n{}", text, wait)
    said = f"set server {name} state {state}"
    return replace(_with_socket(text), shown=said, called=said)
