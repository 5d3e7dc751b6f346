"""
The policy of SELinux, by semanage(8).

Where SELinux is not enabled, changes go to the store on the disk and nothing is loaded (`-N`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import LiteralString

from cookbook.provider import Command, Probe, join, sh

FIND: LiteralString = "PATH=$PATH:/usr/sbin:/sbin command -v semanage || exit 4"

TOOL = Probe(sh(FIND), absent=4, loose=True)
"""The question for semanage(8)."""


def semanage(*words: str) -> Command:
    """Return the command that changes the policy; the first word is what is changed."""
    command = sh(
        "PATH=$PATH:/usr/sbin:/sbin; n=; [ -e /sys/fs/selinux/enforce ] || n=-N; semanage {} $n {}",
        words[0],
        list(words[1:]),
    )
    return replace(command, shown=str(sh("semanage {}", list(words))))


# semanage(8) spends a quarter of a second on modules that a list does not need. So the same Python
# makes the same calls of libsemanage; without that module, it is semanage that is asked.
_LIST: LiteralString = """\
cook_list() { i=$(head -n 1 "$(command -v semanage)" | tr -d '\\0'); case $i in
'#!/'*python*) ${i#??} -I -c {} "$@"; set -- $? "$@"; [ $1 = 97 ] || return $1; shift ;; esac
case $1 in booleans) semanage boolean -l -n ;; local) semanage port -l -C -n ;;
*) semanage port -l -n ;; esac; }
"""

_CALLS = """
import os, sys
enabled = os.path.exists("/sys/fs/selinux/enforce")
try:
    import semanage as s
    if enabled:
        import selinux
    h = s.semanage_handle_create()
except (ImportError, AttributeError):
    sys.exit(97)
def done(rc, *rest):
    if rc < 0:
        sys.exit("the policy of SELinux cannot be read")
    return rest
if not s.semanage_is_managed(h) or s.semanage_access_check(h) < s.SEMANAGE_CAN_READ:
    sys.exit("the policy of SELinux is not managed, or cannot be read")
done(s.semanage_connect(h))
if sys.argv[1] == "booleans":
    names = selinux.security_get_boolean_names()[1] if enabled else []
    for b in done(*s.semanage_bool_list(h))[0]:
        name, saved = s.semanage_bool_get_name(b), s.semanage_bool_get_value(b)
        live = selinux.security_get_boolean_active(name) if name in names else saved
        print(name, ("off", "on")[bool(live)], ("off", "on")[bool(saved)])
else:
    local = sys.argv[1] == "local"
    ports = s.semanage_port_list_local if local else s.semanage_port_list
    for p in done(*ports(h))[0]:
        low, high = s.semanage_port_get_low(p), s.semanage_port_get_high(p)
        kind = s.semanage_context_get_type(s.semanage_port_get_con(p))
        proto = s.semanage_port_get_proto_str(s.semanage_port_get_proto(p))
        print(kind, proto, low if low == high else "%d-%d" % (low, high))
"""


def by_list(question: LiteralString, keys: Sequence[str]) -> Command:
    """
    Return a question with the shell function `cook_list WHAT`, about keys.

    WHAT is `booleans` (NAME LIVE SAVED), `ports`, or `local` (KIND PROTOCOL PORT).
    """
    return join([sh(_LIST, _CALLS), sh(question, list(keys))], "")


def by_key(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the lines of an answer that begin with each key."""
    lines = text.splitlines(keepends=True)
    for key in keys:
        if own := [line for line in lines if line.startswith(f"{key} ")]:
            yield key, "".join(own)
