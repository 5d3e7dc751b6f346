"""`cook status`: what is where, as the history knows it. No host is contacted."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookbook.cli.commands.history import DIGITS
from cookbook.cli.options import (
    add_features,
    add_inventory,
    add_output,
    add_store,
    add_verbose,
    features,
    load_inventory,
)
from cookbook.cli.output import plain, print_json, reader_may_leave
from cookbook.errors import UsageError
from cookbook.text.suggest import did_you_mean

if TYPE_CHECKING:
    from cookbook.cli.rollouts.states import KnownRollout
    from cookbook.features.feature import Features
    from cookbook.history.picture import HostPicture
    from cookbook.history.status_document import KnownHost
    from cookbook.history.store import History
    from cookbook.inventory import Host, Inventory
    from cookbook.reports.status import ComparisonDocument, StatusDocument
    from cookbook.reports.text import StyledLine

_NONE = "(none)"
_PAIR = 2
_FORMATS = {".html": "html", ".json": "json", ".txt": "text"}
_FEATURE = {True: "on", False: "off", None: "unknown without facts"}


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    add_inventory(command)
    add_features(command)
    command.add_argument(
        "--by",
        default="group",
        metavar="KEY",
        help="group the hosts by it: group, environment, revision, desired (the digest of the"
        " desired state), state, feature.NAME, or a"
        " variable, e.g. pop",
    )
    command.add_argument(
        "--compare",
        nargs="+",
        metavar="HOST",
        help="the differences between two hosts, or between a host and its group",
    )
    command.add_argument(
        "--report",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        dest="reports",
        help="write it to a file, too: .html, .json or .txt; may be given again",
    )
    add_output(command)
    add_store(command)
    add_verbose(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from cookbook.cli.commands.history import opened
    from cookbook.reports import format_of

    for path in options.reports:
        format_of(path, _FORMATS)
    inventory = load_inventory(options)
    chosen = inventory.select(options.limit)
    with opened(options.store) as history:
        if options.compare:
            _tell_comparison(options, _compared(options, inventory, chosen, history))
        else:
            _tell_status(options, _status(options, inventory, chosen, history))
    return 0


def _status(
    options: argparse.Namespace, inventory: Inventory, chosen: Sequence[Host], history: History
) -> StatusDocument:
    from cookbook.cli.rollouts.fleet_status import open_rollouts, rollouts_of
    from cookbook.history.status_document import status_document
    from cookbook.text.redaction import protected

    pictures = history.pictures(*_named(chosen))
    rollouts = [] if options.local else rollouts_of(options.hosts)
    hosts = _known(options, inventory, chosen, pictures, rollouts)
    groups = _grouped(options.by, inventory, hosts)
    going = open_rollouts(rollouts, pictures)
    return protected(status_document(hosts, groups, options.by, datetime.now(UTC), going))


def _named(hosts: Sequence[Host]) -> tuple[list[str], dict[str, str]]:
    """Return the names of hosts, and their places."""
    return [host.name for host in hosts], {host.name: host.place for host in hosts}


def _known(
    options: argparse.Namespace,
    inventory: Inventory,
    chosen: Sequence[Host],
    pictures: Mapping[str, HostPicture],
    rollouts: Sequence[KnownRollout] = (),
    *,
    facts: bool = False,
) -> list[KnownHost]:
    from cookbook.cli.rollouts.fleet_status import left_by_rollouts
    from cookbook.history.status_document import KnownHost
    from cookbook.run.pending import pending

    left = left_by_rollouts(rollouts, pictures)
    found = features(options, {})
    late = frozenset[str]() if options.local else pending(options.hosts)
    return [
        KnownHost(
            host.name,
            _innermost(inventory, host),
            host.environment,
            {name: plain(value) for name, value in host.vars.items()},
            [str(path) for path in host.recipes],
            _facts(host) if facts else {},
            pictures[host.name],
            features={} if found is None else _features(found, host),
            comes_first=host.name in late,
            left_by_rollouts=left.get(host.name, ()),
        )
        for host in chosen
    ]


def _features(found: Features, host: Host) -> Mapping[str, bool | None]:
    """Return which features a host has; None for one that depends on facts."""
    from cookbook.features.feature import subject

    asked = subject(host)
    return {one.name: one.decide(asked, found.now).is_on for one in found.features.values()}


def _facts(host: Host) -> Mapping[str, Any]:
    """Return the facts of a host that were last read, if they are kept."""
    from cookbook.run.kept_facts import recall
    from cookbook.script.facts import facts_json

    kept = recall(host)
    return {} if kept is None else facts_json(kept.facts)


def _innermost(inventory: Inventory, host: Host) -> list[str]:
    """Return the groups of a host that have no group inside them that it is in, too."""
    mine = {*host.groups}
    return [name for name in host.groups if not mine.intersection(inventory.groups[name].groups)]


def _grouped(by: str, inventory: Inventory, hosts: Sequence[KnownHost]) -> dict[str, list[str]]:
    """Return the names of hosts by what they are grouped by, in the order of the inventory."""
    found: dict[str, list[str]] = {}
    if by == "group":
        found = {name: [] for name in inventory.groups}
    key = by.removeprefix("vars.")
    known = dict.fromkeys(name for host in hosts for name in host.variables)
    known |= dict.fromkeys(f"feature.{name}" for host in hosts for name in host.features)
    if by not in ("group", "environment", "revision", "desired", "state") and key not in known:
        raise UsageError(f"--by {by}: no host has such a variable", hint=did_you_mean(by, known))
    for host in hosts:
        for value in _values(host, by, key):
            found.setdefault(value, []).append(host.name)
    if _NONE in found:
        found[_NONE] = found.pop(_NONE)
    return {name: members for name, members in found.items() if members}


def _values(host: KnownHost, by: str, key: str) -> Sequence[str]:
    from cookbook.reports.status import revision_text, value_text

    match by:
        case "group":
            return host.groups or [_NONE]
        case "environment":
            return [host.environment or _NONE]
        case "state":
            return [host.picture.result]
        case "revision":
            revision = host.picture.revision
            return [_NONE if revision is None else revision_text(revision)]
        case "desired":
            return [(host.picture.desired or _NONE)[:DIGITS]]
        case _ if by.startswith("feature.") and by not in host.variables:
            return [_FEATURE[host.features.get(by.removeprefix("feature."))]]
        case _:
            value = host.variables.get(key)
            return [_NONE if value is None else value_text(value)]


def _compared(
    options: argparse.Namespace, inventory: Inventory, chosen: Sequence[Host], history: History
) -> ComparisonDocument:
    from cookbook.history.status_document import compared, compared_with_group, facets
    from cookbook.text.redaction import protected

    names: list[str] = options.compare
    if len(names) > _PAIR:
        raise UsageError("--compare takes one host or two")
    for name in names:
        if name not in inventory.hosts:
            hint = did_you_mean(name, inventory.hosts)
            raise UsageError(f"--compare: no host is named {name!r}", hint=hint)
    by_name = {host.name: host for host in (*chosen, *(inventory.hosts[name] for name in names))}
    pictures = history.pictures(*_named(list(by_name.values())))
    known = _known(options, inventory, list(by_name.values()), pictures, facts=True)
    group, members = "", names
    if len(names) == 1:
        group, members = _group_of(names[0], options.by, _grouped(options.by, inventory, known))
    compared_hosts = {host.name: host for host in known if host.name in members}
    states = history.states({name: host.picture for name, host in compared_hosts.items()})
    found = {name: facets(host, states.get(name, {})) for name, host in compared_hosts.items()}
    if len(names) == _PAIR:
        one, other = names
        return protected(compared((one, found[one]), (other, found[other])))
    own = found.pop(names[0])
    return protected(compared_with_group((names[0], own), group, found))


def _group_of(host: str, by: str, groups: Mapping[str, list[str]]) -> tuple[str, list[str]]:
    """Return the first group of a host that others are in. Raises UsageError."""
    for name, members in groups.items():
        if host in members and len(members) > 1 and name != _NONE:
            return name if by == "group" else f"{by} {name}", members
    raise UsageError(
        f"--compare {host}: it is alone in each of its groups",
        hint="name a second host, or what to group by: --by pop",
    )


def _tell_status(options: argparse.Namespace, document: StatusDocument) -> None:
    from cookbook.reports.status import status_lines
    from cookbook.reports.status_page import render_status

    lines = list(status_lines(document, verbose=bool(options.verbose)))
    _tell(options, document, lines, lambda: render_status(document))


def _tell_comparison(options: argparse.Namespace, document: ComparisonDocument) -> None:
    from cookbook.reports.status import comparison_lines
    from cookbook.reports.status_page import render_comparison

    _tell(options, document, list(comparison_lines(document)), lambda: render_comparison(document))


def _tell(
    options: argparse.Namespace, document: Any, lines: Sequence[StyledLine], page: Any
) -> None:
    """Print it, then write the reports."""
    from cookbook.cli.progress import write
    from cookbook.reports import format_of, write_report
    from cookbook.text.sanitize import json_text, one_line

    with reader_may_leave():
        if options.output == "json":
            print_json(document)
        else:
            write(lines, sys.stdout)
    for path in options.reports:
        match format_of(path, _FORMATS):
            case "html":
                text = page()
            case "json":
                text = f"{json_text(document)}\n"
            case _:
                text = "".join(f"{one_line(line)}\n" for _, line in lines)
        write_report(text, path)
