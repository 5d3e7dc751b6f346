"""
The hooks of a plugin.

A plugin is a module, or an object, with functions of these names marked by
`cookbook.plugin.hookimpl`, named in the entry point group `cookbook` of its package:

    [options.entry_points]
    cookbook =
        mine = my_package.my_plugin

The built-in resource types use the same hooks.
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
    Import the modules with the providers of this resource type.

    Called once for each type that a recipe uses, so that a run loads no more than it
    needs. `provides` registers a provider when its module is imported.
    """


@hookspec(firstresult=True)
def cookbook_inventory(path: Path) -> Inventory | None:
    """
    Return an inventory of another format than hosts.yml; None if the format is not known.

    Build it with `cookbook.inventory.from_data`, which checks it like a hosts.yml.
    """


@hookspec
def cookbook_sources() -> Mapping[str, str]:  # type: ignore[empty-body]
    """
    Return the kinds of sources of this plugin: key in `sources:` of hosts.yml -> `module:function`.

    The function takes a cookbook.plugin.SourceQuery, which has the settings, and returns a mapping
    with `hosts`, `groups` and `defaults` in the shape of a hosts.yml, which is checked like one. It
    raises `query.error(...)` for a wrong setting, and `query.failure(...)` if the source does not
    answer: then an answer before may be used.
    """


@hookspec
def cookbook_transports() -> Mapping[str, str]:  # type: ignore[empty-body]
    """
    Return the transports of this plugin: `transport:` in hosts.yml -> `module:function`.

    The function takes (host: cookbook.plugin.Host, become_password: Secret | None, waiting), and
    returns an open cookbook.plugin.Transport. It raises cookbook.errors.Unreachable if there is no
    way to the host, and calls `waiting(text)` if that takes longer than usual. A
    cookbook.plugin.PipeShell is one that runs a command on this machine: `docker exec -i web sh`.
    """


@hookspec
def cookbook_kitchen_drivers() -> Mapping[str, str]:  # type: ignore[empty-body]
    """
    Return the drivers of this plugin: `driver:` in kitchen.yml -> `module:Class`.

    The class, or a function, takes nothing and returns a cookbook.plugin.HostDriver, which makes
    the hosts of a suite, tells how they are reached, and destroys them.
    """


@hookspec
def cookbook_reports() -> Mapping[str, tuple[str, str]]:  # type: ignore[empty-body]
    """
    Return the report formats of this plugin: name -> (suffix of its files, module).

    The module has `render(document) -> str`; the document is what `--output json` prints
    (docs/reports.md). `--report FILE` writes it for a file with this suffix.
    """


@hookspec(firstresult=True)
def cookbook_secret(name: str) -> str | None:
    """
    Return the value of a secret from a store; None if the store has no such name.

    Raise cookbook.errors.SecretError if the store does not answer.
    """


@hookspec
def cookbook_review(plan: Report) -> str | list[str] | None:
    """
    Return objections to a plan before anything of it is sent; None if there are none.

    With one objection nothing is touched on any host. All plugins are asked; an exception
    counts as an objection. If a plugin has this hook, `converge` makes a plan first and
    applies only what is in it.
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

    `cookbook_step` reports the result of each, unless the run is killed before.
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
