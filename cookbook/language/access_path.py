"""How we came to a host: the branch that we sit on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Risk = Literal["no", "may", "will"]
"""Whether a change may, or is certain to, cut the way by which we came."""


@dataclass(frozen=True, slots=True)
class AccessPath:
    """Who we are on a host, and by which door we came in."""

    user: str
    """Who has logged in."""

    port: int = 22
    """Of sshd(8)."""

    become: Literal["none", "sudo", "su", "doas"] = "none"
    become_user: str = "root"

    @property
    def users(self) -> frozenset[str]:
        """The accounts that it takes."""
        return frozenset({self.user} | ({self.become_user} if self.become != "none" else set()))


# What decides who may log in, from where, and what he may do then.
_FILES = re.compile(
    r"/etc/(ssh/.*|sudoers|sudoers\.d/.*|doas\.conf|network/.*|netplan/.*|systemd/network/.*"
    r"|NetworkManager/.*|hosts\.(allow|deny)|pam\.d/.*|security/.*|nsswitch\.conf|nftables\.conf"
    r"|nftables\.d/.*|iptables/.*|firewalld/.*|ufw/.*|passwd|shadow|group|login\.defs|shells"
    r"|systemd/system/(ssh|sshd|networking|nftables).*)"
    r"|.*/\.ssh/authorized_keys"
)

_DOORS = frozenset({"ssh", "sshd", "ssh.service", "sshd.service", "ssh.socket", "sshd.socket"})
_ROADS = re.compile(
    r"(networking|NetworkManager|systemd-networkd|systemd-resolved|nftables|iptables|firewalld|ufw"
    r"|netfilter-persistent|network|wpa_supplicant|systemd-logind|sssd|nscd|nslcd)(\.service)?"
)
_PACKAGES = frozenset({"openssh-server", "openssh-sftp-server", "sudo", "doas", "opendoas"})


def file_is_on_it(path: str) -> bool:
    """Whether what is in a file may decide about the way."""
    return _FILES.fullmatch(path) is not None


def door(unit: str) -> bool:
    """Whether a unit is the one that lets us in."""
    return unit in _DOORS


def road(unit: str) -> bool:
    """Whether a unit may decide about the way to the host."""
    return _ROADS.fullmatch(unit) is not None


def packages_on_it(names: frozenset[str]) -> frozenset[str]:
    """Those of the packages without which nobody gets in."""
    return names & _PACKAGES
