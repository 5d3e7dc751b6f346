"""The declarations of an inventory, checked, before values are assigned to hosts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from cookbook.errors import InventoryError
from cookbook.inventory.ranges import MOST, expand
from cookbook.inventory.settings import (
    SETTINGS,
    read_recipes,
    read_setting,
    refuse_password,
    unknown_key,
)
from cookbook.text.suggest import did_you_mean
from cookbook.text.yaml_value import Kinds, Value, not_text, wrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from cookbook.inventory.sources.asking import SourceAnswer
    from cookbook.inventory.sources.entries import DeclaredSource
    from cookbook.inventory.variable_schema import VariableSchema

# What --limit gives a meaning to (, ! * ? [ ]), blanks and slashes cannot be in a name.
_NAME = re.compile(r"\w[\w.:%+-]*")
RECIPES = "recipes"
"""The key whose values in all layers are merged; of any other key the nearest value counts."""

_SHARED = tuple(key for key in SETTINGS if key != "address")
_PARTS = ("defaults", "hosts", "groups", "environments", "schema", "sources")
ENVIRONMENT = "environment"
"""The key that names the environment of a host."""


@dataclass(frozen=True, slots=True)
class ValueOrigin:
    """
    A declared value of a setting (`port`) or a variable (`vars.http_port`).

    `level` is --set, host, `group NAME in environment NAME`, environment NAME, group NAME, defaults
    or built-in; `at` is file:line, empty for what is in no file.
    `used` is false where something nearer to the host decides.
    """

    key: str
    value: object
    level: str
    at: str
    used: bool = True
    source: Value | None = field(default=None, compare=False, repr=False)
    """A list or a mapping as it was read, with the place of each part; else None."""


Layer = dict[str, ValueOrigin]
_NOTHING: Layer = {}


class DeclaredHost(NamedTuple):
    """
    A host and what it says itself.

    `hidden` are values of a source that hosts.yml overrides, `base` the defaults of the source.
    """

    at: str
    layer: Layer
    hidden: Layer = _NOTHING
    base: Layer = _NOTHING


class DeclaredGroup(NamedTuple):
    """A group: its own hosts and subgroups, with the place where each is named."""

    at: str
    layer: Layer
    hosts: dict[str, str]
    groups: dict[str, str]
    rollout: Value | None
    """The strategy of its rollout, not read yet."""

    hidden: Layer = _NOTHING


class DeclaredEnvironment(NamedTuple):
    """An environment: what it says for all of its hosts, and for those in a group."""

    at: str
    layer: Layer
    groups: dict[str, Layer]


class DeclaredHosts(NamedTuple):
    """All that is declared; `upward` lists the groups with every child before its parents."""

    hosts: dict[str, DeclaredHost]
    groups: dict[str, DeclaredGroup]
    environments: dict[str, DeclaredEnvironment]
    defaults: Layer
    upward: tuple[str, ...]
    schema: VariableSchema | None
    answers: tuple[SourceAnswer, ...]
    warnings: tuple[str, ...]


class DeclaredParts(NamedTuple):
    """The defaults, hosts and groups of a document or of a source."""

    defaults: Layer
    hosts: dict[str, DeclaredHost]
    groups: dict[str, DeclaredGroup]


def declared(
    value: Value | None, where: str, folder: Path, *, refresh: bool = False
) -> DeclaredHosts:
    """
    Return the declarations in a document; relative paths start at the folder.

    `refresh`: its sources are asked anew. Raises InventoryError for the first error.
    """
    if value is None or value.data is None:
        raise InventoryError(
            f"{where}: empty", hint="a list of host names is enough: - web1.example.org"
        )
    if isinstance(value.data, list):
        value = Value({"hosts": value}, value.at)
    if not isinstance(value.data, dict):
        raise value.error(f"an inventory is a mapping or a list of host names, not {value}")
    for key, inner in value.data.items():
        if key not in _PARTS:
            raise unknown_key(key, inner, "the inventory", _PARTS)
    sources: list[DeclaredSource] = []
    if "sources" in value.data:
        from cookbook.inventory.sources.entries import read_sources  # few inventories have some

        sources = read_sources(value.data["sources"], folder)
    return _Reader(folder).inventory(value.data, where, sources, refresh=refresh)


def declared_by(source: DeclaredSource, where: str, *, refresh: bool = False) -> DeclaredHosts:
    """Return the declarations of a source alone. Raises InventoryError."""
    return _Reader(source.query.folder).inventory({}, where, [source], refresh=refresh)


class _Reader:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warnings: list[str] = []

    def inventory(
        self, parts: dict[str, Value], where: str, sources: list[DeclaredSource], *, refresh: bool
    ) -> DeclaredHosts:
        nothing = Value(None, where, "", InventoryError)
        layer, hosts, groups = self.parts(parts, where)
        answers = self.join(sources, hosts, groups, refresh=refresh) if sources else []
        if not hosts:
            also = ", and its sources have none" if sources else ""
            raise parts.get("hosts", nothing).error(f"no hosts are declared{also}")
        _check_members(hosts, groups)
        places = _mapping(parts.get("environments", nothing), "environments")
        environments = {
            _name(key, value): self.environment(key, value, groups) for key, value in places.items()
        }
        layers = [layer, *(host.layer for host in hosts.values())]
        layers += [group.layer for group in groups.values()]
        _check_environments(layers, environments)
        return DeclaredHosts(
            hosts,
            groups,
            environments,
            layer,
            _upward(groups),
            self.schema(parts["schema"]) if "schema" in parts else None,
            tuple(answers),
            tuple(self.warnings),
        )

    def join(
        self,
        sources: list[DeclaredSource],
        hosts: dict[str, DeclaredHost],
        groups: dict[str, DeclaredGroup],
        *,
        refresh: bool,
    ) -> list[SourceAnswer]:
        """Ask the sources, and add what they have to these hosts and groups."""
        from cookbook.inventory.joining import Joining
        from cookbook.inventory.sources.asking import ask

        answers: list[SourceAnswer] = []
        joining = Joining(hosts, groups)
        for found in ask(sources, refresh=refresh):
            answer, parts = self.understood(found)
            joining.add(answer.source, parts)
            answer.keep()
            self.warnings += answer.told
            answers.append(answer)
        return answers

    def understood(self, answer: SourceAnswer) -> tuple[SourceAnswer, DeclaredParts]:
        """Return an answer and its parts; a kept one that is wrong is asked for again."""
        from cookbook.inventory.sources.asking import ask

        try:
            return answer, _SourceReader(self, answer).answered()
        except InventoryError:
            if answer.age is None:
                raise
        [anew] = ask([answer.source], refresh=True)
        return anew, _SourceReader(self, anew).answered()

    def schema(self, value: Value) -> VariableSchema:
        from cookbook.inventory.variable_schema import read_schema

        return read_schema(value, self.folder)

    def parts(self, parts: dict[str, Value], where: str) -> DeclaredParts:
        nothing = Value(None, where, "", InventoryError)
        defaults = _mapping(parts.get("defaults", nothing), "defaults")
        layer = self.layer(defaults, "defaults", "defaults", (ENVIRONMENT, *_SHARED))
        hosts = self.hosts(parts.get("hosts", nothing))
        named = _mapping(parts.get("groups", nothing), "groups")
        groups = {_name(key, value): self.group(key, value) for key, value in named.items()}
        return DeclaredParts(layer, hosts, groups)

    def hosts(self, value: Value) -> dict[str, DeclaredHost]:
        hosts: dict[str, DeclaredHost] = {}
        for name, host in self._hosts(value):
            if name in hosts:
                raise InventoryError(
                    f"{host.at}: host {name!r} is declared for the second time; "
                    f"the first is at {hosts[name].at}"
                )
            if len(hosts) == MOST:
                raise InventoryError(f"{host.at}: more than {MOST:,} hosts")
            hosts[name] = host
        return hosts

    def _hosts(self, value: Value) -> Iterator[tuple[str, DeclaredHost]]:
        if isinstance(value.data, list):
            for item in value.data:
                for name in self.names(item, "hosts in a list have no settings; use a mapping"):
                    yield name, DeclaredHost(item.at, {})
            return
        for pattern, settings in _mapping(value, "hosts").items():
            yield from self.range(pattern, settings)

    def range(self, pattern: str, value: Value) -> Iterator[tuple[str, DeclaredHost]]:
        """Yield the host, or the hosts of the range, with one layer that they share."""
        parts = _mapping(value, f"host {pattern}")
        address = parts.pop("address", None)
        layer = self.layer(parts, f"host {pattern}", "host", (ENVIRONMENT, *SETTINGS))
        names = self.expand(pattern, value)
        for name in names:
            _name(name, value)
        if address is None:
            yield from ((name, DeclaredHost(value.at, layer)) for name in names)
            return
        for name, text in zip(names, self.addresses(address, names, pattern), strict=True):
            origin = ValueOrigin("address", text, "host", address.at)
            yield name, DeclaredHost(value.at, {"address": origin, **layer})

    def addresses(self, value: Value, names: list[str], pattern: str) -> list[str]:
        read_setting("address", value, self.folder)
        addresses = self.expand(str(value.data), value)
        if len(addresses) != len(names):
            raise value.error(
                f"{pattern} is {len(names)} host{'s'[: len(names) > 1]}, "
                f"but address {value} is {len(addresses)}",
                hint="name and address need ranges of the same length",
            )
        return addresses

    def group(self, name: str, value: Value) -> DeclaredGroup:
        parts = _mapping(value, f"group {name}")
        nothing = Value(None, value.at, "", InventoryError)
        hosts = _list(parts.pop("hosts", nothing), f"hosts of group {name}")
        groups = _list(parts.pop("groups", nothing), f"groups of group {name}")
        rollout = parts.pop("rollout", None)
        known = ("hosts", "groups", "rollout", ENVIRONMENT, *_SHARED)
        return DeclaredGroup(
            value.at,
            self.layer(parts, f"group {name}", f"group {name}", known),
            {host: item.at for item in hosts for host in self.names(item, "a host's name")},
            {sub: item.at for item in groups for sub in self.names(item, "a group's name")},
            rollout,
        )

    def environment(
        self, name: str, value: Value, groups: dict[str, DeclaredGroup]
    ) -> DeclaredEnvironment:
        whose = f"environment {name}"
        parts = _mapping(value, whose)
        named = parts.pop("groups", Value(None, value.at, "", InventoryError))
        layers: dict[str, Layer] = {}
        for group, inner in _mapping(named, f"groups of {whose}").items():
            if group not in groups:
                raise _undeclared("group", group, inner.at, groups, ())
            within = f"group {group} in {whose}"
            layers[group] = self.layer(_mapping(inner, within), within, within, _SHARED)
        layer = self.layer(parts, whose, whose, ("groups", *_SHARED))
        return DeclaredEnvironment(value.at, layer, layers)

    def layer(
        self, parts: dict[str, Value], whose: str, level: str, known: tuple[str, ...]
    ) -> Layer:
        layer: Layer = {}
        for key, value in parts.items():
            if key == "vars":
                layer |= self.variables(value, whose, level)
            elif key == RECIPES:
                layer[key] = ValueOrigin(key, self.recipes(value, whose), level, value.at)
            elif key == ENVIRONMENT and key in known:
                layer[key] = ValueOrigin(key, _text(value, f"{key} of {whose}"), level, value.at)
            elif key not in known:
                raise self._unknown(key, value, whose, (*known, RECIPES, "vars"))
            else:
                read = read_setting(key, value, self.folder)
                layer[key] = ValueOrigin(key, read, level, value.at)
        return layer

    def variables(self, value: Value, whose: str, level: str) -> Iterator[tuple[str, ValueOrigin]]:
        for name, inner in _mapping(value, f"vars of {whose}").items():
            key, plain = f"vars.{name}", inner.plain(self.warnings)
            source = inner if isinstance(plain, list | dict) else None
            yield key, ValueOrigin(key, plain, level, inner.at, source=source)

    def recipes(self, value: Value, whose: str) -> tuple[Path, ...]:
        return read_recipes(value, whose, self.folder)

    def expand(self, pattern: str, value: Value) -> list[str]:
        """Return the names that a pattern stands for."""
        try:
            return expand(pattern)
        except ValueError as error:
            hint = "an IPv6 address is written without brackets" if "::" in pattern else None
            raise value.error(str(error), hint=hint) from None

    def names(self, item: Value, hint: str) -> list[str]:
        """Return the names that an item of a list stands for."""
        if isinstance(item.data, list | dict):
            raise item.error(f"a name must be text, not {item}", hint=hint)
        if not isinstance(item.data, str):
            kind = Kinds.get(type(item.data), "no text")
            raise not_text(item.at, item.written, kind, InventoryError)
        return [_name(name, item) for name in self.expand(item.data, item)]

    def _unknown(self, key: str, value: Value, whose: str, known: tuple[str, ...]) -> Exception:
        if key == "address":
            return value.error(f"{whose} cannot have an address", hint="an address is one host's")
        return unknown_key(key, value, whose, known)


class _SourceReader(_Reader):
    """The reader of what a source answers: names are no ranges, and secrets are refused."""

    def __init__(self, reader: _Reader, answer: SourceAnswer) -> None:
        super().__init__(reader.folder)
        self.answer = answer

    def answered(self) -> DeclaredParts:
        source = self.answer.source
        where = f"{source.at}, {source.name}"
        value = wrap(self.answer.data, where, InventoryError)
        if not isinstance(value.data, dict):
            raise value.error(f"its answer must be a mapping, not {value}")
        known = ("hosts", "groups", "defaults")
        for key, inner in value.data.items():
            if key not in known:
                raise unknown_key(key, inner, "an answer", known)
        return self.parts(value.data, where)

    def variables(self, value: Value, whose: str, level: str) -> Iterator[tuple[str, ValueOrigin]]:
        if isinstance(value.data, dict):
            for name, one in value.data.items():
                refuse_password(name, one)
        yield from super().variables(value, whose, level)

    def group(self, name: str, value: Value) -> DeclaredGroup:
        found = super().group(name, value)
        if found.rollout is not None:
            raise found.rollout.error(f"group {name}: only hosts.yml itself has rollouts")
        return found

    def recipes(self, value: Value, whose: str) -> tuple[Path, ...]:
        raise value.error(f"{whose}: only hosts.yml itself names recipes")

    def expand(self, pattern: str, value: Value) -> list[str]:
        return [pattern]


def _mapping(value: Value, whose: str) -> dict[str, Value]:
    """Its own copy; nothing there counts as nothing in it, as when all lines are commented out."""
    if value.data is None:
        return {}
    if not isinstance(value.data, dict):
        raise value.error(f"{whose} must be a mapping, not {value}")
    return dict(value.data)


def _list(value: Value, whose: str) -> list[Value]:
    if value.data is None:
        return []
    if not isinstance(value.data, list):
        raise value.error(f"{whose} must be a list of names, not {value}")
    return value.data


def _text(value: Value, whose: str) -> str:
    if not isinstance(value.data, str):
        raise value.error(f"{whose} must be a name, not {value}")
    return value.data


def _name(name: str, value: Value) -> str:
    if not _NAME.fullmatch(name):
        hint = "a user goes into `user:`" if "@" in name else None
        raise value.error(f"{name!r} cannot be a name", hint=hint)
    if name.count(":") == 1:
        raise value.error(f"{name!r} cannot be a name", hint="a port goes into `port:`")
    return name


def _check_members(hosts: dict[str, DeclaredHost], groups: dict[str, DeclaredGroup]) -> None:
    for name, group in groups.items():
        if name in hosts:
            raise InventoryError(
                f"{group.at}: {name!r} is a group, and also a host at {hosts[name].at}",
                hint="--limit could not tell them apart",
            )
        for host, at in group.hosts.items():
            if host not in hosts:
                raise _undeclared("host", host, at, hosts, groups)
        for sub, at in group.groups.items():
            if sub not in groups:
                raise _undeclared("group", sub, at, groups, hosts)


def _check_environments(
    layers: Iterable[Layer], environments: dict[str, DeclaredEnvironment]
) -> None:
    for origin in (layer[ENVIRONMENT] for layer in layers if ENVIRONMENT in layer):
        if origin.value not in environments:
            raise InventoryError(
                f"{origin.at}: environment {origin.value!r} is not declared",
                hint=did_you_mean(str(origin.value), environments)
                or "declare it under the top level's `environments:`",
            )


def _undeclared(
    kind: str, name: str, at: str, known: Iterable[str], others: Iterable[str]
) -> InventoryError:
    other = {"host": "group", "group": "host"}[kind]
    hint = did_you_mean(name, known) or f"declare it under the top level's `{kind}s:`"
    if name in others:
        hint = f"it is a {other}: list it under `{other}s:`"
    return InventoryError(f"{at}: {kind} {name!r} is not declared", hint=hint)


def _upward(groups: dict[str, DeclaredGroup]) -> tuple[str, ...]:
    try:
        return tuple(
            TopologicalSorter({key: group.groups for key, group in groups.items()}).static_order()
        )
    except CycleError as error:
        # graphlib goes from child to parent; people read from parent to child.
        ring = list(reversed(error.args[1]))
        steps = [f"{a} > {b} ({groups[a].groups[b]})" for a, b in pairwise(ring)]
        at = groups[ring[0]].groups[ring[1]]
        raise InventoryError(f"{at}: groups contain each other: {', '.join(steps)}") from None
