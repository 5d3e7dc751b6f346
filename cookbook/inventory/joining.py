"""The hosts and groups of sources, joined with those of hosts.yml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookbook.errors import InventoryError
from cookbook.inventory.ranges import MOST

if TYPE_CHECKING:
    from cookbook.inventory.schema import DeclaredGroup, DeclaredHost, DeclaredParts, Layer
    from cookbook.inventory.sources.entries import DeclaredSource


class Joining:
    """Hosts and groups of hosts.yml, to which sources add theirs: hosts.yml wins, key by key."""

    def __init__(self, hosts: dict[str, DeclaredHost], groups: dict[str, DeclaredGroup]) -> None:
        """Create it; both mappings are added to."""
        self.hosts, self.groups = hosts, groups
        self._own = {name: group.layer for name, group in groups.items()}
        self._from: dict[str, DeclaredSource] = {}

    def add(self, source: DeclaredSource, parts: DeclaredParts) -> None:
        """
        Add what a source has.

        Raises InventoryError for a host that two sources have, and for a group on which two
        disagree.
        """
        for name, host in parts.hosts.items():
            self._add_host(name, host._replace(base=parts.defaults), source)
        for name, group in parts.groups.items():
            self._add_group(name, group)
        if source.group is not None:
            self._add_members(source.group, parts, source)

    def _add_host(self, name: str, theirs: DeclaredHost, source: DeclaredSource) -> None:
        if name in self._from:
            other = self._from[name]
            raise InventoryError(
                f"{theirs.at}: host {name!r} is also in the source {other.name} ({other.at})",
                hint="a host has one source; hosts.yml may add settings and variables to it",
            )
        if len(self.hosts) >= MOST:
            raise InventoryError(f"{theirs.at}: more than {MOST:,} hosts")
        self._from[name] = source
        ours = self.hosts.get(name)
        if ours is not None:
            layer, hidden = theirs.layer | ours.layer, _hidden(theirs.layer, ours.layer)
            theirs = ours._replace(layer=layer, hidden=hidden, base=theirs.base)
        self.hosts[name] = theirs

    def _add_group(self, name: str, theirs: DeclaredGroup) -> None:
        ours = self.groups.get(name)
        if ours is not None:
            own = self._own.get(name, {})
            for key, origin in theirs.layer.items():
                other = ours.layer.get(key)
                if key not in own and other is not None and other.value != origin.value:
                    raise InventoryError(
                        f"{origin.at}: group {name} gets another {key} from a source before it"
                        f" ({other.at})",
                        hint="set it in the group in hosts.yml",
                    )
            theirs = ours._replace(
                layer=theirs.layer | ours.layer,
                hidden=ours.hidden | _hidden(theirs.layer, own),
                hosts=theirs.hosts | ours.hosts,
                groups=theirs.groups | ours.groups,
            )
        self.groups[name] = theirs

    def _add_members(self, name: str, parts: DeclaredParts, source: DeclaredSource) -> None:
        group = self.groups.get(name)
        if group is None:
            raise InventoryError(
                f"{source.at}: group {name!r} of the source {source.name} is not declared",
                hint="declare it under the top level's `groups:`",
            )
        members = dict.fromkeys(parts.hosts, source.at)
        self.groups[name] = group._replace(hosts=group.hosts | members)


def _hidden(theirs: Layer, ours: Layer) -> Layer:
    """Return the values that are overridden."""
    return {key: origin for key, origin in theirs.items() if key in ours}
