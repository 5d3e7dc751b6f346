"""`cook stash`: what hosts keep of what was replaced or removed."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from cookbook.cli.durations import local, span
from cookbook.cli.options import add_common, hosts, password
from cookbook.cli.per_host import answers, tell

if TYPE_CHECKING:
    from cookbook.inventory import Host
    from cookbook.script.shell import Secret


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    add_common(command)
    command.add_argument(
        "--prune",
        type=span,
        metavar="SPAN",
        help="remove what was not wanted for so long, e.g. 90d; undo cannot bring it back then",
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    chosen = hosts(options)
    secret = password(options)
    minutes = None if options.prune is None else int(options.prune.total_seconds() // 60)
    said, errors = answers(chosen, options.forks, lambda h: _ask(h, secret, minutes))
    return tell(options, said, errors, lambda told: _print(told, verbose=bool(options.verbose)))


def _ask(host: Host, secret: Secret | None, minutes: int | None) -> dict[str, Any]:
    """Remove entries that are too old; return the rest."""
    from cookbook.hosts.connect import connect
    from cookbook.hosts.session import Session
    from cookbook.script import stash
    from cookbook.script.program import Ask, Do

    session = Session(connect(host, secret))
    try:
        removed = 0
        if minutes is not None:
            [done] = session.run([Do(stash.prune(minutes), 300.0)])
            removed = len(done.text.splitlines())
        [listed] = session.run([Ask(stash.LIST)])
    finally:
        session.close()
    return {
        "removed": removed,
        "entries": [
            # No digest: that of something short and secret is as good as the secret.
            {"bytes": size, "kept": when}
            for _, size, when in stash.entries(listed.text)
        ],
    }


def _print(hosts: dict[str, Any], *, verbose: bool) -> None:
    from cookbook.cli.progress import write
    from cookbook.text.provenance import stamp

    for name, told in hosts.items():
        entries = told["entries"]
        size = sum(entry["bytes"] for entry in entries)
        gone = f", {told['removed']} removed" if told["removed"] else ""
        write([("bold", f"{name}: {len(entries)} kept, {size} bytes{gone}")], sys.stdout)
        for entry in entries if verbose else ():
            when = local(stamp(entry["kept"]))
            write([("", f"  {when}  {entry['bytes']} bytes")], sys.stdout)
