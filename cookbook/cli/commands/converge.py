"""`cook converge` and `cook plan`: recipes, and the hosts they are for."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.cli.cluster import add_cluster, check_cluster
from cookbook.cli.options import (
    add_common,
    add_facts_age,
    add_key,
    add_limits,
    add_metrics,
    add_prune,
    add_record,
    add_reports,
    add_safety,
    add_set,
    add_wait,
    features,
    fleet,
    hosts,
    limits,
    load_inventory,
    origin,
    password,
    plan_key,
    safety,
    variables,
    wait,
)
from cookbook.cli.processes import add_processes
from cookbook.cli.recipes import Choice, add_recipes, add_selection, chosen, warn_without
from cookbook.cli.review import add_questions, add_review, converge, reviewing
from cookbook.cli.running import execute
from cookbook.cli.sharding import shard_work

if TYPE_CHECKING:
    from cookbook.cluster.forks import ShardWork
    from cookbook.cluster.shards import Shard
    from cookbook.inventory import Inventory
    from cookbook.planning.status import Mode
    from cookbook.reports.report import Report
    from cookbook.run.options import Run
    from cookbook.run.runner import Runner
    from cookbook.secrets.sealing import Key


def add(command: argparse.ArgumentParser, name: str) -> None:
    """Declare the options."""
    add_recipes(command)
    add_selection(command)
    add_review(command)
    add_common(command)
    add_record(command, default=name == "converge")
    add_prune(command)
    add_set(command)
    add_wait(command)
    add_safety(command)
    add_limits(command)
    add_facts_age(command)
    add_reports(command)
    add_cluster(command)
    add_processes(command)
    add_metrics(command)
    command.set_defaults(run=_run, mode=name, out=None, keep_going=False)
    if name == "plan":
        command.add_argument("-o", dest="out", type=Path, metavar="FILE", help="save the plan")
        add_key(command)
    else:
        add_questions(command)
        command.add_argument(
            "--keep-going",
            action="store_true",
            help="after a failure, leave out only what needs the failed resource",
        )


def _run(options: argparse.Namespace) -> int:
    check_cluster(options)
    everything = load_inventory(options)
    if options.shard or options.only_shard:
        from cookbook.cluster.server import serve

        return serve(_work_on_worker(options, everything))
    choice = chosen(options, hosts(options, everything))
    warn_without(choice)
    if options.cluster is not None:
        from cookbook.cli.cluster import on_cluster

        return on_cluster(options, choice)
    processes = min(options.processes or 1, len(choice.hosts), options.forks)
    if processes > 1:
        from cookbook.cli.processes import by_processes

        return by_processes(
            options, choice, _work_here(options, everything, choice, processes), processes
        )
    key = plan_key(options) if options.out is not None else None
    run = _options_of_run(options, everything, choice)
    with reviewing(options):
        return (_plan(run, options, key) if run.mode == "plan" else converge(run, options)).exit


def _options_of_run(options: argparse.Namespace, everything: Inventory, choice: Choice) -> Run:
    from cookbook.run.options import Run

    mode: Mode = options.mode
    given = variables(options.variables)
    secret, inventory = password(options), options.hosts
    return Run(
        mode,
        choice.recipes,
        choice.hosts,
        given,
        options.forks,
        secret,
        inventory=inventory,
        set=options.set or "",
        prune=options.prune,
        wait=wait(options),
        keep_going=options.keep_going,
        is_shard=options.shard,
        **choice.options,
        features=features(options, given),
        **safety(options),
        **limits(options),
        **origin(options),
        **fleet(options, everything),
    )


def _work_on_worker(options: argparse.Namespace, everything: Inventory) -> ShardWork:
    """Return the work on a shard that a worker of a cluster does."""
    from cookbook.run.runner import Runner, import_work

    import_work(options.mode, everything.hosts.values())

    def runner(shard: Shard) -> Runner:
        options.limit = [",".join(shard.hosts)]
        choice = chosen(options, hosts(options, everything))
        return Runner(_options_of_run(options, everything, choice))

    return shard_work(options, runner, _annotation(options))


def _work_here(
    options: argparse.Namespace, everything: Inventory, choice: Choice, processes: int
) -> ShardWork:
    """Return the work on a shard that a process of this machine does."""
    run = _options_of_run(options, everything, choice)
    run = replace(run, forks=math.ceil(run.forks / processes), is_shard=True)
    from cookbook.run.runner import Runner, import_work

    import_work(run.mode, run.hosts)

    def runner(shard: Shard) -> Runner:
        within = frozenset(shard.hosts)
        return Runner(replace(run, hosts=[host for host in run.hosts if host.name in within]))

    return shard_work(options, runner, _annotation(options))


def _annotation(options: argparse.Namespace) -> Callable[[Report], Report]:
    return _annotated if options.mode == "plan" else lambda report: report


def _plan(run: Run, options: argparse.Namespace, key: Key | None) -> Report:
    from cookbook.run.runner import Runner

    report = execute(Runner(run), options, _annotated)
    if options.out is not None:
        from cookbook.approval.planfile import save
        from cookbook.approval.saved_plan import saved_plan

        save(saved_plan(report), options.out, key)
    return report


def _annotated(report: Report) -> Report:
    """Say of each host with a failure that a run would not do what is planned after it."""
    remarks = [*report.remarks]
    for name, host in report.hosts.items():
        failed = [i for i, s in enumerate(host.steps) if s.status == "failed" and not s.ignored]
        if not failed:
            continue
        after = host.steps[failed[0] :]
        if any(step.status in ("changed", "unknown") for step in after):
            remarks.append(
                f"{name}: a run stops at {after[0].resource}; what is planned after it is done"
                " only when that is mended (or with --keep-going, if it does not need it)"
            )
    return replace(report, remarks=remarks)
