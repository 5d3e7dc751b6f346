"""A rollout before its first host: read, planned, and checked for each host."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cookbook.cli.options import (
    check_private,
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
from cookbook.cli.rollouts.states import (
    KnownRollout,
    is_of,
    journaled_plan,
    known_rollouts,
    out_of_service,
    strategies_of,
)
from cookbook.errors import UsageError

if TYPE_CHECKING:
    from cookbook.cli.rollouts.display import Display
    from cookbook.inventory import Inventory
    from cookbook.reports.report import Report
    from cookbook.rollout.engine import Controller
    from cookbook.rollout.events import Event
    from cookbook.rollout.journal import Header, Journal
    from cookbook.rollout.plan import RolloutPlan
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
        from cookbook.rollout.plan import check_stage
        from cookbook.rollout.progress import RolloutProgress
        from cookbook.rollout.worker import Worker
        from cookbook.text.user_dirs import store_url

        template = replace(template, elsewhere=frozenset(plan.hosts))
        self.plan, self.template, self.header = plan, template, header
        self.progress = RolloutProgress(plan, header.out_of_service)
        hosts = self.progress.hosts
        self.worker = Worker(
            inventory,
            template,
            store_url(store),
            is_done=lambda host: host in hosts and hosts[host].phase == "done",
        )
        for stage in plan.stages:
            try:
                check_stage(stage)
                for host in stage.hosts:
                    self.worker.check(host, stage.strategy)
            except UsageError as error:
                where = f"{at[stage.group]}: " if stage.group in at else ""
                message = f"{where}group {stage.group}: {error.message}"
                raise UsageError(message, hint=error.hint) from None

    def approve(self, report: Report) -> None:
        """Let the runs do nothing but what is in this plan of all hosts."""
        from cookbook.approval.gate import Fence

        if self.template.saved is None:  # else it is applied exactly
            self.worker.template = replace(self.template, approvers=[Fence(report)])

    def controller(
        self,
        journal: Journal,
        display: Display,
        *,
        page: Path | None,
        look: Callable[[], object],
    ) -> Controller:
        """Return the controller, whose events are shown and put on the pages."""
        from cookbook.rollout.engine import Controller
        from cookbook.rollout.page import Page

        paths = [journal.folder / "page.html", *([page] if page is not None else [])]
        pages = [Page(path, journal.header, self.progress) for path in paths]
        before = list(journal.events())
        for one in pages:
            one.add(before)

        def hear(event: Event | None, waits: str) -> None:
            display.hear(event, waits)
            for one in pages:
                told = one.error is not None
                one.hear(event, waits)
                if one.error is not None and not told:
                    display.warn(f"the page cannot be written: {one.error}")

        return Controller(self.progress, journal, self.worker, hear, look)


def prepared(options: argparse.Namespace) -> Prepared:
    """Return the rollout that the options describe. Raises UsageError before any contact."""
    from cookbook.rollout.plan import plan

    check_private(options.variables, "the journal of a rollout would keep this value")
    if options.local:
        raise UsageError("a rollout needs an inventory with groups", hint="--hosts hosts.yml")
    inventory = load_inventory(options)
    rollouts = _rollouts(options, inventory)
    template = _template(options, inventory)
    before = known_rollouts()
    first = _left(before, options, rollouts.source)
    by_name = {host.name: host.vars for host in template.hosts}
    groups = {name: group.hosts for name, group in inventory.groups.items()}
    found = plan(rollouts, groups, by_name, first=first)
    _check_others(before, found.hosts)
    if not found.hosts:
        raise UsageError(f"{rollouts.source}: no host with a recipe is in a group of the rollout")
    header = _header(
        options,
        template,
        rollouts=rollouts,
        plan=found,
        groups={stage.group: list(groups[stage.group]) for stage in found.stages},
        first=first,
        out_of_service=out_of_service(before, found.hosts),
    )
    return Prepared(inventory, found, template, header, options.store, at=rollouts.at)


def _header(
    options: argparse.Namespace,
    template: Run,
    *,
    rollouts: Rollouts,
    plan: RolloutPlan,
    groups: dict[str, list[str]],
    first: Sequence[str],
    out_of_service: list[str],
) -> Header:
    """Return what another controller needs; paths are relative to the folder of the inventory."""
    from cookbook.rollout.journal import FORMAT, Header
    from cookbook.run.runner import new_id
    from cookbook.text.provenance import Origin

    base = options.hosts.absolute().parent
    origin = Origin(folder=base)
    return Header(
        format=FORMAT,
        id=new_id(),
        started=origin.started,
        by=origin.by,
        revision=origin.revision,
        recipes=[_relative(path, base) for path in template.recipes],
        inventory=str(options.hosts.absolute()),
        rollouts=dict(rollouts.data),
        folder=_relative((options.rollout or options.hosts).absolute().parent, base),
        source=rollouts.source,
        groups=groups,
        hosts=list(plan.hosts),
        first=list(first),
        out_of_service=out_of_service,
        places={
            host: {stage.strategy.spread: place}
            for stage in plan.stages
            for host, place in stage.places.items()
        },
        options={
            **{name: getattr(options, name, None) for name in _KEPT},
            "roles": template.roles,
            "tags": sorted(options.tags),
            "skip_tags": sorted(options.skip_tags),
            "only": options.only,
            "chosen_recipes": [_relative(path, base) for path in options.chosen_recipes],
            "wait": template.wait,
            "confirm_timeout": template.confirm_timeout,
            "host_timeout": template.host_timeout,
            "plan": _relative(options.plan, base) if options.plan is not None else None,
            "features": _relative(options.features, base) if options.features else None,
            "review": [_relative(path, base) for path in options.review],
            "asked": options.starts and not options.yes,
            "sources": _sources(template, options.plan, base),
        },
    )


def _relative(path: Path, base: Path) -> str:
    return os.path.relpath(path, base)


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


def _left(
    before: Sequence[KnownRollout], options: argparse.Namespace, source: str
) -> tuple[str, ...]:
    """Return the hosts that the last rollout of the same file has left pending."""
    place = os.path.realpath((options.rollout or options.hosts).parent / Path(source).name)
    for journal, progress in reversed(before):
        header = journal.header
        same = is_of(header, options.hosts) and strategies_of(header) == place
        if same and not journal.controlled:
            over = progress.finished in (None, "done", "stopped", "aborted")
            return tuple(progress.pending) if over else ()
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


def _sources(template: Run, plan: Path | None, base: Path) -> dict[str, str]:
    """Return the digests of the files that must be the same when a rollout goes on."""
    from cookbook.text.provenance import digests

    found = {*template.recipes, *([plan] if plan is not None else [])}
    if template.inventory is not None:
        found.add(template.inventory)
    if template.features is not None:
        found.add(Path(template.features.where))
    return {_relative(path, base): digest for path in found for digest in digests([path]).values()}


def _check_others(before: Sequence[KnownRollout], hosts_: Sequence[str], own: str = "") -> None:
    """Raise UsageError if another rollout is at work on one of these hosts."""
    for journal, _ in before:
        common = {*hosts_} & {*journal.header.hosts}
        if common and journal.id != own and journal.controlled:
            raise UsageError(
                f"the rollout {journal.id} is at work on {min(common)}",
                hint=f"wait for its end, or: cook rollout abort {journal.id}",
            )


def _check_newer(before: Sequence[KnownRollout], own: Journal) -> None:
    """Raise UsageError if a later rollout was about the same hosts."""
    for journal, _ in before:
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
    header, kept = journal.header, journal.header.options
    before = known_rollouts()
    _check_others(before, header.hosts, header.id)
    if options.what in ("resume", "promote"):
        _check_newer(before, journal)
    again = _options_again(options, header)
    base = again.hosts.absolute().parent
    inventory = load_inventory(again)
    template = replace(
        _template(again, inventory),
        wait=kept["wait"],
        confirm_timeout=kept["confirm_timeout"],
        host_timeout=kept["host_timeout"],
    )
    now = _sources(template, again.plan, base)
    changed = sorted({*now.items()} ^ {*kept["sources"].items()})
    if changed and not options.other_recipes and options.what != "revert":
        names = ", ".join(dict.fromkeys(name for name, _ in changed))
        raise UsageError(
            f"{journal.id}: these files have changed since it began: {names}",
            hint="take the revision that it began with, or say --other-recipes",
        )
    plan = journaled_plan(header, base)
    known = {host.name for host in template.hosts}
    if gone := [host for host in plan.hosts if host not in known]:
        raise UsageError(f"{journal.id}: the inventory has no {', '.join(gone)} any more")
    return Prepared(inventory, plan, template, header, again.store)


def _options_again(options: argparse.Namespace, header: Header) -> argparse.Namespace:
    """Return the options with which a rollout began, as far as its runs depend on them."""
    kept = header.options
    place: Path = options.hosts or Path(header.inventory)
    base = place.absolute().parent

    def path(name: str) -> Path | None:
        return _below(base, kept[name]) if kept[name] is not None else None

    own = kept["roles"] or kept["plan"] is not None
    return argparse.Namespace(
        **{name: kept.get(name) for name in _KEPT},
        recipes=[] if own else [_below(base, one) for one in header.recipes],
        hosts=place,
        refresh_inventory=False,
        local=False,
        tags=frozenset(kept["tags"]),
        skip_tags=frozenset(kept["skip_tags"]),
        only=kept["only"],
        plan=path("plan"),
        key=options.key,
        features=path("features"),
        chosen_recipes=[_below(base, one) for one in kept["chosen_recipes"]],
        ask_become_pass=options.ask_become_pass,
        confirm_timeout=None,
        host_timeout=None,
        wait=None,
        store=options.store,
        output=options.output,
    )


def reviews_again(options: argparse.Namespace, header: Header) -> list[Path]:
    """Return the rules that a rollout was reviewed by when it began."""
    base = (options.hosts or Path(header.inventory)).absolute().parent
    return [_below(base, one) for one in header.options["review"]]


def _below(base: Path, name: str) -> Path:
    return Path(os.path.normpath(base / name))
