"""`--processes`: a run whose hosts are divided among processes of this machine."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from cookbook.cli.options import positive
from cookbook.cli.sharding import SaidOnce, check_options, finish

if TYPE_CHECKING:
    from cookbook.cli.progress import Progress
    from cookbook.cli.recipes import Choice
    from cookbook.cluster.channel import Message
    from cookbook.cluster.forks import ShardWork


def add_processes(command: argparse.ArgumentParser) -> None:
    """Add the option for processes."""
    command.add_argument(
        "--processes",
        type=positive,
        metavar="N",
        help="divide the hosts among N processes of this machine, for as many cores; --forks is"
        " for all of them together",
    )


def by_processes(
    options: argparse.Namespace, choice: Choice, work: ShardWork, processes: int
) -> int:
    """Do a run by processes; print its joined report; return the exit status."""
    from cookbook.cli.progress import Progress
    from cookbook.cluster.here import LocalShards
    from cookbook.cluster.results import JoinedReport
    from cookbook.cluster.shards import dealt
    from cookbook.run.pending import first

    check_options(options, "--processes")
    began = time.time()
    names = [host.name for host in choice.hosts]
    progress, said, joined = Progress(), SaidOnce(), JoinedReport("process")
    parts = dealt(first(names, options.hosts), processes)
    local = LocalShards(parts, processes, work, lambda message: _show(progress, message))
    try:
        for shard, result in local.results(lambda: progress.begin(names)):
            joined.add(shard, replace(result, worker=""))
            if result.document:
                said.say(result.errors)
    finally:
        progress.end()
    if local.refused is not None:  # nothing was begun: one has said why
        said.say(local.refused.errors)
        return 130 if local.interrupted else max(1, local.refused.status)
    return finish(joined, names, options, began)


def _show(progress: Progress, message: Message) -> None:
    match message:
        case {"host": str(host), "status": str(status)}:
            progress.ended(host, status)
        case {"host": str(host), "waits": str(what)}:
            progress.waits(host, what)
        case {"host": str(host), "resource": str(resource)}:
            progress.works(host, resource)
        case _:
            pass
