"""`cook run 'web*' --hosts hosts.yml -- uptime`: a command on hosts, equal outputs together."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cookbook.cli.options import add_common, hosts, password
from cookbook.cli.output import print_json, reader_may_leave
from cookbook.cli.per_host import answers
from cookbook.errors import BrokenOff, HostError, UsageError

if TYPE_CHECKING:
    from cookbook.errors import CookError
    from cookbook.hosts.session import Session
    from cookbook.inventory import Host
    from cookbook.reports.text import StyledLine
    from cookbook.script.program import Outcome
    from cookbook.secrets.secret import Secret

_TIMEOUT = 60.0
"""Seconds that the command may take on a host."""

_AGAIN = 0.2
"""Seconds between two attempts to end it."""

_NOT_BEGUN = "not begun: a signal has ended this"


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
    commands = Commands(line, timeout, secret)
    with commands.listening():
        said, errors = answers(chosen, options.forks, commands.outcome)
    with reader_may_leave():
        if options.output == "json":
            print_json({"schema": 1, "command": line, "hosts": _json(chosen, said, errors)})
        else:
            _print(list(_lines(chosen, said, errors)))
    return 130 if commands.told else _exit(said, errors)


class Commands:
    """A command line on many hosts, which a signal ends on all of them."""

    def __init__(self, line: str, timeout: float, become_password: Secret | None = None) -> None:
        """`timeout` is in seconds, for each host."""
        self._line, self._timeout, self._secret = line, timeout, become_password
        self._sessions: set[Session] = set()
        self.told = False
        """True after a signal."""

    def outcome(self, host: Host) -> Outcome:
        """Run it on a host. Raises HostError; a command that takes too long is ended there."""
        from cookbook.hosts.connect import connect
        from cookbook.hosts.session import Session
        from cookbook.script.program import Do
        from cookbook.script.shell import script

        if self.told:
            raise BrokenOff(_NOT_BEGUN)
        lasting = host.transport == "local"
        session = Session(
            connect(host, self._secret), lambda: connect(host, self._secret), lasting=lasting
        )
        self._sessions.add(session)
        try:
            if self.told:  # by a signal during the login, which has not seen this session
                raise BrokenOff(_NOT_BEGUN)
            [outcome] = session.run([Do(script(self._line), self._timeout)])
        finally:
            self._sessions.discard(session)
            session.close()
        if session.ended:
            raise BrokenOff("a signal has ended the command")
        return outcome

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """End the command on all hosts at the first signal; leave at once at the second."""
        from cookbook.run.signals import handled

        with handled(self._stop):
            yield

    def _stop(self, _number: int, _frame: object) -> None:
        if self.told:
            os._exit(130)
        self.told = True
        os.write(2, b"cook: ending the command on all hosts; once more leaves at once\n")
        for session in list(self._sessions):
            threading.Thread(target=self._break_off, args=(session,), daemon=True).start()

    def _break_off(self, session: Session) -> None:
        """End the command; again while it cannot be ended, because it has not begun yet."""
        while session in self._sessions and not session.ended:
            with contextlib.suppress(HostError, OSError):  # the session tells of a lost link
                session.break_off()
            time.sleep(_AGAIN)


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
