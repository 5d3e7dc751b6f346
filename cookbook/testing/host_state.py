"""The state of a Debian host, byte for byte, read by other means than probes."""

from __future__ import annotations

import functools
import re
import subprocess
from typing import Protocol


class LifeHost(Protocol):
    """A host on which raw commands can be run as root, e.g. one of the kitchen."""

    @property
    def name(self) -> str:
        """Return its name in the inventory."""
        ...

    def run(
        self, command: str, *, timeout: float | None = 300.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command as root, not through cook."""
        ...


# Numbers of owners, and files instead of `systemctl list-unit-files`: what these two would look up
# for each line takes longer than all the rest, and is in the tables of users and in the files.
_SCRIPT = r"""
cd /
# Logging in is written down by the host itself: journal, wtmp, lastlog, and how far fail2ban(1) has
# read the journal. Mail is of its programs.
# rpmdb.sqlite-shm is where SQLite has the locks of readers: each question to rpm(8) dates it.
find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run \
    -o -path ./var/log/journal -o -path ./tmp/systemd-private-\* \
    -o -path ./var/tmp/systemd-private-\* -o -path ./var/mail \
    -o -path ./var/spool/exim4 -o -path ./var/lib/docker \
    -o -path ./var/lib/containerd \) -prune -o \
    ! -path ./var/log/wtmp ! -path ./var/log/lastlog ! -path ./var/log/btmp \
    ! -path ./var/lib/rpm/rpmdb.sqlite-shm ! -path ./var/lib/fail2ban/fail2ban.sqlite3\* \
    ! -path ./var/lib/systemd/timers/\* ! -path ./var/lib/systemd/random-seed \
    ! -path ./tmp ! -path ./var/tmp \
    -printf '%p %y %m %U:%G %s %T@ %l\n' | sort
find etc usr/local srv home root opt var/lib/cook var/spool -xdev -type f \
    ! -path var/spool/exim4/\* -exec sha256sum {} + 2>/dev/null | sort
dpkg-query -W -f '${Package} ${Version} ${Status}\n'
if [ -e var/lib/rpm/rpmdb.sqlite ]; then rpm -qa --qf 'rpm: %{NEVRA}\n' | sort; fi
find run/systemd/system run/systemd/generator* -printf '%p %y %m %l\n' 2>/dev/null | sort
find run/systemd/system -type f -exec sha256sum {} + 2>/dev/null | sort
# A timer runs its service at any moment: of both, only what a timer is says something.
timed=$(systemctl list-timers --all --no-legend --no-pager | awk '{printf "%s ", $NF}')
systemctl list-units --no-legend --no-pager --plain --type=service,timer,socket \
    | awk -v timed="$timed" 'BEGIN { split(timed, t); for (i in t) skip[t[i]] }
        $1 in skip || $1 ~ /^user|^session|^run-|systemd-(tmpfiles|hostnamed|timedated)/ { next }
        { print $1, $3, $1 ~ /\.timer$/ && $4 == "running" ? "waiting" : $4 }'
# A container engine has rules in two tables, with counters and addresses that it chooses; its
# networks are listed below.
if [ -S run/docker.sock ]; then
nft list tables | grep -v -x -e 'table ip nat' -e 'table ip filter' | while read -r t f n
do nft list table "$f" "$n"; done; else nft list ruleset; fi
sysctl -e -a --pattern '^net\.ipv4\.(ip_|tcp_|conf\.(all|default))'
findmnt -rn -o TARGET,SOURCE,FSTYPE,OPTIONS | grep -v -e '^/run/' -e '^/var/lib/docker/'; hostname
tail -n +2 /proc/swaps | cut -d ' ' -f 1
getent passwd; getent group
# The day of a password counts, but not which of those since the host was made: midnight may pass.
getent shadow | awk -F : -v OFS=: -v made=$(($(stat -c %Y etc/machine-id) / 86400)) \
    '$3 != "" && $3 + 0 >= made { $3 = "new" } 1'
# What a database server keeps, in its own words; a dump has a new key each time.
if [ -S run/postgresql/.s.PGSQL.5432 ]; then runuser -u postgres -- pg_dumpall -s \
    | grep -v '^\\[a-z]*restrict ' || exit
runuser -u postgres -- psql -XAtqc 'SELECT sourcefile, name, setting FROM pg_file_settings'; fi
if [ -S run/mysqld/mysqld.sock ]; then mariadb -NBe "SELECT user, host,
JSON_VALUE(priv, '$.plugin'), JSON_VALUE(priv, '$.authentication_string'),
JSON_QUERY(priv, '$.auth_or'), coalesce(JSON_VALUE(priv, '$.account_locked'), 0),
coalesce(JSON_VALUE(priv, '$.max_user_connections'), 0), JSON_VALUE(priv, '$.access')
FROM mysql.global_priv; SELECT * FROM mysql.db;
SELECT db, user, host, table_name, table_priv FROM mysql.tables_priv;
SELECT * FROM information_schema.schemata"; fi
# Of a working copy, what git says of it; its objects and logs are by-products.
find srv opt home root -xdev -name HEAD -path '*/.git/HEAD' | sort | while IFS= read -r f; do
w=/${f%/.git/HEAD}; say() { GIT_OPTIONAL_LOCKS=0 git -c safe.directory='*' -C "$w" "$@"; }
echo "git: $w"; echo "git: $w $(say rev-parse HEAD) $(say symbolic-ref -q HEAD)"
say status --porcelain | sed "s,^,git: $w ,"
say config --local --list | grep -v '^branch[.]' | sort | sed "s,^,git: $w ,"; done
# What a container engine has; a former container is kept by cook.
if [ -S run/docker.sock ]; then d() { docker "$@" | sed 's/^/docker: /'; }
c=$(docker ps -aq); [ -z "$c" ] || d inspect -f '{{.Name}} {{.Image}} {{.State.Running}} {{.Path}}
{{.Name}} {{.Args}} {{.Config.Labels}}{{$n := .Name}}{{range .Config.Env}}
{{$n}} {{.}}{{end}}{{range .HostConfig.Binds}}
{{$n}} {{.}}{{end}}
{{.Name}} {{.HostConfig.PortBindings}} {{.HostConfig.RestartPolicy.Name}}
{{range $k, $v := .NetworkSettings.Networks}}{{$n}} {{$k}} {{end}}' $c |
    grep -v '^docker: /[^ ]*[.]former '
# An image that is built again has the time in it: what it is built from tells that it is the same.
i=$(docker image ls --format '{{.Repository}}:{{.Tag}}' | grep -v '<none>')
l='{{with index $i.Config.Labels "io.cook.built-from"}}{{.}}{{else}}{{$i.ID}}{{end}}'
[ -z "$i" ] || d image inspect -f "{{\$i := .}}{{range .RepoTags}}{{.}} $l
{{end}}" $i | sort -u
d network inspect -f '{{.Name}} {{.Driver}} {{.Internal}} {{.Attachable}}
{{.Name}} {{range .IPAM.Config}}{{.Subnet}} {{.IPRange}} {{end}}
{{.Name}} {{.Options}} {{.Labels}}' $(docker network ls -q)
v=$(docker volume ls -q)
[ -z "$v" ] || d volume inspect -f '{{.Name}} {{.Options}} {{.Labels}}' $v
for v in $v; do find "var/lib/docker/volumes/$v/_data" -printf 'docker: %p %y %m %U:%G %s\n'; done
fi
find srv opt home root -xdev -type d -path '*/.svn' | sort | while IFS= read -r f; do w=/${f%/.svn}
say() { svn --non-interactive --config-dir /run/life-svn "$@" "$w"; }
echo "copy: $w"; echo "copy: $w $(say info --show-item url) $(say info --show-item revision)"
say status | sed "s,^,copy: $w ,"; done
# Of the policy of SELinux, what is defined on the host: the rest is compiled anew each time.
for f in var/lib/selinux/*/active/ports.local var/lib/selinux/*/active/file_contexts.local; do
[ ! -e "$f" ] || grep -v -e '^#' -e '^$' "$f" | sed 's/^/selinux: /'; done
# Of LVM, devices and groups; a volume that may have data stays after an undo.
if [ -x sbin/lvm ]; then pvs --noheadings -o pv_name,vg_name 2>/dev/null | sed 's/^ */lvm: /'
vgs --noheadings -o vg_name,vg_extent_size 2>/dev/null | sed 's/^ */lvm: /'; fi
# Of an application in releases, the current one.
for k in var/lib/cook/deploys/*; do [ ! -e "$k/path" ] || { p=$(cat "$k/path")
echo "release: $p $(readlink "$p/current")"; }; done
"""

# By-products of the tools that say nothing about the state of the host: shadow(5) and dpkg(1)
# keep copies and logs of their own, logrotate(8) notes what it has rotated, certbot(1) its requests
# and accounts, systemd when a timer ran, pip(1) if a package was named or came as a dependency of
# another one, npm(1) has a cache, and cook keeps its stash, also in the homes of users that it acts
# as.
BY_PRODUCTS = re.compile(
    r"(?:[0-9a-f]{64} +|\./)(?:etc/(?:passwd|shadow|group|gshadow|subuid|subgid)-?(?: |$)"
    r"|etc/\.pwd\.lock|etc/ld\.so\.cache|var/lib/cook|var/log/|var/lib/dpkg|var/cache/"
    r"|var/backups/|var/lib/logrotate/"
    r"|etc/letsencrypt/(?:accounts|csr|keys)|var/lib/letsencrypt|var/lib/apt/|var/lib/systemd/"
    r"|var/lib/(?:rpm|dnf|zypp)(?: |/)"  # of rpm(8), what it says is compared
    r"|(?:etc|var/lib)/selinux/|run/|root/\.|tmp(?:/| |$)|var/tmp(?:/| |$)"
    r"|home/[^/ ]+/\.local(?: |/state(?: |/cook(?: |/)))|home/[^/ ]+/\.npm(?: |/)"
    r"|\S*/site-packages/(?:\S*/)?__pycache__"  # bytecode, with the time of its source in it
    r"|\S*/site-packages/[^/]*\.dist-info/(?:REQUESTED|RECORD))"  # these files are compared
    r"|[0-9a-f]{64} +var/spool/cron/crontabs/"  # crontab(1) writes down when; see below
    r"|(?:[0-9a-f]{64} +|\./)var/spool/cron/at(?:jobs|spool)/"  # at(1) counts jobs; see below
)
TIMES = re.compile(r"^(\./\S*) d (\S+ \S+) \d+ [\d.]+ ?")
"""Of a folder only the mode and the owner count: whatever comes and goes in it changes the rest."""

OWN_TIMES = re.compile(
    r"^(\./\S*(?:crontabs|authorized_keys|firewall\.nft|cook-firewall\.service|locale-archive"
    r"|/site-packages/|/gems/|usr/local/bin/life|\.service\.d/cook\.conf)\S* f .*) [\d.]+ $"
)
"""Of files that are not a `file`'s own, the content counts, not when it was written."""


def manifest(host: LifeHost) -> list[str]:
    """Return one line for each file, package, unit, firewall rule, user and group."""
    result = host.run(_SCRIPT, timeout=600)
    if result.returncode != 0:
        raise AssertionError(f"the manifest of {host.name} cannot be read: {result.stderr}")
    return result.stdout.splitlines()


def difference(before: list[str], after: list[str]) -> list[str]:
    """Return the lines that came (+) or went (-)."""
    gone, came = set(before) - set(after), set(after) - set(before)
    return [*(f"- {line}" for line in sorted(gone)), *(f"+ {line}" for line in sorted(came))]


IN_GIT = re.compile(r"(?:[0-9a-f]{64} +|\./)\S*/\.(?:git|svn)(?:/| )")
"""The objects, logs and references of a working copy; `git:` and `copy:` lines tell its state."""


def state(host: LifeHost) -> list[str]:
    """Return the manifest without by-products of tools and of cook."""
    lines = [line for line in manifest(host) if _counts(line)]
    copies = tuple(
        f".{line.partition(' ')[2]}/"
        for line in lines
        if line.startswith(("git: ", "copy: ")) and line.count(" ") == 1
    )
    other = _other_releases(lines)
    lines = [line for line in lines if other is None or not other.match(line)]
    lines = [_without_time(line, copies) for line in lines if not _is_in_git(line)]
    # crontab(1) writes down when a table was installed: of that, the entries count.
    tables = "cd /var/spool/cron/crontabs && grep -H . * | grep -v ':# ('"
    lines += [f"crontab: {line}" for line in host.run(tables).stdout.splitlines()]
    # Of a job of at(1), time, user and command count, not the environment in which it was made.
    jobs = (
        "for j in $(atq 2>/dev/null | cut -f 1); do"
        ' atq | sed -n "s/^$j\\t//p"; at -c $j | tail -n 5; done'
    )
    lines += [f"at: {line}" for line in host.run(jobs).stdout.splitlines()]
    # The order of keys means nothing to sshd(8).
    keys = "grep -H . /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys"
    lines = [line for line in lines if not line.endswith("/.ssh/authorized_keys")]
    lines += [f"key: {line}" for line in host.run(keys).stdout.splitlines()]
    return sorted(map(_timeless, lines))


def _other_releases(lines: list[str]) -> re.Pattern[str] | None:
    """Return a pattern of lines about releases that are not current, and their repositories."""
    found = []
    for line in (line for line in lines if line.startswith("release: ")):
        if application := re.fullmatch(r"release: (/\S+) (?:releases/(\S*))?", line):
            path, current = application[1].lstrip("/"), re.escape(application[2] or "-")
            found.append(f"{re.escape(path)}/(?:repo/|releases/(?!{current}[/ ])[^ ])")
    start = r"(?:[0-9a-f]{64} +|\./)"
    return re.compile(f"{start}(?:{'|'.join(found)})") if found else None


def _without_time(line: str, copies: tuple[str, ...]) -> str:
    """Return a line without the time of a file in a working copy: a checkout writes it anew."""
    found = re.fullmatch(r"(\./\S+ f .*) [\d.]+ ", line) if line.startswith(copies) else None
    return found[1] if found is not None and copies else line


# A manifest has more than ten thousand lines, and most are those of the one before.
_LINES = 1 << 17


@functools.lru_cache(_LINES)
def _counts(line: str) -> bool:
    """Return whether a line says something about the state, and is no by-product."""
    return BY_PRODUCTS.match(line) is None


def _is_in_git(line: str) -> bool:
    return ("/.git" in line or "/.svn" in line) and IN_GIT.match(line) is not None


@functools.lru_cache(_LINES)
def _timeless(line: str) -> str:
    """Return a line without times of folders and links, and the members of a group sorted."""
    if group := re.fullmatch(r"([^:/]+:[^:]*:\d+:)([^:/]+)", line):
        return group[1] + ",".join(sorted(group[2].split(",")))
    line = OWN_TIMES.sub(r"\1", line)
    line = re.sub(r"^(\./\S+ l .*) [\d.]+ ", r"\1 ", line)
    return TIMES.sub(r"\1 d \2 ", line)
