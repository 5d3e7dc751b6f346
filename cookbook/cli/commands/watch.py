"""`cook watch`: groups of hosts are checked, or converged, again and again."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.cli.options import add_store, add_verbose

if TYPE_CHECKING:
    from cookbook.watch.loop import WatchListener
    from cookbook.watch.metrics import MetricsListener
    from cookbook.watch.settings import WatchSettings


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.add_argument(
        "settings",
        nargs="?",
        type=Path,
        default=Path("watch.yml"),
        metavar="FILE",
        help="what is done how often (watch.yml)",
    )
    where = command.add_mutually_exclusive_group()
    where.add_argument(
        "--hosts", type=Path, metavar="FILE", help="the inventory (hosts.yml beside watch.yml)"
    )
    where.add_argument("--local", action="store_true", help="this machine, without SSH")
    command.add_argument(
        "--environment",
        metavar="NAME",
        help="the environment of all hosts, whatever the inventory says",
    )
    command.add_argument("--once", action="store_true", help="one turn of each group, now")
    command.add_argument(
        "--print-unit", action="store_true", help="print a unit file for systemd, and end"
    )
    command.add_argument(
        "--metrics", type=Path, metavar="FILE", help="write metrics for Prometheus into a file"
    )
    command.add_argument(
        "--metrics-listen",
        metavar="ADDRESS:PORT",
        help="serve metrics for Prometheus on the loopback, e.g. 127.0.0.1:9780",
    )
    add_store(command)
    add_verbose(command)
    command.set_defaults(run=_run, refresh_inventory=False)


def _run(options: argparse.Namespace) -> int:
    inventory = _inventory(options)
    if options.print_unit:
        return _print_unit(options, inventory)
    from cookbook.watch.log import WatchLog, say
    from cookbook.watch.loop import WatchLoop
    from cookbook.watch.notify import NotifyListener
    from cookbook.watch.systemd import SystemdListener
    from cookbook.watch.turn import inventory_words, starter

    settings = _checked(options, inventory)
    systemd = SystemdListener()
    listeners: list[WatchListener] = [WatchLog(), systemd]
    metrics = _metrics(options, settings)
    listeners += [metrics] if metrics is not None else []
    notify = NotifyListener(settings, say)
    listeners.append(notify)
    loop = WatchLoop(
        settings,
        starter(inventory_words(inventory, options.store, options.environment)),
        listeners,
        say,
        lambda: _checked(options, inventory),
        once=options.once,
    )
    serving = metrics.serving(options.metrics_listen) if metrics is not None else nullcontext()
    with loop.signals(), serving, notify.working():
        systemd.ready()
        results = loop.run()
        systemd.ending()
    return max((_severity(result.exit) for result in results), default=0) if options.once else 0


def _metrics(options: argparse.Namespace, settings: WatchSettings) -> MetricsListener | None:
    """Return the listener that counts, if metrics are wanted."""
    if options.metrics is None and options.metrics_listen is None:
        return None
    from cookbook.watch.log import say
    from cookbook.watch.metrics import MetricsListener

    return MetricsListener(options.metrics, say, settings.groups)


def _severity(status: int) -> int:
    return 3 if status < 0 else status


def _inventory(options: argparse.Namespace) -> Path | None:
    if options.local:
        return None
    found: Path = options.hosts or options.settings.parent / "hosts.yml"
    return found


def _checked(options: argparse.Namespace, inventory: Path | None) -> WatchSettings:
    """
    Return the settings, after a check against the inventory.

    Raises UsageError, InventoryError.
    """
    from cookbook.cli.options import load_inventory
    from cookbook.errors import UsageError
    from cookbook.watch.settings import read_watch

    settings = read_watch(options.settings)
    options.hosts = inventory
    hosts = load_inventory(options)
    for group in settings.groups:
        try:
            chosen = hosts.select([group.limit])
        except UsageError as error:
            raise UsageError(f"{group.at}: {group.name}: {error}", hint=error.hint) from None
        if not group.recipes and not any(host.recipes for host in chosen):
            raise UsageError(
                f"{group.at}: {group.name}: there is no recipe",
                hint="`recipes:` here, or of the hosts and groups in hosts.yml",
            )
    return settings


def _print_unit(options: argparse.Namespace, inventory: Path | None) -> int:
    from cookbook.watch.systemd import unit
    from cookbook.watch.turn import inventory_words

    where = None if inventory is None else inventory.absolute()
    words = ["watch", str(options.settings.absolute())]
    words += inventory_words(where, options.store, options.environment)
    words += ["--metrics", str(options.metrics.absolute())] if options.metrics else []
    words += ["--metrics-listen", options.metrics_listen] if options.metrics_listen else []
    writes = [options.metrics.absolute().parent] if options.metrics else []
    print(unit("cook-watch.service", words, local=options.local, writes=writes), end="")
    return 0
