"""Time servers, by files of timesyncd.conf(5) and chrony.conf(5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cookbook.provider import Change, Command, Thing, provides, sh
from cookbook.providers.own_file import OwnFileProvider
from cookbook.providers.writing import State
from cookbook.resources.file import File
from cookbook.resources.ntp import Ntp

_TIMESYNCD = "/etc/systemd/timesyncd.conf.d"


@provides(Ntp)
class NtpProvider(OwnFileProvider[Ntp]):
    """One file; the folder of timesyncd's is made, that of chrony comes with its package."""

    def file(self, ntp: Ntp) -> File:
        """Return the file."""
        path = ntp.identity
        if ntp.action == "delete":
            return File(path, action="delete", backup=False)
        content = ntp.text
        return File(path, content=content, owner="root", group="root", mode="0644", backup=False)

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Write the file; chronyd(8) is told, if it runs."""
        ours = name.startswith(f"{_TIMESYNCD}/")
        if ours and change.wanted is not None:
            yield sh("mkdir -p -- {}", _TIMESYNCD)
        yield from super().commands(name, change)
        if ours and change.wanted is None:
            yield sh("rmdir -- {} 2>/dev/null || :", _TIMESYNCD)
        if not ours:
            yield sh("! pidof chronyd >/dev/null || chronyc reload sources >/dev/null")

    def missing(self, ntp: Ntp, *answers: Any) -> Iterator[Thing]:
        """Yield the folder, unless it is made."""
        for thing in super().missing(ntp, *answers):
            if thing != Thing("path", _TIMESYNCD):
                yield thing
