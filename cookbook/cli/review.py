"""The checks before a run begins: the objections of reviewers, and the approval at the terminal."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.cli.running import check_reports, execute, print_report, watch
from cookbook.errors import UsageError
from cookbook.plugins.manager import has_reviewers, listening

if TYPE_CHECKING:
    from cookbook.cli.prompt import Terminal
    from cookbook.reports.report import Report
    from cookbook.run.options import Run


def add_review(command: argparse.ArgumentParser) -> None:
    """`--review`: rules that a plan must not break."""
    command.add_argument(
        "--review",
        action="append",
        default=[],
        type=Path,
        metavar="RULES",
        help="a YAML file of what is forbidden (docs/approval.md); may be given again",
    )


def add_questions(command: argparse.ArgumentParser) -> None:
    """`--confirm`, `--step`, `--yes`: whether and what to ask."""
    command.add_argument("--confirm", action="store_true", help="show the plan, and ask first")
    command.add_argument("--step", action="store_true", help="ask before each change")
    command.add_argument(
        "--yes", action="store_true", help="--confirm without the question: reviewers still count"
    )


def check_questions(options: argparse.Namespace) -> None:
    """Raise UsageError if a question is needed and cannot be asked, or needs no answer."""
    if options.step and options.yes:
        raise UsageError("--step asks, and --yes says not to", hint="leave one of them away")
    if options.step or (options.confirm and not options.yes):
        from cookbook.cli.prompt import need_terminal

        need_terminal("--step" if options.step else "--confirm")


@contextlib.contextmanager
def reviewing(options: argparse.Namespace) -> Iterator[None]:
    """
    Let the reviewers that are asked for see what is planned meanwhile.

    Raises UsageError for rules that cannot be read.
    """
    with contextlib.ExitStack() as stack:
        if options.review:
            from cookbook.approval.policy_file import read_reviewer

            for path in dict.fromkeys(options.review):
                stack.enter_context(listening(read_reviewer(path), str(path)))
        yield


def converge(run: Run, options: argparse.Namespace) -> Report:
    """Plan first if the options request it, and apply exactly that plan."""
    from cookbook.cli.progress import Progress
    from cookbook.run.runner import Runner

    check_questions(options)
    check_reports(options)
    progress = Progress()
    if not (options.confirm or options.step or has_reviewers()):
        return execute(Runner(run), options, progress=progress)
    from cookbook.approval.gate import Fence
    from cookbook.cli.prompt import Stepper, Terminal

    terminal, planned = Terminal(), None
    if options.confirm or has_reviewers():
        planned = Runner(replace(run, mode="plan"))
        plan = watch(planned, Progress())
        if (refused := _refused(plan, terminal, options)) is not None:
            return refused
        run = replace(run, approvers=[Fence(plan)])
    if options.step:
        stepper = Stepper(terminal, progress.paused)
        run = replace(run, approvers=[*run.approvers, stepper], stepwise=True)
    return execute(Runner(run, planned), options, progress=progress)


def _refused(plan: Report, terminal: Terminal, options: argparse.Namespace) -> Report | None:
    """Return the report if the run ends before it begins: objections, a refusal, or no plan."""
    if plan.objections or plan.exit in (1, 130):
        print_report(plan, options)
        return plan
    if not options.confirm or not _todo(plan):
        return None
    from cookbook.cli.plan_view import grouped_lines
    from cookbook.cli.progress import write
    from cookbook.cli.prompt import confirmed

    if options.yes:
        write(grouped_lines(plan), sys.stderr)
        return None
    if confirmed(terminal, grouped_lines(plan)):
        return None
    write([("bold", "Nothing was changed.")], sys.stderr)
    refused = replace(plan, interrupted=True)
    if options.output == "json":
        print_report(refused, options)
    return refused


def _todo(plan: Report) -> bool:
    steps = (step for host in plan.hosts.values() for step in host.steps)
    return any(step.status in ("changed", "unknown") for step in steps)
