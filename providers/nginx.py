"""The configuration of a running nginx: checked beside its place, and loaded without a pause."""

from __future__ import annotations

from typing import LiteralString

from cookbook.provider import Command, sh
from cookbook.providers.reloads import reloaded

# nginx(8) reads all sites as one configuration. So a copy of nginx.conf names each site that is
# enabled, and the new file in place of the one there; nothing is in its place before it is checked.
# An old worker accepts requests for a moment after there are new ones.
# A name that two sites have is only a warning of nginx, and the second site is never served.
_FUNCTIONS: LiteralString = r"""
n={} a=/etc/nginx/sites-available/$n l=/etc/nginx/sites-enabled/$n k=/run/cook-nginx
w=$(readlink -- "$l" 2>/dev/null) PATH=$PATH:/usr/sbin:/sbin c=/etc/nginx/.cook-$cook_nonce.conf
cook_try() { s=$({ cd /etc/nginx/sites-enabled && for f in *; do [ "$f" = "$n" ] ||
{ [ ! -e "$f" ] && [ ! -L "$f" ]; } || echo "$f"; done; [ ! "$1" ] || echo "$n"; } |
LC_ALL=C sort | while IFS= read -r f; do if [ "$f" = "$n" ]; then echo "include \"$1\";"
else echo "include \"/etc/nginx/sites-enabled/$f\";"; fi; done)
(umask 077; cook_s=$s awk '/^[ \t]*include[ \t]+(\/etc\/nginx\/)?sites-enabled\/\*;/ {
print ENVIRON["cook_s"]; n = 1; next } { print } END { exit n ? 0 : 9 }' \
/etc/nginx/nginx.conf >"$c")
r=$?; [ $r != 9 ] || echo 'nginx.conf has no "include /etc/nginx/sites-enabled/*;"'
[ $r != 0 ] || { nginx -t -q -c "$c" 2>&1; r=$?; }; rm -f -- "$c"; return $r; }
cook_check() { said=$(cook_try "$1"); r=$?
case $r,$said in 0,*'conflicting server name'*) was=$(cook_try '')
said=$(printf '%s\n' "$said" | grep 'conflicting server name' | while IFS= read -r x; do
case $was in *"$x"*) ;; *) printf '%s\n' "$x, because another site has it" ;; esac; done)
[ ! "$said" ] || r=1 ;;
*'duplicate default server'*) for f in /etc/nginx/sites-enabled/*; do
[ "$f" = "$l" ] || ! grep -q '^[^#]*default_server' "$f" || said="$said
$f is a default site as well"; done ;; esac
[ $r = 0 ] || { printf '%s\n' "$said" |
sed -e "s|${1:-/nowhere}|$a|g" -e "s|$c|/etc/nginx/nginx.conf|g" >&2; return 1; }; }
cook_reload() { p=$(cat /run/nginx.pid 2>/dev/null)
[ "$p" ] && kill -0 "$p" 2>/dev/null || return 0
b=$(cook_children "$p") z=$(stat -c %s -- /var/log/nginx/error.log 2>/dev/null || echo 0)
if systemctl is-active -q nginx 2>/dev/null; then systemctl reload nginx
else nginx -s reload; fi || return
cook_taken "$p" "$b" nginx || return
i=600; for f in $b; do while [ $((i -= 1)) -gt 0 ] &&
[ "$(tr -d '\0' 2>/dev/null <"/proc/$f/cmdline")" = 'nginx: worker process' ]; do sleep 0.1; done
done 2>/dev/null; }
cook_said() { tail -c "+$((z + 1))" /var/log/nginx/error.log 2>/dev/null | grep -F '[emerg]'; }
"""

_FORMER_LINK: LiteralString = """\
if [ "$w" ]; then ln -sfn -- "$w" "$l"; elif [ -L "$l" ]; then rm -f -- "$l"; fi"""


def with_nginx(site: str, steps: Command) -> Command:
    """
    Return the command that makes these steps; after a failure, file and link are as before.

    `cook_check FILE` checks all sites, with that file as this one; `cook_reload` has nginx load
    them, and fails if it goes on with the former ones. `a` is the path of the file, `l` that of
    the link.
    """
    return reloaded(sh(_FUNCTIONS.strip("\n"), site), steps, sh(_FORMER_LINK))


ASK: LiteralString = r"""
n={} a=/etc/nginx/sites-available/$n l=/etc/nginx/sites-enabled/$n
if [ -L "$l" ]; then readlink -- "$l"; if [ "$l" -ef "$a" ]; then echo same; else echo -; fi
elif [ -e "$l" ]; then echo; echo other; else echo; echo -; fi
[ ! -e "/run/cook-nginx/$n" ] || echo unloaded
"""
"""The question for the link of a site, and for a change of it that nginx has not loaded."""
