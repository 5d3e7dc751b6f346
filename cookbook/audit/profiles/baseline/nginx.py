"""The web server nginx, by the files of its configuration; `nginx -T` would make files of logs."""

from cookbook.audit import check, control

_DIRECTIVES = r"""
function flush() { sub(/ +$/, "", d); if (d != "") print d; d = "" }
function end_word() { if (w) d = d " "; w = 0 }
{
  n = length($0)
  for (i = 1; i <= n; i++) {
    c = substr($0, i, 1)
    if (c == "\\") { d = d c substr($0, ++i, 1); w = 1 }
    else if (q != "") { if (c == q) { q = ""; end_word() } else d = d c }
    else if (c ~ /[ \t\r]/) end_word()
    else if (!w && c == "#") break
    else if (!w && (c == "\"" || c == "\047")) { q = c; w = 1 }
    else if (c == "{" && substr($0, i - 1, 1) == "$") { d = d c; v = 1 }
    else if (c == "}" && v) { d = d c; v = 0 }
    else if (c ~ /[{;}]/) { w = 0; flush() }
    else { d = d c; w = 1 }
  }
  if (q != "") d = d " "; else end_word()
}
"""
"""The program for awk(1) that splits a configuration as nginx does, without quotes and comments."""

MAIN = (
    "c=$(tr '\\0' ' ' 2>/dev/null </proc/\"$(cat /run/nginx.pid 2>/dev/null)\"/cmdline"
    " | sed -n 's:^.* -c *\\(/[^ ;]*\\).*:\\1:p');"
    " v=$(nginx -V 2>&1 | sed -n 's:^.* --conf-path=\\(/[^ ]*\\).*:\\1:p');"
    " m=${c:-${v:-/etc/nginx/nginx.conf}}"
)
"""Sets $m to the main file: that of the running server, or the default of the program."""

_FILES = r"""
n=0; conf() ( n=$((n + 1)); [ $n -lt 20 ] || exit
for f; do d=$(awk '{}' "$f") || exit; printf '%s\n' "$d"
printf '%s\n' "$d" | sed -n 's/^include //p' | while read -r p; do
case $p in /*) ;; *) p=${m%/*}/$p ;; esac
IFS=; for q in $p; do case $q in *[*?[]*) [ -e "$q" ] || continue ;; esac
conf "$q" || exit; done; done || exit; done )
conf "$m"
"""

NGINX = f"{MAIN}; {_FILES.replace('{}', _DIRECTIVES).strip()}"
"""All directives, also of included files, one a line, with one space between words."""

INSTALLED = "command -v nginx"

with control(
    "nginx-01",
    title="The configuration of nginx is correct",
    severity="high",
    rationale="With an error in it nginx does not start again.",
    remedy="nginx -t names file and line.",
    references=["nginx(8)"],
    # Without its pid file, and without a log, `nginx -t` makes it.
    only_if="command -v nginx && test -s /run/nginx.pid",
):
    check(
        "nginx -t",
        command=f"{MAIN}; c=$({NGINX}) || exit 126; l=$(printf '%s\\n' \"$c\""
        " | sed -n 's/^\\(access\\|error\\)_log \\([^ ]*\\).*/\\2/p'"
        " | while read -r p; do case $p in *'$'*|off|stderr|syslog:*|memory:*) continue ;;"
        ' /*) ;; *) p=/usr/share/nginx/$p ;; esac; [ -e "$p" ] || echo "$p"; done);'
        ' [ -z "$l" ] || { echo "nginx -t would make" $l >&2; exit 126; }; nginx -t -q -c "$m"',
    )

with control(
    "nginx-02",
    title="The version of nginx is not told",
    severity="low",
    rationale="It tells an attacker which faults to try. All blocks are read together: `off` in one"
    " server block hides that another has none, so put it into the http block.",
    remedy="server_tokens off; in the http block",
    references=["https://nginx.org/en/docs/http/ngx_http_core_module.html#server_tokens"],
    only_if=INSTALLED,
):
    check("server_tokens off", command=NGINX, matches=r"^server_tokens\s+off$")
    check("no server_tokens on", command=NGINX, lacks=r"^server_tokens\s+(on|build)$")

with control(
    "nginx-03",
    title="TLS is spoken in version 1.2 or later",
    severity="high",
    rationale="Earlier versions have known attacks, and are deprecated. All blocks are read"
    " together: ssl_protocols in one server block hides that another has none.",
    remedy="ssl_protocols TLSv1.2 TLSv1.3; in the http block, and nothing else in server blocks",
    references=[
        "https://nginx.org/en/docs/http/ngx_http_ssl_module.html#ssl_protocols",
        "RFC 8996",
    ],
    only_if=INSTALLED,
):
    check(
        "set where TLS is spoken",
        command=f"c=$({NGINX}) || exit 126;"
        " ! printf '%s\\n' \"$c\" | grep -Eq '^listen.*[[:space:]]ssl'"
        " || printf '%s\\n' \"$c\" | grep -q '^ssl_protocols'",
    )
    check(
        "ssl_protocols",
        command=NGINX,
        lacks=r"^ssl_protocols\b.*\b(SSLv2|SSLv3|TLSv1|TLSv1\.1)(?=\s|$)",
    )

with control(
    "nginx-04",
    title="No cipher without encryption or with a broken one is offered",
    severity="high",
    rationale="NULL, EXPORT, RC4, DES and MD5 protect nothing.",
    remedy="ssl_ciphers HIGH:!aNULL:!MD5; or no ssl_ciphers at all: that is the default",
    references=["https://nginx.org/en/docs/http/ngx_http_ssl_module.html#ssl_ciphers", "RFC 9325"],
    only_if=INSTALLED,
):
    check(
        "ssl_ciphers",
        command=NGINX,
        # A name of OpenSSL is a cipher, a part of one, or a group; ! and - take it away.
        lacks=r"^ssl_ciphers (?:.*[ :,])?(?![!-])(?:[^ :,]*[-+_])?"
        r"(?:ALL|ADH|AECDH|aNULL|eNULL|NULL|EXPORT\d*|EXP\d*|LOW|RC4|DES|3DES|MD5)(?=[-+_ :,]|$)",
    )

with control(
    "nginx-05",
    title="There is a server for names that no other server has",
    severity="low",
    rationale="Otherwise the first server answers for all names, and for the bare address.",
    remedy="A server with `listen 80 default_server; return 444;`",
    references=["https://nginx.org/en/docs/http/request_processing.html"],
    only_if=INSTALLED,
):
    check("default_server", command=NGINX, matches=r"^listen\b.*\bdefault_server\b")

with control(
    "nginx-06",
    title="Private keys can be read by root only",
    severity="high",
    rationale="Who has the key can pretend to be this server.",
    remedy="chmod 0600 KEY; chown root KEY",
    references=["https://nginx.org/en/docs/http/ngx_http_ssl_module.html#ssl_certificate_key"],
    only_if=INSTALLED,
):
    check(
        "keys",
        command=f"{MAIN}; c=$({NGINX}) || exit; printf '%s\\n' \"$c\""
        " | sed -n 's/^ssl_certificate_key //p'"
        " | while read -r k; do case $k in /*) ;; *) k=${m%/*}/$k ;; esac;"
        ' if [ -e "$k" ]; then find -L "$k" \\( -perm /077 -o ! -user root \\); fi; done',
        empty=True,
    )

with control(
    "nginx-07",
    title="Folders are not listed",
    severity="low",
    rationale="A list shows files that no page links to.",
    remedy="Remove autoindex on;",
    references=["https://nginx.org/en/docs/http/ngx_http_autoindex_module.html"],
    only_if=INSTALLED,
):
    check("autoindex", command=NGINX, lacks=r"^autoindex\s+on$")

with control(
    "nginx-08",
    title="Workers do not run as root",
    severity="high",
    rationale="A fault in a worker would be a fault as root.",
    remedy="user www-data;",
    references=["https://nginx.org/en/docs/ngx_core_module.html#user"],
    only_if=INSTALLED,
):
    check("user", command=NGINX, lacks=r"^user\s+root\b")

with control(
    "nginx-09",
    title="Only root can write the configuration",
    severity="high",
    rationale="It decides which files are served.",
    remedy="chmod -R go-w /etc/nginx; chown -R root /etc/nginx",
    references=["nginx(8)"],
    only_if=INSTALLED,
):
    check(
        "files",
        # Never without a path: find(1) would search the whole host.
        command=f"{MAIN}; case $m in /etc/nginx/*) m= ;; esac;"
        ' if [ -e /etc/nginx ] || [ -z "$m" ]; then set -- /etc/nginx ${m:+"$m"};'
        ' else set -- "$m"; fi; find "$@" ! -type l \\( -perm /022 -o ! -user root \\)',
        empty=True,
    )
