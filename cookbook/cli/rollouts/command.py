"""`cook rollout`: groups in order, hosts in batches, with health checks and a way back."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.cli.durations import span
from cookbook.cli.options import (
    add_common,
    add_key,
    add_output,
    add_safety,
    add_set,
    add_store,
    add_verbose,
    add_wait,
    plan_key,
)
from cookbook.cli.recipes import add_recipes, add_selection
from cookbook.cli.review import add_review, reviewing
from cookbook.cli.rollouts.prepare import Prepared, prepared, prepared_again
from cookbook.cli.rollouts.states import print_state, replayed, status_of, summary
from cookbook.errors import UsageError

if TYPE_CHECKING:
    from cookbook.reports.report import Report
    from cookbook.rollout.events import OperatorCommand
    from cookbook.rollout.journal import Journal
    from cookbook.rollout.progress import RolloutProgress
    from cookbook.rollout.shared import SharedJournal

_EXITS = {"done": 0, "stopped": 3, "aborted": 3, "reverted": 3, "revert-failed": 3}


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare what it can do."""
    words = command.add_subparsers(metavar="WHAT", required=True)
    for name, text in _NEW.items():
        word = words.add_parser(name, help=text, description=text)
        word.set_defaults(run=_plan if name == "plan" else _start, starts=False)
        add_recipes(word)
        add_selection(word)
        add_common(word)
        word.add_argument(
            "--rollout",
            type=Path,
            metavar="FILE",
            help="the strategies (rollout.yml beside the inventory, or `rollout:` of its groups)",
        )
        add_set(word)
        add_wait(word)
        add_safety(word)
        word.add_argument(
            "--host-timeout", type=span, metavar="SPAN", help="how long each run may take"
        )
        add_store(word)
        add_review(word)
        add_key(word)
        if name == "plan":
            word.add_argument("-o", dest="out", type=Path, metavar="FILE", help="save the plan")
            word.set_defaults(plan=None)
        else:
            word.add_argument(
                "--plan", type=Path, metavar="FILE", help="apply exactly this saved plan"
            )
        if name == "start":
            word.add_argument("--yes", action="store_true", help="do not ask")
            word.set_defaults(starts=True)
            _add_page(word)
    for name, text in _LATER.items():
        word = words.add_parser(name, help=text, description=text)
        word.set_defaults(run=_list if name == "list" else _later, what=name)
        if name != "list":
            word.add_argument(
                "rollout_id", metavar="ROLLOUT", help="its id, a part of it, or `last`"
            )
        add_output(word)
        add_verbose(word)
        if name != "list":
            add_store(word)
        if name not in ("list", "status"):
            add_key(word)
            word.add_argument(
                "--hosts", type=Path, metavar="FILE", help="the inventory, if it has moved"
            )
            word.add_argument("-K", "--ask-become-pass", action="store_true", help="ask for it")
            word.add_argument(
                "--other-recipes",
                action="store_true",
                help="go on even if the recipes have changed since it began",
            )
            _add_page(word)


_NEW = {
    "plan": "show what changes where, in which order, and what stops it",
    "start": "show the plan, ask, and carry it out",
}
_LATER = {
    "list": "list the rollouts",
    "status": "show where a rollout is",
    "pause": "begin no further host",
    "resume": "go on: after a pause, a stop, or the end of the controller",
    "promote": "open the gate that it waits for",
    "abort": "begin no further host, and end",
    "revert": "undo its runs on all hosts",
}


def _add_page(word: argparse.ArgumentParser) -> None:
    word.add_argument(
        "--page", type=Path, metavar="FILE", help="an HTML page that is rebuilt as it goes"
    )


def _plan(options: argparse.Namespace) -> int:
    key = plan_key(options) if options.out is not None else None
    ready = prepared(options)
    with reviewing(options):
        report = _preview(options, ready)
    if options.out is not None:
        from cookbook.approval.planfile import save
        from cookbook.approval.saved_plan import saved_plan

        save(saved_plan(report), options.out, key)
    return report.exit


def _start(options: argparse.Namespace) -> int:
    if not options.yes and not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal on which to ask",
            hint="--yes starts without the question; `cook rollout plan -o FILE` saves the plan"
            " for approval, `start --plan FILE --yes` applies it",
        )
    ready = prepared(options)
    with reviewing(options):
        status = _preview(options, ready).exit
    if status not in (0, 2, 4):
        return status
    if not options.yes and not _agreed():
        return status
    from cookbook.rollout.journal import Journal

    return _control(ready, Journal.create(ready.header), options, [])


def _preview(options: argparse.Namespace, ready: Prepared) -> Report:
    """Show the whole rollout: order, limits, and what changes; return the plan of all hosts."""
    from cookbook.approval.gate import objections
    from cookbook.cli.plan_view import grouped_lines
    from cookbook.cli.progress import Progress, write
    from cookbook.cli.running import watch
    from cookbook.rollout.view import plan_lines
    from cookbook.run.runner import Runner

    wanted = {*ready.plan.hosts}
    chosen = [host for host in ready.template.hosts if host.name in wanted]
    if (saved := ready.template.saved) is not None:
        report = saved.about(chosen)
        said = objections(report)
        report = replace(report, objections=said) if said else report
    else:
        report = watch(Runner(replace(ready.template, mode="plan", hosts=chosen)), Progress())
    _check_barriers(report)
    if options.output == "json" and not options.starts:
        from cookbook.cli.output import print_json
        from cookbook.reports.report import report_json

        stages = [
            {
                "group": stage.group,
                "after": list(stage.strategy.after),
                "batches": [
                    {"canary": batch.canary, "hosts": list(batch.hosts)} for batch in stage.batches
                ],
            }
            for stage in ready.plan.stages
        ]
        left = list(ready.plan.left_out)
        document = {"schema": 1, "stages": stages, "left_out": left, "plan": report_json(report)}
        print_json(document)
    else:
        out = sys.stderr if options.output == "json" else sys.stdout
        write(plan_lines(ready.plan), out)
        write([("", ""), *grouped_lines(report)], out)
        write([("bold red", f"objection: {one}") for one in report.objections], out)
    return report


def _check_barriers(report: Report) -> None:
    """Raise UsageError for a recipe in which hosts wait for others: they come one after another."""
    for host in report.hosts.values():
        for step in host.steps:
            if (barrier := step.declared.barrier) is not None:
                raise UsageError(
                    f"{barrier.where}: in a rollout hosts do not wait for one another",
                    hint="what is done once for all goes into a recipe of a group of its own, which"
                    " comes before (`after:`); or converge without a rollout",
                )


def _agreed() -> bool:
    sys.stderr.write("Carry this out? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _control(
    ready: Prepared,
    journal: Journal,
    options: argparse.Namespace,
    orders: Sequence[OperatorCommand],
) -> int:
    """Carry out a rollout; return the exit status."""
    from cookbook.cli.progress import write
    from cookbook.rollout.view import state_lines
    from cookbook.text.provenance import Origin

    with journal.controlling(), _shared(journal, options) as shared:
        controller = ready.controller(journal, options, shared)
        controller.recover()
        for order in orders:
            journal.order(order, Origin().by)
        write([("bold", f"rollout {journal.id}; page: {journal.folder}/page.html")], sys.stderr)
        with ready.display.shown() if ready.display is not None else contextlib.nullcontext():
            status = controller.run()
    from cookbook.cli.recording import ship
    from cookbook.text.user_dirs import store_url

    ship(store_url(options.store))
    progress = controller.progress
    if options.output == "json":
        print_state(journal, progress)
    else:
        write(state_lines(progress), sys.stdout)
    if status is None:
        write([("yellow", f"left; `cook rollout resume {journal.id}` goes on")], sys.stderr)
        return 130
    if status == "done" and progress.pending:
        phases = {progress.hosts[host].phase for host in progress.pending}
        return 3 if "failed" in phases else 4
    return _EXITS[status]


def _list(options: argparse.Namespace) -> int:
    from cookbook.cli.output import print_json
    from cookbook.rollout.journal import journals_of_rollouts
    from cookbook.text.sanitize import one_line

    found = [(journal, replayed(journal)) for journal in journals_of_rollouts()]
    if options.output == "json":
        print_json({"schema": 1, "rollouts": [summary(*one) for one in found]})
        return 0
    for journal, progress in reversed(found):
        told = summary(journal, progress)
        counts = ", ".join(f"{count} {phase}" for phase, count in told["hosts"].items())
        line = f"{journal.id}  {told['status']}  {journal.header.source}  {told['by']}  {counts}"
        print(one_line(line))
    return 0


@contextlib.contextmanager
def _shared(journal: Journal, options: argparse.Namespace) -> Iterator[SharedJournal | None]:
    """Keep the rollout in the team's store, too, if there is one."""
    from cookbook.text.user_dirs import store_url

    if (url := store_url(options.store)) is None:
        yield None
        return
    from cookbook.cli.progress import write
    from cookbook.rollout.shared import SharedJournal

    shared = SharedJournal(journal, url)
    with shared.controlling():
        yield shared
    if shared.error is not None:
        told = f"cook: the store does not have all of this rollout: {shared.error}"
        write([("yellow", told)], sys.stderr)


def _later(options: argparse.Namespace) -> int:
    from cookbook.rollout.journal import Journal
    from cookbook.rollout.shared import fetch
    from cookbook.text.user_dirs import store_url

    url = store_url(options.store)
    if url is not None:
        fetch(options.rollout_id, url)
    journal = Journal.open(options.rollout_id)
    if options.what == "status":
        return _show(journal, options)
    what: OperatorCommand = options.what
    _check_order(what, journal, replayed(journal))
    if not _told(journal, what, url):
        return _control(prepared_again(options, journal), journal, options, [what])
    return 0


def _show(journal: Journal, options: argparse.Namespace) -> int:
    """Show where a rollout is."""
    from cookbook.cli.progress import write
    from cookbook.rollout.view import event_line, state_lines

    progress = replayed(journal)
    if options.output == "json":
        print_state(journal, progress)
        return 0
    head = f"rollout {journal.id}: {status_of(journal, progress)}; {journal.header.source}"
    write([("bold", head), *state_lines(progress)], sys.stdout)
    if options.verbose:
        lines = (event_line(event, progress.plan) for event in journal.events())
        write([line for line in lines if line is not None], sys.stdout)
    return 0


def _told(journal: Journal, what: OperatorCommand, url: str | None) -> bool:
    """Leave a command for the controller; return False if there is none, and one is needed."""
    from cookbook.cli.progress import write
    from cookbook.rollout.shared import SharedJournal
    from cookbook.text.provenance import Origin

    by = Origin().by
    said = f"told the controller of {journal.id}: {what}"
    if journal.controlled:
        journal.order(what, by)
    elif url is not None and SharedJournal(journal, url).order(what, by):
        said = f"{said}, by the store"
    elif what == "pause":
        journal.order(what, by)
        said = f"no controller is at work; {journal.id} begins no host"
    else:
        return False
    write([("", said)], sys.stderr)
    return True


def _check_order(what: OperatorCommand, journal: Journal, progress: RolloutProgress) -> None:
    """Raise UsageError for a command that makes no sense now."""
    if what == "promote" and progress.asked is None:
        raise UsageError(f"{journal.id} waits at no gate", hint="`cook rollout status` shows it")
    if what in ("pause", "abort") and progress.finished is not None:
        raise UsageError(f"{journal.id} is over: it is {progress.finished}")
    if what == "resume" and progress.finished in ("done", "reverted", "revert-failed"):
        raise UsageError(
            f"{journal.id} is over: it is {progress.finished}",
            hint="begin a new one: the hosts that are left come first in it",
        )
    if what == "revert" and not any(s.runs and s.changed for s in progress.hosts.values()):
        if progress.at_work:
            return
        raise UsageError(f"{journal.id}: there is nothing to revert")
