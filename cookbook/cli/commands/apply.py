"""`cook apply`: a saved plan, exactly."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.cli.options import (
    add_common,
    add_key,
    add_limits,
    add_record,
    add_reports,
    add_safety,
    add_wait,
    hosts,
    limits,
    password,
    plan_key,
    safety,
    wait,
)
from cookbook.cli.review import add_review, reviewing
from cookbook.cli.running import check_reports, execute, print_report

if TYPE_CHECKING:
    from cookbook.reports.report import Report


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.add_argument("plan", type=Path, metavar="PLANFILE")
    add_key(command)
    add_review(command)
    add_common(command)
    add_record(command, default=True)
    add_wait(command)
    add_safety(command)
    add_limits(command)
    add_reports(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from cookbook.approval.planfile import load

    saved = load(options.plan, plan_key(options))
    chosen = saved.choose(hosts(options), limited=bool(options.limit))
    check_reports(options)
    with reviewing(options):
        if against := _objections(saved.about(chosen)):
            print_report(against, options)
            return against.exit
    from cookbook.run.options import Run
    from cookbook.run.runner import Runner
    from cookbook.text.provenance import Origin

    secret = password(options)
    run = Run(
        "apply",
        (),
        chosen,
        {},
        options.forks,
        secret,
        saved=saved,
        set=saved.set,
        origin=Origin(known_as=saved.revision),
        wait=wait(options),
        **safety(options),
        **limits(options),
    )
    return execute(Runner(run), options, _annotated).exit


def _annotated(report: Report) -> Report:
    """Say of resources that are still unknown that nothing was done about them."""
    if not (left := report.totals["unknown"]):
        return report
    what = "1 resource was" if left == 1 else f"{left} resources were"
    remark = f"{what} unknown in the plan and not changed: make the plan again for the rest"
    return replace(report, remarks=(*report.remarks, remark))


def _objections(plan: Report) -> Report | None:
    """Return the plan with the objections of the reviewers; None without any."""
    from cookbook.approval.gate import objections

    said = objections(plan)
    return replace(plan, objections=said) if said else None
