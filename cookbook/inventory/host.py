"""A host: address, login, privilege and variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from cookbook.secrets.reference import SecretReference
from cookbook.secrets.secret import Secret
from cookbook.transport.hops import Hop


def _known_hosts() -> tuple[Path, ...]:
    return _known_hosts_in(os.environ.get("HOME"))


@cache
def _known_hosts_in(_home: str | None) -> tuple[Path, ...]:
    """Return the user's file; it is asked for as often as there are hosts."""
    return (Path("~/.ssh/known_hosts").expanduser(),)


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """
    A host with all its settings decided. The names are ssh_config(5)'s where it has one.

    `vars` is read-only, and its lists and dictionaries are this host's own.
    """

    name: str = field(kw_only=False)
    address: str = ""
    """Name or IP address to connect to; `name` if none is given."""
    port: int = 22
    user: str | None = None
    """None: the user who runs cook."""
    become: Literal["none", "sudo", "su", "doas"] = "none"
    become_user: str = "root"
    identity_file: tuple[Path, ...] = ()
    identities_only: bool = False
    agent: bool = True
    """True if the keys of ssh-agent(1) may be tried."""
    known_hosts: tuple[Path, ...] = field(default_factory=_known_hosts)
    jump: tuple[Hop, ...] | None = None
    """Bastions, the nearest to the controller first; None: as ssh_config says."""
    per_bastion: int | None = None
    """Hosts behind the same bastion that are at work at the same time, at most; None: no limit."""
    per_address: int | None = None
    """Hosts with the same address that are at work at the same time, at most; None: no limit."""
    ssh_config: Path | Literal["user", "none"] = "user"
    """Path of the ssh_config to use; None: the files of the user and the system; or none."""
    connect_timeout: float = 10.0
    """Seconds until it has greeted."""
    login_timeout: float = 60.0
    """Seconds until the shell is there, once the key was taken."""
    alive_interval: float = 15.0
    """Seconds of silence before a host is asked for a sign of life, and until it counts as lost."""
    become_password: Secret | SecretReference | None = None
    """Password for sudo, su or doas, unless -K asks for one."""
    password: Secret | SecretReference | None = None
    """For SSH, where no key is taken."""
    transport: str = "ssh"
    """`ssh`, `openssh`, `local`, or the name of one that a plugin registers."""
    vars: Mapping[str, object] = field(default_factory=_nothing, hash=False)
    recipes: tuple[Path, ...] = ()
    """Its own recipes, merged in order: of `defaults`, of parent groups, child groups, the host."""

    environment: str | None = None
    """The name of its layer of data in the inventory; None: it has none."""

    groups: tuple[str, ...] = ()
    """Every group the host is in, a child always before its parents."""

    said: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    """Settings with a value in the inventory: ssh_config does not change those."""
    others: Mapping[str, Host] = field(default_factory=_nothing, compare=False, repr=False)
    """All hosts of the inventory, by name: a bastion may be one of them."""
    known_place: str = field(default="", compare=False, repr=False)
    """The place of a host that is reached in another way than the inventory says; else empty."""

    @property
    def place(self) -> str:
        """Address and port: a host of the same name in another inventory has others."""
        if self.known_place:
            return self.known_place
        return "local" if self.transport == "local" else f"{self.address}:{self.port}"

    def __post_init__(self) -> None:
        if not self.address:
            object.__setattr__(self, "address", self.name)
