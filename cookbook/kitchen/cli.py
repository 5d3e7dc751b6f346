"""`cook kitchen`: up, ssh, down, reset, list."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook import kitchen
from cookbook.errors import KitchenError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

# The hosts have no other locale, and a shell that is told of one complains.
LOCALE = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def add_commands(
    parser: argparse.ArgumentParser,
    add_test: Callable[[argparse.ArgumentParser], object] | None = None,
) -> None:
    """Add up, ssh, down, reset and list; and test, whose options the function declares."""
    parser.add_argument(
        "--folder", type=Path, help="where its hosts live (default: $COOK_KITCHEN or .kitchen)"
    )
    commands = parser.add_subparsers(dest="kitchen_command", required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="start hosts h1 to hN, unless they run already")
    up.add_argument("count", nargs="?", type=int, default=1, metavar="N")
    up.add_argument("--names", nargs="+", metavar="NAME", help="start these instead")
    up.add_argument("--release", help="their Debian: bullseye, bookworm (the default), trixie ...")
    ssh = commands.add_parser("ssh", help="log in to a host, or run a command on it")
    ssh.add_argument("name", metavar="NAME")
    ssh.add_argument("command", nargs="*", metavar="COMMAND")
    down = commands.add_parser("down", help="power off hosts and forget them; without NAME: all")
    down.add_argument("names", nargs="*", metavar="NAME")
    reset = commands.add_parser("reset", help="give a host a clean disk")
    reset.add_argument("name", metavar="NAME")
    commands.add_parser("list", help="the hosts that run")
    if add_test is not None:
        add_test(commands.add_parser("test", help="run the suites of kitchen.yml, on own hosts"))


def main(args: argparse.Namespace) -> int:
    """Do what the arguments say; KitchenError is the caller's to show."""
    logging.getLogger("cookbook.kitchen").setLevel(logging.INFO)
    cooking = kitchen.Kitchen(args.folder)
    match args.kitchen_command:
        case "up":
            _print(cooking.up(args.count, args.names, args.release))
            _say(f"try: cook plan RECIPE --hosts {os.path.relpath(cooking.hosts_yml)}")
        case "down":
            cooking.down(args.names or None)
        case "reset":
            _print([cooking.reset(args.name)])
        case "list":
            _print(cooking.hosts())
        case _:
            return _ssh(cooking, args.name, args.command)
    return 0


def _print(hosts: list[kitchen.KitchenHost]) -> None:
    for host in hosts:
        sys.stdout.write(f"{host.name} {host.address} {host.address6} {host.leader}\n")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _ssh(cooking: kitchen.Kitchen, name: str, command: list[str]) -> int:
    host = next((host for host in cooking.hosts() if host.name == name), None)
    if host is None:
        raise KitchenError(f"no host {name!r} is running", hint="cook kitchen list shows those")
    options = (
        f"IdentityFile={cooking.identity}",
        "IdentitiesOnly=yes",
        f"UserKnownHostsFile={cooking.known_hosts}",
        "StrictHostKeyChecking=yes",
    )
    flags = [word for option in options for word in ("-o", option)]
    line = ["ssh", "-F", "none", *flags, f"admin@{host.address}", *command]
    return subprocess.call(line, env={**os.environ, **LOCALE})
