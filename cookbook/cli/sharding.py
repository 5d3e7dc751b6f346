"""A run in parts, by processes of this machine or of a cluster: options, work, joined report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from cookbook.errors import UsageError

if TYPE_CHECKING:
    from cookbook.cluster.channel import Channel
    from cookbook.cluster.forks import ShardWork
    from cookbook.cluster.results import JoinedReport
    from cookbook.cluster.shards import Shard
    from cookbook.reports.report import Report
    from cookbook.run.runner import Runner

KEPT = frozenset({"output", "verbose", "reports", "store", "metrics", "yes"})
"""The options that are about the joined report."""

REFUSED = {
    "local": "--local",
    "review": "--review",
    "confirm": "--confirm",
    "step": "--step",
    "out": "-o",
    "key": "--key",
    "max_failures": "--max-failures",
}
"""The options that parts of a run cannot carry out one by one."""


def check_options(
    options: argparse.Namespace, by: str, refused: Iterable[tuple[str, str]] = REFUSED.items()
) -> None:
    """Raise UsageError for an option that does not go with `by`, e.g. `--cluster`."""
    from cookbook.cli.running import check_reports
    from cookbook.plugins.manager import has_reviewers

    for name, option in refused:
        given = getattr(options, name, None)
        if given is not None and given is not False and given != []:
            raise UsageError(f"{option} does not go with {by}", hint="run it without one")
    if has_reviewers():
        raise UsageError(
            f"a policy is installed here that checks plans; with {by} it would not see them",
            hint=f"run it without {by}",
        )
    check_reports(options)


def finish(
    joined: JoinedReport, hosts: Sequence[str], options: argparse.Namespace, began: float
) -> int:
    """
    Print and write the joined report, and note what could not be reached; return the exit status.

    `began` is the time of the beginning, in seconds of time.time().
    """
    from cookbook.cli.output import reader_may_leave
    from cookbook.cli.running import add_metrics_of, print_document
    from cookbook.reports import write_reports
    from cookbook.run.pending import keep

    document = joined.document(hosts)
    if document["mode"] == "converge":
        found = document["hosts"].items()
        missed = {name for name, host in found if host["status"] == "unreachable"}
        keep(options.hosts, {name for name, host in found if host["exchanges"]} - missed, missed)
    with reader_may_leave():
        print_document(document, options)
    write_reports(document, options.reports)
    add_metrics_of(document, options, began)
    return document["exit"]


def shard_work(
    options: argparse.Namespace,
    runner: Callable[[Shard], Runner],
    annotate: Callable[[Report], Report],
) -> ShardWork:
    """Return the work of the process of a shard; `runner` compiles the recipes for its hosts."""
    options = argparse.Namespace(**vars(options))
    options.output, options.reports, options.metrics = "json", [], None

    def work(shard: Shard, channel: Channel) -> int:
        from cookbook.cli import guarded
        from cookbook.cli.running import execute
        from cookbook.cluster.channel import ChannelListener, wait_for_go

        def run() -> int:
            compiled = runner(shard)
            wait_for_go(channel)
            return execute(compiled, options, annotate, ChannelListener(channel)).exit

        return guarded(run)

    return work


class SaidOnce:
    """The lines of the error streams of processes, each once: all of them warn of the same."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def say(self, text: str) -> None:
        """Print the lines that are new."""
        from cookbook.cli.progress import write

        lines = [line for line in text.splitlines() if line not in self._said]
        self._said.update(lines)
        write([("yellow", line) for line in lines], sys.stderr)
