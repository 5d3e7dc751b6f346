"""The common part of the providers of network interfaces: their state, and what login needs."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Probe,
    Provider,
    Risk,
    Thing,
    hint,
    join,
    sh,
)
from cookbook.providers.small_files import TEXT, ages, parse_text, times, write_small
from cookbook.resources.network_interface import NetworkInterface


@dataclass(frozen=True)
class State:
    """An interface: its files, and what the kernel has."""

    device: str | None = None
    """The text of the file that creates it; empty without one."""
    network: str | None = None
    """The text of the file with its addresses; empty without one."""
    kind: str | None = None
    """`device`, bridge, vlan or dummy; empty if it is absent."""
    up: bool | None = None
    addresses: tuple[str, ...] | None = None
    """Those that are neither of DHCP nor of autoconfiguration."""
    mtu: int | None = None
    bridge: str | None = None
    """The bridge it is a port of; empty without one."""
    paths: tuple[str, str] = hint(default=("", ""))
    modified: tuple[str | None, ...] = hint(default=(None, None))
    session: str = hint(default="")
    """The address of this host by which the run came."""


# Without what changes by itself: lifetimes, and "tentative" of a new address of IPv6.
_LIVE: LiteralString = r"""
n={}; d=/sys/class/net/$n; [ -e "$d" ] || exit 0
k=$(sed -n 's/^DEVTYPE=//p' "$d/uevent")
[ "$k" ] || [ ! "$(ip -o link show dev "$n" type dummy 2>/dev/null)" ] || k=dummy
case $k in bridge|vlan|dummy) ;; *) k=device ;; esac
m=$(readlink "$d/master"); [ -e "$d/master/bridge" ] || m=
echo "$k $(($(cat "$d/flags") & 1)) $(cat "$d/mtu") ${m##*/}"
ip -o addr show dev "$n" scope global | sed 's/\\.*//; s/^[0-9]*: *[^ ]* *//'
"""

# sudo(8) removes the variable; a process above has it.
_SESSION: LiteralString = r"""
p=$$; while [ "${p:-1}" -gt 1 ]; do
s=$(tr '\0' '\n' 2>/dev/null <"/proc/$p/environ" | sed -n 's/^SSH_CONNECTION=//p' | head -n 1)
[ ! "$s" ] || { set -- $s; echo "$3"; break; }
p=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$p/status" 2>/dev/null); done; :
"""

SESSION = Probe(replace(sh(_SESSION), called="look for the address of the session"), loose=True)
"""Prints the address of this host by which the run came; nothing if it did not come by SSH."""


def live_probe(name: str) -> Probe:
    """Return the question for what the kernel knows of an interface."""
    return Probe(replace(sh(_LIVE, name), called=f"look at the interface {name}"))


class InterfaceProvider(Provider[NetworkInterface, State]):
    """An interface has what its files say, and the kernel agrees."""

    @abstractmethod
    def paths(self, name: str) -> tuple[str, str]:
        """Return the paths of the file that creates it, and of that with its addresses."""

    @abstractmethod
    def texts_of(self, interface: NetworkInterface) -> tuple[str, str]:
        """Return the texts of the two files."""

    @abstractmethod
    def apply(self, name: str, change: Change[State], write: Command) -> Iterator[Command]:
        """Yield the commands that make the change; `write` writes the files."""

    @property
    def state(self) -> type[State]:
        """The state of an interface."""
        return State

    def probe(self, interface: NetworkInterface) -> Sequence[Probe]:
        """Ask for the kernel's state, the files, and the address of the session."""
        paths = self.paths(interface.name)
        return [live_probe(interface.name), *(TEXT.about(path) for path in paths), SESSION]

    def parse(
        self, interface: NetworkInterface, live: str, device: str, network: str, session: str
    ) -> State:
        """Return the state; an absent interface has no kind."""
        texts = parse_text(device) or "", parse_text(network) or ""
        known = {"paths": self.paths(interface.name), "session": session.strip()}
        head, *lines = live.splitlines() or [""]
        if not head:
            return State(*texts, kind="", up=False, addresses=(), bridge="", **known)  # type: ignore[arg-type]  # hints
        kind, up, mtu, bridge = [*head.split(" "), ""][:4]
        return State(
            *texts,
            kind,
            up == "1",
            tuple(sorted(line.split()[1] for line in lines if " dynamic" not in line)),
            int(mtu),
            bridge,
            **known,  # type: ignore[arg-type]  # hints
        )

    def plan(self, interface: NetworkInterface, found: State | None) -> Change[State]:
        """Compare files and kernel."""
        now = found or State("", "", "", up=False, addresses=(), bridge="")
        if interface.action == "delete":
            return self.removal(now) if now.device or now.network else Change(None, None)
        if not now.kind and interface.kind_of is None and found is not None:
            raise HostError(
                f"the host has no interface {interface.name}",
                hint="kind_of= is for one that is created",
            )
        if now.kind and now.kind != (interface.kind_of or now.kind):
            raise HostError(f"{interface.name} is there, and no {interface.kind_of}")
        static = tuple(sorted(str(one) for one in interface.interfaces))
        wanted = State(
            *self.texts_of(interface),
            kind=interface.kind_of or now.kind or "device",
            up=True,
            addresses=None if interface.bridge is not None else static,
            mtu=interface.mtu,
            bridge=interface.bridge or "",
            paths=self.paths(interface.name),
            session=now.session,
        )
        return Change(now, wanted)

    def removal(self, state: State) -> Change[State]:
        """Return the removal of the files, and of what they create."""
        kind = "" if state.device else None
        addresses = () if state.kind else None
        return Change(state, State("", "", kind, addresses=addresses, session=state.session))

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Write the files, and have them applied."""
        wanted = change.wanted or self.removal(change.found or State()).wanted or State()
        paths = self.paths(name)
        pairs = zip(paths, (wanted.device, wanted.network), wanted.modified, strict=True)
        files = [write_small(path, text, when) for path, text, when in pairs if text is not None]
        whole = replace(change, wanted=wanted)
        write = replace(join(files, " && "), called=f"write {' and '.join(paths)}")
        yield from self.apply(name, whole, write)
        found = change.found or State()
        if wanted.mtu not in (None, found.mtu) and wanted.kind != "":
            yield sh("ip link set dev {} mtu {}", name, str(wanted.mtu))
        if not wanted.network and wanted.kind != "":
            for address in wanted.addresses or ():  # what no file says, and was there before
                again = "ip addr add {} dev {} 2>/dev/null || ip addr show dev {} | grep -qF {}"
                yield sh(again, address, name, name, f" {address} ")
            if wanted.up is False:
                yield sh("ip link set dev {} down", name)

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Ask when the files were modified."""
        return ages(self.paths(name))

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add the times."""
        if change.found is None or not kept:
            return change
        return replace(change, found=replace(change.found, modified=tuple(times(kept))))

    def about(self, interface: NetworkInterface) -> Iterable[Thing]:
        """Yield the interface, and its files."""
        paths = self.paths(interface.name)
        return [Thing("interface", interface.name), *(Thing("path", path) for path in paths)]

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the interface, which routes need."""
        wanted = change.wanted
        return [Thing("interface", name)] if wanted is not None and wanted.kind else []

    def there(self, state: State | None) -> bool:
        """Return whether it has a file of cook."""
        return state is not None and bool(state.device or state.network)

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former files and addresses."""
        before = change.found
        if before is None or not (before.device or before.network or before.kind):
            return self.removal(now) if now is not None else Change(None, None)
        return Change(now, before)

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk: any change may; one that removes the address of the session will."""
        found, wanted = change.found or State(), change.wanted
        side = wanted if wanted is not None else self.removal(found).wanted or State()
        own = {re.sub(r"/\d+$", "", address) for address in found.addresses or ()}
        if found.session not in own:
            return "may"
        if side.kind == "" or side.bridge:
            return "will"
        kept = {re.sub(r"/\d+$", "", address) for address in side.addresses or own}
        return "will" if found.session not in kept else "may"

    def lockout_hint(self, name: str, change: Change[State], way: AccessPath) -> str | None:
        """Name the address that has to stay."""
        found = change.found or State()
        kept = [a for a in found.addresses or () if a.partition("/")[0] == found.session]
        return f"have {kept[0]} among its addresses" if kept else None
