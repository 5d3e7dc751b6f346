"""A kitchen: some disposable hosts in a folder, and the inventory that leads to them."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from cookbook.errors import KitchenError
from cookbook.kitchen import base, cgroup, network, tools
from cookbook.kitchen.disk import Disk
from cookbook.kitchen.host import KitchenHost, boot, cut_power, cut_strays, power_off
from cookbook.kitchen.inventory import write_hosts_yml, write_known_hosts
from cookbook.kitchen.lock import alone
from cookbook.kitchen.network import KitchenNetwork
from cookbook.kitchen.state import KitchenState, RunningHost

logger = logging.getLogger(__name__)

T = TypeVar("T")
DEFAULT = "bookworm"
"""The Debian of a host for which none is named."""
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


class Kitchen:
    """
    Disposable hosts, all in one folder.

    The folder is, in this order: the argument, $COOK_KITCHEN, `.kitchen` here.
    Kitchens in different folders know nothing of each other and run side by side.
    """

    def __init__(self, folder: Path | None = None) -> None:
        named = folder or Path(os.environ.get("COOK_KITCHEN") or ".kitchen")
        self.folder = named.absolute()

    @property
    def hosts_yml(self) -> Path:
        """The inventory of the hosts that run."""
        return self.folder / "hosts.yml"

    @property
    def known_hosts(self) -> Path:
        """The host keys, from the files they were made in: nothing was scanned."""
        return self.folder / "known_hosts"

    @property
    def identity(self) -> Path:
        """The private key that opens admin and root on every host."""
        return self.folder / "id_ed25519"

    @property
    def _state_json(self) -> Path:
        return self.folder / "kitchen.json"

    def hosts(self) -> list[KitchenHost]:
        """Return the running hosts, in the order of their addresses."""
        state = KitchenState.load(self._state_json)
        return [host for host in self._hosts(state) if host.process.alive]

    def up(
        self,
        count: int = 1,
        names: Sequence[str] | None = None,
        release: str | None = None,
    ) -> list[KitchenHost]:
        """
        Start h1 to h<count>, or the hosts named, unless they run already, and wait for them.

        `release` is the codename of the Debian that new hosts have, by default bookworm.

        Raises KitchenError if this machine cannot do it; it says what is missing.
        """
        wanted = list(names) if names is not None else [f"h{n + 1}" for n in range(count)]
        for name in wanted:
            if NAME.fullmatch(name) is None:
                raise KitchenError(
                    f"{name!r} is no name for a host", hint="like web1: letters, digits, hyphens"
                )
        tools.require()
        with self._opened() as state:
            self._check(state, wanted, release)
        root = base.ensure(base.todays(release or DEFAULT), base.cache())
        with self._opened() as state:
            missing = [name for name in dict.fromkeys(wanted) if name not in state.entries]
            numbers = dict(zip(missing, state.free_numbers(), strict=False))
            if missing:
                self._start(state, root, numbers, release or DEFAULT)
            hosts = [self._host(state, name) for name in wanted]
        _each(KitchenHost.wait_until_up, hosts)
        return hosts

    def down(self, names: Sequence[str] | None = None) -> None:
        """Power off the hosts named, or all, and forget them; with the last goes the network."""
        if not self.folder.exists():
            return
        tools.require()
        with self._opened() as state:
            leaving = list(state.entries) if names is None else list(names)
            for name in leaving:
                self._entry(state, name)
            _each(lambda name: power_off(state.entries[name].process), leaving)
            self._forget(state, leaving)

    def reset(self, name: str) -> KitchenHost:
        """Give a host a clean disk and boot it again; its address and ssh keys stay."""
        tools.require()
        with self._opened() as state:
            release = self._entry(state, name).release
        root = base.ensure(base.todays(release), base.cache())
        with self._opened() as state:
            entry = self._entry(state, name)
            # What it would still write is thrown away in any case.
            cut_power(entry.process)
            self._disk(name).wipe()
            self._start(state, root, {name: entry.number}, release)
            host = self._host(state, name)
        host.wait_until_up()
        return host

    def _check(self, state: KitchenState, names: Sequence[str], release: str | None) -> None:
        """Raise KitchenError for a release that is unknown, or not that of a host that runs."""
        if release is not None and release not in base.RELEASES:
            raise KitchenError(
                f"there are no hosts with the Debian {release!r}", hint=", ".join(base.RELEASES)
            )
        for name in names:
            entry = state.entries.get(name)
            if entry is not None and release not in (None, entry.release):
                raise KitchenError(
                    f"{name} runs already, with the Debian {entry.release!r}",
                    hint=f"cook kitchen down {name}, or another name",
                )

    def _start(
        self, state: KitchenState, root: Path, numbers: dict[str, int], release: str
    ) -> None:
        """Boot hosts side by side; those that started are remembered even if one did not."""
        lan = state.network = state.network or network.raise_for(self.folder)
        public_key = self._public_key()
        network.forget_neighbours(lan)

        def start(name: str) -> None:
            disk = self._disk(name)
            disk.mount(root)
            disk.furnish(name, lan, numbers[name], public_key)
            state.entries[name] = RunningHost(numbers[name], boot(name, lan.bridge, disk), release)

        _each(start, list(numbers))

    def _forget(self, state: KitchenState, names: Iterable[str]) -> None:
        for name in names:
            self._disk(name).remove()
            cgroup.remove(cgroup.name_of(self._disk(name).folder))
            state.entries.pop(name, None)
        if not state.entries:
            network.release(self.folder)
            state.network = None

    def _clean(self, state: KitchenState) -> None:
        """Forget hosts that have ended, and end containers that are not in the state file."""
        dead = [name for name, entry in state.entries.items() if not entry.process.alive]
        folders = (self.folder / "hosts").glob("*")
        strays = [path.name for path in folders if path.name not in state.entries]
        for name in dead:
            logger.info("%s is no longer running; its disk is thrown away", name)
        # A command that was killed may have booted a host and not have come to note it down.
        for name in strays:
            cut_strays(self._disk(name))
        self._forget(state, [*dead, *strays])
        if state.network is not None and not network.stands(state.network):
            state.network = None

    @contextmanager
    def _opened(self) -> Iterator[KitchenState]:
        """Open the state for one command at a time; it is saved in any case, with the inventory."""
        with alone(self.folder / ".lock"):
            state = KitchenState.load(self._state_json)
            try:
                self._clean(state)
                yield state
            finally:
                self._save(state)

    def _save(self, state: KitchenState) -> None:
        if not state.entries:
            self._clear()
            return
        state.save(self._state_json)
        write_hosts_yml(self.hosts_yml, self._hosts(state))
        write_known_hosts(self.known_hosts, self._hosts(state))

    def _clear(self) -> None:
        """Leave the folder as if no host had ever been in it."""
        made = (self._state_json, self.hosts_yml, self.known_hosts, self.identity)
        for path in (*made, self.identity.with_suffix(".pub"), self.folder / ".lock"):
            path.unlink(missing_ok=True)
        for folder in (self.folder / "hosts", self.folder):
            if folder.exists() and not any(folder.iterdir()):
                folder.rmdir()

    def _public_key(self) -> str:
        if not self.identity.exists():
            make = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "cook kitchen", "-f")
            tools.call(*make, self.identity)
        return self.identity.with_suffix(".pub").read_text()

    def _disk(self, name: str) -> Disk:
        return Disk(self.folder / "hosts" / name)

    def _entry(self, state: KitchenState, name: str) -> RunningHost:
        if name not in state.entries:
            running = ", ".join(state.entries) or "none"
            raise KitchenError(f"no host {name!r} is running", hint=f"running: {running}")
        return state.entries[name]

    def _hosts(self, state: KitchenState) -> list[KitchenHost]:
        names = sorted(state.entries, key=lambda name: state.entries[name].number)
        return [self._host(state, name) for name in names]

    def _host(self, state: KitchenState, name: str) -> KitchenHost:
        entry, lan = self._entry(state, name), _some(state.network)
        addresses = lan.address(entry.number), lan.address6(entry.number)
        return KitchenHost(name, *addresses, entry.process, self._disk(name).folder)


def _some(network: KitchenNetwork | None) -> KitchenNetwork:
    if network is None:
        raise KitchenError("there are hosts and no network: the state is broken")
    return network


def _each(work: Callable[[T], object], items: Sequence[T]) -> None:
    """Do it for all side by side; raise the first error when all have ended."""
    with ThreadPoolExecutor(max_workers=max(1, len(items))) as pool:
        futures = [pool.submit(work, item) for item in items]
    for future in futures:
        future.result()
