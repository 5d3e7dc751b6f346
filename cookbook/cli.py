"""The commands: `cook converge webserver.py --hosts hosts.yml`."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from cookbook import __version__
from cookbook.errors import CookError, InputError, UsageError

if TYPE_CHECKING:
    from cookbook.inventory import Host, Inventory
    from cookbook.report import Mode, Report
    from cookbook.run import Runner
    from cookbook.shell import Secret

_EXIT = """\
exit status:
  0    in line: converged, or nothing to do
  1    the input is wrong (recipe, inventory, options): no host was touched
  2    plan: there is something to change
  3    a host failed, or refused a plan that does not fit it any more
  4    a host was unreachable, none failed
  130  interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    options = _parser(kitchen="kitchen" in words).parse_args(words)
    try:
        if options.verbose:
            _log(options.verbose)
        status: int = options.run(options)
    except CookError as error:
        from cookbook.show import error_lines, write

        write(error_lines(error), sys.stderr)
        return 1 if isinstance(error, InputError) else 3
    except KeyboardInterrupt:
        return 130
    return status


def _log(verbosity: int) -> None:
    import logging

    level = logging.DEBUG if verbosity > 1 else logging.INFO
    logging.basicConfig(level=level, format="%(name)s: %(message)s")
    logging.getLogger("paramiko").setLevel(logging.WARNING)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Wrong options are wrong input: exit status 1, not argparse's 2."""
        self.print_usage(sys.stderr)
        self.exit(1, f"cook: {message}\n")


def _parser(*, kitchen: bool) -> argparse.ArgumentParser:
    """`kitchen` says whether that command, which has its own module, may have been given."""
    parser: argparse.ArgumentParser = _Parser(
        prog="cook",
        description="Declare the state of your hosts; converge them over SSH.",
        epilog=_EXIT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"cook {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, text in (
        ("converge", "bring the hosts into line"),
        ("plan", "show what converge would do; change nothing"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("recipes", nargs="+", type=Path, metavar="RECIPE")
        _common(command)
        command.set_defaults(run=_run, mode=name, out=None)
        if name == "plan":
            command.add_argument("-o", dest="out", type=Path, metavar="FILE", help="save the plan")
    apply = commands.add_parser("apply", help="do exactly what a saved plan says, or refuse")
    apply.add_argument("plan", type=Path, metavar="PLANFILE")
    _common(apply)
    apply.set_defaults(run=_apply, mode="apply", out=None)
    show = commands.add_parser("show", help="show a saved plan")
    show.add_argument("plan", type=Path, metavar="PLANFILE")
    show.add_argument("-v", "--verbose", action="count", default=0)
    show.set_defaults(run=_show)
    facts = commands.add_parser("facts", help="show what the hosts are")
    _common(facts)
    facts.set_defaults(run=_facts)
    inventory = commands.add_parser(
        "inventory", help="show the hosts, and where each value is from"
    )
    _common(inventory)
    inventory.set_defaults(run=_inventory)
    words = commands.add_parser("words", help="show the words recipes are written in")
    words.add_argument("word", nargs="?")
    words.add_argument("-v", "--verbose", action="count", default=0)
    words.set_defaults(run=_words)
    if kitchen:
        from cookbook.kitchen.cli import add_parser

        add_parser(commands)
    else:
        commands.add_parser("kitchen", help="disposable Debian hosts to try recipes on")
    return parser


def _common(command: argparse.ArgumentParser) -> None:
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
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="variables",
        help="a variable for all hosts; the value is YAML",
    )
    command.add_argument("--output", choices=("text", "json"), default="text")
    command.add_argument("--forks", type=_positive, default=50, help="hosts at once (50)")
    command.add_argument(
        "-K", "--ask-become-pass", action="store_true", help="ask for the password of sudo"
    )
    command.add_argument("-v", "--verbose", action="count", default=0)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of hosts")
    return int(text)


def _run(options: argparse.Namespace) -> int:
    hosts = _hosts(options)
    from cookbook.run import Run, Runner

    mode: Mode = options.mode
    run = Run(
        mode,
        options.recipes,
        hosts,
        _variables(options.variables),
        options.forks,
        _password(options),
    )
    report = _execute(Runner(run), options)
    if options.out is not None:
        from cookbook.saved import save, saved_plan

        save(saved_plan(report, run, options.hosts), options.out)
    return report.exit


def _apply(options: argparse.Namespace) -> int:
    from cookbook.saved import load

    saved = load(options.plan)
    hosts = saved.choose(_hosts(options), limited=bool(options.limit))
    from cookbook.run import Run, Runner

    password = _password(options)
    run = Run("apply", (), hosts, {}, options.forks, password, saved=saved)
    return _execute(Runner(run), options).exit


def _show(options: argparse.Namespace) -> int:
    from cookbook.saved import load
    from cookbook.show import report_lines, write

    saved = load(options.plan)
    write([("dim", saved.heading)], sys.stdout)
    write(report_lines(saved.report, verbose=bool(options.verbose)), sys.stdout)
    return 0


def _execute(runner: Runner, options: argparse.Namespace) -> Report:
    """Do it, tell of it, and print what came of it."""
    from cookbook.plugins import listening
    from cookbook.show import Progress

    with listening(Progress()):
        report = runner.execute()
    with _reader_may_leave():
        if options.output == "json":
            from cookbook.report import report_json

            _print_json(report_json(report))
        else:
            from cookbook.show import report_lines, write

            write(report_lines(report, verbose=bool(options.verbose)), sys.stdout)
        sys.stdout.flush()
    return report


@contextlib.contextmanager
def _reader_may_leave() -> Iterator[None]:
    """Whoever reads the report may have gone; what came of the run is still so."""
    try:
        yield
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - nothing is left to be flushed


def _facts(options: argparse.Namespace) -> int:
    hosts = _hosts(options)
    from cookbook.platform import facts_json
    from cookbook.run import each_host, gather_facts

    password = _password(options)
    shown: dict[str, Any] = {}
    errors: list[CookError] = []
    for host, answer in each_host(hosts, options.forks, lambda h: gather_facts(h, password)):
        if isinstance(answer, CookError):
            errors.append(answer)
            shown[host.name] = {"error": str(answer)}
        else:
            shown[host.name] = facts_json(answer)
    if options.output == "json":
        _print_json({"schema": 1, "hosts": shown})
    else:
        _print_table(shown)
    return _exit_of(errors)


def _exit_of(errors: Sequence[CookError]) -> int:
    from cookbook.errors import Unreachable
    from cookbook.show import error_lines, write

    for error in errors:
        write(error_lines(error), sys.stderr)
    if not errors:
        return 0
    return 4 if all(isinstance(error, Unreachable) for error in errors) else 3


def _inventory(options: argparse.Namespace) -> int:
    inventory = _load(options)
    shown = {
        host.name: [
            {"key": o.key, "value": _plain(o.value), "level": o.level, "at": o.at, "used": o.used}
            for o in inventory.explain(host.name)
        ]
        for host in inventory.select(options.limit)
    }
    if options.output == "json":
        _print_json({"schema": 1, "hosts": shown})
        return 0
    for name, origins in shown.items():
        print(name)
        for o in origins:
            where = f"{o['level']} {o['at']}".strip()
            over = "" if o["used"] else "  (overridden)"
            if o["at"] or options.verbose:
                print(f"  {o['key']} = {o['value']}  [{where}]{over}")
    return 0


def _words(options: argparse.Namespace) -> int:
    from cookbook.words import describe_word, list_words

    lines = list_words() if options.word is None else describe_word(options.word)
    print("\n".join(lines))
    return 0


def _hosts(options: argparse.Namespace) -> list[Host]:
    return _load(options).select(options.limit)


def _load(options: argparse.Namespace) -> Inventory:
    from cookbook import inventory

    if options.local:
        return inventory.local()
    from cookbook.plugins import plugins

    found: Inventory | None = plugins().hook.cookbook_inventory(path=options.hosts)
    return found if found is not None else inventory.load(options.hosts)


def _variables(pairs: Sequence[str]) -> dict[str, Any]:
    """`--set key=value`; the value is YAML, so that `http_port=80` is a number."""
    variables: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.isidentifier():
            raise UsageError(f"--set {pair}: it must be key=value")
        import yaml

        try:
            variables[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UsageError(f"--set {pair}: the value is no YAML: {error}") from None
    return variables


def _password(options: argparse.Namespace) -> Secret | None:
    if not options.ask_become_pass:
        return None
    import getpass

    from cookbook.shell import Secret

    return Secret(getpass.getpass("sudo password: "))


def _print_json(document: object) -> None:
    import json

    print(json.dumps(document, indent=2, ensure_ascii=False))


def _print_table(hosts: dict[str, Any]) -> None:
    from cookbook.show import clean

    for name, facts in hosts.items():
        print(name)
        for key, value in facts.items():
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            print(clean(f"  {key:15} {text}"))


def _plain(value: object) -> Any:
    """Paths and read-only mappings as JSON knows them."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [_plain(item) for item in value]
        case Mapping():
            return {str(k): _plain(v) for k, v in value.items()}
        case _:
            return str(value)


if __name__ == "__main__":
    sys.exit(main())
