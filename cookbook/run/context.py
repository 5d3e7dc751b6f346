"""The state that all hosts of a run share."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cookbook.errors import DeadlineExceeded, Refused
from cookbook.inventory import Host
from cookbook.language.collection import Collection, FactsNeeded, Node
from cookbook.language.compiler import compile_recipes
from cookbook.language.feature_answer import InvertedFeature
from cookbook.planning.status import LOOKING
from cookbook.run.fleet import InventoryFleet
from cookbook.run.meetings import Meetings
from cookbook.run.options import Run
from cookbook.run.signals import Signals
from cookbook.run.turns import Turns
from cookbook.script.facts import Facts
from cookbook.secrets.reference import LazyVariables, refers
from cookbook.secrets.stores.lookup import STORES


@dataclass
class RunContext:
    """A run while it happens: its options, its signals, its hooks, the compiled recipes."""

    run: Run
    hook: Any
    """The hooks of all plugins; `speaking` is held while one is called."""

    sources: set[Path]
    """The files that the run was made from: recipes, imports, templates, inventory."""

    compiled: dict[str, Collection | None] = field(default_factory=dict)
    """By host: its resources; None where the recipe reads facts, which are not known yet."""

    signals: Signals = field(default_factory=Signals)
    speaking: threading.Lock = field(default_factory=threading.Lock)
    machines: dict[tuple[str, str], str] = field(default_factory=dict)
    """By machine-id and boot-id: the name of the host that was met first."""

    turns: Turns = field(default_factory=lambda: Turns(1, 1))
    meetings: Meetings = field(default_factory=lambda: Meetings((), lambda: False))
    """The barriers of the run."""

    fleet: InventoryFleet | None = None
    """All hosts of the inventory, for recipes."""

    ask: Callable[[Host], Facts] | None = None
    """Asks a host for its facts, for the recipes of others. Raises CookError."""

    facts: dict[str, Facts] = field(default_factory=dict)
    """The facts of each host of the run that was asked."""

    failures: int = 0
    """The number of hosts that have failed so far."""

    start: float = 0.0
    """When the run began, in seconds of time.monotonic()."""

    @property
    def looks(self) -> bool:
        """True if the run changes nothing."""
        return self.run.mode in LOOKING

    def end(self, begun: float) -> float | None:
        """Return when there is no more time for a host that has its turn since `begun`."""
        given = ((self.start, self.run.timeout), (begun, self.run.host_timeout))
        return min((start + span for start, span in given if span is not None), default=None)

    def check_time(self, begun: float) -> None:
        """Raise DeadlineExceeded if there is no more time for a host."""
        if (end := self.end(begun)) is not None and time.monotonic() >= end:
            raise DeadlineExceeded(
                "the time for this run was over before the turn of this host",
                hint="give it longer (--timeout), or have more hosts at once (--forks)",
            )

    def check_failures(self) -> None:
        """Raise Refused if so many hosts have failed that no further one is begun."""
        most = self.run.max_failures
        if most is not None and self.failures > most:
            raise Refused(
                f"not begun: {self.failures} hosts have failed, and at most {most} may",
                hint="correct what fails; --max-failures sets the limit, --forks the hosts at once",
            )

    def compile(self, host: Host, facts: Facts, inverted: str | None = None) -> Collection:
        """
        Compile the recipes for a host, with the opposite answer about one feature if one is named.

        Raises RecipeError, Missing, FactsNeeded.
        """
        node = self.node(host, facts)
        if inverted is not None and node.features is not None:
            node = replace(node, features=InvertedFeature(node.features, inverted))
        return compile_recipes(self.run.recipes_of(host), node)

    def compile_fully(self, host: Host, facts: Facts) -> Collection:
        """Compile the recipes by the facts of the host; ask others whose facts it reads as well."""
        while True:
            try:
                return self.compile(host, facts)
            except FactsNeeded as needed:
                if self.fleet is None or self.ask is None:
                    raise
                self.fleet.read([needed.args[0]], 1, self.ask)

    def node(self, host: Host, facts: Facts) -> Node:
        """Return the `node` of the recipes for a host."""
        return Node(
            host.name,
            facts,
            self.variables(host),
            host.groups,
            STORES,
            environment=host.environment,
            features=self.run.features,
            fleet=self.fleet,
        )

    def variables(self, host: Host) -> Mapping[str, Any]:
        """Return the variables of a host; those of --set have priority."""
        # Each compilation has its own: a recipe may change a list without effect on others.
        variables: Mapping[str, Any] = copy.deepcopy({**host.vars, **self.run.variables})
        if refers(variables):
            folder = folder_of(self.run) or Path.cwd()
            return LazyVariables(variables, lambda named: STORES.reveal(named, folder))
        return variables


def folder_of(run: Run) -> Path | None:
    """Return the folder of the first recipe; None without recipes."""
    return run.recipes[0].resolve().parent if run.recipes else None


def repository_of(run: Run) -> Path | None:
    """
    Return a folder in the git repository of all recipes; None without recipes.

    None, too, if they are from several repositories: the revision of one says nothing of the rest.
    """
    roots = {_root(folder) for folder in {recipe.resolve().parent for recipe in run.recipes}}
    return folder_of(run) if len(roots) == 1 else None


def _root(folder: Path) -> Path | None:
    return next((one for one in (folder, *folder.parents) if (one / ".git").exists()), None)
