"""
The mechanism of content that a host fetches once: it is compared and verified by its digest.

The content comes into the stash of the host under its digest, where the commands of a file find
it as they find content that was sent or kept. An interrupted fetch leaves what came in the folder
`fetched` beside the stash, with the headers of the answer; the next one continues it, if the
server still has the same file. Without a digest, the content comes under a name that stands for it,
and the folder has a record of the server's answer to ask with the next time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.provider import Command, Content, script, sh

HEADS: LiteralString = r"""
cook_heads() { tr -d '\r' <"$1" | sed -n -e 's,^HTTP/[0-9.]* *\([0-9]*\).*,status \1,p' \
-e 's/^[Ee][Tt][Aa][Gg]: */etag /p' -e 's/^[Ll]ast-[Mm]odified: */modified /p' \
-e 's/^[Cc]ontent-[Ll]ength: */bytes /p'; }
cook_curl() { if [ "$cook_request" ]; then printf '%s\n' "$cook_request" | curl -K - "$@"
else curl "$@"; fi; }
"""
"""Functions: what tells of a file in the headers of an answer; curl(1) with a configuration that
no argument shows."""

# wget(1) of busybox has neither --tries nor --timeout under these names. Only a strong ETag says
# that the bytes are the same. curl(1) says 33 where an answer does not continue what is there.
_FETCH: LiteralString = r"""
cook_get() { gu=$1 go=$2; shift 2; gp=http,https,ftp
case $gu in https:*) [ ! "$cook_request$cook_open" ] || gp=https ;; esac
c=$(cook_curl -fsSL --proto =http,https,ftp --proto-redir =$gp --connect-timeout 20 --retry 2 \
-w '%{http_code}' -o "$go" "$@" -- "$gu"); }
cook_fetch() { cook_resumed=
case $1 in file://*) cp -- "${1#file://}" "$2"; return ;;
sftp://*) cook_sftp "$1" "$2"; return ;; esac
if ! command -v curl >/dev/null; then
if [ "$cook_request$cook_open" ] || ! command -v wget >/dev/null
then echo "curl: command not found" >&2; return 127; fi
wget -q -T 20 -O "$2" -- "$1"; return; fi
if [ -s "$2" ]; then v=
if [ -e "$2.h" ]; then v=$(cook_heads "$2.h" | sed -n '/^etag /h; ${g; s/^etag //p}')
case $v in '"'*) ;; ?*) v= ;;
*) v=$(cook_heads "$2.h" | sed -n 's/^modified //p' | tail -n 1) ;; esac; fi
if [ "$v" ] || [ ! "$cook_open" ]; then
cook_get "$1" "$2" -C - ${v:+-H "If-Range: $v"} -D "$2.n"; n=$?
case $n:$c in 0:*) cook_resumed=1; return ;; 33:*|*:416) ;; *) return $n ;; esac; fi; fi
rm -f -- "$2"; cook_get "$1" "$2" -D "$2.h"; }
"""

# Batch mode would ask for no password; the program that is asked has none in it.
_SFTP: LiteralString = r"""
cook_sftp() { h=${1#sftp://} p=/${1#sftp://*/}; h=${h%%/*}; [ ! -s "$2" ] || cook_resumed=1
command -v sftp >/dev/null || { echo "sftp: command not found" >&2; return 127; }
(w=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d) || exit; q=$2.ask
trap 'rm -rf -- "$w" "$q"' EXIT; trap 'exit 143' HUP INT TERM; port=22
case $h in *]) ;; *:*) port=${h##*:} h=${h%:*} ;; esac
set -- "$1" "$2" -q -P "$port" -o BatchMode=no -o StrictHostKeyChecking=yes \
-o NumberOfPasswordPrompts=1 -o ConnectTimeout=20 -o ServerAliveInterval=15 -o IdentityAgent=none
[ ! "$cook_user" ] || set -- "$@" -o User="$cook_user"
[ ! "$cook_host_key" ] || { printf 'cook %s\n' "$cook_host_key" >"$w/known" &&
set -- "$@" -o HostKeyAlias=cook -o UserKnownHostsFile="$w/known" -o GlobalKnownHostsFile=none; }
i=$cook_key_path; [ ! "$cook_key" ] || { printf '%s\n' "$cook_key" >"$w/key" && i=$w/key; }
[ ! "$i" ] || set -- "$@" -o IdentitiesOnly=yes -o IdentityFile="$i"
[ "$cook_password" ] || set -- "$@" -o PasswordAuthentication=no -o KbdInteractiveAuthentication=no
export SSH_ASKPASS="$q" SSH_ASKPASS_REQUIRE=force COOK_ASKED="$w/password"
{ printf '%s\n' "$cook_password" >"$COOK_ASKED" && chmod 700 "$w" &&
printf '#!/bin/sh\nexec cat -- "$COOK_ASKED"\n' >"$q" && chmod 700 "$q"; } || exit
t=$2 get=get; [ ! -s "$t" ] || get=reget; shift 2; printf '%s "%s" "%s"\n' $get "$p" "$t" |
sftp "$@" -b - -- "$h" >/dev/null); }
"""

_OPEN: LiteralString = """\
[ -z {} ] || [ "$(cook_heads "$t.h" | tail -n 4 | grep -cxF -- {})" != 0 ] || {
echo "the server has another file than a moment ago: $u" >&2; rm -f -- "$t" "$t.h"; break; }
f=1; break 2"""

_KNOWN: LiteralString = """\
[ "$h" != {} ] || { f=1; break 2; }; rm -f -- "$t" "$t.h"; [ ! "$cook_resumed" ] || continue
echo "the content of $u has the checksum $h, not {}" >&2; break"""

_ALL: LiteralString = """\
{}s=$cook_home/stash/{}; f=; b=$cook_home/fetched; {}
[ -e "$s" ] || { m=$(umask); umask 077; mkdir -p -- "${s%/*}" "$b" || exit
find "$b" -name '*.part*' -mtime +6 -exec rm -f -- '{}' +
for u in {}; do k=$(printf %s "$u" | sha256sum); t=$b/${k%% *}.part; while :; do
cook_fetch "$u" "$t" || break; h=$(sha256sum <"$t") || break; h=${h%% *}
{}; done; done; umask $m
[ "$f" ] && mv -f -- "$t" "$s"; } && (
{}
); n=$?; [ ! "$f" ] || rm -f -- "$s"; {}; [ ! "$f" ] || rm -f -- "$t.h" "$t.n"; (exit $n)"""


@dataclass(frozen=True)
class Access:
    """The means by which a server lets the host in; each secret is the digest of its text."""

    request: Content | None = None
    """The configuration of curl(1)."""
    user: str | None = None
    """The rest is for sftp(1)."""
    password: Content | None = None
    key: Content | None = None
    key_path: str | None = None
    host_key: str | None = None

    @property
    def variables(self) -> Command:
        """The shell that sets the variables that the functions read."""
        return sh(
            "cook_request={} cook_user={} cook_password={} cook_key={} cook_key_path={}"
            " cook_host_key={}",
            _text(self.request),
            self.user or "",
            _text(self.password),
            _text(self.key),
            self.key_path or "",
            self.host_key or "",
        )


def _text(digest: Content | None) -> Command:
    return sh("''") if digest is None else sh('"$(content {})"', digest)


_NO_ACCESS = Access()


def with_fetched(
    content: Content, addresses: Sequence[str], command: Command, access: Access = _NO_ACCESS
) -> Command:
    """Return the command that fetches the content, unless it is kept, and then runs `command`."""
    setup = sh("{}; cook_open=", access.variables)
    check = sh(_KNOWN, content, content)
    return _fetching(content, addresses, setup, check, command=command, after=sh(":"))


def with_any_fetched(
    name: str,
    addresses: Sequence[str],
    command: Command,
    access: Access = _NO_ACCESS,
    expected: str = "",
) -> Command:
    """
    Return the command that fetches content of which no digest is known, and then runs `command`.

    `command` finds it under `name`, and its digest in `$cook_digest`. The digest is printed, and
    kept in the record `name` with the address and the headers of the answer. `expected` is the
    line of those headers that is needed, where the server was asked before.
    """
    record = sh(
        '[ $n != 0 ] || { { printf "%s\\ndigest %s\\n" "$u" "$h"; [ ! -e "$t.h" ] ||'
        ' cook_heads "$t.h"; } >"$b/.$cook_nonce" && mv -f -- "$b/.$cook_nonce" "$b"/{} &&'
        ' echo "fetched $h"; } || n=1',
        name,
    )
    setup = sh('{}; cook_open=1; rm -f -- "$s"', access.variables)
    check = sh(_OPEN, expected, expected)
    inner = sh("cook_digest=$h\n{}", command)
    return _fetching(name, addresses, setup, check, command=inner, after=record)


def _fetching(
    name: str,
    addresses: Sequence[str],
    setup: Command,
    check: Command,
    *,
    command: Command,
    after: Command,
) -> Command:
    by_sftp = any(address.startswith("sftp:") for address in addresses)
    functions = sh("{}{}{}", sh(HEADS), sh(_FETCH), sh(_SFTP) if by_sftp else sh(""))
    fetch = sh(_ALL, functions, name, setup, script("{}"), list(addresses), check, command, after)
    where = " or ".join(addresses)
    return replace(fetch, shown=f"fetch {where}", called=f"fetch {where}")
