"""Swap files, by mkswap(8), swapon(8) and fstab(5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Provider, Thing, hint, provides, sh
from cookbook.providers.fstab import FSTAB, RELOAD, ask_device, escaped, format_line, last_line
from cookbook.providers.line_lists import ListItem, edit_line, keep_line, with_line
from cookbook.providers.small_files import ages, times
from cookbook.providers.stat import TARGET
from cookbook.resources.swap_file import SwapFile


@dataclass(frozen=True)
class State(ListItem):
    """A swap file."""

    bytes: int = 0
    active: bool | None = None
    """True if the kernel uses it."""
    fstab: str | None = None
    """Its line in /etc/fstab without the mount point; empty if there is none."""
    uuid: str = hint(default="")
    written: str | None = hint()
    """Time of the last modification of the file, in seconds since the epoch."""
    seconds: float = hint(default=600.0)


# The first page ends with the signature, whatever its size is.
_ASK: LiteralString = r"""
p={}; [ -e "$p" ] || [ -L "$p" ] || exit 4; k=other; if [ -f "$p" ]; then k=file
for n in 4096 8192 16384 65536; do
[ "$(head -c $n -- "$p" | tail -c 10 | tr -d '\0')" != SWAPSPACE2 ] || { k=swap; break; }; done; fi
a=no; cut -d ' ' -f 1 </proc/swaps | grep -qxF -e {} && a=yes
echo "$k $a $(stat -c %s -- "$p")"
"""


@provides(SwapFile)
class SwapFileProvider(Provider[SwapFile, State]):
    """A file is right if it has the size, is used, and fstab says so."""

    def probe(self, swap: SwapFile) -> Sequence[Probe]:
        """Ask for the file, its line in fstab, and its folder."""
        path = swap.identity
        ask = replace(sh(_ASK.strip(), path, escaped(path)), called=f"look at the swap file {path}")
        folder = TARGET.about(path.rpartition("/")[0] or "/", loose=True)
        return [Probe(ask, absent=4), ask_device(path), folder]

    def parse(self, swap: SwapFile, text: str, line: str, _folder: str | None) -> State:
        """Return the state; what has no signature of swap space may be data of others."""
        kind, active, size = text.split()
        if kind != "swap":
            raise HostError(
                f"{swap.identity} is there, and no swap file: it is not overwritten",
                hint="choose another path, or remove it first",
            )
        found = last_line(line)
        raw, fstab = (found.raw, found.entry) if found is not None else (None, "")
        return State(FSTAB, raw, bytes=int(size), active=active == "yes", fstab=fstab)

    def plan(self, swap: SwapFile, found: State | None) -> Change[State]:
        """Compare size, use, and the line in fstab."""
        if swap.action == "remove":
            return Change(found, None)
        size = (swap.size or 0) << 20
        line = f"{escaped(swap.identity)} swap sw 0 0"
        fstab = None if swap.persist is None else (line if swap.persist else "")
        if fstab and found is not None and found.fstab and found.fstab.split()[1] == "swap":
            fstab = found.fstab
        note = None
        if found is not None and found.bytes != size and found.active:
            note = "it is not used while it is made anew: what is swapped must fit into memory"
        wanted = State(FSTAB, bytes=size, active=True, fstab=fstab, seconds=swap.timeout)
        return Change(found, wanted, note=note)

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Make the file, use it, and write fstab; the line goes first if it goes."""
        found, wanted = change.found, change.wanted
        entry = wanted.fstab if wanted is not None else ""
        before = found.fstab if found is not None else ""
        if entry is not None and entry != (before or ""):
            raw = wanted.raw if wanted is not None else None
            line = raw if raw is not None else format_line("none", entry)
            yield edit_line(found, wanted, line if entry else None)
            yield RELOAD
        anew = wanted is None or found is None or found.bytes != wanted.bytes
        stops = wanted is None or anew or wanted.active is False
        if found is not None and found.active and stops:
            yield sh("swapoff -- {}", name)
        if anew and found is not None:
            yield sh("rm -f -- {}", name)
        if wanted is None:
            return
        if anew:
            yield _make(name, wanted)
        if wanted.active and (anew or found is None or not found.active):
            yield sh("swapon -- {}", name)
        if anew and wanted.written is not None:
            yield sh("touch -d @{} -- {}", wanted.written, name)

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Ask for times and identifier."""
        side = change.found or change.wanted
        if side is None:
            return None
        uuid = sh("{ blkid -p -s UUID -o value -- {} 2>/dev/null; echo; } | head -n 1", name)
        return sh("{}; {}; {}", ages([name]), uuid, keep_line(side))

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add them."""
        age, _, rest = kept.partition("\n")
        uuid, _, line = rest.partition("\n")
        change = with_line(change, line)
        if change.found is None:
            return change
        return replace(
            change, found=replace(change.found, written=times(age)[0], uuid=uuid.strip())
        )

    def missing(self, swap: SwapFile, *answers: str | None) -> Iterable[Thing]:
        """Yield the folder."""
        absent = answers[-1] is None and swap.action == "create"
        return [Thing("path", swap.identity.rpartition("/")[0])] if absent else []

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the file."""
        return [Thing("path", name)] if change.wanted is not None else []

    def about(self, swap: SwapFile) -> Iterable[Thing]:
        """Yield the file, and fstab."""
        return [Thing("path", swap.identity), Thing("path", FSTAB)]

    def alters(self, swap: SwapFile, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the file; other lines of fstab stay."""
        return [Thing("path", swap.identity)]

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former file: its content means nothing."""
        done = change.found or change.wanted
        if now is not None and done is not None:
            now = replace(now, digest=done.digest, modified=done.modified)
        return super().back(name, change, now)

    def limit(self, change: Change[State]) -> float:
        """Return the seconds of the recipe."""
        return change.wanted.seconds if change.wanted is not None else 600.0


def _make(path: str, wanted: State) -> Command:
    """
    Return the command that makes the file and formats it.

    Only ext4 and xfs have what fallocate(1) makes without holes; on btrfs it must not be copied
    on write.
    """
    command = sh(
        'p={}; (umask 077; set -C; : >"$p") && { chattr +C -- "$p" 2>/dev/null || :; } &&'
        ' { case $(stat -f -c %T -- "$p") in ext2/ext3|xfs) fallocate -l {} -- "$p" ;;'
        ' *) dd if=/dev/zero of="$p" bs=1048576 count={} status=none ;; esac; } &&'
        ' mkswap {} -- "$p" >/dev/null || { s=$?; rm -f -- "$p"; exit $s; }',
        path,
        wanted.bytes,
        wanted.bytes >> 20,
        sh("-U {}", wanted.uuid) if wanted.uuid else sh(""),
    )
    return replace(command, shown=f"mkswap {path}", called=f"mkswap {path}")
