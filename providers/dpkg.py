"""Installed packages by dpkg(1) and offers by apt(8): one process each for many packages."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString

from cookbook.provider import Command, Probe, Table, sh

_FIELDS = (
    "${Package}\\t${Architecture}\\t${db:Status-Status}\\t${db:Status-Want}\\t"
    "${db:Status-Eflag}\\t${Version}\\t${Provides}\\t${Essential}${Protected}\\n"
)

# dpkg-query reads its whole database whatever it is asked for. A name without an
# architecture is that of the host, which is the one of dpkg itself.
_INSTALLED: LiteralString = r"""
all=$(dpkg-query -W -f {}) || exit
printf '%s\n' "$all" | awk -F '\t' '
BEGIN { for (i = 1; i < ARGC; i++) { key[i] = ARGV[i]; asked[ARGV[i]] = 1 }; n = ARGC; ARGC = 1 }
$1 == "dpkg" { native = $2 }
{ at[$1 ":" $2] = $3 "\t" $4 "\t" $5 "\t" $6
if ($8 ~ /yes/ || $1 == "apt") essential[$1 ":" $2] = "\tessential" }
$3 == "installed" && $7 != "" { m = split($7, provided, /, */)
for (i = 1; i <= m; i++) { name = provided[i]; sub(/[ :(].*/, "", name)
if (name in asked) by[name] = by[name] " " $1 } }
END { for (i = 1; i < n; i++) { k = key[i]; name = k; sub(/:.*/, "", name)
exact = k == name ? k ":" native : k; other = name ":all"
which = exact in at ? exact : other; found = which in at ? at[which] : "not-installed\t\t\t"
print k "\t" found "\t" substr(by[k], 2) essential[which] } }' {}
"""

WITHOUT_TRACE: LiteralString = r"""
lists=/var/lib/apt/lists; cache=/var/cache/apt/srcpkgcache.bin; use='-o Dir::Cache::pkgcache='
for f in $lists $lists/partial /etc/apt/sources.list /etc/apt/sources.list.d \
/etc/apt/sources.list.d/*; do [ ! -e "$f" ] || [ $cache -nt "$f" ] ||
{ use="$use -o Dir::Cache::srcpkgcache="; break; }; done
""".lstrip()
"""
Sets $use: options for apt-cache(8) and apt-get(8) in questions, which leave no trace.

Caches are used where they are good, and not written: apt writes one that is not of these sources.
"""

BY_REQUEST: LiteralString = r"""
all=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Architecture}\n') || exit
native=$(dpkg --print-architecture) || exit
marks=/var/lib/apt/extended_states; [ -e $marks ] || marks=/dev/null
printf '%s\n' "$all" | awk -v native="$native" '
part == 1 && $1 == "Package:" { name = $2; arch = native }
part == 1 && $1 == "Architecture:" { arch = $2 }
part == 1 && $1 == "Auto-Installed:" && $2 == 1 { auto[name ":" arch] = 1 }
part == 2 && $1 !~ /^(not-installed|config-files)$/ { arch = $3 == "all" ? native : $3
if (!(($2 ":" arch) in auto)) print arch == native ? $2 : $2 ":" arch }' part=1 $marks part=2 -
""".strip()
"""The packages of `apt-mark showmanual`, which takes seconds, and writes caches."""

# A line for what is not installed, or not at the version after the `=`; `=*` is always told.
_OFFERS: LiteralString = r"""
set -- $lists/*_*; [ -e "$1" ] || exit 0
set -- {}
all=$(dpkg-query -W -f '${db:Status-Status} ${Package}=${Version}
${db:Status-Status} ${Package}:${Architecture}=${Version}
' {} 2>/dev/null) || [ $? = 1 ] || exit
nl='
'
for k; do shift; case $k in *=\*) v= ;; *=*) v=$k$nl ;; *) v=$k= ;; esac
case $nl$all$nl in *"${nl}installed $v"*) [ -z "$v" ] || continue ;; esac; set -- "$@" "$k"; done
[ $# -gt 0 ] || exit 0
ask() { verb=$1; shift; apt-cache $use {} $verb "$@"; }
native=; case $* in *:*) native=:$(dpkg --print-architecture) ;; esac
names=$(printf '%s\n' "$@" | sed "s/=.*//; s/$native\$//")
policy=$(ask policy $names) || exit
virtual=$(printf '%s\n' "$policy" | awk '/^[^ ].*:$/ { n = substr($0, 1, length($0) - 1) }
/^  Candidate: \(none\)/ { print n }')
provided=; [ -z "$virtual" ] || provided=$(ask showpkg $virtual) || exit
printf '%s\n' "$policy" "$provided" | awk -v native="$native" '
BEGIN { for (i = 1; i < ARGC; i++) key[i] = ARGV[i]; n = ARGC; ARGC = 1 }
/^Package: / { n2 = $2; reverse = 0; policies = 1 }
/^Reverse Provides:/ { reverse = 1; next }
reverse && NF && !((n2, $1) in seen) { seen[n2, $1] = 1; by[n2] = by[n2] " " $1 }
policies { next }
/^[^ ].*:$/ { name = substr($0, 1, length($0) - 1); next }
/^  Candidate: / { candidate[name] = $2 == "(none)" ? "" : $2; next }
/^ (\*\*\*|   ) [^ ]/ { version = $1 == "***" ? $2 : $1; next }
/^        / && !/ \/var\/lib\/dpkg\/status$/ && !((name, version) in seen) {
seen[name, version] = 1; versions[name] = versions[name] " " version }
END { for (i = 1; i < n; i++) { name = key[i]; sub(/=.*/, "", name)
if (native != "") sub(native "$", "", name)
print key[i] "\t" candidate[name] "\t" substr(versions[name], 2) "\t" substr(by[name], 2) } }' "$@"
"""


HALVES = Probe(
    sh(
        'dpkg-query -W -f {} | awk \'$2 !~ /^(installed|config-files|not-installed)$/ || $3 != "ok"'
        ' { print $1, $3 == "ok" ? $2 : $3 }\'; ls /var/lib/dpkg/updates/[0-9]* >/dev/null 2>&1 &&'
        ' echo "dpkg interrupted"; :',
        "${Package} ${db:Status-Status} ${db:Status-Eflag}\\n",
    )
)
"""Every package that is there by halves, and how: `nginx half-configured`."""


def _ask_installed(names: Sequence[str]) -> Command:
    text = sh(_INSTALLED.strip(), _FIELDS, list(names))
    return replace(text, called=f"dpkg-query -W {' '.join(names)}")


def _split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield a line for each key that it begins with."""
    lines = {line.partition("\t")[0]: line for line in text.splitlines()}
    return ((key, f"{lines[key]}\n") for key in keys if key in lines)


INSTALLED = Table(_ask_installed, _split)
"""Each package as `Installed`; of one that dpkg does not know, too."""


@functools.cache
def offers(release: str | None = None) -> Table:
    """Return the table of apt's offers; by `name`, `name=version` or `name=*`."""
    target = sh("-o APT::Default-Release={}", release) if release is not None else sh("")

    def ask(keys: Sequence[str]) -> Command:
        names = list(dict.fromkeys(key.partition("=")[0] for key in keys))
        text = sh(WITHOUT_TRACE + _OFFERS.strip(), list(keys), names, target)
        return replace(text, called=f"apt-cache policy {' '.join(keys)}")

    return Table(ask, _split)


@dataclass(frozen=True, slots=True)
class Installed:
    """A package, as dpkg has it."""

    status: str
    held: bool
    version: str | None
    """None where it is not there, but for its configuration files."""
    providers: tuple[str, ...]
    """The packages installed that provide one of this name."""
    essential: bool = False
    """True if apt refuses to remove it: Essential or Protected."""

    @property
    def broken(self) -> bool:
        """Return True if it is half installed."""
        return self.version is not None and self.status != "installed"

    @property
    def removed(self) -> bool:
        """Return True if only its configuration files are left."""
        return self.status == "config-files"


def parse_installed(text: str) -> Installed:
    """One line of `INSTALLED`."""
    _, status, want, error, version, providers, *more = text.rstrip("\n").split("\t")
    if version.split() not in ([], [version]):
        raise ValueError(f"not a version of a package: {version!r}")
    there = status not in ("not-installed", "config-files")
    return Installed(
        status if error in ("", "ok") else error,
        want == "hold",
        version or None if there else None,
        tuple(providers.split()),
        "essential" in more,
    )


@dataclass(frozen=True)
class Offer:
    """The version that apt would install."""

    name: str
    candidate: str
    """Its version; empty where there is none."""
    versions: tuple[str, ...]
    """All that can be had, newest first."""
    providers: tuple[str, ...]
    """Packages that could be installed in its place, if it is a virtual name."""


def parse_offer(text: str) -> Offer:
    """One line of `offers`."""
    key, candidate, versions, providers = text.rstrip("\n").split("\t")
    return Offer(
        key.partition("=")[0], candidate, tuple(versions.split()), tuple(providers.split())
    )


Order = tuple[int, list[Any], list[Any]]


def order(version: str) -> Order:
    """
    Return a key that sorts versions as dpkg does: deb-version(7).

    >>> sorted(["1:0", "1.0", "1.0~rc1", "1.0-1", "1.10", "1.9"], key=order)
    ['1.0~rc1', '1.0', '1.0-1', '1.9', '1.10', '1:0']
    """
    epoch, _, rest = version.rpartition(":")
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = revision, "0"
    return int(epoch) if epoch.isdecimal() else 0, _order(upstream), _order(revision)


def _order(text: str) -> list[tuple[tuple[int, ...], int]]:
    return [
        ((*map(_weight, words), 0), int(digits or "0"))
        for words, digits in re.findall(r"(\D*)(\d*)", text)
    ]


def _weight(letter: str) -> int:
    """Return the order of a character: a tilde before the end, letters before everything else."""
    return -1 if letter == "~" else ord(letter) + (0 if letter.isalpha() else 256)
