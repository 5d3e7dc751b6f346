"""The description of a run for listeners, given when it begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cookbook.planning.status import Mode
from cookbook.text.provenance import Origin


@dataclass(frozen=True)
class RunInfo:
    """A run that begins."""

    id: str
    mode: Mode
    set: str
    """The name of the set of recipes, as the manifests of hosts know it."""

    recipes: Sequence[str]
    """Paths of the recipes; of a saved plan, those it was made from."""

    hosts: Sequence[str]
    """Names of the hosts, in the order of the inventory."""

    origin: Origin

    places: Mapping[str, str] = field(default_factory=dict)
    """By host: address and port, as a host of the same name in another inventory has others."""


@dataclass(frozen=True)
class FactsUse:
    """The facts of one host that the recipes of a run have read, of whichever host they are for."""

    digest: str
    """The SHA-256 of them as JSON."""

    read: str
    """When they were read."""

    age: float
    """Their age in seconds when the run began; 0 if they were read for it."""
