"""
What a plugin can do.

A plugin is a module, or an object, with functions of these names marked by
`cookbook.plugin.hookimpl`, named in the entry point group `cookbook` of its package:

    [options.entry_points]
    cookbook =
        mine = my_package.my_plugin

The built-in words and inventories arrive through the same hooks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

from cookbook.language.resource import Resource

if TYPE_CHECKING:
    from cookbook.inventory import Inventory
    from cookbook.planning.step import Step
    from cookbook.reports.report import HostReport, Report
    from cookbook.reports.run_info import RunInfo

hookspec = pluggy.HookspecMarker("cookbook")


@hookspec
def cookbook_resources() -> Mapping[str, str]:  # type: ignore[empty-body]
    """
    Return the resource types of this plugin: name in recipes -> `module:Class`.

    A class is imported when its type is first used. Registered types work in saved plans, the
    history, undo, prune, `cook resources` and test cases. A name that two plugins return is an
    error.
    """


@hookspec
def cookbook_providers(kind: type[Resource]) -> None:
    """
    Import the modules whose providers serve this kind of resource.

    Called once for each kind that a recipe uses, so that a run loads no more
    than it needs. Registering is done by `provides` when the module is imported.
    """


@hookspec(firstresult=True)
def cookbook_inventory(path: Path) -> Inventory | None:
    """
    Read an inventory of another format than hosts.yml; None if it is not yours.

    Build it with `cookbook.inventory.from_data`, which checks it like a hosts.yml.
    """


@hookspec(firstresult=True)
def cookbook_secret(name: str) -> str | None:
    """
    The value of a secret, from a store of yours; None if it does not know the name.

    Raise cookbook.errors.SecretError if it cannot be asked.
    """


@hookspec
def cookbook_review(plan: Report) -> str | list[str] | None:
    """
    Look at a plan before anything of it is sent; object to it by saying why.

    One objection of one reviewer is enough: nothing is touched on any host. All
    reviewers are heard, and one that raises an exception has objected. Where there is a
    reviewer, `converge` makes a plan first, and does nothing that is not in it.
    """


@hookspec
def cookbook_started(run: RunInfo) -> None:
    """Hear that a run begins. Hooks that listen are called one at a time."""


@hookspec
def cookbook_waiting(host: str, what: str) -> None:
    """Hear that a host is waited for longer than usual, and for what: a slow login."""


@hookspec
def cookbook_connected(host: str, machine_id: str) -> None:
    """Hear that a host has answered, and which machine it is."""


@hookspec
def cookbook_working(host: str, resource: Resource) -> None:
    """Hear that a change of a resource is begun on a host."""


@hookspec
def cookbook_sending(host: str, steps: Sequence[Step]) -> None:
    """
    Hear which changes are about to be sent to a host, in one exchange.

    What becomes of each is said by `cookbook_step`, unless we are killed before.
    """


@hookspec
def cookbook_step(host: str, step: Step) -> None:
    """Hear that a resource of a host is done with."""


@hookspec
def cookbook_host(report: HostReport) -> None:
    """Hear that a host is done with, or was given up."""


@hookspec
def cookbook_finished(report: Report) -> None:
    """Hear that the run is over."""
