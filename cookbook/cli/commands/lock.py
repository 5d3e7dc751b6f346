"""`cook lock` and `cook unlock`: an operator's "hands off", which every run respects."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from cookbook.cli.durations import span
from cookbook.cli.options import add_common, hosts, password
from cookbook.cli.per_host import answers, tell

if TYPE_CHECKING:
    from cookbook.inventory import Host
    from cookbook.script.lock import Holder
    from cookbook.script.shell import Secret


def add(command: argparse.ArgumentParser, name: str) -> None:
    """Declare the options."""
    command.add_argument(
        "patterns", nargs="*", metavar="HOST", help="names, groups, globs; as --limit"
    )
    add_common(command)
    command.set_defaults(run=_run, locks=name == "lock")
    if name == "lock":
        command.add_argument("--reason", required=True, help="what others are told")
        command.add_argument(
            "--for", dest="span", type=span, metavar="SPAN", help="until then, e.g. 2h; for good"
        )


def _run(options: argparse.Namespace) -> int:
    options.limit = [*options.limit, *options.patterns]
    chosen = hosts(options)
    secret, who = password(options), _holder(options) if options.locks else None
    said, errors = answers(chosen, options.forks, lambda h: _set(h, secret, who))
    return tell(options, said, errors, _tell)


def _holder(options: argparse.Namespace) -> Holder:
    from cookbook.script.lock import Holder
    from cookbook.text.provenance import Origin, stamp

    origin = Origin()
    until = None
    if options.span is not None:
        until = stamp(time.time() + options.span.total_seconds())
    return Holder(origin.by, origin.started, reason=options.reason, until=until)


def _set(host: Host, secret: Secret | None, who: Holder | None) -> dict[str, Any]:
    """Set the lock of a host, or take it away; what it was before, and what it is now."""
    from cookbook.errors import CommandError
    from cookbook.hosts.connect import connect
    from cookbook.hosts.session import Session
    from cookbook.script import lock
    from cookbook.script.program import ANSWER_TIMEOUT, Ask, Do

    session = Session(connect(host, secret))
    try:
        command = lock.RESUME if who is None else lock.halt(who)
        before, done = session.run([Ask(lock.HALTED), Do(command, ANSWER_TIMEOUT)])
    finally:
        session.close()
    if done.status != 0:
        raise CommandError(f"{host.name}: the lock could not be written: {done.complaint}")
    was = str(lock.holder(before.text)) if before.text else None
    return {"was": was, "now": None if who is None else str(who)}


def _tell(told: dict[str, Any]) -> None:
    from cookbook.cli.progress import write

    for name, one in told.items():
        text = f"locked by {one['now']}" if one["now"] else "unlocked"
        was = f" (before: {one['was']})" if one["was"] else ""
        write([("", f"{name}: {text}{was}")], sys.stdout)
