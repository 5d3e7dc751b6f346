"""`cook features`: which hosts have which feature, and why."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cookbook.cli.options import (
    add_common,
    add_features,
    add_variables,
    features,
    hosts,
    password,
    variables,
)
from cookbook.cli.output import exit_of, print_json, reader_may_leave

if TYPE_CHECKING:
    from datetime import datetime

    from cookbook.errors import CookError
    from cookbook.features.feature import Feature, FeatureDecision, Features
    from cookbook.inventory import Host
    from cookbook.reports.text import StyledLine
    from cookbook.script.facts import Facts

_STATES = {True: ("on", "green"), False: ("off", "dim"), None: ("unknown", "magenta")}

_MOST_NAMED = 12
"""Hosts with one answer that are named, before the rest is counted; JSON has all."""

Decisions = Mapping[str, Mapping[str, "FeatureDecision"]]
"""Feature -> host -> decision."""


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.add_argument("names", nargs="*", metavar="NAME", help="only these features")
    add_features(command)
    add_variables(command)
    command.add_argument(
        "--at",
        type=_time,
        metavar="TIME",
        help="as it is at another time: 2026-12-24, 2026-12-24T18:00Z",
    )
    command.add_argument(
        "--facts",
        action="store_true",
        help="ask the hosts for facts, where conditions read them",
    )
    add_common(command)
    command.set_defaults(run=_run)


def _time(text: str) -> datetime:
    from cookbook.text.times import instant

    try:
        return instant(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None


def _run(options: argparse.Namespace) -> int:
    chosen = hosts(options, keys=options.facts)
    given = variables(options.variables)
    found = features(options, given)
    if found is None:
        from cookbook.errors import UsageError

        raise UsageError(
            "there is no features.yml", hint="it is beside hosts.yml, or named by --features FILE"
        )
    if options.at is not None:
        found = replace(found, now=options.at)
    asked = [found.feature(name) for name in options.names] or list(found.features.values())
    facts, errors = _facts(options, chosen)
    decisions = {
        one.name: {host.name: _decide(one, host, given, found, facts) for host in chosen}
        for one in asked
    }
    with reader_may_leave():
        if options.output == "json":
            print_json(_document(found, asked, decisions))
        else:
            from cookbook.cli.progress import write

            write(_lines(asked, decisions), sys.stdout)
    return exit_of(errors)


def _facts(
    options: argparse.Namespace, chosen: Sequence[Host]
) -> tuple[Mapping[str, Facts], Mapping[str, CookError]]:
    """Ask the hosts for their facts, if that is wanted; return the errors, too."""
    if not options.facts:
        return {}, {}
    from cookbook.cli.per_host import answers
    from cookbook.hosts.connect import connect, gather_facts

    login = functools.partial(connect, become_password=password(options))
    return answers(chosen, options.forks, lambda host: gather_facts(host, login))


def _decide(
    feature: Feature,
    host: Host,
    given: Mapping[str, Any],
    found: Features,
    facts: Mapping[str, Facts],
) -> FeatureDecision:
    from cookbook.features.feature import subject
    from cookbook.language.collection import NO_FACTS_YET

    known = facts.get(host.name, NO_FACTS_YET)
    return feature.decide(subject(host, given, known), found.now)


def _document(found: Features, asked: Sequence[Feature], decisions: Decisions) -> dict[str, Any]:
    shown = {
        one.name: {
            "where": one.at,
            "note": one.note,
            "killed": one.killed,
            "hosts": {
                host: {
                    "on": decision.is_on,
                    "why": decision.why,
                    "detail": decision.detail,
                    "conditions": [condition._asdict() for condition in decision.conditions],
                }
                for host, decision in decisions[one.name].items()
            },
        }
        for one in asked
    }
    return {"schema": 1, "file": found.where, "at": found.now.isoformat(), "features": shown}


def _lines(asked: Sequence[Feature], decisions: Decisions) -> Iterator[StyledLine]:
    """Yield the lines of each feature, and how to know more where facts decide."""
    for one in asked:
        yield from _feature_lines(one, decisions[one.name])
    if any(d.is_on is None for decided in decisions.values() for d in decided.values()):
        yield "dim", "unknown: the condition reads facts; --facts asks the hosts"


def _feature_lines(
    feature: Feature, decided: Mapping[str, FeatureDecision]
) -> Iterator[StyledLine]:
    """Yield a line for a feature, then one for all hosts with an equal answer."""
    from cookbook.text.listing import named
    from cookbook.text.sanitize import one_line

    on = sum(decision.is_on is True for decision in decided.values())
    unknown = sum(decision.is_on is None for decision in decided.values())
    more = f", {unknown} unknown" if unknown else ""
    note = f"  {feature.note}" if feature.note else ""
    head = f"{feature.name}: on for {on} of {len(decided)} hosts{more}{note}  [{feature.at}]"
    yield "bold", one_line(head)
    equal: dict[tuple[bool | None, str], list[str]] = {}
    for name, decision in decided.items():
        said = "; ".join(filter(None, (decision.why, decision.detail)))
        equal.setdefault((decision.is_on, said), []).append(name)
    for (is_on, why), names in equal.items():
        word, style = _STATES[is_on]
        yield style, one_line(f"  {word:3}  {named(names, _MOST_NAMED)}  ({why})")
