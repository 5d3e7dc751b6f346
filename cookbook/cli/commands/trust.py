"""`cook trust`: see the keys of all hosts at once, say once that they are theirs."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.cli.options import add_hosts, add_output, add_verbose, hosts
from cookbook.cli.output import exit_of, print_json
from cookbook.cli.per_host import answers

if TYPE_CHECKING:
    from cookbook.inventory import Host
    from cookbook.transport.paramiko_ssh.key_scan import Shown

_STYLES = {"known": "green", "new": "yellow"}


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    add_hosts(command)
    add_output(command)
    command.add_argument(
        "--expect",
        type=Path,
        metavar="FILE",
        help="a list of fingerprints; a new key is taken if it is in it, and no other is",
    )
    command.add_argument("--yes", action="store_true", help="take new keys without asking")
    add_verbose(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    chosen = [host for host in hosts(options, keys=False) if host.transport in ("ssh", "openssh")]
    from cookbook.transport.paramiko_ssh.key_scan import accept, expected

    wanted = expected(options.expect) if options.expect is not None else None
    shown, errors = answers(chosen, options.forks, _scan)
    found = {host: _expected(one, wanted) for host, one in shown.items()}
    _tell(found, options)
    new = [shown for shown in found.values() if shown.state == "new"]
    if new and (options.yes or wanted is not None or _agreed(len(new))):
        accept(new)
        _say(f"{len(new)} written to {', '.join(sorted({str(one.file) for one in new}))}")
        new = []
    refused = any(shown.state not in ("known", "new") for shown in found.values())
    return 3 if refused else exit_of(errors) or (2 if new else 0)


def _scan(host: Host) -> Shown:
    from cookbook.hosts.target_resolution import way_to

    target = way_to(host)
    if host.transport == "openssh":
        from cookbook.transport.openssh.key_scan import scan
    else:
        from cookbook.transport.paramiko_ssh.key_scan import scan
    return scan(target)


def _expected(shown: Shown, wanted: frozenset[str] | None) -> Shown:
    if wanted is None or shown.state != "new" or shown.fingerprint in wanted:
        return shown
    return replace(shown, state="unexpected")


def _tell(found: Mapping[str, Shown], options: argparse.Namespace) -> None:
    from cookbook.cli.progress import write

    if options.output == "json":
        told = {
            host: {"name": s.name, "type": s.type, "key": s.fingerprint, "state": s.state}
            for host, s in found.items()
        }
        print_json({"schema": 1, "hosts": told})
        return
    rows = [(host, s.name, s.type, s.fingerprint) for host, s in found.items()]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(4)]
    for cells, one in zip(rows, found.values(), strict=True):
        text = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        write([(_STYLES.get(one.state, "bold red"), f"{text}  {_words(one)}")], sys.stdout)


def _words(shown: Shown) -> str:
    if shown.state != "changed":
        return _WORDS.get(shown.state, shown.state)
    forget = shlex.join(["ssh-keygen", "-R", shown.name, "-f", str(shown.file)])
    return (
        "CHANGED: another key than the known one. If the host was really reinstalled:"
        f" {forget}; then `cook trust` again"
    )


_WORDS: Mapping[str, str] = {
    "revoked": "REVOKED",
    "unexpected": "not among the expected ones",
}


def _agreed(count: int) -> bool:
    if not sys.stdin.isatty():
        _say(f"{count} are new; --yes takes them, --expect FILE those that are in a list")
        return False
    noun = "this new key" if count == 1 else f"these {count} new keys"
    sys.stderr.write(f"Compare the fingerprints with the hosts' own. Trust {noun}? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _say(text: str) -> None:
    from cookbook.cli.progress import write

    write([("", f"cook: {text}")], sys.stderr)
