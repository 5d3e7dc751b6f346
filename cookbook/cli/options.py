"""Options that several commands have, and what they mean."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookbook.errors import UsageError

if TYPE_CHECKING:
    from cookbook.features.feature import Features
    from cookbook.inventory import Host, Inventory
    from cookbook.script.shell import Secret
    from cookbook.secrets.sealing import Key


def add_verbose(command: argparse.ArgumentParser) -> None:
    """`-v`: more of everything."""
    command.add_argument("-v", "--verbose", action="count", default=0)


def add_output(command: argparse.ArgumentParser) -> None:
    """`--output`: for people, or for programs."""
    command.add_argument("--output", choices=("text", "json"), default="text")


def add_reports(command: argparse.ArgumentParser) -> None:
    """`--report`: what came of it, in files."""
    command.add_argument(
        "--report",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        dest="reports",
        help="write a report, too; its ending says the format: .txt .json .xml (JUnit) .sarif "
        ".md .html; may be given again",
    )


def add_metrics(command: argparse.ArgumentParser) -> None:
    """`--metrics`: the run among those that Prometheus knows."""
    command.add_argument(
        "--metrics",
        type=Path,
        metavar="FILE",
        help="add the run to the metrics in a file, for the textfile collector of node_exporter",
    )


def add_hosts(command: argparse.ArgumentParser) -> None:
    """Which hosts, and how to reach them."""
    add_inventory(command)
    command.add_argument("--forks", type=positive, default=50, help="hosts at once (50)")
    command.add_argument(
        "-K", "--ask-become-pass", action="store_true", help="ask for the password of sudo or su"
    )


def add_inventory(command: argparse.ArgumentParser) -> None:
    """Which hosts."""
    where = command.add_mutually_exclusive_group(required=True)
    where.add_argument("--hosts", type=Path, metavar="FILE", help="the inventory, e.g. hosts.yml")
    where.add_argument("--local", action="store_true", help="this machine, without SSH")
    command.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="PATTERN",
        help="only these hosts: names, groups, globs, !exclusions; commas between",
    )
    command.add_argument(
        "--environment",
        metavar="NAME",
        help="the environment of all hosts, whatever the inventory says",
    )
    command.add_argument(
        "--refresh-inventory",
        action="store_true",
        help="ask the sources of hosts anew, also where a kept answer would count",
    )


def add_variables(command: argparse.ArgumentParser) -> None:
    """`--set`: variables for all hosts."""
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="variables",
        help="a variable for all hosts; the value is YAML",
    )


def add_facts_age(command: argparse.ArgumentParser) -> None:
    """`--facts-age`: how old facts of other hosts may be."""
    from cookbook.cli.durations import span

    command.add_argument(
        "--facts-age",
        type=span,
        metavar="SPAN",
        help="how old the last known facts may be of a host that a recipe reads facts of and that"
        " cannot be reached (7d)",
    )


def fleet(options: argparse.Namespace, inventory: Inventory) -> dict[str, Any]:
    """Return what recipes know of other hosts, as properties of a Run."""
    found: dict[str, Any] = {"groups": {n: g.hosts for n, g in inventory.groups.items()}}
    if options.facts_age is not None:
        found["facts_age"] = float(options.facts_age.total_seconds())
    return found


def add_features(command: argparse.ArgumentParser) -> None:
    """Add the option for the file of feature toggles."""
    command.add_argument(
        "--features",
        type=Path,
        metavar="FILE",
        help="the feature toggles (features.yml beside hosts.yml, if there is one)",
    )


def features(options: argparse.Namespace, given: Mapping[str, object]) -> Features | None:
    """
    Return the features of the inventory that was loaded; None if there is no features.yml.

    `given` are the variables of `--set`. Raises FeatureError with file:line.
    """
    path: Path | None = options.features
    if path is None:
        path = None if options.local else options.hosts.parent / "features.yml"
        if path is None or not path.is_file():
            return None
    from datetime import UTC, datetime

    from cookbook.features.reader import load_features

    return load_features(path, options.inventory, datetime.now(UTC), given)


def add_wait(command: argparse.ArgumentParser) -> None:
    """`--wait`: for a host that another run is at work on."""
    from cookbook.cli.durations import span

    command.add_argument(
        "--wait",
        type=span,
        metavar="SPAN",
        help="wait for hosts that another run is at work on, e.g. 5m",
    )


def add_safety(command: argparse.ArgumentParser) -> None:
    """`--confirm-timeout`, `--allow-lockout`, `--reconnect`: when the link is lost, or may be."""
    from cookbook.cli.durations import span

    command.add_argument(
        "--confirm-timeout",
        type=span,
        metavar="SPAN",
        help="how long a host waits for a new login after a change that may lock out, before"
        " it takes that back (60s)",
    )
    command.add_argument(
        "--allow-lockout",
        action="store_true",
        help="apply changes that lock out the login user, too",
    )
    command.add_argument(
        "--reconnect",
        type=int,
        default=3,
        choices=range(11),
        metavar="TIMES",
        help="how often to connect again when the link is lost (3)",
    )


def safety(options: argparse.Namespace) -> dict[str, Any]:
    """Return these options as properties of a Run."""
    found: dict[str, Any] = {"allow_lockout": options.allow_lockout, "reconnect": options.reconnect}
    if options.confirm_timeout is not None:
        found["confirm_timeout"] = float(options.confirm_timeout.total_seconds())
    return found


def add_limits(command: argparse.ArgumentParser) -> None:
    """`--timeout`, `--host-timeout`: how long it may take at most."""
    from cookbook.cli.durations import span

    command.add_argument(
        "--timeout", type=span, metavar="SPAN", help="how long all of it may take, e.g. 1h"
    )
    command.add_argument(
        "--host-timeout", type=span, metavar="SPAN", help="how long each host may take, e.g. 20m"
    )
    command.add_argument(
        "--max-failures",
        type=_count,
        metavar="NUMBER",
        help="begin no further host once more than so many have failed; see --forks",
    )


def limits(options: argparse.Namespace) -> dict[str, Any]:
    """Return these options as properties of a Run."""
    given = {name: getattr(options, name) for name in ("timeout", "host_timeout")}
    found = {name: span.total_seconds() for name, span in given.items() if span is not None}
    return {**found, "max_failures": options.max_failures}


def wait(options: argparse.Namespace) -> float:
    """Return the number of seconds to wait."""
    return 0.0 if options.wait is None else float(options.wait.total_seconds())


def add_prune(command: argparse.ArgumentParser) -> None:
    """`--prune`: what has left the recipes."""
    command.add_argument(
        "--prune",
        action="store_true",
        help="remove what cook created and the recipes do not declare any more",
    )


def add_set(command: argparse.ArgumentParser) -> None:
    """`--as`: whose things are whose."""
    command.add_argument(
        "--as",
        dest="set",
        type=_set_name,
        metavar="NAME",
        help="what these recipes are called together (their names, joined by +)",
    )


def _set_name(text: str) -> str:
    from cookbook.run.options import LONGEST_SET

    if not re.fullmatch(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r}: only letters, digits, _ . + -")
    if len(text) > LONGEST_SET:
        raise argparse.ArgumentTypeError(f"it has more than {LONGEST_SET} characters")
    return text


def add_common(command: argparse.ArgumentParser) -> None:
    """Hosts, output and verbosity."""
    add_hosts(command)
    add_output(command)
    add_verbose(command)


def add_key(command: argparse.ArgumentParser) -> None:
    """Add the option for the key that seals a saved plan."""
    command.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help=f"the key that seals the plan; without it the file that {_KEY_VARIABLE} names",
    )


_KEY_VARIABLE = "COOK_PLAN_KEY_FILE"


def plan_key(options: argparse.Namespace) -> Key | None:
    """
    Return the key of a saved plan, or None.

    Raises UsageError if other users can read the file.
    """
    path = options.key or os.environ.get(_KEY_VARIABLE)
    if not path:
        return None
    from cookbook.secrets.sealing import Key

    return Key.read(Path(path))


def add_store(command: argparse.ArgumentParser) -> None:
    """`--store`: where the history is."""
    command.add_argument(
        "--store",
        metavar="URL",
        help="the history: postgresql://... or sqlite:///...; or COOK_STORE (on this machine)",
    )


def add_record(command: argparse.ArgumentParser, *, default: bool) -> None:
    """`--record`: whether the run goes into the history."""
    text = f"keep the run in the history ({'yes' if default else 'no'})"
    command.add_argument(
        "--record", action=argparse.BooleanOptionalAction, default=default, help=text
    )
    add_store(command)


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of hosts")
    return int(text)


def positive(text: str) -> int:
    """Return a number of hosts or processes. Raises argparse's error for any other text."""
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of hosts or processes")
    return int(text)


def hosts(
    options: argparse.Namespace, inventory: Inventory | None = None, *, keys: bool = True
) -> list[Host]:
    """
    Return the hosts of the inventory within the limit, with the passwords that it names.

    At a terminal, the passphrases of their `keys` are asked for. Raises InventoryError, UsageError
    for a wrong passphrase, and SecretError if a password is in no store.
    """
    found = inventory or load_inventory(options)
    chosen = found.select(options.limit)
    if "variables" in options:
        found.check(chosen, variables(options.variables, warn=False))
    if keys and not options.local and sys.stdin.isatty():
        import getpass

        from cookbook.hosts.connect import unlock_keys

        unlock_keys(chosen, getpass.getpass)
    if not any(host.become_password or host.password for host in chosen):
        return chosen
    from dataclasses import replace

    from cookbook.secrets.stores.lookup import revealed

    return [
        replace(
            host,
            become_password=None if options.ask_become_pass else revealed(host.become_password),
            password=revealed(host.password),
        )
        for host in chosen
    ]


def origin(options: argparse.Namespace) -> dict[str, Any]:
    """Return the origin of the run as a property of a Run; `cook pull` knows the revision."""
    from cookbook.text.provenance import Origin

    return {"origin": Origin(known_as=getattr(options, "known_as", None))}


def load_inventory(options: argparse.Namespace) -> Inventory:
    """Return the inventory that is named; a plugin loads it if it is of the plugin's kind."""
    from cookbook import inventory
    from cookbook.plugins.manager import plugins  # it registers the transports

    name = options.environment
    if options.local:
        local = inventory.local() if name is None else inventory.local().in_environment(name)
        options.inventory = local
        return local
    found: Inventory | None = plugins().hook.cookbook_inventory(path=options.hosts)
    if found is None:
        found = inventory.load(options.hosts, name, refresh=options.refresh_inventory)
    elif name is not None:
        found = found.in_environment(name)
    if (machine := getattr(options, "this_machine", None)) is not None:
        name = found.named_as(machine)
        found, options.limit = found.with_local(name), [name]
    if not getattr(options, "shard", False):  # the first process has said them
        _warn(found.warnings)
    options.inventory = found
    return found


def check_private(pairs: Sequence[str], why: str) -> None:
    """Raise UsageError for a value of `--set` that is probably a secret, and not a named one."""
    from cookbook.text.provenance import is_private

    for pair in pairs:
        name, _, value = pair.partition("=")
        if is_private(name) and not value.lstrip().startswith("!secret"):
            raise UsageError(
                f"--set {name}: {why}", hint=f"name a secret: --set '{name}=!secret NAME'"
            )


def variables(pairs: Sequence[str], *, warn: bool = True) -> dict[str, Any]:
    """`--set key=value`; the value is YAML, so that `http_port=80` is a number."""
    found: dict[str, Any] = {}
    warnings: list[str] = []
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.isidentifier():
            raise UsageError(f"--set {pair}: it must be key=value")
        from cookbook.secrets.reference import secret_tag
        from cookbook.text.yaml_reader import YamlReader

        # `!secret NAME` is for a secret: ps(1) shows plain values to all users.
        reader = YamlReader(UsageError, secret_tag(), lines=False)
        given = reader.parse(value, f"--set {key}")
        found[key] = given.plain(warnings) if given is not None else None
    _warn(warnings if warn else ())
    return found


def _warn(warnings: Sequence[str]) -> None:
    if warnings:
        from cookbook.cli.progress import write

        write([("yellow", f"cook: {warning}") for warning in warnings], sys.stderr)


def password(options: argparse.Namespace) -> Secret | None:
    """Return the password of sudo or su if it is to be asked for, else None."""
    if not options.ask_become_pass:
        return None
    import getpass

    from cookbook.script.shell import Secret

    return Secret(getpass.getpass("sudo password: "))
