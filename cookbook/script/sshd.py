"""
The SSH server of a host, sshd(8): its reload, and the end of a reload that was asked for.

`systemctl reload ssh` returns when sshd has been sent SIGHUP, not when it has read its new
configuration. It blocks the signal outside of ppoll(2). A connection that arrives before sshd
runs again is found by ppoll first: it is served with the former configuration, and a login over
it says nothing about the new one.
"""

from __future__ import annotations

from cookbook.script.shell import sh

# sshd reads its configuration at start and on SIGHUP; a command may have made it do so. It may
# have ended it, too: it was running, or its socket was, because the run has logged in.
RELOAD = sh(
    "for u in ssh sshd; do systemctl is-active --quiet $u && systemctl reload $u && exit; done"
    ' 2>/dev/null; p=$(cat /run/sshd.pid 2>/dev/null) && kill -HUP "$p" 2>/dev/null && exit;'
    " for u in ssh.socket sshd.socket; do systemctl is-enabled --quiet $u && systemctl start $u"
    " && exit; done 2>/dev/null; systemctl start ssh 2>/dev/null || systemctl start sshd"
    " 2>/dev/null; :"
)
"""The command that makes sshd read its configuration, or starts it; it never fails."""

# The last four digits of a mask of signals are the numbers 1 to 16, SIGHUP and SIGTERM among them.
SETTLED = sh(
    "i=0; while [ $i -lt 100 ] && set -- $(grep -lx sshd /proc/[0-9]*/comm 2>/dev/null) &&"
    ' [ $# -gt 0 ]; do for p do set -- "$@" "${p%comm}status"; shift; done;'
    " grep -hs '^ShdPnd:' \"$@\" | grep -qv '0000$' || exit 0;"
    " i=$((i+1)); sleep 0.05 2>/dev/null || sleep 1; done"
)
"""
The command that waits until no sshd has a signal that it did not handle yet, 5 seconds at most.

It changes nothing and never fails. See proc(5) for the pending signals of a process. When SIGHUP
is handled, sshd accepts no further connection before it has read its configuration again.
"""
