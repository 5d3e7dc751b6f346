"""`--cluster`: a run whose hosts are divided among the workers of a Dask cluster."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.errors import UsageError

if TYPE_CHECKING:
    from cookbook.cli.recipes import Choice
    from cookbook.cluster.shards import Shard
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

KEPT = frozenset({"output", "verbose", "reports", "store", "cluster", "place", "yes"})
"""The options that are about the joined report."""

REFUSED = {
    "local": "--local",
    "review": "--review",
    "confirm": "--confirm",
    "step": "--step",
    "out": "-o",
    "key": "--key",
    "ask_become_pass": "-K",
    "max_failures": "--max-failures",
    "metrics": "--metrics",
}
"""The options that shards cannot carry out one by one."""


def add_cluster(command: argparse.ArgumentParser) -> None:
    """Add the options for a cluster."""
    command.add_argument(
        "--cluster",
        metavar="URL",
        help="divide the hosts among the workers of this Dask scheduler, e.g. tcp://host:8786",
    )
    command.add_argument("--shard", action="store_true", help=argparse.SUPPRESS)
    command.add_argument(
        "--place",
        metavar="VARIABLE",
        help="with --cluster: hosts with the same value (a POP) go to workers with that resource",
    )


def on_cluster(options: argparse.Namespace, choice: Choice) -> int:
    """Do a run on the cluster; print and keep its joined report; return the exit status."""
    from cookbook.cli.options import check_private
    from cookbook.cli.output import reader_may_leave
    from cookbook.cli.progress import write
    from cookbook.cli.running import check_reports, print_document
    from cookbook.cluster.bundle import packed
    from cookbook.cluster.client import ClusterRun, joined, keep_journals, run_shards, told
    from cookbook.cluster.shards import shards
    from cookbook.plugins.manager import has_reviewers
    from cookbook.reports import write_reports
    from cookbook.run.runner import new_id
    from cookbook.text.user_dirs import journals, store_url

    for name, option in REFUSED.items():
        given = getattr(options, name, None)
        if given is not None and given is not False and given != []:
            raise UsageError(f"{option} does not go with --cluster", hint="run it without one")
    if has_reviewers():
        raise UsageError(
            "a policy is installed here that checks plans; with --cluster it would not see them",
            hint="run it without a cluster",
        )
    check_private(options.variables, "it would pass the scheduler in the clear")
    check_reports(options)
    names = [host.name for host in choice.hosts]
    parts = list(shards(names, _places(options.place, choice.hosts)))
    words = _words(options, Path.cwd())
    run = ClusterRun(new_id(), parts, words, packed(Path.cwd()))
    results = []
    for shard, result in run_shards(options.cluster, run):
        results.append((shard, result))
        where = f" on {result.worker}" if result.worker else ""
        line = f"{len(results)}/{len(parts)} shards: {len(shard.hosts)} hosts{where}: "
        write([("", f"{line}{told(result)}")], sys.stderr)
    document = joined(names, results)
    if options.record:
        keep_journals(journals(store_url(options.store)), [result for _, result in results])
    with reader_may_leave():
        print_document(document, options)
    write_reports(document, options.reports)
    return document["exit"]


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


def _words(options: argparse.Namespace, folder: Path) -> Callable[[Shard], Sequence[str]]:
    """Return what makes the command of a shard; all paths are in the folder that goes along."""

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
    same += ["--output", "json", "--record" if options.record else "--no-record", "--shard"]

    def words(shard: Shard) -> Sequence[str]:
        return [*same, "--limit", ",".join(shard.hosts)]

    return words


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
