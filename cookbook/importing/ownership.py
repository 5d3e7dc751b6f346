"""Which files of a host are of packages, and which the system makes by itself."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator

from cookbook.importing.questions import Seen, SeenFile

# What tools and scripts of packages write, and what other subjects are about.
_OF_THE_SYSTEM = re.compile(
    r"""/etc/(?:
    (?:passwd|group|shadow|gshadow|subuid|subgid)-?
    |\.pwd\.lock|\.updated|machine-id|mtab|ld\.so\.cache|adjtime|blkid\.tab.*|\.java/.*
    |fstab|hosts|hostname|mailname|timezone|localtime|locale\.gen|default/locale|locale\.conf|vconsole\.conf
    |ca-certificates\.conf|shells|pam\.d/common-[a-z-]+|alternatives/.*|rc[0-9S]\.d/.*|runit/.*
    |ssl/certs/(?:[0-9a-f]{8}\.\d+|ca-certificates\.crt)|dpkg/origins/default|python3/debian_config
    |ssh/ssh_host_.*|kernel-img\.conf|apt/trusted\.gpg~|apparmor\.d/local/.*|cni/net\.d
    |systemd/system-generators/.*|modules-load\.d/cook-.*|sudoers\.d/cook-.*
    |systemd/system/(?:cook-firewall\.service|[^/]+\.service\.d/cook\.conf)
    |ssl/(?:certs|private)/ssl-cert-snakeoil\.(?:pem|key)|letsencrypt/.*|cook/.*
    )|.*(?:\.dpkg-[a-z]+|\.ucf-[a-z]+|~|\.bak|\.rules\.\d{8}_\d{6}|/\#[^/]*\#|\.sw[op])""",
    re.VERBOSE,
)

_NETWORK = re.compile(
    r"/etc/(?:network/|netplan/|systemd/network/|resolv\.conf|NetworkManager/|wpa_supplicant/|dhcp/).*"
)

# Files that scripts of packages write, as they write them.
_WRITTEN_BY_SCRIPTS = {
    "/etc/hosts.allow": "d0cfb796d371b0182cd39d589b1c1ce3",
    "/etc/hosts.deny": "208d7a7756d6daa71111bb0296f4ce6a",
    "/etc/networks": "d013c6de91b961753d4ba901347aa6c8",
    "/etc/modules": "897575e9072555aed9075075e72b5acd",
}

_BASE = frozenset(
    {"/usr/local/bin", "/usr/local/sbin", "/usr/share/keyrings", "/etc/opt", "/etc/python3"}
    | {"/etc/systemd/system-generators", "/var/spool/cron/crontabs"}
)

_UNIT_LINK = re.compile(r"/etc/systemd/(?:system|user)/.*")


class Ownership:
    """The files of a host that are not as packages have them."""

    def __init__(self, seen: Seen) -> None:
        """Sort what was seen."""
        self._seen = seen

    @functools.cached_property
    def owners(self) -> dict[str, list[str]]:
        """Path -> packages."""
        found: dict[str, list[str]] = {}
        for line in self._seen.lines("owned"):
            name, _, path = line.partition(".list:")
            found.setdefault(path, []).append(name.partition(":")[0])
        return found

    @functools.cached_property
    def conffiles(self) -> dict[str, tuple[str, str]]:
        """Path -> package and MD5 sum of the conffile as it was shipped."""
        found: dict[str, tuple[str, str]] = {}
        package, installed = "", False
        for line in self._seen.texts.get("conffiles", "").splitlines():
            if match := re.fullmatch(
                r" (/.*) ([0-9a-f]{32})( obsolete)?( remove-on-upgrade)?", line
            ):
                if installed and not match[3] and not match[4]:
                    found[match[1]] = (package, match[2])
            elif line.strip() and not line.startswith(" "):
                status, _, package = line.partition(" ")
                installed = status == "installed"
        return found

    @functools.cached_property
    def sums(self) -> dict[str, str]:
        """Path -> MD5 sum of the conffiles as they are."""
        pairs = (line.lstrip("\\").partition("  ") for line in self._seen.lines("sums"))
        return {path: digest for digest, _, path in pairs}

    @functools.cached_property
    def _ucf(self) -> dict[str, str]:
        pairs = (line.partition("  ") for line in self._seen.lines("ucf"))
        return {path: digest for digest, _, path in pairs}

    def is_changed(self, entry: SeenFile) -> bool:
        """Return whether a file of a package is not as it was shipped."""
        if entry.path not in self.conffiles or entry.path not in self.sums:
            return False
        return self.sums[entry.path] != self.conffiles[entry.path][1]

    def candidates(self) -> Iterator[SeenFile]:
        """Yield the files, links and folders that may have been made, or changed, by hand."""
        for entry in sorted(self._seen.entries(), key=_order):
            path = entry.path
            if path in _BASE or _OF_THE_SYSTEM.fullmatch(path) or _NETWORK.fullmatch(path):
                continue
            if entry.type == "l" and (_UNIT_LINK.fullmatch(path) or _is_certificate(entry)):
                continue
            if path.startswith("/var/spool/"):
                continue
            if path not in self.owners or self.is_changed(entry):
                yield entry

    def is_made_by_scripts(self, entry: SeenFile, content: bytes) -> bool:
        """Return whether a file that no package has is as a script of one makes it."""
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if entry.path in self.owners:
            return False
        return (
            not content
            or digest in (self._ucf.get(entry.path), _WRITTEN_BY_SCRIPTS.get(entry.path))
            or (digest, entry.path.rpartition("/")[2]) in self._seen.shipped
        )

    def digests(self) -> list[str]:
        """Return the MD5 sums of the contents that no package has by their path."""
        return sorted(
            hashlib.md5(content, usedforsecurity=False).hexdigest()
            for path, content in self._seen.contents.items()
            if path not in self.owners
        )

    def removed(self) -> Iterator[str]:
        """Yield the conffiles that were removed, and what nginx comes with enabled."""
        there = {entry.path for entry in self._seen.entries()}
        for path in self.conffiles:
            if path.startswith("/etc/") and path not in there:
                yield path
        site = "/etc/nginx/sites-enabled/default"
        if site not in there and "/etc/nginx/sites-available/default" in there:
            yield site

    def packages_of(self, path: str) -> list[str]:
        """Return the packages that have a path, or the nearest folder around it."""
        while path.count("/") > 1 and path not in _SHARED:
            if path in self.owners:
                name = path.rpartition("/")[2]
                named = [one for one in self.owners[path] if one.startswith(name)]
                return named or self.owners[path]
            path = path.rpartition("/")[0]
        return []

    def network_files(self) -> list[str]:
        """Return the files of the network, which are left out."""
        return sorted(
            entry.path
            for entry in self._seen.entries()
            if entry.type == "f"
            and entry.path not in self.owners
            and _NETWORK.fullmatch(entry.path)
        )


_SHARED = frozenset(
    f"/etc/{name}"
    for name in (
        *("default", "init.d", "systemd", "systemd/system", "cron.d", "cron.daily", "logrotate.d"),
        *("profile.d", "sysctl.d", "apt", "ssl", "security", "pam.d", "skel", "opt", "sudoers.d"),
    )
)


def _order(entry: SeenFile) -> tuple[bool, str]:
    """Sort by path; the keys of repositories come before the repositories."""
    return not entry.path.startswith("/usr/share/keyrings/"), entry.path


def _is_certificate(entry: SeenFile) -> bool:
    return (
        entry.path.startswith("/etc/ssl/certs/") and "/usr/share/ca-certificates/" in entry.target
    )
