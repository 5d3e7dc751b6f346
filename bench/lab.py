"""The hosts that are measured on, near and far, and the inventories that lead to them."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.relay import Link, Relay
from cookbook.kitchen import Kitchen, KitchenHost, base
from cookbook.testing import load_lives
from cookbook.testing.life_run import prepare_lives

ROUND_TRIP = 0.050
_STASH = "/srv/stash"
_WANTED = "bc jq nginx rsync tree"


@dataclass(frozen=True)
class Address:
    """Where a host answers."""

    name: str
    address: str
    port: int = 22


@dataclass(frozen=True)
class Site:
    """Some hosts, and every contender's inventory of them, in a folder."""

    folder: Path
    hosts: Sequence[Address]
    identity: Path

    @property
    def hosts_yml(self) -> Path:
        """For cook."""
        return self.folder / "hosts.yml"

    @property
    def pyinfra_inventory(self) -> Path:
        """For pyinfra."""
        return self.folder / "inventory.py"

    @property
    def ansible_inventory(self) -> Path:
        """For Ansible."""
        return self.folder / "inventory.yml"

    @property
    def known_hosts(self) -> Path:
        """For everybody."""
        return self.folder / "known_hosts"

    @property
    def control(self) -> Path:
        """Where Ansible's ssh keeps the sockets of the connections it keeps open."""
        return self.folder / "control"

    def write(self, kitchen_hosts: Sequence[KitchenHost]) -> None:
        """Write the inventories: everybody logs in as root, so that none pays for sudo."""
        pairs = list(zip(self.hosts, kitchen_hosts, strict=True))
        lines = [f"[{at.address}]:{at.port} {key}" for at, host in pairs for key in host.host_keys]
        lines += [f"{at.address} {key}" for at, host in pairs for key in host.host_keys]
        self.write_with("\n".join(lines) + "\n")

    def write_with(self, known_hosts: str) -> None:
        """Write the inventories, and this known_hosts."""
        self.control.mkdir(parents=True, exist_ok=True)
        self.known_hosts.write_text(known_hosts)
        self.hosts_yml.write_text(json.dumps(self._for_cook()))
        self.pyinfra_inventory.write_text(f"hosts = {self._for_pyinfra()!r}\n")
        self.ansible_inventory.write_text(json.dumps({"all": self._for_ansible()}))

    def _for_cook(self) -> dict[str, object]:
        defaults = {"user": "root", "identity_file": str(self.identity), "agent": False}
        hosts = {at.name: {"address": at.address, "port": at.port} for at in self.hosts}
        return {"defaults": {**defaults, "known_hosts": str(self.known_hosts)}, "hosts": hosts}

    def _for_pyinfra(self) -> list[tuple[str, dict[str, object]]]:
        common = {
            "ssh_user": "root",
            "ssh_key": str(self.identity),
            "ssh_known_hosts_file": str(self.known_hosts),
            "ssh_strict_host_key_checking": "yes",
            "ssh_allow_agent": False,
            "ssh_look_for_keys": False,
        }
        return [
            (at.name, {**common, "ssh_hostname": at.address, "ssh_port": at.port})
            for at in self.hosts
        ]

    def _for_ansible(self) -> dict[str, object]:
        arguments = f"-o IdentitiesOnly=yes -o UserKnownHostsFile={self.known_hosts}"
        common = {
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self.identity),
            "ansible_ssh_common_args": arguments,
        }
        hosts = {
            at.name: {"ansible_host": at.address, "ansible_port": at.port} for at in self.hosts
        }
        return {"hosts": hosts, "vars": common}


class Lab:
    """Disposable hosts with the Python that Ansible needs, and the packages fetched."""

    def __init__(self, folder: Path) -> None:
        base.todays = _with_python
        self._kitchen = Kitchen(folder)
        # Short, because a socket's path may have no more than 107 bytes (unix(7)).
        self._scratch = Path(tempfile.mkdtemp(prefix="bench-"))

    def near(self, count: int = 1) -> Site:
        """So many hosts, as they are now."""
        hosts = self._kitchen.up(count)
        return self._site("near", hosts, [Address(host.name, host.address) for host in hosts])

    @contextmanager
    def far(self, count: int = 1) -> Iterator[Site]:
        """Yield the same hosts with a round trip of 50 ms."""
        hosts = self._kitchen.up(count)
        ends = [(host.address, host.port) for host in hosts]
        with Relay(ends, Link(delay=ROUND_TRIP / 2)) as relay:
            pairs = zip(hosts, relay.ports, strict=True)
            yield self._site("far", hosts, [Address(h.name, "127.0.0.1", p) for h, p in pairs])

    def fresh(self) -> Site:
        """One host on which nothing was done yet; the packages to install are there already."""
        shutil.rmtree(self._scratch / "near" / "control", ignore_errors=True)
        self._kitchen.up(1)
        self._kitchen.reset("h1")
        self.run(f"cp {_STASH}/*.deb /var/cache/apt/archives/")
        # As just fetched: nobody has a reason to ask the mirror, whatever the base's age.
        self.run("touch /var/lib/apt/lists/partial /var/lib/apt/lists && sync")
        return self.near()

    def all_types(self, count: int) -> Path:
        """Prepare the first host for the lives of all types; return a recipe of so many."""
        (folder := self._scratch / "all").mkdir()
        lives = load_lives((Path(__file__).parents[1] / "tests/life").glob("*.yml"))
        lives.sort(key=lambda life: life.type == "http_proxy")  # others fetch before there is one
        prepare_lives(lives, self._kitchen.hosts()[0], folder)
        text = (folder / "declare.py").read_text()
        more = count - text.count("\nrecipe_function(")
        line = (
            'recipe_function(resource_type("file"))(f"/srv/bench{n}", content=f"{n}", mode="0644")'
        )
        recipe = folder / "all_types.py"
        recipe.write_text(f"{text}\nfor n in range({more}):\n    {line}\n")
        return recipe

    def run(self, command: str) -> str:
        """
        Run something on the first host, not through ssh.

        Raises CalledProcessError if it fails.
        """
        answer = self._kitchen.hosts()[0].run(command, timeout=300.0)
        answer.check_returncode()
        return answer.stdout

    def close(self) -> None:
        """Power off."""
        self._kitchen.down()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _site(self, name: str, hosts: Sequence[KitchenHost], at: Sequence[Address]) -> Site:
        site = Site(self._scratch / name, at, self._kitchen.identity)
        site.write(hosts)
        return site


_todays = base.todays


def _with_python(release: str = "bookworm") -> base.Recipe:
    """Return the kitchen's base with Python, and W50's packages fetched (not installed)."""
    todays = _todays(release)
    fetch = f"apt-get -qq -y install --download-only {_WANTED}"
    hooks = (
        *(hook for hook in todays.hooks if "python" not in hook),
        'rm -f "$1"/var/cache/apt/archives/*.deb',
        f'APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" {fetch}',
        f'mkdir "$1"{_STASH} && cp "$1"/var/cache/apt/archives/*.deb "$1"{_STASH}',
    )
    return replace(todays, packages=(*todays.packages, "python3", "python3-apt"), hooks=hooks)
