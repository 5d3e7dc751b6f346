"""
The mechanism of content that a host fetches once: it is compared and verified by its digest.

The content comes into the stash of the host under its digest, where the commands of a file find
it as they find content that was sent or kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cookbook.provider import Command, Content, sh

# wget(1) of busybox has neither --tries nor --timeout under these names.
_FETCH = """\
cook_fetch() { case $1 in file://*) cp -- "${1#file://}" "$2"; return ;; esac
if command -v curl >/dev/null; then
curl -fsSL --proto =http,https,ftp --connect-timeout 20 --retry 2 -o "$2" -- "$1"
elif command -v wget >/dev/null; then wget -q -T 20 -O "$2" -- "$1"
else echo "curl: command not found" >&2; return 127; fi; }
"""


def with_fetched(content: Content, addresses: Sequence[str], command: Command) -> Command:
    """Return the command that fetches the content, unless it is kept, and then runs `command`."""
    fetch = sh(
        '{}d={}; s=$cook_home/stash/$d; f=; [ -e "$s" ] || { (umask 077;'
        ' mkdir -p -- "${s%/*}") && t=${s%/*}/.cook-$cook_nonce && trap \'rm -f -- "$t"\' EXIT &&'
        ' for u in {}; do (umask 077; cook_fetch "$u" "$t") || continue;'
        ' h=$(sha256sum <"$t"); [ "${h%% *}" != "$d" ] || { f=1; break; };'
        ' echo "the content of $u has the checksum ${h%% *}, not $d" >&2; done;'
        ' [ "$f" ] && mv -f -- "$t" "$s"; } && (\n{}\n); n=$?;'
        ' [ ! "$f" ] || rm -f -- "$s"; (exit $n)',
        sh(_FETCH),
        content,
        list(addresses),
        command,
    )
    where = " or ".join(addresses)
    return replace(fetch, shown=f"fetch {where}", called=f"fetch {where}")
