"""The options of a run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookbook.hosts.reconnect import RECONNECTS
from cookbook.inventory import Host
from cookbook.planning.status import Mode
from cookbook.reports.run_info import RunInfo
from cookbook.run.selection import EVERYTHING, Selection
from cookbook.text.provenance import Origin

if TYPE_CHECKING:
    from cookbook.approval.gate import Approver
    from cookbook.approval.saved_plan import SavedPlan
    from cookbook.features.feature import Features
    from cookbook.language.resource import Resource
    from cookbook.planning.step import Step
    from cookbook.secrets.secret import Secret

FORKS = 50
"""Number of hosts that are worked on at once."""

FACTS_AGE = 7 * 86400.0
"""Seconds that the last known facts of a host may be old, if it cannot be reached."""

CONFIRM_TIMEOUT = 60.0
"""Seconds that a host waits for a new login after a change with a lock-out risk."""


@dataclass(frozen=True)
class Run:
    """The options of a run: what to do, and on which hosts."""

    mode: Mode
    recipes: Sequence[Path]
    """In order; with `roles` those of all hosts together."""

    hosts: Sequence[Host]
    variables: dict[str, Any]
    """From `--set`; they win over the inventory's."""

    forks: int = FORKS
    become_password: Secret | None = None
    roles: bool = False
    """Each host has its own recipes, as the inventory says."""

    approvers: Sequence[Approver] = ()
    """Functions that must agree before each change is sent."""

    stepwise: bool = False
    """Send each change by itself."""

    selection: Selection = EVERYTHING
    """The resources that are looked at."""

    is_shard: bool = False
    """True if other processes have other hosts of the run, which cannot be waited for."""

    elsewhere: frozenset[str] = frozenset()
    """Hosts of earlier runs of a rollout: a block that names one of them is done already."""

    keep_going: bool = False
    """After a failure, leave out only what needs the failed resource."""

    independent: bool = False
    """In a plan: judge each resource by the present state, as if it were the only one declared."""

    saved: SavedPlan | None = None
    """The plan that `apply` applies."""

    past: Mapping[str, Sequence[Step]] | None = None
    """The steps of a run on each host, for `undo`."""

    machine_ids: Mapping[str, str] = field(default_factory=dict)
    """Which machine each host was in that run."""

    confirm_timeout: float = CONFIRM_TIMEOUT
    """Seconds that a host waits for a new login after a change with a lock-out risk."""

    allow_lockout: bool = False
    """Apply also changes that lock out the login user."""

    reconnect: int = RECONNECTS
    """Number of reconnects after a lost connection."""

    wait: float = 0.0
    """Seconds to wait for a host that another run is at work on."""

    timeout: float | None = None
    """Seconds that all of it may take."""

    host_timeout: float | None = None
    """Seconds that each host may take, once its turn has come."""

    max_failures: int | None = None
    """The number of failed hosts after which no further one is begun, if it is exceeded."""

    partial: bool = False
    """Undo what can be undone, where not all can."""

    set: str = ""
    """Name of the set of recipes in the manifests of hosts; see cookbook.applying.manifest."""

    prune: bool = False
    """Remove what cook created and no recipe of the set declares any more."""

    unmanaged: Sequence[type[Resource]] = ()
    """The resource types whose things on a host are reported if no recipe declares them."""

    inventory: Path | None = None
    """Path of the inventory."""

    features: Features | None = None
    """The features that recipes ask about; None without a features.yml."""

    groups: Mapping[str, Sequence[str]] | None = None
    """The hosts of each group of the inventory; None: those of the groups that hosts name."""

    facts_age: float = FACTS_AGE
    """Seconds that the last known facts of another host may be old, if it cannot be reached."""

    id: str = ""
    origin: Origin = field(default_factory=Origin)

    def recipes_of(self, host: Host) -> Sequence[Path]:
        """Return the recipes of a host, in order."""
        return host.recipes if self.roles else self.recipes

    @property
    def info(self) -> RunInfo:
        """Return the description of this run for listeners."""
        hosts = [host.name for host in self.hosts]
        places = {host.name: host.place for host in self.hosts}
        return RunInfo(self.id, self.mode, self.set, self.told_recipes, hosts, self.origin, places)

    @property
    def told_recipes(self) -> list[str]:
        """The recipes that it comes from, be it by way of a saved plan."""
        return [str(path) for path in (self.recipes if self.saved is None else self.saved.recipes)]


def set_name(paths: Iterable[str]) -> str:
    """
    Return the default name of a set of recipes on hosts, which is the name of a file there.

    A digest stands for what a name of a file cannot have, or has no room for: two sets of which
    one name was made would remove the things of each other.

    >>> set_name(["base.py", "roles/web server.py"])
    'base+web-server-f16d75'
    """
    name = "+".join(_plain(path.rpartition("/")[2].removesuffix(".py")) for path in paths)
    if len(name) <= LONGEST_SET:
        return name
    return f"{name[: LONGEST_SET - _DIGITS - 1]}-{_digest(name)}"


LONGEST_SET = 200
"""The number of characters that the name of a set can have."""

_DIGITS = 6


def _plain(stem: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).lstrip(".") or "_"
    return plain if plain == stem else f"{plain}-{_digest(stem)}"


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:_DIGITS]
