"""The order of origins: host, environment, child group, parent group, defaults, built-in."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from cookbook.errors import InventoryError
from cookbook.inventory.host import Host
from cookbook.inventory.schema import ENVIRONMENT, RECIPES, DeclaredHosts, Layer, ValueOrigin
from cookbook.inventory.settings import SETTINGS
from cookbook.text.yaml_value import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_VARS = "vars."


class _Membership(NamedTuple):
    """
    The values that all hosts of the same direct groups share.

    `groups` has every child before its parents, `inward` every parent before its children. In
    `layer` groups and defaults are decided, but for the keys in `rivals`: there, groups disagree of
    which neither is inside the other.
    """

    groups: tuple[str, ...]
    inward: tuple[str, ...]
    layer: Layer
    rivals: dict[str, tuple[ValueOrigin, ValueOrigin]]


class _Decided(NamedTuple):
    """The nearest value of each key, and the keys for which two are equally near."""

    layer: Layer
    rivals: dict[str, tuple[ValueOrigin, ValueOrigin]]


class Precedence:
    """Decides each host's settings and variables, key by key, never merging any deeper."""

    def __init__(self, declared: DeclaredHosts, environment: str | None = None) -> None:
        """`environment` is that of all hosts; None: the one that the inventory says of each."""
        self.declared = declared
        self.over: Layer = {}
        if environment is not None:
            given = ValueOrigin(ENVIRONMENT, environment, "--environment", "")
            self.over = {ENVIRONMENT: given}
        self.direct: dict[str, list[str]] = {name: [] for name in declared.hosts}
        for name, group in declared.groups.items():
            for host in group.hosts:
                self.direct[host].append(name)
        self.above = _ancestors(declared)
        self.membership = cache(self._membership)
        self.within = cache(self._within)

    def host(self, name: str, others: Mapping[str, Host]) -> Host:
        """
        Return the host with all settings resolved; `others` are all hosts, or will be.

        Raises InventoryError if groups that are not inside one another disagree and the host itself
        has no value.
        """
        membership = self.membership(tuple(self.direct[name]))
        own = self.declared.hosts[name].layer | self.over
        shared = self._shared(name, membership, own)
        for key, (one, other) in shared.rivals.items():
            if key not in own:
                raise _disagreement(name, one, other)
        settings: dict[str, Any] = {"recipes": self._recipes(name, membership)}
        variables: dict[str, object] = {}
        base = self.declared.hosts[name].base
        for key, origin in (base | shared.layer | own).items():
            if key == RECIPES:
                continue
            if key.startswith(_VARS):
                variables[key.removeprefix(_VARS)] = _own(origin.value)
            else:
                settings[key] = origin.value
        return Host(
            name,
            **settings,
            vars=MappingProxyType(variables),
            groups=membership.groups,
            said=frozenset(settings) - {RECIPES},
            others=others,
        )

    def _shared(self, name: str, membership: _Membership, own: Layer) -> _Decided:
        """Return what groups, environment and defaults say to a host."""
        if ENVIRONMENT in membership.rivals and ENVIRONMENT not in own:
            raise _disagreement(name, *membership.rivals[ENVIRONMENT])
        environment = self._environment(name, membership)
        if environment is None:
            return _Decided(membership.layer, membership.rivals)
        within = self.within(environment, membership.groups)
        rivals = {k: two for k, two in membership.rivals.items() if k not in within.layer}
        return _Decided(membership.layer | within.layer, rivals | within.rivals)

    def _environment(self, name: str, membership: _Membership) -> str | None:
        host = self.declared.hosts[name]
        for layer in (self.over, host.layer, membership.layer, host.base):
            if ENVIRONMENT in layer:
                return str(layer[ENVIRONMENT].value)
        return None

    def _within(self, environment: str, groups: tuple[str, ...]) -> _Decided:
        """Return what an environment says to the hosts of these groups."""
        said = self.declared.environments[environment]
        decided = self._nearest({group: said.groups.get(group, {}) for group in groups})
        return _Decided(said.layer | decided.layer, decided.rivals)

    def origins(self, name: str, given: Mapping[str, object]) -> Iterator[ValueOrigin]:
        """
        All that was said of the host, key by key, the nearest first: only that one is used.

        `given` are the variables of `--set`.
        """
        membership = self.membership(tuple(self.direct[name]))
        groups = membership.groups
        host, known = self.declared.hosts[name], self.declared.groups
        layers = [_given(given), self.over, host.layer, host.hidden]
        if (environment := self._environment(name, membership)) is not None:
            within = self.declared.environments[environment]
            layers += [within.groups[one] for one in groups if one in within.groups]
            layers.append(within.layer)
        layers += [one for group in groups for one in (known[group].layer, known[group].hidden)]
        layers += [self.declared.defaults, host.base, _built_in(name)]
        variables = dict.fromkeys(key for layer in layers for key in layer if key.startswith(_VARS))
        for place in reversed(layers):
            if RECIPES in place:
                yield place[RECIPES]
        for key in (*SETTINGS, ENVIRONMENT, *variables):
            said = [layer[key] for layer in layers if key in layer]
            yield from (replace(origin, used=place == 0) for place, origin in enumerate(said))

    def _recipes(self, name: str, membership: _Membership) -> tuple[Path, ...]:
        """Return the recipes of a host: all layers together, the farthest from the host first."""
        declared, inward = self.declared, membership.inward
        own = declared.hosts[name].layer
        layers = [declared.defaults, *(declared.groups[group].layer for group in inward)]
        if (environment := self._environment(name, membership)) is not None:
            within = declared.environments[environment]
            layers += [within.layer, *(within.groups.get(one, {}) for one in inward)]
        layers.append(own)
        said = (layer[RECIPES].value for layer in layers if RECIPES in layer)
        return tuple(
            dict.fromkeys(path for paths in said for path in cast("Iterable[Path]", paths))
        )

    def _membership(self, direct: tuple[str, ...]) -> _Membership:
        steps = self._steps(direct)
        groups = tuple(sorted(steps, key=steps.__getitem__))
        inward = tuple(sorted(steps, key=lambda group: -steps[group]))
        decided = self._nearest({group: self.declared.groups[group].layer for group in groups})
        layer = self.declared.defaults | decided.layer
        return _Membership(groups, inward, layer, decided.rivals)

    def _nearest(self, layers: Mapping[str, Layer]) -> _Decided:
        """Decide between groups: they come with every child before its parents."""
        layer: Layer = {}
        rivals: dict[str, tuple[ValueOrigin, ValueOrigin]] = {}
        for key, said in _said(layers).items():
            # The first is nearest; groups of which none is above the other are equally near.
            nearest = [
                origin
                for group, origin in said.items()
                if not any(group in self.above[other] for other in said)
            ]
            layer[key] = nearest[0]
            for other in nearest[1:]:
                if not _same(nearest[0].value, other.value):
                    rivals[key] = (nearest[0], other)
        return _Decided(layer, rivals)

    def _steps(self, direct: tuple[str, ...]) -> dict[str, int]:
        """Return these and all above, as in the file, with the longest path up from the host."""
        members = set(direct).union(*(self.above[group] for group in direct))
        steps = dict.fromkeys(members, 0)
        for group in (group for group in self.declared.upward if group in members):
            below = (steps[sub] + 1 for sub in self.declared.groups[group].groups if sub in members)
            steps[group] = max(below, default=0)
        return {group: steps[group] for group in self.declared.groups if group in members}


def _said(layers: Mapping[str, Layer]) -> dict[str, dict[str, ValueOrigin]]:
    said: dict[str, dict[str, ValueOrigin]] = {}
    for group, layer in layers.items():
        for key, origin in layer.items():
            if key != RECIPES:  # they are merged, so groups cannot disagree
                said.setdefault(key, {})[group] = origin
    return said


def _ancestors(declared: DeclaredHosts) -> dict[str, frozenset[str]]:
    """All groups above each group."""
    above: dict[str, set[str]] = {name: set() for name in declared.groups}
    for name in reversed(declared.upward):
        for sub in declared.groups[name].groups:
            above[sub] |= above[name] | {name}
    return {name: frozenset(groups) for name, groups in above.items()}


def _given(variables: Mapping[str, object]) -> Layer:
    keys = ((f"{_VARS}{name}", value) for name, value in variables.items())
    return {key: ValueOrigin(key, value, "--set", "") for key, value in keys}


def _built_in(name: str) -> Layer:
    host = Host(name)
    return {key: ValueOrigin(key, getattr(host, key), "built-in", "") for key in SETTINGS}


def _disagreement(name: str, one: ValueOrigin, other: ValueOrigin) -> InventoryError:
    sides = " and ".join(
        f"{_shown(origin.value)} from {origin.level} ({origin.at})" for origin in (one, other)
    )
    return InventoryError(
        f"{other.at}: host {name!r} gets two values for {one.key}: {sides}",
        hint="set it on the host, or in a group inside both",
    )


def _shown(value: object) -> str:
    """Paths read best as they are."""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else shown(value)


def _same(one: object, other: object) -> bool:
    """Return True if the values are equal in YAML, where 1, 1.0 and true differ."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other


def _own(value: object) -> object:
    if isinstance(value, list):
        return [_own(item) for item in value]
    if isinstance(value, dict):
        return {key: _own(item) for key, item in value.items()}
    return value
