"""`cook history`: the runs that are kept; `prune` forgets old ones, `retire` gives up a set."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from cookbook.cli.durations import ago, local, span
from cookbook.cli.options import add_output, add_store, add_verbose
from cookbook.cli.output import print_json, reader_may_leave
from cookbook.text.user_dirs import store_url

if TYPE_CHECKING:
    from cookbook.history.records import RunSummary
    from cookbook.history.store import History
    from cookbook.reports.text import StyledLine

_LAST = 50

DIGITS = 12
"""Of the digest of a desired state: enough to tell two apart."""


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    _add_list(command)
    command.set_defaults(run=_list)
    actions = command.add_subparsers(metavar="ACTION")
    text = "forget old runs"
    prune = actions.add_parser("prune", help=text, description=text)
    prune.add_argument("--keep", type=span, required=True, metavar="SPAN", help="e.g. 90d")
    prune.add_argument("--dry-run", action="store_true", help="say only how many these are")
    add_output(prune)
    add_store(prune)
    prune.set_defaults(run=_prune)
    text = "give up a set of recipes: `cook status` counts its runs until now no longer"
    retire = actions.add_parser("retire", help=text, description=text)
    retire.add_argument("set", metavar="SET", help="its name, as `cook status` says it")
    retire.add_argument(
        "--host",
        action="append",
        default=[],
        dest="hosts",
        metavar="HOST",
        help="only on this host; may be given again",
    )
    add_output(retire)
    add_store(retire)
    retire.set_defaults(run=_retire)


def _add_list(command: argparse.ArgumentParser) -> None:
    command.add_argument("--host", metavar="HOST", help="only runs on this host")
    command.add_argument("--resource", metavar="ID", help="only about it, e.g. 'file[/etc/motd]'")
    command.add_argument("--since", type=span, metavar="SPAN", help="of the last 90m, 12h, 7d, 2w")
    command.add_argument("--changed", action="store_true", help="only those that changed it")
    add_last(command)
    add_output(command)
    add_store(command)
    add_verbose(command)


def add_last(command: argparse.ArgumentParser) -> None:
    """`-n`: how many."""
    command.add_argument(
        "-n", dest="last", type=_count, default=_LAST, metavar="N", help="the last N (50); 0: all"
    )


def _count(text: str) -> int:
    if not text.isdigit() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of runs")
    return int(text)


def _list(options: argparse.Namespace) -> int:
    from cookbook.cli.progress import write

    with opened(options.store) as history:
        # One more than is shown tells whether there are more.
        limit = options.last + 1 if options.last else None
        runs = history.runs(
            host=options.host,
            resource=options.resource,
            since=options.since,
            changed=options.changed,
            limit=limit,
        )
    shown = runs[: options.last or None]
    with reader_may_leave():
        if options.output == "json":
            print_json({"schema": 1, "runs": [asdict(run) for run in shown]})
        else:
            write(_lines(shown, desired=bool(options.verbose)), sys.stdout)
            say_rest(options.last, left=len(runs) > len(shown))
    return 0


def say_rest(last: int, *, left: bool) -> None:
    """Say how to see more, if there is more."""
    from cookbook.cli.progress import write

    if left:
        write([("dim", f"older ones: -n {10 * last}, or -n 0 for all")], sys.stderr)


def _prune(options: argparse.Namespace) -> int:
    with opened(options.store) as history:
        how = history.older_than if options.dry_run else history.prune
        count = how(options.keep)
    if options.output == "json":
        print_json({"schema": 1, "dry_run": options.dry_run, "runs": count})
    else:
        print(f"{count} runs {'would be' if options.dry_run else 'are'} forgotten")
    return 0


def _retire(options: argparse.Namespace) -> int:
    with opened(options.store) as history:
        hosts = history.retire(options.set, options.hosts)
    if options.output == "json":
        print_json({"schema": 1, "set": options.set, "hosts": hosts})
    else:
        count = f"{len(hosts)} host{'s'[: len(hosts) != 1]}"
        print(f"the set {options.set} is given up on {count}; a later run of it counts again")
    return 0


def opened(given: str | None, *, whole: bool = False) -> History:
    """
    Open the history that the options name; print its warnings to the error stream.

    Raises HistoryError if it cannot be read or, if it has to be `whole`, does not take in the
    newest runs of this machine.
    """
    from cookbook.cli.progress import write
    from cookbook.history.store import History

    history = History.open(store_url(given), whole=whole)
    write([("yellow", f"cook: {warning}") for warning in history.warnings], sys.stderr)
    return history


def _lines(runs: Sequence[RunSummary], *, desired: bool) -> Iterator[StyledLine]:
    """Yield a table of the runs; with the digests of the desired states if `desired`."""
    if not runs:
        yield "dim", "no runs"
        return
    heading = ("RUN", "WHEN", "", "WHO", "MODE", "HOSTS", "CHANGED", "FAILED", "REVISION")
    rows: list[tuple[str, ...]] = [heading, *map(_row, runs)]
    if desired:
        asked = ["DESIRED", *map(_desired, runs)]
        rows = [(*row, digest) for row, digest in zip(rows, asked, strict=True)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    styles = ["bold", *map(_style, runs)]
    for style, row in zip(styles, rows, strict=True):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield style, "  ".join(cells).rstrip()


def _row(run: RunSummary) -> tuple[str, ...]:
    changed = f"{run.changed} to do" if run.mode in ("plan", "drift") else str(run.changed)
    return (
        run.run,
        local(run.started),
        ago(run.started),
        run.by,
        run.mode,
        _hosts(run),
        changed if run.changed else "-",
        str(run.failed + run.unknown) if run.failed + run.unknown else "-",
        short(run.revision) or "-",
    )


def _hosts(run: RunSummary) -> str:
    """Return the final states of the hosts; for a single host, its name."""
    if run.state == "running":
        return f"{len(run.hosts)} running"
    if len(run.hosts) == 1:
        [(name, status)] = run.hosts.items()
        return f"{name[:40]} {status}"
    counts = Counter(run.hosts.values())
    return ", ".join(f"{count} {status}" for status, count in counts.most_common())


def _desired(run: RunSummary) -> str:
    """Return the digest if all hosts of which it is known have the same, else their number."""
    match sorted(hosts_by_digest(run.desired)):
        case []:
            return "-"
        case [digest]:
            return digest
        case several:
            return f"{len(several)} states"


def hosts_by_digest(desired: Mapping[str, str | None]) -> dict[str, list[str]]:
    """
    Return the hosts of each desired state that is known, by its digest in the short form.

    >>> hosts_by_digest({"web1": "0123456789abcdef", "web2": "0123456789abcdef", "db1": None})
    {'0123456789ab': ['web1', 'web2']}
    """
    found: dict[str, list[str]] = {}
    for host, digest in desired.items():
        if digest is not None:
            found.setdefault(digest[:DIGITS], []).append(host)
    return found


def _style(run: RunSummary) -> str:
    if run.state == "interrupted" or run.exit == 130:
        return "magenta"
    if run.exit in (1, 3, 4):
        return "red"
    return "yellow" if run.changed else ""


def short(revision: str | None) -> str:
    """
    Return a revision in its short form.

    >>> short("0123456789abcdef0123456789abcdef01234567-dirty")
    '0123456789-dirty'
    """
    if not revision:
        return ""
    commit, dash, rest = revision.partition("-dirty")
    return f"{commit[:10] if len(commit) == 40 else commit[:30]}{dash}{rest}"
