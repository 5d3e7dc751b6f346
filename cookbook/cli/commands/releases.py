"""`cook releases` and `cook rollback`: the releases of applications, and the way back."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookbook.cli.durations import local
from cookbook.cli.options import (
    add_common,
    add_limits,
    add_record,
    add_reports,
    add_safety,
    add_set,
    add_wait,
    hosts,
    limits,
    password,
    safety,
    wait,
)
from cookbook.cli.per_host import answers, tell

if TYPE_CHECKING:
    from cookbook.inventory import Host
    from cookbook.language.provider import AnyProvider
    from cookbook.language.release import Release
    from cookbook.script.shell import Secret

RECIPE = """\
from cookbook.recipe import node
from cookbook.resources import {kind}

TARGETS = {targets!r}

{kind}({name!r}, action="rollback", to=TARGETS[node.name])
"""


def add(command: argparse.ArgumentParser, name: str) -> None:
    """Declare the options."""
    nargs = None if name == "rollback" else "?"
    command.add_argument("application", metavar="NAME", nargs=nargs, help="of the application")
    add_common(command)
    command.set_defaults(run=_list)
    if name == "releases":
        return
    from cookbook.cli.review import add_questions, add_review

    command.add_argument(
        "--to",
        metavar="RELEASE",
        help="a release, or the beginning of its commit; by default the one before",
    )
    command.add_argument(
        "--plan", action="store_true", help="show what would be done; change nothing"
    )
    add_review(command)
    add_record(command, default=True)
    add_set(command)
    add_wait(command)
    add_safety(command)
    add_limits(command)
    add_reports(command)
    add_questions(command)
    command.set_defaults(run=_back)


def _list(options: argparse.Namespace) -> int:
    chosen, secret = hosts(options), password(options)
    said, errors = answers(chosen, options.forks, lambda host: _ask(host, secret))
    wanted = options.application
    told = {
        name: [one._asdict() for _, one in found if wanted in (None, one.application)]
        for name, found in said.items()
    }
    return tell(options, told, errors, _print)


def _providers() -> Iterator[tuple[str, AnyProvider]]:
    """Yield the providers that know releases, with the names of their resource types."""
    from cookbook.plugins.manager import catalog
    from cookbook.plugins.registry import kinds

    for name, kind in kinds().items():
        if "rollback" in kind.actions():
            catalog().load(kind)
            for offer in kind.providers:
                if offer.provider.releases() is not None:
                    yield name, offer.provider


def _ask(host: Host, secret: Secret | None) -> list[tuple[str, Release]]:
    """Return the releases on a host, each with its resource type."""
    from cookbook.hosts.connect import connect
    from cookbook.hosts.session import Session
    from cookbook.script.program import Ask

    able = [(kind, one, asked) for kind, one in _providers() if (asked := one.releases())]
    session = Session(connect(host, secret))
    try:
        said = session.run([Ask(asked) for _, _, asked in able])
    finally:
        session.close()
    return [
        (kind, release)
        for (kind, provider, _), answer in zip(able, said, strict=True)
        for release in provider.release_list(answer.text)
    ]


def _print(told: dict[str, list[dict[str, Any]]]) -> None:
    from cookbook.cli.progress import write
    from cookbook.text.provenance import stamp

    for host, releases in told.items():
        write([("bold", f"{host}: {'' if releases else 'no releases'}")], sys.stdout)
        for one in releases:
            held = "" if one["state"] in ("current", "former") else ", held back"
            what = f"{one['application']}  {one['name']}  {one['state']}{held}"
            text = f"  {what}  {one['revision']}  {local(stamp(one['when']))}"
            write([("green" if one["state"] == "current" else "", text)], sys.stdout)


def _back(options: argparse.Namespace) -> int:
    from cookbook.cli.output import exit_of
    from cookbook.cli.progress import write
    from cookbook.cli.review import converge, reviewing
    from cookbook.cli.running import execute
    from cookbook.run.options import Run
    from cookbook.run.runner import Runner

    chosen, secret = hosts(options), password(options)
    said, errors = answers(chosen, options.forks, lambda host: _ask(host, secret))
    kind, targets = _targets(options.application, options.to, said)
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "rollback.py"
        recipe.write_text(RECIPE.format(kind=kind, targets=targets, name=options.application))
        run = Run(
            "plan" if options.plan else "converge",
            [recipe],
            [host for host in chosen if host.name in targets],
            {},
            options.forks,
            secret,
            inventory=options.hosts,
            set=options.set or f"rollback of {options.application}",
            wait=wait(options),
            **safety(options),
            **limits(options),
        )
        with reviewing(options):
            report = execute(Runner(run), options) if options.plan else converge(run, options)
    if errors:
        write([("yellow", f"not asked, and left as they are: {', '.join(errors)}")], sys.stderr)
    return max(report.exit, exit_of(errors))


def _targets(
    application: str, to: str | None, said: dict[str, list[tuple[str, Release]]]
) -> tuple[str, dict[str, str]]:
    """
    Return the resource type, and the release for each host that has the application.

    Raises UsageError if no host has it, or one has no such release: then nothing is done.
    """
    from cookbook.errors import UsageError

    kind, targets = "", {}
    for host, found in said.items():
        own = [pair for pair in found if pair[1].application == application]
        if not own:
            continue
        kind = own[0][0]
        releases = [one for _, one in own]
        fitting = _matching(releases, to) if to is not None else _before(releases)
        if len(fitting) != 1:
            some = ", ".join(one.name for one in releases)
            what = f"one release {to}" if to is not None else "a release before the current one"
            raise UsageError(f"{host}: {application} does not have {what}", hint=f"it has {some}")
        targets[host] = fitting[0].name
    if not targets:
        known = sorted({one.application for found in said.values() for _, one in found})
        raise UsageError(
            f"no host has releases of {application}",
            hint=f"there are: {', '.join(known)}" if known else "`cook releases` lists them",
        )
    return kind, targets


def _matching(releases: Sequence[Release], to: str) -> list[Release]:
    exact = [one for one in releases if one.name == to]
    return exact or [one for one in releases if one.commit.startswith(to)]


def _before(releases: Sequence[Release]) -> list[Release]:
    """Return the latest release before the current one that is not held back."""
    names = [one.state for one in releases]
    if "current" not in names:
        return []
    after = releases[names.index("current") + 1 :]
    return [one for one in after if one.state == "former"][:1]
