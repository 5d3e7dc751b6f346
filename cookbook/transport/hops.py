"""The syntax of jump hosts, in hosts.yml as in ssh_config(5): [user@]host[:port]."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HOP = re.compile(
    r"""(?:ssh://)?
    (?:(?P<user>[^\s@,]+)@)?
    (?:\[(?P<bracketed>[^\s\]]+)\]|(?P<plain>[^\s:@,\[\]/-][^\s:@,\[\]/]*))
    (?::(?P<port>\d{1,5}))?""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Hop:
    """A jump host; None for what is not specified."""

    address: str
    user: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user is not None else ""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{user}{address}{f':{self.port}' if self.port is not None else ''}"


def read_hops(text: str) -> tuple[Hop, ...]:
    """Return the jump hosts, the nearest first; `none` is no host. Raises ValueError."""
    if text.lower() == "none":
        return ()
    return tuple(_hop(part.strip()) for part in text.split(","))


def _hop(text: str) -> Hop:
    if (found := _HOP.fullmatch(text)) is None:
        raise ValueError(text)
    port = int(found["port"]) if found["port"] else None
    if port is not None and not 1 <= port <= 65535:
        raise ValueError(text)
    return Hop(found["bracketed"] or found["plain"], found["user"], port)
