"""`cook run 'web*' --hosts hosts.yml -- uptime`: a command on hosts, equal outputs together."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cookbook.cli.options import add_common, hosts, password
from cookbook.cli.output import print_json, reader_may_leave
from cookbook.cli.per_host import answers
from cookbook.errors import UsageError

if TYPE_CHECKING:
    from cookbook.errors import CookError
    from cookbook.inventory import Host
    from cookbook.reports.text import StyledLine
    from cookbook.script.program import Outcome
    from cookbook.secrets.secret import Secret

_TIMEOUT = 60.0
"""Seconds that the command may take on a host."""


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options; the command is what follows `--`."""
    from cookbook.cli.durations import span

    command.usage = (
        "cook run [PATTERN] (--hosts FILE | --local) [options] -- COMMAND [ARGUMENT ...]"
    )
    command.epilog = (
        "One word after -- is a line for the shell, e.g. -- 'df -h | tail -1'; several words are a"
        " program and its arguments, which no shell reads again. The command runs as the user that"
        " the inventory says (become), from /, without standard input. It takes no lock and is not"
        " in the history: for lasting changes there are recipes, and `cook declare`."
    )
    command.add_argument(
        "pattern",
        nargs="?",
        metavar="PATTERN",
        help="only these hosts, as for --limit: names, groups, globs, !exclusions",
    )
    add_common(command)
    command.add_argument(
        "--timeout",
        type=span,
        metavar="SPAN",
        help="how long the command may take on a host (60s); it is ended then",
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if not options.command:
        raise UsageError(
            "there is no command to run", hint="it follows --: cook run --hosts hosts.yml -- uptime"
        )
    if options.pattern:
        options.limit = [*options.limit, options.pattern]
    line = options.command[0] if len(options.command) == 1 else shlex.join(options.command)
    chosen, secret = hosts(options), password(options)
    timeout = _TIMEOUT if options.timeout is None else options.timeout.total_seconds()
    said, errors = answers(
        chosen, options.forks, lambda host: outcome_of(host, line, timeout, secret)
    )
    with reader_may_leave():
        if options.output == "json":
            print_json({"schema": 1, "command": line, "hosts": _json(chosen, said, errors)})
        else:
            _print(list(_lines(chosen, said, errors)))
    return _exit(said, errors)


def outcome_of(host: Host, line: str, timeout: float, secret: Secret | None) -> Outcome:
    """Run a command line on a host, at most `timeout` seconds. Raises HostError."""
    from cookbook.hosts.connect import connect
    from cookbook.hosts.session import Session
    from cookbook.script.program import Do
    from cookbook.script.shell import script

    session = Session(connect(host, secret))
    try:
        [outcome] = session.run([Do(script(line), timeout)])
    finally:
        session.close()
    return outcome


class _Said(NamedTuple):
    """The part of an outcome by which hosts are shown together."""

    status: int | None
    lines: tuple[StyledLine, ...]


def _lines(
    chosen: Sequence[Host], said: Mapping[str, Outcome], errors: Mapping[str, CookError]
) -> Iterator[StyledLine]:
    """Yield the outputs, those of many hosts first; hosts with equal ones stand together."""
    together: dict[_Said, list[str]] = {}
    for host in chosen:
        if (outcome := said.get(host.name)) is not None:
            together.setdefault(_said(outcome), []).append(host.name)
    for (status, lines), names in sorted(
        together.items(), key=lambda one: (one[0].status != 0, -len(one[1]))
    ):
        style, text = ("bold green", "") if status == 0 else ("bold red", f": exit status {status}")
        count = f" ({len(names)} hosts)" if len(names) > 1 else ""
        yield style, f"{', '.join(names)}{count}{text}"
        yield from lines
    from cookbook.cli.report_lines import error_lines

    for name, error in errors.items():
        _, (_, first), *more = ("", ""), *error_lines(error)
        yield "bold red", f"{name}: {first.removeprefix('cook: ')}"
        yield from more


def _said(outcome: Outcome) -> _Said:
    errors = outcome.stderr.decode("utf-8", "replace")
    return _Said(
        outcome.status,
        (
            *(("", f"  {line}") for line in outcome.text.splitlines()),
            *(("yellow", f"  {line}") for line in errors.splitlines()),
            *([("yellow", "  (a part of the output was left out)")] if outcome.cut else ()),
        ),
    )


def _print(lines: Sequence[StyledLine]) -> None:
    from cookbook.cli.progress import write

    write(lines, sys.stdout)


def _json(
    chosen: Sequence[Host], said: Mapping[str, Outcome], errors: Mapping[str, CookError]
) -> dict[str, Any]:
    from cookbook.reports.report import error_json

    return {
        host.name: {"error": error_json(errors[host.name])}
        if host.name in errors
        else {
            "status": said[host.name].status,
            "stdout": said[host.name].stdout.decode("utf-8", "replace"),
            "stderr": said[host.name].stderr.decode("utf-8", "replace"),
            "seconds": round(said[host.name].seconds, 3),
            "complete": not said[host.name].cut,
        }
        for host in chosen
    }


def _exit(said: Mapping[str, Outcome], errors: Mapping[str, CookError]) -> int:
    """Return 3 if the command failed somewhere, 4 if hosts were unreachable only."""
    from cookbook.errors import Unreachable

    if any(outcome.status != 0 for outcome in said.values()):
        return 3
    if not errors:
        return 0
    return 4 if all(isinstance(error, Unreachable) for error in errors.values()) else 3
