"""The access path: the login by which the operator reached a host, which a change may lock out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Risk = Literal["no", "may", "will"]
"""The risk that a change locks the operator out of the host: none, possible, or certain."""


@dataclass(frozen=True, slots=True)
class AccessPath:
    """The accounts and the port through which the operator reached a host."""

    user: str
    """The account of the SSH login."""

    port: int = 22
    """The port of sshd(8)."""

    become: Literal["none", "sudo", "su", "doas"] = "none"
    become_user: str = "root"

    @property
    def users(self) -> frozenset[str]:
        """The accounts without which the access path does not exist."""
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
    """Return whether the content of a file may close the access path."""
    return _FILES.fullmatch(path) is not None


def door(unit: str) -> bool:
    """Return whether a systemd unit accepts SSH logins."""
    return unit in _DOORS


def road(unit: str) -> bool:
    """Return whether a systemd unit may close the access path: network, firewall, accounts."""
    return _ROADS.fullmatch(unit) is not None


def packages_on_it(names: frozenset[str]) -> frozenset[str]:
    """Return those of the packages without which a login, or `become`, is impossible."""
    return names & _PACKAGES
