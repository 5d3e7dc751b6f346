"""Which resource type does what a program of a command does."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_APT = {
    "install": "package",
    "remove": "package",
    "purge": "package",
    "update": "apt_update",
    "upgrade": "apt_upgrade",
    "dist-upgrade": "apt_upgrade",
    "full-upgrade": "apt_upgrade",
    "autoremove": "apt_upgrade",
}

_DNF = {
    **dict.fromkeys(("install", "remove", "erase", "upgrade", "update"), "dnf_package"),
    "config-manager": "yum_repository",
}

_ZYPPER = {
    **dict.fromkeys(("install", "in", "remove", "rm", "update", "up"), "zypper_package"),
    **dict.fromkeys(("addrepo", "ar", "removerepo", "rr"), "zypper_repository"),
}

_UNITS = ("start", "stop", "restart", "reload", "enable", "disable", "mask", "unmask")

PROGRAMS: Mapping[str, str | Mapping[str, str]] = {
    "a2ensite": "link",
    "aa-complain": "apparmor_profile",
    "aa-disable": "apparmor_profile",
    "aa-enforce": "apparmor_profile",
    "add-apt-repository": "apt_repository",
    "addgroup": "group",
    "adduser": "user",
    "apt": _APT,
    "apt-get": _APT,
    "apt-key": "apt_repository",
    "apt-mark": {"hold": "package", "unhold": "package"},
    "apparmor_parser": "apparmor_profile",
    "aptitude": _APT,
    "bundle": {"install": "bundle"},
    "certbot": "acme_certificate",
    "chgrp": "file",
    "chmod": "file",
    "chown": "file",
    "chpasswd": "user",
    "composer": {"install": "composer_install"},
    "crontab": "cron",
    "curl": {"-o": "remote_file", "-O": "remote_file", "--output": "remote_file"},
    "debconf-set-selections": "debconf_selection",
    "docker": {
        "run": "docker_container",
        "pull": "docker_image",
        "build": "docker_image",
        "login": "docker_registry",
    },
    "dpkg": {"-i": "dpkg_package", "--install": "dpkg_package"},
    "dnf": _DNF,
    "dpkg-divert": "dpkg_divert",
    "fallocate": "swap_file",
    "gem": {"install": "gem_package"},
    "git": {"clone": "git", "pull": "git", "checkout": "git"},
    "go": {"build": "go_build", "install": "go_build"},
    "gpasswd": "group",
    "groupadd": "group",
    "groupmod": "group",
    "hostname": "hostname",
    "hostnamectl": {"set-hostname": "hostname", "hostname": "hostname"},
    "htpasswd": "htpasswd",
    "ip": {"route": "route", "addr": "network_interface", "link": "network_interface"},
    "iptables": "firewall_rule",
    "ip6tables": "firewall_rule",
    "ln": "link",
    "lvcreate": "lvm_logical_volume",
    "lvextend": "lvm_logical_volume",
    "locale-gen": "locale",
    "make": "make",
    "mkdir": "directory",
    "mkfs": "filesystem",
    "mkfs.ext4": "filesystem",
    "mkfs.xfs": "filesystem",
    "mkswap": "swap_file",
    "modprobe": "kernel_module",
    "mount": "mount",
    "nft": "firewall_rule",
    "npm": {"ci": "npm_ci", "install": "npm_package"},
    "passwd": "user",
    "pip": {"install": "pip_package"},
    "pip3": {"install": "pip_package"},
    "pkill": "service",
    "psql": "postgresql_database",
    "createdb": "postgresql_database",
    "createuser": "postgresql_role",
    "pvcreate": "lvm_physical_volume",
    "pvresize": "lvm_physical_volume",
    "reboot": "reboot",
    "semanage": {
        "boolean": "selinux_boolean",
        "fcontext": "selinux_fcontext",
        "port": "selinux_port",
    },
    "service": "service",
    "setcap": "file_attributes",
    "setsebool": "selinux_boolean",
    "chattr": "file_attributes",
    "setfacl": "acl",
    "svn": {"checkout": "subversion", "co": "subversion", "update": "subversion"},
    "swapon": "swap_file",
    "sysctl": {"-w": "sysctl", "--write": "sysctl", "-p": "sysctl"},
    "systemctl": dict.fromkeys(_UNITS, "service") | {"daemon-reload": "systemd_unit"},
    "tar": "archive_file",
    "timedatectl": {"set-timezone": "timezone", "set-ntp": "ntp"},
    "touch": "file",
    "ufw": "firewall_rule",
    "umount": "mount",
    "unzip": "archive_file",
    "update-alternatives": "alternatives",
    "update-rc.d": "service",
    "useradd": "user",
    "userdel": "user",
    "usermod": "user",
    "vgcreate": "lvm_volume_group",
    "vgextend": "lvm_volume_group",
    "virtualenv": "python_venv",
    "wget": "remote_file",
    "yum": _DNF,
    "yum-config-manager": "yum_repository",
    "zypper": _ZYPPER,
}
"""The resource type for a program, or for some of its words; other words of it are let alone."""

_WRAPPERS = {"sudo", "env", "nohup", "time", "command", "exec"}

_WITH_VALUE = {"-u", "-g", "-C", "-h", "-p"}
"""Options of sudo(8) and env(1) that have a value."""

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")

_REDIRECTED = re.compile(r"(?:^|\s)(?:echo|printf|cat)\b[^|;&]*?(>>?)\s*([^\s&|;<>]+)")

_ENDS = {"&&", "||", ";", "|", "&", "\n"}


class Instead(NamedTuple):
    """The resource type to use instead of a program."""

    program: str
    kind: str


def simple_commands(text: str) -> list[list[str]]:
    """
    Return the simple commands of a line of shell, each as its words; none if it cannot be read.

    >>> simple_commands("cd /srv && sudo FOO=1 mkdir -p a; ls | wc")
    [['cd', '/srv'], ['mkdir', '-p', 'a'], ['ls'], ['wc']]
    """
    lexer = shlex.shlex(text.replace("\\\n", " "), posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace, lexer.whitespace_split = " \t\r", True
    found: list[list[str]] = [[]]
    try:
        for word in lexer:
            if word in _ENDS or set(word) <= {"\n", ";", "(", ")"}:
                found.append([])
            else:
                found[-1].append(word)
    except ValueError:
        return []
    return [words for one in found if (words := _without_wrappers(one))]


def _without_wrappers(words: list[str]) -> list[str]:
    rest = list(words)
    while rest and (rest[0] in _WRAPPERS or _ASSIGNMENT.match(rest[0])):
        wrapper = rest.pop(0)
        while wrapper in _WRAPPERS and rest and rest[0].startswith("-"):
            if rest.pop(0) in _WITH_VALUE and rest:
                rest.pop(0)
    return rest


def instead_of(text: str) -> Iterator[Instead]:
    """Yield the resource types that do what the programs of a command do, each once."""
    seen: set[Instead] = set()
    for found in _all_instead(text):
        if found not in seen:
            seen.add(found)
            yield found


def _all_instead(text: str) -> Iterator[Instead]:
    for words in simple_commands(text):
        program = words[0].rpartition("/")[2]
        known = PROGRAMS.get(program)
        if isinstance(known, str):
            yield Instead(program, known)
        elif known is not None:
            word = next((word for word in words[1:] if word in known), None)
            if word is not None:
                yield Instead(f"{program} {word}", known[word])
        elif program == "sed" and any(word.startswith(("-i", "--in-place")) for word in words[1:]):
            yield Instead("sed -i", "replace")
        elif program.startswith("python") and words[1:3] == ["-m", "venv"]:
            yield Instead(f"{program} -m venv", "python_venv")
        elif program.startswith("python") and words[1:4] == ["-m", "pip", "install"]:
            yield Instead(f"{program} -m pip install", "pip_package")
    for arrow, path in _REDIRECTED.findall(text):
        if not path.startswith("/dev/"):
            yield Instead(arrow, "line" if arrow == ">>" else "file")
