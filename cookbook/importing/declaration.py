"""The result of an import: declarations of resources, and the things that are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

SUBJECTS: Mapping[str, str] = {
    "hostname": "the name of the host",
    "timezone": "its time zone",
    "apt_repository": "repositories of apt, and their keys",
    "apt_preference": "pins of apt",
    "package": "packages that were installed by hand, and those that are held",
    "locale": "the language, and the locales that are generated",
    "group": "groups that no package has made, and members of others",
    "user": "accounts that no package has made",
    "authorized_key": "public keys by which users log in",
    "sudo": "rules of sudo",
    "file": "files in /etc and programs in /usr/local that no package has, and changed conffiles",
    "systemd_unit": "units in /etc/systemd/system",
    "cron": "crontabs of users",
    "cron_d": "jobs in /etc/cron.d, /etc/cron.daily and the like",
    "sysctl": "parameters of the kernel",
    "kernel_module": "modules of the kernel",
    "mount": "mounts of /etc/fstab",
    "swap_file": "files that are swap space",
    "hosts_entry": "lines of /etc/hosts",
    "service": "services that are enabled, or not, unlike their packages have it",
    "firewall": "rules of the packet filter",
}
"""The types that --types can choose, in the order in which a fresh host needs them."""


class Raw(NamedTuple):
    """Python text of a value that is no literal: a notification."""

    text: str


@dataclass(frozen=True)
class Declaration:
    """A resource to be declared."""

    subject: str
    """One of SUBJECTS."""

    kind: str
    """The resource type."""

    name: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    """Literals, and Raw text."""

    content: bytes | None = None
    """The content of the file below `files/` that a property names."""

    content_in: str = "source"
    """That property."""

    todo: tuple[str, ...] = ()
    """Properties that are left out."""

    helps: bool = False
    """True if it is only there for what others need: a service that is notified."""

    instead: Declaration | None = None
    """The declaration to take if the plan of this one is not empty."""

    parts: tuple[Declaration, ...] = ()
    """Files that it writes, too: they are declared by themselves if it is not declared."""

    @property
    def identity(self) -> str:
        """Type and name, as reports have it."""
        return f"{self.kind}[{self.name}]"

    @property
    def source(self) -> str:
        """The path of its content below `files/`."""
        return str(self.properties[self.content_in])

    @property
    def path(self) -> str:
        """The file that it is about, if it is about one; else the name."""
        is_file = self.instead is not None and self.instead.kind == "cookbook_file"
        return self.instead.name if self.instead is not None and is_file else self.name


@dataclass(frozen=True)
class LeftOut:
    """A thing that was seen, and is not declared."""

    subject: str
    what: str
    """Its name or path."""

    reason: str
    hint: str = ""
    """Python text of a declaration that a person can complete; empty without one."""

    part: bool = False
    """True if the thing itself is declared, and only this property of it is not."""


HostItem = Declaration | LeftOut
