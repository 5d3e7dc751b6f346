"""
Unit tests of recipes, without a host: a recipe is compiled for the facts of a test.

    plan = compiled("webserver.py", facts=DEBIAN_12, vars={"http_port": 8080})
    assert plan["service[nginx]"].action == ["enable", "start"]
    assert "listen 8080;" in plan["template[/etc/nginx/sites-available/site]"].content

With the pytest plugin of cook (`pytest_plugin.py`) the fixture `cook_plan` is this function.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from cookbook.errors import SecretError, UsageError
from cookbook.language.collection import Collection as Declarations
from cookbook.language.collection import Node
from cookbook.language.compiler import compile_recipes
from cookbook.language.feature_answer import FeatureAnswer, FeatureSubject
from cookbook.language.resource import Notice, Resource
from cookbook.script.facts import Facts
from cookbook.secrets.secret import Secret, holds_secret
from cookbook.testing.other_modules import without_other_modules
from cookbook.testing.released_facts import released_facts
from cookbook.text.suggest import did_you_mean

DEBIAN_11, DEBIAN_12, DEBIAN_13 = (released_facts(f"debian-{n}") for n in (11, 12, 13))
"""The facts of real hosts; name, addresses, ids, kernel and memory are those of an example."""


def compiled(
    *recipes: str | Path,
    facts: Facts = DEBIAN_12,
    vars: Mapping[str, Any] | None = None,
    name: str = "web1",
    groups: Sequence[str] = (),
    environment: str | None = None,
    features: Collection[str] = (),
    secrets: Mapping[str, str] | None = None,
    hosts: str | Path | Mapping[str, Any] | None = None,
    other_facts: Mapping[str, Facts] | None = None,
) -> Plan:
    """
    Return what recipes declare for a host; no host is contacted.

    `name`, `groups`, `environment` and `vars` are those of the host. With `hosts`, an inventory as
    a file or as data, they are the inventory's, and `vars` have priority, as `--set`. `features`
    are the names of those that are on; all others are off. `secrets` are values by name; without
    it, each secret is `secret NAME`. `other_facts` are the facts of other hosts of the inventory;
    those that are not named have the same facts as this one.

    Raises RecipeError, as `cook plan` does, and UsageError for a host that is not in the inventory.
    """
    given = dict(vars or {})
    node = Node(
        name,
        facts,
        given,
        groups,
        _Secrets(secrets),
        environment=environment,
        features=_Features(features),
    )
    if hosts is not None:
        node = _in_inventory(node, hosts, given, other_facts or {})
    paths = [Path(recipe) for recipe in recipes]
    with without_other_modules(path.parent for path in paths):
        return Plan(compile_recipes(paths, node))


class Plan:
    """The declared resources of a host, in order."""

    def __init__(self, declared: Declarations) -> None:
        self._declared = declared
        self.looked_at: set[str] = set()
        """The identities of the resources that the test has looked at."""

    def __getitem__(self, identity: str) -> Any:
        """
        Return a resource by `type[name]`; its properties are attributes.

        Raises KeyError with the nearest identity.
        """
        found = self._declared.get(identity)
        if found is None:
            near = did_you_mean(identity, self.identities)
            raise KeyError(f"{identity} is not declared{(near and f'; {near}') or ''}")
        self.looked_at.add(identity)
        return found.resource

    def __contains__(self, identity: object) -> bool:
        if is_there := identity in self.identities:
            self.looked_at.add(str(identity))
        return is_there

    def __iter__(self) -> Iterator[Resource]:
        """Iterate over the resources in order; that does not count as a look at each."""
        return (one.resource for one in self._resources())

    def __len__(self) -> int:
        return sum(1 for _ in self._resources())

    def _resources(self) -> Iterator[Any]:
        return (one for one in self._declared if one.barrier is None)

    @property
    def identities(self) -> list[str]:
        """`type[name]` of each resource, in order."""
        return [str(one.resource) for one in self._resources()]

    def of(self, kind: str) -> list[Any]:
        """Return the resources of a type, in order."""
        found = [one for one in self if one.kind() == kind]
        self.looked_at.update(map(str, found))
        return found

    @property
    def places(self) -> Mapping[str, str]:
        """`type[name]` -> `file:line` of each declaration; to read it is no look at a resource."""
        return {str(one.resource): one.where for one in self._resources()}

    def where(self, identity: str) -> str:
        """Return `file:line` of a declaration."""
        self[identity]
        return self._declared[identity].where

    def notices(self, identity: str) -> list[Notice]:
        """
        Return the notifications that a change of a resource sends, `subscribes` of others included.

        A notice equals what recipes write: `delayed("reload", "service[nginx]")`.
        """
        self[identity]
        return list(self._declared.notices(self._declared[identity].resource))

    @property
    def text(self) -> str:
        """All resources with the properties that differ from their defaults, for a snapshot."""
        return "".join(f"{line}\n" for one in self._resources() for line in self._lines(one))

    def _lines(self, one: Any) -> Iterator[str]:
        resource: Resource = one.resource
        yield str(resource)
        for field in fields(resource):
            value = getattr(resource, field.name)
            if field.name in ("name", "subscribes") or _is_default(field, value):
                continue
            if holds_secret(value):
                yield f"  {field.name}: (secret)"
            elif field.name == "notifies":
                yield from (f"  notifies: {notice}" for notice in value)
            elif isinstance(value, str) and "\n" in value:
                yield f"  {field.name}:"
                yield from (f"    | {line}" for line in value.splitlines())
            elif callable(value):
                yield f"  {field.name}: (a function)"
            else:
                yield f"  {field.name}: {value!r}"
        for notice in self._declared.notices(resource):
            if notice not in resource.notifies:
                yield f"  notifies: {notice}"


def _is_default(field: Any, value: object) -> bool:
    if field.default is not MISSING:
        return bool(value == field.default)
    return field.default_factory is not MISSING and bool(value == field.default_factory())


class _Secrets:
    """The secrets of a test."""

    def __init__(self, values: Mapping[str, str] | None) -> None:
        self._values = values

    def secret(self, name: str, folder: Path) -> Secret:
        """See SecretSource."""
        if self._values is None:
            return Secret(f"secret {name}")
        if name not in self._values:
            raise SecretError(
                f"there is no secret {name!r} in this test",
                hint=did_you_mean(name, self._values) or f"give it: secrets={{{name!r}: ...}}",
            )
        return Secret(self._values[name])

    def derived(self, name: str, folder: Path, *, host: str, length: int, alphabet: str) -> Secret:
        """See SecretSource."""
        return Secret((f"{name}-{host}-" * length)[:length])


class _Features:
    """The features of a test."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def ask(self, name: str, subject: FeatureSubject) -> FeatureAnswer:
        """See FeatureSource."""
        return FeatureAnswer(name, is_on=name in self._names, why="the test says so")


def _in_inventory(
    node: Node,
    hosts: str | Path | Mapping[str, Any],
    given: dict[str, Any],
    others: Mapping[str, Facts],
) -> Node:
    """Return the node with the values of an inventory, and with its other hosts."""
    from dataclasses import replace

    from cookbook import inventory
    from cookbook.inventory import Host
    from cookbook.run.fleet import InventoryFleet

    found = (
        inventory.from_data(hosts) if isinstance(hosts, Mapping) else inventory.load(Path(hosts))
    )
    everything = found.select()
    host = next((one for one in everything if one.name == node.name), None)
    if host is None:
        names = [one.name for one in everything]
        near = did_you_mean(node.name, names)
        raise UsageError(f"{node.name} is no host of the inventory", hint=near)

    class Fleet(InventoryFleet):
        """Hosts whose facts the test gives."""

        def facts(self, name: str) -> Facts:
            """See Fleet."""
            return others.get(name, node.facts)

    def variables(of: Host) -> Mapping[str, Any]:
        return {**of.vars, **given}

    groups = {name: group.hosts for name, group in found.groups.items()}
    return replace(
        node,
        vars=variables(host),
        groups=host.groups,
        environment=node.environment or host.environment,
        fleet=Fleet(everything, groups, variables, 0),
    )
