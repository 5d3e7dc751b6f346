"""The inventory JSON of Ansible (`--list`), translated to hosts, groups and settings of cook."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cookbook.text.listing import named
from cookbook.text.yaml_value import shown

if TYPE_CHECKING:
    from cookbook.inventory.sources.query import SourceQuery

_NAMED = 10
"""Names in one warning."""

_NO_NAME = re.compile(r"[^\w.:%+-]")

_NEEDLESS = frozenset({"ansible_python_interpreter", "ansible_facts", "ansible_check_mode"})
"""Variables that say nothing about how a host is reached by cook."""

_CONNECTIONS = {
    "docker": "docker",
    "community.docker.docker": "docker",
    "community.docker.docker_api": "docker",
    "podman": "podman",
    "containers.podman.podman": "podman",
    "local": "local",
    "ansible.builtin.local": "local",
}
"""ansible_connection -> transport; those by SSH need none."""

_BY_SSH = re.compile(r"(ansible\.(builtin|netcommon)\.)?(ssh|smart|paramiko(_ssh)?)")


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value) else value


def _same(value: object) -> object:
    return value


_SETTINGS: dict[str, tuple[str, Callable[[object], object]]] = {
    "host": ("address", _same),
    "port": ("port", _number),
    "user": ("user", _same),
    "private_key_file": ("identity_file", _same),
    "timeout": ("connect_timeout", _number),
    "become_user": ("become_user", _same),
    "docker_container": ("address", _same),
    "podman_container": ("address", _same),
    # These are refused as they are in hosts.yml, and no value is shown.
    "pass": ("password", _same),
    "password": ("password", _same),
    "become_pass": ("become_password", _same),
    "become_password": ("become_password", _same),
    "sudo_pass": ("become_password", _same),
}
"""Name without `ansible_` and `ssh_` -> setting of cook, and the function that reads its value."""


def inventory_of(document: Mapping[str, Any], query: SourceQuery) -> dict[str, Any]:
    """
    Return hosts, groups and defaults in the shape of a hosts.yml.

    Variables of the group `all` become defaults. Raises SourceError for another shape.
    """
    return _Translation(document, query).inventory()


class _Translation:
    def __init__(self, document: Mapping[str, Any], query: SourceQuery) -> None:
        self.query = query
        self.document = document
        self.dropped: dict[str, None] = {}
        self.left_out: dict[str, None] = {}
        """Hosts that cannot be reached by cook."""

    def inventory(self) -> dict[str, Any]:
        meta = self._mapping(self.document.get("_meta", {}), "_meta")
        said = self._mapping(meta.get("hostvars", {}), "_meta.hostvars")
        groups = {name: self.group(name) for name in self.document if name != "_meta"}
        names = dict.fromkeys(host for group in groups.values() for host in group["hosts"])
        hosts = {name: self.layer(said.get(name, {}), f"host {name}", [name]) for name in names}
        for name in names:  # a host's own connection wins over that of its groups
            if _reaches(self._mapping(said.get(name), "variables").get("ansible_connection")):
                self.left_out.pop(name, None)
        if names and "_meta" not in self.document:
            self.query.warn("it prints no _meta.hostvars; --host is not called, so hosts have none")
        above = groups.pop("all", {"layer": {}})
        found = {"hosts": hosts, "groups": dict(self.groups(groups, names))}
        self._warn("dropped, because cook has nothing like them", self.dropped)
        self._warn("hosts left out, because cook cannot reach them", self.left_out)
        for name in self.left_out:
            hosts.pop(name, None)
        if layer := {key: value for key, value in above["layer"].items() if key != "address"}:
            found["defaults"] = layer
        return found

    def group(self, name: str) -> dict[str, Any]:
        """Return a group as it is written, its parts checked."""
        data = self.document[name]
        data = {"hosts": data} if isinstance(data, list) else self._mapping(data, f"group {name}")
        hosts = self._names(data.get("hosts", []), f"hosts of group {name}")
        children = self._names(data.get("children", []), f"children of group {name}")
        layer = self.layer(data.get("vars", {}), f"group {name}", self.members(name))
        if "address" in layer:
            del layer["address"]
            self.dropped[f"ansible_host of group {name}"] = None
        return {"hosts": hosts, "children": children, "layer": layer}

    def members(self, name: str) -> Iterator[str]:
        """Yield the hosts of a group and of all groups below it."""
        waiting, seen = [name], {name}
        while waiting:
            data = self.document.get(waiting.pop(), {})
            if isinstance(data, list):
                data = {"hosts": data}
            if not isinstance(data, dict):
                continue
            for key, known in (("hosts", None), ("children", seen)):
                names = data.get(key)
                for one in names if isinstance(names, list | dict) else ():
                    if isinstance(one, str) and known is None:
                        yield one
                    elif isinstance(one, str) and one not in seen:
                        seen.add(one)
                        waiting.append(one)

    def groups(
        self, groups: Mapping[str, dict[str, Any]], hosts: Iterable[str]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the groups in the shape of hosts.yml, without those named like a host."""
        known = dict.fromkeys(groups) | dict.fromkeys(
            child for group in groups.values() for child in group["children"]
        )
        names = {name: _NO_NAME.sub("_", name) for name in known if name not in {*hosts, "all"}}
        self._warn("groups left out, because hosts have the same names", known.keys() & {*hosts})
        self._warn(
            "groups whose names were made valid", [old for old, new in names.items() if old != new]
        )
        for name, ours in names.items():
            group = groups.get(name, {"hosts": [], "children": [], "layer": {}})
            if name == "ungrouped" and not group["layer"]:
                continue
            yield (
                ours,
                {
                    **group["layer"],
                    "hosts": [host for host in group["hosts"] if host not in self.left_out],
                    "groups": [names[one] for one in group["children"] if one in names],
                },
            )

    def layer(self, data: object, whose: str, hosts: Iterable[str]) -> dict[str, Any]:
        """Return settings and variables; `hosts` are left out if they cannot be reached."""
        found: dict[str, Any] = {}
        variables: dict[str, Any] = {}
        given = self._mapping(data, f"variables of {whose}")
        for key, value in given.items():
            if isinstance(value, dict) and "__ansible_vault" in value:
                self.dropped[key] = None
            elif not key.startswith("ansible_"):
                variables[key] = _unwrapped(value)
            elif value is not None and key not in _NEEDLESS:
                self.setting(key, value, found, hosts)
        self._become(given, found)
        return {**found, **({"vars": variables} if variables else {})}

    def setting(self, key: str, value: object, found: dict[str, Any], hosts: Iterable[str]) -> None:
        bare = key.removeprefix("ansible_").removeprefix("ssh_")
        if bare in _SETTINGS:
            ours, read = _SETTINGS[bare]
            if value != "":
                found[ours] = read(value)
        elif bare == "connection":
            self.connection(value, found, hosts)
        elif bare not in ("become", "become_method"):
            self.dropped[key] = None

    def connection(self, value: object, found: dict[str, Any], hosts: Iterable[str]) -> None:
        if not _reaches(value):
            self.left_out |= dict.fromkeys(hosts)
        elif value in _CONNECTIONS:
            found["transport"] = _CONNECTIONS[str(value)]

    def _become(self, given: Mapping[str, Any], found: dict[str, Any]) -> None:
        wanted = given.get("ansible_become")
        method = given.get("ansible_become_method")
        if wanted is None:
            if method not in (None, "sudo"):
                self.dropped["ansible_become_method"] = None
            return
        is_wanted = str(wanted).lower() in ("true", "yes", "on", "1")
        found["become"] = (method or "sudo") if is_wanted else "none"

    def _mapping(self, data: object, what: str) -> dict[str, Any]:
        if data is None:
            return {}
        if not isinstance(data, dict):
            raise self.query.failure(f"{what} must be a mapping, not {_kind(data)}")
        return data

    def _names(self, data: object, what: str) -> list[str]:
        names = list(data) if isinstance(data, list | dict) else None
        if data is None:
            return []
        if names is None or not all(isinstance(name, str) for name in names):
            raise self.query.failure(f"{what} must be a list of names, not {_kind(data)}")
        return list(dict.fromkeys(names))

    def _warn(self, what: str, names: Iterable[str]) -> None:
        listed = list(names)
        if listed:
            self.query.warn(f"{what}: {named(listed, _NAMED)}")


def _reaches(connection: object) -> bool:
    """Return whether cook has a transport that does what a connection of Ansible does."""
    return isinstance(connection, str) and (
        connection in _CONNECTIONS or _BY_SSH.fullmatch(connection) is not None
    )


def _kind(data: object) -> str:
    """Return what data is; it is not shown, since it may be a secret."""
    match data:
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case None | bool():
            return shown(data)
        case _:
            return "a number"


def _unwrapped(value: Any) -> Any:
    """Return a value without the marks of Ansible: `__ansible_unsafe` is text."""
    if isinstance(value, dict):
        if value.keys() == {"__ansible_unsafe"}:
            return value["__ansible_unsafe"]
        return {
            key: _unwrapped(one)
            for key, one in value.items()
            if not (isinstance(one, dict) and "__ansible_vault" in one)
        }
    return [_unwrapped(one) for one in value] if isinstance(value, list) else value
