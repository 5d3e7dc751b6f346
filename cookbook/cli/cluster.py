"""`--cluster`: a run whose hosts are divided among the workers of a Dask cluster."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.cli.sharding import REFUSED, check_options, finish
from cookbook.errors import UsageError

if TYPE_CHECKING:
    from cookbook.cli.recipes import Choice
    from cookbook.inventory import Host

_FLAGS = ("prune", "allow_lockout", "keep_going", "refresh_inventory")
_SPANS = ("wait", "confirm_timeout", "host_timeout", "timeout", "facts_age")

PASSED = frozenset(
    {
        *_FLAGS,
        *_SPANS,
        *("recipes", "variables", "only", "chosen_recipes", "tags", "skip_tags", "features"),
        *("hosts", "limit", "environment", "set", "reconnect", "forks", "record"),
    }
)
"""The options that a shard gets."""

SHARD = 200
"""Hosts of a shard at most: what a worker does in some seconds if there is nothing to do."""

OWN = frozenset({"cluster", "place", "processes", "ask_become_pass"})
"""The options that are about the cluster, or are refused with one only."""


def add_cluster(command: argparse.ArgumentParser) -> None:
    """Add the options for a cluster."""
    command.add_argument(
        "--cluster",
        metavar="URL",
        help="divide the hosts among the workers of this Dask scheduler, e.g. tcp://host:8786",
    )
    command.add_argument("--shard", action="store_true", help=argparse.SUPPRESS)
    command.add_argument("--only-shard", action="store_true", help=argparse.SUPPRESS)
    command.add_argument(
        "--place",
        metavar="VARIABLE",
        help="with --cluster: hosts with the same value (a POP) go to workers with that resource",
    )


def check_cluster(options: argparse.Namespace) -> None:
    """Raise UsageError for an option that needs `--cluster`, or that does not go with it."""
    if options.place is not None and options.cluster is None:
        raise UsageError("--place is an option of --cluster", hint="give both, or neither")
    if options.cluster is not None and options.processes is not None:
        raise UsageError(
            "--processes does not go with --cluster", hint="have more workers on each machine"
        )


def on_cluster(options: argparse.Namespace, choice: Choice) -> int:
    """Do a run on the cluster; print and keep its joined report; return the exit status."""
    from cookbook.cli.options import check_private
    from cookbook.cli.progress import write
    from cookbook.cluster.bundle import packed
    from cookbook.cluster.client import ClusterRun, run_shards
    from cookbook.cluster.results import JoinedReport, keep_journals
    from cookbook.cluster.shards import shards
    from cookbook.run.pending import first
    from cookbook.run.runner import new_id
    from cookbook.text.user_dirs import journals, store_url

    check_options(options, "--cluster", [*REFUSED.items(), ("ask_become_pass", "-K")])
    check_private(options.variables, "it would pass the scheduler in the clear")
    began = time.time()
    names = [host.name for host in choice.hosts]
    places = _places(options.place, choice.hosts)
    parts = list(shards(first(names, options.hosts), places, SHARD))
    words = [*_words(options, Path.cwd()), "--shard" if len(parts) > 1 else "--only-shard"]
    run = ClusterRun(new_id(), parts, words, packed(Path.cwd()))
    joined, folder = JoinedReport("worker"), journals(store_url(options.store))
    for number, (shard, result) in enumerate(run_shards(options.cluster, run), 1):
        ended = joined.add(shard, result)
        if options.record:
            keep_journals(folder, result)
        where = f" on {result.worker}" if result.worker else ""
        line = f"{number}/{len(parts)} shards: {len(shard.hosts)} hosts{where}: {ended}"
        write([("", line)], sys.stderr)
    return finish(joined, names, options, began)


def _places(key: str | None, hosts: Sequence[Host]) -> Mapping[str, str]:
    """Return the place of each host; none without `--place`. Raises UsageError if none has one."""
    if key is None:
        return {}
    places = {host.name: str(host.vars.get(key, "")) for host in hosts}
    if not any(places.values()):
        from cookbook.text.suggest import did_you_mean

        known = sorted({name for host in hosts for name in host.vars})
        some = f"their variables are {', '.join(known)}" if known else "they have no variables"
        raise UsageError(
            f"--place {key}: no host of this run has such a variable",
            hint=did_you_mean(key, known) or some,
        )
    return places


def _words(options: argparse.Namespace, folder: Path) -> Sequence[str]:
    """Return the command that serves the shards; all paths are in the folder that goes along."""

    def path(given: Path) -> str:
        whole = Path(os.path.abspath(given))  # noqa: PTH100 - without following links
        if not whole.is_relative_to(folder):
            raise UsageError(
                f"{given} is not below the current folder",
                hint="with --cluster the files below it go to the workers, and no others",
            )
        return str(whole.relative_to(folder))

    same = [options.mode, *map(path, options.recipes), "--hosts", path(options.hosts)]
    for given in options.chosen_recipes:
        same += ["--recipe", path(given)]
    if options.features is not None:
        same += ["--features", path(options.features)]
    same += [*_texts(options), *_spans(options)]
    same += [f"--{name.replace('_', '-')}" for name in _FLAGS if getattr(options, name, False)]
    same += ["--reconnect", str(options.reconnect), "--forks", str(options.forks)]
    return [*same, "--record" if options.record else "--no-record"]


def _texts(options: argparse.Namespace) -> Iterator[str]:
    for name, option in (("variables", "--set"), ("only", "--only")):
        for value in getattr(options, name):
            yield from (option, value)
    for name, option in (("tags", "--tags"), ("skip_tags", "--skip-tags")):
        if getattr(options, name):
            yield from (option, ",".join(sorted(getattr(options, name))))
    for name, option in (("environment", "--environment"), ("set", "--as")):
        if getattr(options, name):
            yield from (option, getattr(options, name))


def _spans(options: argparse.Namespace) -> Iterator[str]:
    for name in _SPANS:
        if (span := getattr(options, name, None)) is not None:
            yield from (f"--{name.replace('_', '-')}", f"{int(span.total_seconds())}s")
