"""The questions to a host, and what it said."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from cookbook.errors import PrivilegeError
from cookbook.providers.dpkg import BY_REQUEST, WITHOUT_TRACE
from cookbook.script.shell import Command, sh

if TYPE_CHECKING:
    from cookbook.hosts.session import Session
    from cookbook.script.program import Outcome

LARGEST = 256 * 1024
"""Bytes of a file that is taken into a recipe; larger ones are left out."""

_TOGETHER = 4 * 1024 * 1024
"""Bytes of files that are asked for by one command."""

QUESTIONS: Mapping[str, Command] = {
    # what is there: type, mode, owner, group, size, path, target
    "entries": sh(
        "find /etc /usr/local/bin /usr/local/sbin /usr/share/keyrings /var/spool/cron/crontabs"
        r" -xdev '(' -type f -o -type l -o -type d ')'"
        r" -printf '%y\t%m\t%u\t%g\t%s\t%p\t%l\0' 2>/dev/null; :"
    ),
    "uid": sh("id -u"),
    # which packages have paths in /etc, and which units
    "owned": sh(
        r"cd /var/lib/dpkg/info && grep -E -e '^(/etc|/usr/local|/usr/share/keyrings)(/|$)'"
        r" -e '/systemd/system/[^/]+$' *.list; :"
    ),
    "conffiles": sh("dpkg-query -W -f {}", "${db:Status-Status} ${Package}\n${Conffiles}\n"),
    "sums": sh(
        r"dpkg-query -W -f '${Conffiles}\n' | sed -n 's/^ \(\/.*\) [0-9a-f]\{32\}.*/\1/p' |"
        r" xargs -d '\n' -r md5sum 2>/dev/null; :"
    ),
    "ucf": sh("cat /var/lib/ucf/hashfile 2>/dev/null; :"),
    # accounts, and what the scripts of packages do about them
    "passwd": sh("getent passwd"),
    "group": sh("getent group"),
    "homes": sh(
        "getent passwd | cut -d: -f6 | sort -u | while read -r h; do"
        r""" [ ! -d "$h" ] || stat -c "$(printf '%%n\t%%a\t%%U\t%%G')" -- "$h"; done"""
    ),
    "scripts": sh(
        r"cat /usr/share/base-passwd/*.master /usr/lib/sysusers.d/*.conf 2>/dev/null;"
        r" cat /var/lib/dpkg/info/*.preinst /var/lib/dpkg/info/*.postinst |"
        r" sed -e ':a' -e '/\\$/{N;s/\\\n/ /;ba' -e '}' |"
        r" grep -aE -e '(add|del)(user|group)|user(add|mod)|group(add|mod)|gpasswd'"
        r" -e '[A-Z_]*(USER|GROUP)[A-Z]*='; :"
    ),
    # packages
    "priorities": sh("dpkg-query -W -f {}", "${Package}\t${Priority}\t${Essential}\n"),
    "needs": sh(
        "dpkg-query -W -f {}",
        "${Package}\t${Provides}\t${Pre-Depends}, ${Depends}\t${Recommends}\n",
    ),
    "held": sh(
        "s=$(dpkg --get-selections) || exit;"
        r""" printf '%s\n' "$s" | awk '$2 == "hold" { print $1 }'"""
    ),
    "manual": sh(BY_REQUEST),
    "local": sh(
        WITHOUT_TRACE + "p=$(" + BY_REQUEST + ") || exit;"
        " printf '%s\\n' \"$p\" | LC_ALL=C xargs -r apt-cache $use policy; :"
    ),
    # units
    "units": sh("systemctl list-unit-files --no-legend --no-pager --full 2>/dev/null; :"),
    "active": sh(
        "systemctl list-units --no-legend --no-pager --full --plain --state=active 2>/dev/null; :"
    ),
    "aliases": sh(
        "find /lib/systemd/system/ /usr/lib/systemd/system/ -maxdepth 1 -type l -printf {}"
        " 2>/dev/null; :",
        "%f\\n",
    ),
    "helper": sh(
        "find /var/lib/systemd/deb-systemd-helper-enabled -type f -printf {} 2>/dev/null; :",
        "%f\\n",
    ),
    # the system
    "fstab": sh("cat /etc/fstab; :"),
    "swaps": sh("cat /proc/swaps; :"),
    "fstab_swaps": sh(
        r"""awk '$3 == "swap" && $1 ~ "^/" { gsub(/\\040/, " ", $1); print $1 }' /etc/fstab |"""
        r""" while read -r f; do [ ! -f "$f" ] || stat -c '%s %n' -- "$f"; done; :"""
    ),
    "hosts": sh("cat /etc/hosts; :"),
    "hostname": sh("cat /etc/hostname; :"),
    "timezone": sh("readlink -f /etc/localtime; :"),
    "locale": sh("cat /etc/default/locale 2>/dev/null || cat /etc/locale.conf 2>/dev/null; :"),
    "locales": sh("grep -v '^#' /etc/locale.gen 2>/dev/null; :"),
    # by cook, as its provider asks; then all, with those of iptables(8)
    "cook_rules": sh("nft -p list table inet cook 2>/dev/null; :"),
    "ruleset": sh("nft list ruleset 2>/dev/null || iptables-save 2>/dev/null; :"),
}


class SeenFile(NamedTuple):
    """A file, link or folder."""

    type: str
    """f, l or d, as of find(1)."""

    mode: str
    owner: str
    group: str
    size: int
    path: str
    target: str


@dataclass(frozen=True)
class Seen:
    """The answers of a host, and the contents of files."""

    texts: Mapping[str, str]
    contents: Mapping[str, bytes] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    """Question -> what the host said, of those that it could not answer."""

    shipped: frozenset[tuple[str, str]] = frozenset()
    """MD5 sum and name of those contents that a package ships somewhere."""

    def lines(self, question: str) -> list[str]:
        """Return the lines of an answer that are not empty."""
        return [line for line in self.texts.get(question, "").splitlines() if line.strip()]

    def entries(self) -> Iterator[SeenFile]:
        """Yield what `find` has found."""
        for record in self.texts.get("entries", "").split("\0"):
            fields = record.split("\t")
            if len(fields) >= 7 and fields[4].isdigit() and _is_plain(fields[5]):
                kind, mode, owner, group, size, path, *target = fields
                yield SeenFile(
                    kind, mode.zfill(4), owner, group, int(size), path, "\t".join(target)
                )


def last_line(outcome: Outcome) -> str:
    """Return the end of what a question that failed has said on the error stream."""
    lines = outcome.complaint.splitlines()
    return lines[-1] if lines else f"exit status {outcome.status}"


def ask(session: Session) -> Seen:
    """
    Ask everything, in one exchange.

    Raises PrivilegeError for another user than root, who cannot see everything.
    """
    outcomes = session.read(list(QUESTIONS.values()))
    named = dict(zip(QUESTIONS, outcomes, strict=True))
    if named["uid"].text.strip() != "0":
        raise PrivilegeError(
            "only root can see all that the host has", hint="become: sudo, in the inventory"
        )
    failed = {name: last_line(one) for name, one in named.items() if one.status != 0 or one.cut}
    return Seen({name: one.text for name, one in named.items()}, failed=failed)


def read_files(session: Session, files: Iterable[SeenFile]) -> dict[str, bytes]:
    """Return the contents of these files; one that cannot be read is left out."""
    parts = list(_parts(files))
    outcomes = session.read([_reading(part) for part in parts])
    found: dict[str, bytes] = {}
    for part, outcome in zip(parts, outcomes, strict=True):
        for path, line in zip(part, outcome.stdout.split(b"\n"), strict=False):
            if line.startswith(b"="):
                try:
                    found[path] = base64.b64decode(line[1:], validate=True)
                except binascii.Error:
                    continue
    return found


def read_shipped(session: Session, sums: Sequence[str]) -> frozenset[tuple[str, str]]:
    """Return those of these MD5 sums that a file of a package has, with its name."""
    if not sums:
        return frozenset()
    patterns = "\n".join(sums)
    look = sh("cat /var/lib/dpkg/info/*.md5sums 2>/dev/null | grep -F -e {}; :", patterns)
    [outcome] = session.read([look])
    pairs = (line.partition("  ") for line in outcome.text.splitlines())
    return frozenset((digest, path.rpartition("/")[2]) for digest, _, path in pairs)


def _is_plain(path: str) -> bool:
    """Return whether a path is absolute and stays where it says: it names a file here, too."""
    return path.startswith("/") and not {"..", "."} & {*path.split("/")}


def _parts(files: Iterable[SeenFile]) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for entry in files:
        if part and size + entry.size > _TOGETHER:
            yield part
            part, size = [], 0
        part.append(entry.path)
        size += entry.size
    if part:
        yield part


def _reading(paths: Sequence[str]) -> Command:
    return sh(
        'for f in {}; do if [ -r "$f" ]; then printf =; base64 -w0 <"$f"; fi; echo; done', paths
    )
