"""The target of a connection: address, path, and the user to become."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from cookbook.secrets.secret import Secret

Become = Literal["none", "sudo", "su", "doas"]
Family = Literal["any", "inet", "inet6"]

DEFAULT_PORT = 22

CERTIFICATE = "-cert-v01@openssh.com"
"""The suffix of the types of certificates (PROTOCOL.certkeys of OpenSSH)."""


class Algorithms(NamedTuple):
    """The allowed algorithms, by the names of ssh_config(5); without names, all safe ones."""

    ciphers: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    kex: tuple[str, ...] = ()
    host_key: tuple[str, ...] = ()
    user_key: tuple[str, ...] = ()
    ca_signature: tuple[str, ...] = ()


@dataclass(frozen=True)
class OpenSshOptions:
    """The options of ssh(1) for a target, in addition to its own configuration."""

    said: frozenset[str] | None = None
    """The settings that win over the configuration; None: all of them."""
    config: str = ""
    """The file to read instead of the usual ones, or `none`."""
    direct: bool = False
    """True if no bastion is used, whatever the configuration says."""


@dataclass(frozen=True)
class Target:
    """The address, the login user, and the user to become there."""

    address: str
    port: int = DEFAULT_PORT
    user: str = "root"
    identity_files: tuple[Path, ...] = ()
    identities_only: bool = False
    agent: bool = True
    known_hosts: tuple[Path, ...] = ()
    connect_timeout: float = 10.0
    """Seconds until it has greeted."""
    login_timeout: float = 60.0
    """Seconds until the shell is there, once the key was taken."""
    alive_interval: float = 15.0
    """Seconds of silence before the host is asked whether it is there, and after that."""
    become: Become = "none"
    become_user: str = "root"
    become_password: Secret | None = None
    password: Secret | None = None
    """Tried once, after the keys that are named; no others are offered then."""
    default_keys: bool = True
    """True if the default key files are used when no file is named."""
    via: Target | None = None
    """The bastion to come through, which may have one before it."""
    proxy_command: str = ""
    """A shell command whose standard input and output are the link."""
    host_key_alias: str = ""
    """The name of the host in known_hosts, if not its address."""
    certificate_files: tuple[Path, ...] = ()
    agent_socket: str = ""
    """The socket of the agent, if not $SSH_AUTH_SOCK."""
    bind_address: str = ""
    family: Family = "any"
    rsa_bits: int = 0
    """The minimum bits of an RSA key, of host and user."""
    algorithms: Algorithms = Algorithms()
    manner: OpenSshOptions = OpenSshOptions()
    """For the transport openssh."""
    waiting: Callable[[str], object] = field(default=lambda _: None, compare=False, repr=False)
    """Is told what a login waits for, if it waits long."""

    @property
    def becomes(self) -> bool:
        """Return True if sudo, su or doas are needed."""
        return self.become != "none" and self.user != self.become_user

    @property
    def known_as(self) -> tuple[str, int]:
        """The name and the port by which known_hosts knows it; an alias stands for both."""
        return (self.host_key_alias, DEFAULT_PORT) if self.host_key_alias else self.where

    @property
    def where(self) -> tuple[str, int]:
        """Its address and port."""
        return self.address, self.port

    def __str__(self) -> str:
        return f"{self.user}@{self.address}:{self.port}"
