"""The inventory: hosts.yml, or what a plugin knows, as Hosts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from cookbook.errors import InventoryError, UsageError
from cookbook.inventory.host import Host
from cookbook.inventory.limit import limit
from cookbook.inventory.precedence import Precedence
from cookbook.inventory.schema import DeclaredHosts, ValueOrigin, declared, declared_by
from cookbook.secrets.reference import secret_tag
from cookbook.text.suggest import did_you_mean
from cookbook.text.yaml_value import Value, wrap

__all__ = [
    "Host",
    "HostGroup",
    "Inventory",
    "SourceState",
    "ValueOrigin",
    "from_data",
    "load",
    "local",
]


@dataclass(frozen=True, slots=True)
class HostGroup:
    """A group; `hosts` are all of it, those of its subgroups too, in the inventory's order."""

    name: str
    at: str
    hosts: tuple[str, ...]
    groups: tuple[str, ...]
    """The groups directly inside it."""

    rollout: Value | None = None
    """The strategy of its rollout as the file has it; see cookbook.rollout.reader."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source of hosts, and how fresh its hosts are."""

    name: str
    at: str
    hosts: int
    age: float | None
    """Seconds since it was asked; None: it was asked now."""

    failure: str | None
    """Why it was of no use now; None: it was not, or its kept answer still counts."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """Hosts and groups by name, in the order in which they are declared."""

    hosts: Mapping[str, Host]
    groups: Mapping[str, HostGroup]
    _precedence: Precedence = field(repr=False, compare=False)
    warnings: tuple[str, ...] = ()
    """Sentences about variables that YAML may misread, and about sources."""

    def select(self, patterns: Sequence[str] = ()) -> list[Host]:
        """
        Return the hosts within --limit, in the inventory's order; without a pattern, all.

        A pattern is a comma list of host names, group names, globs (web*) and ranges (web[1:9]);
        with a `!` in front they are excluded. Exclusions alone start from all hosts. Raises
        UsageError if a pattern matches nothing, or if nothing is left.
        """
        groups = {name: group.hosts for name, group in self.groups.items()}
        names = limit(patterns, self.hosts.keys(), groups)
        return [host for name, host in self.hosts.items() if name in names]

    @property
    def sources(self) -> tuple[SourceState, ...]:
        """The sources that the inventory names, with the age of what they have told."""
        declared = self._precedence.declared
        return tuple(
            SourceState(
                answer.source.name,
                answer.source.at,
                len(answer.data.get("hosts") or ()),
                answer.age,
                answer.failure,
            )
            for answer in declared.answers
        )

    @property
    def environments(self) -> tuple[str, ...]:
        """The names of the environments that are declared."""
        return tuple(self._precedence.declared.environments)

    def in_environment(self, name: str) -> Inventory:
        """Return this inventory with all hosts in an environment. Raises UsageError."""
        return _inventory(self._precedence.declared, name)

    def named_as(self, machine: str) -> str:
        """
        Return the name of the host that a machine of this name is.

        A machine named web1 is also the host web1.example.org, and the other way round, if only one
        has that name. Raises UsageError if there is none.
        """
        first = machine.partition(".")[0]
        short = [one for one in self.hosts if one.partition(".")[0] == first]
        if machine in self.hosts or len(short) == 1:
            return machine if machine in self.hosts else short[0]
        raise UsageError(
            f"no host of the inventory is named {machine!r}, as this machine is",
            hint=did_you_mean(machine, self.hosts) or "name it with --host NAME",
        )

    def with_local(self, name: str) -> Inventory:
        """Return this inventory with one host as this machine, without SSH: a host that pulls."""
        found = self.hosts[name]
        host = replace(found, transport="local", become_password=None, password=None)
        host = replace(host, known_place=found.place)
        if os.geteuid() == 0:
            host = replace(host, become="none")
        return replace(self, hosts=MappingProxyType({**self.hosts, name: host}))

    def check(self, hosts: Iterable[Host], given: Mapping[str, object]) -> None:
        """
        Check the variables of these hosts by the schema, if there is one.

        `given` are those of `--set`. Raises InventoryError with all that is wrong.
        """
        if self._precedence.declared.schema is not None:
            from cookbook.inventory.misfits import check

            check(self._precedence, self._precedence.declared.schema, hosts, given)

    def explain(
        self, host: str, key: str | None = None, given: Mapping[str, object] = MappingProxyType({})
    ) -> list[ValueOrigin]:
        """
        Return the origin of each setting (`port`) and variable (`vars.tier`) of a host.

        All of them, or only the one key; for each key the origin that is used comes first, then
        those it overrides. `given` are the variables of `--set`.

        Raises UsageError if there is no such host, or no such key.
        """
        if host not in self.hosts:
            raise UsageError(f"no host is named {host!r}", hint=did_you_mean(host, self.hosts))
        origins = list(self._precedence.origins(host, given))
        if key is None:
            return origins
        known = dict.fromkeys(origin.key for origin in origins)
        if key not in known:
            raise UsageError(f"host {host!r} has no {key!r}", hint=did_you_mean(key, known))
        return [origin for origin in origins if origin.key == key]


def load(path: Path, environment: str | None = None, *, refresh: bool = False) -> Inventory:
    """
    Return the inventory in a YAML file; relative paths in it start at its folder.

    An executable file that is not YAML by its name is a program that prints Ansible's inventory.
    `environment` is that of all hosts, whatever the file says of them. `refresh`: sources are asked
    anew. Raises InventoryError with file:line for the first error, and UsageError for an
    environment that is not declared.
    """
    if _is_program(path):
        from cookbook.inventory.sources.entries import program_source

        return _inventory(declared_by(program_source(path), str(path)), environment)
    # Only here: PyYAML takes longer to import than an inventory to read, and local() needs none.
    from cookbook.text.yaml_reader import YamlReader

    folder = path.absolute().parent
    reader = YamlReader(InventoryError, secret_tag(folder), "name yours with --hosts FILE")
    found = declared(reader.read(path), str(path), folder, refresh=refresh)
    return _inventory(found, environment)


def _is_program(path: Path) -> bool:
    """Return True for an executable; a hosts.yml whose mode says so by mistake is not run."""
    is_data = path.suffix in (".yml", ".yaml", ".json")
    return not is_data and path.is_file() and os.access(path, os.X_OK)


def from_data(
    data: Mapping[str, object] | Sequence[object],
    where: str = "inventory",
    folder: Path | None = None,
) -> Inventory:
    """
    Return an inventory from the same structure as the file's, checked in the same way: for plugins.

    `where` names the source in errors; relative paths start at `folder`, or else at the current
    one. Raises InventoryError with the path to the first error.
    """
    return _inventory(
        declared(wrap(data, where, InventoryError), where, (folder or Path()).absolute())
    )


def local() -> Inventory:
    """Return the inventory with only this machine, without SSH."""
    return from_data({"hosts": {"localhost": {"transport": "local"}}}, "--local")


def _inventory(declarations: DeclaredHosts, environment: str | None = None) -> Inventory:
    if environment is not None and environment not in (known := declarations.environments):
        names = f"declared are: {', '.join(known)}" if known else "the inventory declares none"
        raise UsageError(
            f"there is no environment {environment!r}",
            hint=did_you_mean(environment, known) or names,
        )
    precedence = Precedence(declarations, environment)
    hosts: dict[str, Host] = {}
    for name in declarations.hosts:
        hosts[name] = precedence.host(name, MappingProxyType(hosts))
    members: dict[str, list[str]] = {name: [] for name in declarations.groups}
    for host in hosts.values():
        for group in host.groups:
            members[group].append(host.name)
    groups = {
        name: HostGroup(name, group.at, tuple(members[name]), tuple(group.groups), group.rollout)
        for name, group in declarations.groups.items()
    }
    return Inventory(
        MappingProxyType(hosts), MappingProxyType(groups), precedence, declarations.warnings
    )
