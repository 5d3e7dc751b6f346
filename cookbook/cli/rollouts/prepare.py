"""A rollout before its first host: read, planned, and checked for each host."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cookbook.cli.options import (
    features,
    hosts,
    load_inventory,
    password,
    plan_key,
    safety,
    variables,
    wait,
)
from cookbook.cli.recipes import chosen
from cookbook.cli.rollouts.display import Display
from cookbook.cli.rollouts.states import journaled_plan, out_of_service, replayed
from cookbook.errors import UsageError

if TYPE_CHECKING:
    from cookbook.inventory import Inventory
    from cookbook.rollout.engine import Controller
    from cookbook.rollout.events import Event
    from cookbook.rollout.journal import Header, Journal
    from cookbook.rollout.plan import RolloutPlan
    from cookbook.rollout.shared import SharedJournal
    from cookbook.rollout.strategy import Rollouts
    from cookbook.run.options import Run

_KEPT = (
    *("variables", "limit", "forks", "set", "environment"),
    *("allow_lockout", "reconnect"),
)
"""The options that a journal keeps as they are, for a resume."""


class Prepared:
    """A rollout that is ready: planned, and checked for each host."""

    def __init__(
        self,
        inventory: Inventory,
        plan: RolloutPlan,
        template: Run,
        header: Header,
        store: str | None,
        *,
        at: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Check the strategies; `at` has the place of each group in the file, for errors."""
        self.plan, self.template, self.header = plan, template, header
        self.display: Display | None = None
        from cookbook.rollout.plan import check_stage
        from cookbook.rollout.worker import Worker
        from cookbook.text.user_dirs import store_url

        self.worker = Worker(inventory, template, store_url(store))
        for stage in plan.stages:
            try:
                check_stage(stage)
                for host in stage.hosts:
                    self.worker.check(host, stage.strategy)
            except UsageError as error:
                where = f"{at[stage.group]}: " if stage.group in at else ""
                message = f"{where}group {stage.group}: {error.message}"
                raise UsageError(message, hint=error.hint) from None

    def controller(
        self, journal: Journal, options: argparse.Namespace, shared: SharedJournal | None
    ) -> Controller:
        """Return the controller, whose events are shown and put on the page."""
        from cookbook.rollout.engine import Controller
        from cookbook.rollout.page import Page
        from cookbook.rollout.progress import RolloutProgress

        progress = RolloutProgress(self.plan, self.header.out_of_service)
        paths = [journal.folder / "page.html", *([options.page] if options.page else [])]
        pages = [Page(path, journal.header, progress) for path in paths]
        display = self.display = Display(progress)

        def hear(event: Event | None, waits: str) -> None:
            display.hear(event, waits)
            for page in pages:
                page.hear(event, waits)

        look = shared.look if shared is not None else lambda: None
        return Controller(progress, journal, self.worker, hear, look)


def prepared(options: argparse.Namespace) -> Prepared:
    """Return the rollout that the options describe. Raises UsageError before any contact."""
    from cookbook.rollout.journal import Header, journals_of_rollouts
    from cookbook.rollout.plan import plan
    from cookbook.run.runner import new_id
    from cookbook.text.provenance import Origin, digests, is_private

    for pair in options.variables:
        if is_private(name := pair.partition("=")[0]) and "!secret" not in pair:
            raise UsageError(
                f"--set {name}: the journal of a rollout would keep this value",
                hint=f"name a secret: --set '{name}=!secret NAME'",
            )
    if options.local:
        raise UsageError("a rollout needs an inventory with groups", hint="--hosts hosts.yml")
    inventory = load_inventory(options)
    rollouts = _rollouts(options, inventory)
    template = _template(options, inventory)
    journals = journals_of_rollouts()
    first = _left(journals, rollouts.source)
    by_name = {host.name: host.vars for host in template.hosts}
    groups = {name: group.hosts for name, group in inventory.groups.items()}
    found = plan(rollouts, groups, by_name, first=first)
    _check_others(journals, found.hosts)
    if not found.hosts:
        raise UsageError(f"{rollouts.source}: no host with a recipe is in a group of the rollout")
    origin = Origin(folder=options.hosts.absolute().parent)
    header = Header(
        1,
        new_id(),
        origin.started,
        origin.by,
        origin.revision,
        template.told_recipes,
        str(options.hosts),
        dict(rollouts.data),
        str(_folder_of(options)),
        rollouts.source,
        {stage.group: list(groups[stage.group]) for stage in found.stages},
        list(found.hosts),
        list(first),
        out_of_service(journals),
        {
            host: {stage.strategy.spread: place}
            for stage in found.stages
            for host, place in stage.places.items()
        },
        {
            **{name: getattr(options, name, None) for name in _KEPT},
            "roles": template.roles,
            "tags": sorted(options.tags),
            "skip_tags": sorted(options.skip_tags),
            "only": options.only,
            "chosen_recipes": [str(path) for path in options.chosen_recipes],
            "wait": wait(options),
            "confirm_timeout": template.confirm_timeout,
            "host_timeout": template.host_timeout,
            "plan": str(options.plan) if options.plan is not None else None,
            "features": str(options.features) if options.features is not None else None,
            "sources": digests(_files(template, options.plan)),
        },
    )
    return Prepared(inventory, found, template, header, options.store, at=rollouts.at)


def _rollouts(options: argparse.Namespace, inventory: Inventory) -> Rollouts:
    """Return the strategies: of the file that is named, rollout.yml, or the groups themselves."""
    from cookbook.rollout.reader import read_rollouts, rollouts
    from cookbook.text.yaml_value import Value

    own = {
        name: group.rollout for name, group in inventory.groups.items() if group.rollout is not None
    }
    beside = options.hosts.parent / "rollout.yml"
    if options.rollout is not None:
        return read_rollouts(options.rollout)
    if own and beside.is_file():
        at = next(iter(own.values())).at
        raise UsageError(
            f"{at}: a group has `rollout:`, and there is {beside}, too",
            hint="keep one of the two, or name the file by --rollout",
        )
    if beside.is_file():
        return read_rollouts(beside)
    if not own:
        raise UsageError(
            f"there is no rollout: neither {beside}, nor `rollout:` of a group in {options.hosts}",
            hint="docs/guide/rollouts.md shows both",
        )
    at = str(options.hosts)
    groups = Value(dict(own), at, "", UsageError)
    whole = Value({"groups": groups}, at, "", UsageError)
    return rollouts(whole, options.hosts.absolute().parent, at)


def _folder_of(options: argparse.Namespace) -> Path:
    named: Path | None = options.rollout
    path: Path = named if named is not None else options.hosts
    return path.absolute().parent


def _left(journals: Sequence[Journal], source: str) -> tuple[str, ...]:
    """Return the hosts that the last rollout of the same file has left pending."""
    for journal in reversed(journals):
        if journal.header.source == source and not journal.controlled:
            progress = replayed(journal)
            if progress.finished in ("done", "stopped", "aborted"):
                return tuple(progress.pending)
            return ()
    return ()


def _applying(options: argparse.Namespace, inventory: Inventory, given: dict[str, Any]) -> Run:
    """Return the options of runs that apply a saved plan. Raises PlanError, UsageError."""
    from cookbook.approval.planfile import load
    from cookbook.run.options import Run
    from cookbook.text.provenance import Origin

    for name in ("recipes", "variables", "tags", "skip_tags", "only", "chosen_recipes"):
        if getattr(options, name):
            raise UsageError(
                f"--plan, and {name.replace('_', ' ')} as well: a saved plan has all of that",
                hint="leave it out, or make the plan again with it",
            )
    saved = load(options.plan, plan_key(options))
    return Run(
        "apply",
        (),
        saved.choose(hosts(options, inventory), limited=bool(options.limit)),
        {},
        options.forks,
        password(options),
        inventory=options.hosts,
        saved=saved,
        set=saved.set,
        origin=Origin(known_as=saved.revision),
        wait=wait(options),
        **given,
    )


def _files(template: Run, plan: Path | None) -> set[Path]:
    """Return the files that must be the same when a rollout goes on."""
    found = {*template.recipes, *([plan] if plan is not None else [])}
    if template.inventory is not None:
        found.add(template.inventory)
    if template.features is not None:
        found.add(Path(template.features.where))
    return found


def _check_others(journals: Sequence[Journal], hosts_: Sequence[str], own: str = "") -> None:
    """Raise UsageError if another rollout is at work on one of these hosts."""
    for journal in journals:
        common = {*hosts_} & {*journal.header.hosts}
        if common and journal.id != own and journal.controlled:
            raise UsageError(
                f"the rollout {journal.id} is at work on {min(common)}",
                hint=f"wait for its end, or: cook rollout abort {journal.id}",
            )


def _check_newer(journals: Sequence[Journal], own: Journal) -> None:
    """Raise UsageError if a later rollout was about the same hosts."""
    for journal in journals:
        later = journal.header.started > own.header.started
        if later and {*own.header.hosts} & {*journal.header.hosts}:
            raise UsageError(
                f"{own.id}: the later rollout {journal.id} was about the same hosts",
                hint="begin a new one with the version that you want",
            )


def _template(options: argparse.Namespace, inventory: Inventory) -> Run:
    """Return the options of each run, with all hosts that have a recipe, or are in the plan."""
    from cookbook.run.options import Run

    given: dict[str, Any] = safety(options)
    if (limit := options.host_timeout) is not None:
        given["host_timeout"] = limit.total_seconds()
    if options.plan is not None:
        return _applying(options, inventory, given)
    choice = chosen(options, hosts(options, inventory))
    values = variables(options.variables)
    return Run(
        "converge",
        choice.recipes,
        choice.hosts,
        values,
        options.forks,
        password(options),
        inventory=options.hosts,
        set=options.set or "",
        wait=wait(options),
        features=features(options, values),
        groups={name: group.hosts for name, group in inventory.groups.items()},
        **choice.options,
        **given,
    )


def prepared_again(options: argparse.Namespace, journal: Journal) -> Prepared:
    """Return a rollout that goes on, with the recipes and options that it began with."""
    from cookbook.text.provenance import digests

    header, kept = journal.header, journal.header.options
    from cookbook.rollout.journal import journals_of_rollouts

    others = journals_of_rollouts()
    _check_others(others, header.hosts, header.id)
    if options.what in ("resume", "promote"):
        _check_newer(others, journal)
    own = kept["roles"] or kept["plan"] is not None
    again = argparse.Namespace(
        **{name: kept.get(name) for name in _KEPT},
        recipes=[] if own else [Path(path) for path in header.recipes],
        hosts=options.hosts or Path(header.inventory),
        refresh_inventory=False,
        local=False,
        tags=frozenset(kept["tags"]),
        skip_tags=frozenset(kept["skip_tags"]),
        only=kept["only"],
        plan=Path(kept["plan"]) if kept["plan"] is not None else None,
        key=options.key,
        features=Path(kept["features"]) if kept["features"] is not None else None,
        chosen_recipes=[Path(path) for path in kept["chosen_recipes"]],
        ask_become_pass=options.ask_become_pass,
        confirm_timeout=None,
        host_timeout=None,
        wait=None,
        store=options.store,
        output=options.output,
    )
    inventory = load_inventory(again)
    template = replace(
        _template(again, inventory),
        wait=kept["wait"],
        confirm_timeout=kept["confirm_timeout"],
        host_timeout=kept["host_timeout"],
    )
    now = digests(_files(template, again.plan))
    changed = sorted({*now.items()} ^ {*kept["sources"].items()})
    if changed and not options.other_recipes and options.what != "revert":
        names = ", ".join(dict.fromkeys(name for name, _ in changed))
        raise UsageError(
            f"{journal.id}: these files have changed since it began: {names}",
            hint="take the revision that it began with, or say --other-recipes",
        )
    plan = journaled_plan(header)
    known = {host.name for host in template.hosts}
    if gone := [host for host in plan.hosts if host not in known]:
        raise UsageError(f"{journal.id}: the inventory has no {', '.join(gone)} any more")
    return Prepared(inventory, plan, template, header, again.store)
