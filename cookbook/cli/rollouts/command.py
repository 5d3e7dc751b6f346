"""`cook rollout`: groups in order, hosts in batches, with health checks and a way back."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

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
from cookbook.cli.rollouts.orders import check_order, exit_status, told_controller
from cookbook.cli.rollouts.prepare import Prepared, prepared, prepared_again, reviews_again
from cookbook.cli.rollouts.states import (
    known_rollouts,
    print_state,
    replayed,
    status_of,
    summary,
)
from cookbook.errors import UsageError

if TYPE_CHECKING:
    from cookbook.reports.report import Report
    from cookbook.rollout.events import OperatorCommand
    from cookbook.rollout.journal import Journal
    from cookbook.rollout.plan import RolloutPlan
    from cookbook.rollout.shared import SharedJournal


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare what it can do."""
    words = command.add_subparsers(metavar="WHAT", required=True)
    for name, text in _NEW.items():
        _add_new(words.add_parser(name, help=text, description=text), name)
    for name, text in _LATER.items():
        _add_later(words.add_parser(name, help=text, description=text), name)


def _add_new(word: argparse.ArgumentParser, name: str) -> None:
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
        word.set_defaults(run=_plan, starts=False, plan=None)
        return
    word.add_argument("--plan", type=Path, metavar="FILE", help="apply exactly this saved plan")
    word.set_defaults(run=_start, starts=True)
    _add_control(word)


def _add_later(word: argparse.ArgumentParser, name: str) -> None:
    word.set_defaults(run=_list if name == "list" else _later, what=name)
    add_output(word)
    add_verbose(word)
    if name == "list":
        return
    word.add_argument("rollout_id", metavar="ROLLOUT", help="its id, a part of it, or `last`")
    add_store(word)
    if name == "status":
        return
    add_key(word)
    word.add_argument("--hosts", type=Path, metavar="FILE", help="the inventory, if it has moved")
    word.add_argument("-K", "--ask-become-pass", action="store_true", help="ask for it")
    word.add_argument(
        "--other-recipes",
        action="store_true",
        help="go on even if the recipes have changed since it began",
    )
    _add_control(word)


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


def _add_control(word: argparse.ArgumentParser) -> None:
    word.add_argument("--yes", action="store_true", help="do not ask")
    word.add_argument(
        "--page", type=Path, metavar="FILE", help="an HTML page that is rebuilt as it goes"
    )


def _plan(options: argparse.Namespace) -> int:
    key = plan_key(options) if options.out is not None else None
    ready = prepared(options)
    with reviewing(options):
        report = _planned(ready)
    if options.output == "json":
        _print_plan(report, ready)
    else:
        _show_plan(report, ready, sys.stdout)
    if options.out is not None:
        from cookbook.approval.planfile import save
        from cookbook.approval.saved_plan import saved_plan

        save(saved_plan(report), options.out, key)
    return report.exit


def _start(options: argparse.Namespace) -> int:
    _need_answer(options)
    _check_page(options.page)
    ready = prepared(options)
    if (status := _refused(options, ready, options.review)) is not None:
        return status
    from cookbook.rollout.journal import Journal

    return _control(ready, Journal.create(ready.header), options, [])


def _check_page(path: Path | None) -> None:
    """Raise UsageError for a page in a folder that does not exist."""
    if path is not None and not path.absolute().parent.is_dir():
        raise UsageError(f"--page {path}: there is no folder {path.parent}")


def _need_answer(options: argparse.Namespace) -> None:
    """Raise UsageError if a question is needed and cannot be asked."""
    if not options.yes and not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal on which to ask",
            hint="--yes goes on without the question; `cook rollout plan -o FILE` saves the plan"
            " for approval, `cook rollout start --plan FILE --yes` applies it",
        )


def _refused(
    options: argparse.Namespace, ready: Prepared, rules: Sequence[Path], hosts: Sequence[str] = ()
) -> int | None:
    """
    Show the plan of these hosts, or all; return the exit status if nothing is to be done.

    After an approval, at the terminal or by a policy, the runs do nothing else.
    """
    from cookbook.cli.prompt import Terminal
    from cookbook.plugins.manager import has_reviewers

    with reviewing(argparse.Namespace(review=rules)):
        report = _planned(ready, hosts)
        reviewed = has_reviewers()
    _show_plan(report, ready, sys.stderr if options.output == "json" else sys.stdout)
    if report.exit not in (0, 2, 4):
        return report.exit
    if not options.yes and Terminal().ask("Carry this out? [y/N]") not in ("y", "yes"):
        return report.exit
    if reviewed or not options.yes:
        ready.approve(report)
    return None


def _planned(ready: Prepared, hosts: Sequence[str] = ()) -> Report:
    """Return the plan of these hosts of a rollout, or of all, with the objections to it."""
    from cookbook.approval.gate import objections
    from cookbook.cli.progress import Progress
    from cookbook.cli.running import watch
    from cookbook.run.runner import Runner

    wanted = {*(hosts or ready.plan.hosts)}
    chosen = [host for host in ready.template.hosts if host.name in wanted]
    if (saved := ready.template.saved) is not None:
        report = saved.about(chosen)
        said = objections(report)
        report = replace(report, objections=said) if said else report
    else:
        report = watch(Runner(replace(ready.template, mode="plan", hosts=chosen)), Progress())
    _check_barriers(report, ready.plan)
    return report


def _print_plan(report: Report, ready: Prepared) -> None:
    """Print the order and the changes as JSON."""
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
    print_json({"schema": 1, "stages": stages, "left_out": left, "plan": report_json(report)})


def _show_plan(report: Report, ready: Prepared, out: TextIO) -> None:
    """Show the whole rollout: order, limits, and what changes."""
    from cookbook.cli.plan_view import grouped_lines
    from cookbook.cli.progress import write
    from cookbook.rollout.view import plan_lines

    write(plan_lines(ready.plan), out)
    write([("", ""), *grouped_lines(report)], out)
    write([("bold red", f"objection: {one}") for one in report.objections], out)


def _check_barriers(report: Report, plan: RolloutPlan) -> None:
    """Raise UsageError for a recipe in which a host waits for one that does not come before."""
    from cookbook.rollout.blocks import barriers_in, misplaced

    for name, host in report.hosts.items():
        for barrier in barriers_in(host):
            if (wrong := misplaced(plan, name, barrier)) is not None:
                raise UsageError(
                    wrong,
                    hint="name a host that comes in an earlier batch than all others, as a canary"
                    " does: run_once(on=HOST); or move what is done once into a recipe of its own,"
                    " and give that to a group of one host that comes before (`after:`); leave"
                    " `barrier` out, as a group ends before the next one begins; or use"
                    " `cook converge`",
                )


def _control(
    ready: Prepared,
    journal: Journal,
    options: argparse.Namespace,
    orders: Sequence[OperatorCommand],
) -> int:
    """Carry out a rollout; return the exit status."""
    from cookbook.cli.progress import write
    from cookbook.cli.rollouts.display import Display, show
    from cookbook.rollout.view import state_lines
    from cookbook.text.provenance import Origin

    progress, display = ready.progress, Display(ready.progress)
    with journal.controlling(), _shared(journal, options) as shared:
        look = shared.look if shared is not None else lambda: None
        controller = ready.controller(journal, display, page=options.page, look=look)
        controller.recover()
        for order in orders:
            journal.order(order, Origin().by)
        write([("bold", f"rollout {journal.id}; page: {journal.folder}/page.html")], sys.stderr)
        with display.shown():
            status = controller.run()
    from cookbook.cli.recording import ship
    from cookbook.text.user_dirs import store_url

    ship(store_url(options.store))
    if options.output == "json":
        print_state(journal, progress)
    else:
        show(state_lines(progress), sys.stdout)
    if status is None:
        write([("yellow", f"left; `cook rollout resume {journal.id}` goes on")], sys.stderr)
    return exit_status(status, progress, orders)


def _list(options: argparse.Namespace) -> int:
    from cookbook.cli.output import print_json
    from cookbook.text.sanitize import one_line

    found = known_rollouts()
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
    progress = replayed(journal)
    check_order(what, journal, progress)
    if told_controller(journal, what, url):
        return 0
    _check_page(options.page)
    ready = prepared_again(options, journal)
    if what in ("resume", "promote") and progress.to_do:
        status = _refused_again(options, ready, progress.to_do)
        if status is not None:
            return status
    return _control(ready, journal, options, [what])


def _refused_again(
    options: argparse.Namespace, ready: Prepared, hosts: Sequence[str]
) -> int | None:
    """
    Have the plan of the hosts that are left approved again, if it was when the rollout began.

    Return the exit status if nothing is to be done.
    """
    from cookbook.plugins.manager import has_reviewers

    rules = reviews_again(options, ready.header)
    if not (ready.header.options["asked"] or rules or has_reviewers()):
        return None
    if ready.header.options["asked"]:
        _need_answer(options)
    else:
        options = argparse.Namespace(**{**vars(options), "yes": True})
    return _refused(options, ready, rules, hosts)


def _show(journal: Journal, options: argparse.Namespace) -> int:
    """Show where a rollout is; with `-v` what has happened, too."""
    from cookbook.cli.rollouts.display import show
    from cookbook.rollout.view import event_line, state_lines

    progress = replayed(journal)
    events = list(journal.events()) if options.verbose else []
    if options.output == "json":
        print_state(journal, progress, events if options.verbose else None)
        return 0
    if progress.finished is not None:
        events = events[:-1]  # its end is a part of the state
    lines = (event_line(event, progress.plan) for event in events)
    show([line for line in lines if line is not None], sys.stdout)
    now = f": {status_of(journal, progress)}" if progress.finished is None else ""
    head = f"rollout {journal.id}{now}; {journal.header.source}"
    show([("bold", head), *state_lines(progress)], sys.stdout)
    return 0
