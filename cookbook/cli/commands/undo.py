"""`cook undo`: what a run has changed goes back, after it was shown what that means."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from cookbook.cli.options import (
    add_common,
    add_limits,
    add_record,
    add_reports,
    add_safety,
    add_wait,
    hosts,
    limits,
    password,
    safety,
    wait,
)
from cookbook.cli.review import add_review, reviewing
from cookbook.errors import Irreversible, UsageError

if TYPE_CHECKING:
    from cookbook.history.store import History
    from cookbook.reports.report import Report
    from cookbook.reports.schema import Document
    from cookbook.run.options import Run

_MODES = ("converge", "apply", "undo")
_LOOKED_AT = 50
"""Runs with changes among which the last one on the same hosts is looked for."""


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.add_argument(
        "past", metavar="RUN", help="its id, the beginning or the end of it, or `last`"
    )
    add_review(command)
    add_common(command)
    add_record(command, default=True)
    add_wait(command)
    add_safety(command)
    add_limits(command)
    add_reports(command)
    command.add_argument("--yes", action="store_true", help="do not ask; reviewers still count")
    command.add_argument(
        "--partial", action="store_true", help="undo what can be undone, where not all can"
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    run = _planned(options)
    from cookbook.approval.gate import Fence
    from cookbook.cli.running import execute, look
    from cookbook.plugins.manager import has_reviewers
    from cookbook.run.runner import Runner

    ask = not options.yes
    with reviewing(options):
        plan = look(Runner(run), options, loud=ask)
        # What one thing is, going back changes of another one: the members of a group.
        fences = [Fence(plan, loosely=True)] if ask or has_reviewers() else []
    if ask and options.output == "json":
        return plan.exit
    if (status := _may_not(plan, options)) is not None:
        return status
    if ask and not _agreed():
        return plan.exit
    return execute(Runner(replace(run, mode="undo", id="", approvers=fences)), options).exit


def _may_not(plan: Report, options: argparse.Namespace) -> int | None:
    """Return the exit status if nothing can be undone, or --partial is needed; else None."""
    from cookbook.cli.progress import write
    from cookbook.cli.report_lines import error_lines

    if plan.exit not in (0, 2):
        return plan.exit
    lost = [step for host in plan.hosts.values() for step in host.steps if step.lost is not None]
    if lost and not options.partial:
        what = "is one thing" if len(lost) == 1 else f"are {len(lost)} things"
        error = Irreversible(
            f"there {what} that an undo does not bring back; nothing was done",
            hint="--partial goes on without",
        )
        write(error_lines(error), sys.stderr)
        return 3
    if plan.exit != 0:
        return None
    if options.yes:  # else the plan is shown already
        from cookbook.cli.running import print_report

        print_report(plan, options)
    if any(step.destroyed for step in lost):
        error = Irreversible(
            "what that run destroyed exists no more, and nothing else is to be undone",
            hint="what each change lost is in the report above",
        )
        write(error_lines(error), sys.stderr)
        return 3
    return 0


def _agreed() -> bool:
    if not sys.stdin.isatty():
        from cookbook.cli.progress import write

        write([("", "cook: nothing was done; --yes does it")], sys.stderr)
        return False
    sys.stderr.write("Undo this? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _planned(options: argparse.Namespace) -> Run:
    """Return the run that plans the undo."""
    from cookbook.cli.commands.history import opened
    from cookbook.history.past_steps import past_steps
    from cookbook.inventory.limit import those_of
    from cookbook.run.options import Run

    known = hosts(options)
    with opened(options.store, whole=True) as history:  # `last` has to be the last
        document = history.document(options.past)
        if document["mode"] not in _MODES:
            raise UsageError(
                f"{document['run']} is a {document['mode']}: it has changed nothing",
                hint="`cook history --changed` shows those that have",
            )
        if options.past == "last" and not history.summary(document["run"]).changed:
            _name_the_last_change(history, document)
        past = past_steps(history, document["run"])
        machine_ids = history.machine_ids(document["run"])
    chosen = those_of("the run was on", past, known, limited=bool(options.limit))
    return Run(
        "plan",
        (),
        chosen,
        {},
        options.forks,
        password(options),
        inventory=options.hosts,
        past=past,
        machine_ids=machine_ids,
        partial=options.partial,
        set=document["set"],
        wait=wait(options),
        **safety(options),
        **limits(options),
    )


def _name_the_last_change(history: History, document: Document) -> None:
    """Say that the last run changed nothing, and which one on its hosts has."""
    from cookbook.cli.progress import write

    same = document["hosts"]
    found = (
        run.run
        for run in history.runs(changed=True, limit=_LOOKED_AT)
        if run.mode in _MODES and any(run.hosts.get(host) in ("changed", "failed") for host in same)
    )
    newest = next(found, None)
    other = f"; the last run that has is {newest}" if newest else ""
    write([("", f"cook: {document['run']}, the last run, has changed nothing{other}")], sys.stderr)
