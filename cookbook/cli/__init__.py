"""
The commands: `cook converge webserver.py --hosts hosts.yml`.

Each is a module of this package with `add(commands)`, which declares its options, and
is imported only when its word is given: a run loads no more than it needs.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import importlib
import os
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import NoReturn

from cookbook import __version__
from cookbook.errors import CookError, InputError

_EXIT = """\
exit status:
  0    in line: converged, or nothing to do
  1    the input is wrong (recipe, inventory, options): no host was touched
  2    plan, drift: there is something to change; apply: something was unknown in the plan
  3    a host failed, or refused a plan that does not fit it any more; a reviewer objected
  4    a host was unreachable, none failed
  130  interrupted
"""

COMMANDS = {
    "converge": ("cookbook.cli.commands.converge", "bring the hosts into line"),
    "plan": ("cookbook.cli.commands.converge", "show what converge would do; change nothing"),
    "drift": (
        "cookbook.cli.commands.drift",
        "report which hosts are not as declared; change nothing",
    ),
    "watch": (
        "cookbook.cli.commands.watch",
        "check or converge hosts again and again: a service",
    ),
    "pull": (
        "cookbook.cli.commands.pull",
        "converge this host to a signed revision of a repository",
    ),
    "apply": ("cookbook.cli.commands.apply", "do exactly what a saved plan says, or refuse"),
    "show": ("cookbook.cli.commands.show", "show a saved plan, or a run of the history"),
    "history": (
        "cookbook.cli.commands.history",
        "list the runs that were recorded; forget old ones",
    ),
    "status": (
        "cookbook.cli.commands.status",
        "show what is where: revision, drift, last success, by group; compare hosts",
    ),
    "blame": (
        "cookbook.cli.commands.blame",
        "show which runs changed a resource, from which revision",
    ),
    "undo": ("cookbook.cli.commands.undo", "take back what a run has changed"),
    "releases": (
        "cookbook.cli.commands.releases",
        "list the releases of applications on hosts",
    ),
    "rollback": (
        "cookbook.cli.commands.releases",
        "lead an application back to a release before, on all chosen hosts",
    ),
    "rollout": (
        "cookbook.cli.rollouts.command",
        "bring groups of hosts into line in order, in batches, with a way back",
    ),
    "lock": (
        "cookbook.cli.commands.lock",
        "keep runs away from hosts until they are unlocked",
    ),
    "unlock": ("cookbook.cli.commands.lock", "let runs at hosts again"),
    "stash": ("cookbook.cli.commands.stash", "what hosts keep so that changes can be undone"),
    "secret": ("cookbook.cli.commands.secret", "keep secrets encrypted beside the recipes"),
    "trust": (
        "cookbook.cli.commands.trust",
        "see the keys of the hosts, and say that they are theirs",
    ),
    "run": ("cookbook.cli.adhoc.run", "run a command on hosts; show equal outputs together"),
    "declare": (
        "cookbook.cli.adhoc.declare",
        "converge resources from the command line, without a recipe file",
    ),
    "console": (
        "cookbook.cli.adhoc.console",
        "declare resources for a host at a Python prompt, with its facts",
    ),
    "facts": ("cookbook.cli.commands.facts", "show what the hosts are"),
    "inventory": (
        "cookbook.cli.commands.inventory",
        "show the hosts, and where each value is from",
    ),
    "features": (
        "cookbook.cli.commands.features",
        "show which hosts have which feature, and why",
    ),
    "resources": (
        "cookbook.cli.commands.resources",
        "show the resource types and their properties",
    ),
    "explain": (
        "cookbook.cli.commands.explain",
        "say what an error means, and what to do about it",
    ),
    "kitchen": ("cookbook.kitchen.cli", "disposable Debian hosts to try recipes on"),
}
"""Each command: the module that declares it, and what it does."""

_TAKE_A_COMMAND = ("run",)
"""The commands after which `--` begins a command for the hosts."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    if arguments is None:
        _guard_tracebacks()
    if any(name.startswith("COOK_SECRET_") for name in os.environ):
        from cookbook.secrets.stores.environment import take

        take()
    options = parsed(words)
    try:
        if options.verbose:
            _log(options.verbose)
        status: int = options.run(options)
    except CookError as error:
        from cookbook.cli.progress import write
        from cookbook.cli.report_lines import error_lines

        write(error_lines(error), sys.stderr)
        return 1 if isinstance(error, InputError) else 3
    except KeyboardInterrupt:
        return 130
    return status


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """
    Return the options of a command; `run` of them runs it.

    For a command that takes one for the hosts, the words after `--` are not options of cook.
    """
    own, _, rest = (
        ([*words[: words.index("--")]], "--", [*words[words.index("--") + 1 :]])
        if "--" in words
        else (words, "", [])
    )
    given = next((word for word in own if word in COMMANDS), "")
    if given not in _TAKE_A_COMMAND:
        return _parser(given).parse_args(words)
    options = _parser(given).parse_args(own)
    options.command = rest
    return options


def run() -> NoReturn:
    """
    Run a command, and end the process with its exit status.

    It ends as any Python program, but its objects are not freed one by one: that takes 15 ms.
    """
    gc.set_threshold(200_000, 20, 100)  # few cycles are made: to look for them takes 7 ms
    status = main()
    # The two that Python itself calls at its end, and has no public names for.
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - waits for threads
    atexit._run_exitfuncs()  # noqa: SLF001 - what was registered: masters of ssh(1) are ended
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        sys.exit(status)  # tells of it
    os._exit(status)


def _log(verbosity: int) -> None:
    import logging

    from cookbook.text.sanitize import clean

    class Discreet(logging.Formatter):
        """No level of detail, and no traceback, tells a secret or drives the terminal."""

        def format(self, record: logging.LogRecord) -> str:
            return clean(super().format(record))

    handler = logging.StreamHandler()
    handler.setFormatter(Discreet("%(name)s: %(message)s"))
    level = logging.DEBUG if verbosity > 1 else logging.INFO
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("paramiko").setLevel(logging.WARNING)


def _guard_tracebacks() -> None:
    """Install a handler that removes secrets from the traceback of an uncaught exception."""

    def tell(
        kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import traceback

        from cookbook.text.sanitize import clean

        sys.stderr.write(clean("".join(traceback.format_exception(kind, error, trace))))

    sys.excepthook = tell
    threading.excepthook = lambda hooked: tell(
        hooked.exc_type, hooked.exc_value, hooked.exc_traceback
    )


class _Parser(argparse.ArgumentParser):
    known_options: tuple[str, ...] = ()
    """Options of the command that is given, for hints."""

    def error(self, message: str) -> NoReturn:
        """Wrong options are wrong input: exit status 1, not argparse's 2."""
        from cookbook.cli.option_hints import hint_for
        from cookbook.text.sanitize import one_line

        self.print_usage(sys.stderr)
        hint = hint_for(message, COMMANDS, self.known_options)
        more = f"      next: {one_line(hint)}\n" if hint else ""
        self.exit(1, f"cook: {one_line(message)}\n{more}")


def _parser(given: str) -> argparse.ArgumentParser:
    """All commands are named, the options of the one that is given are declared."""
    parser = _Parser(
        prog="cook",
        description="Declare the state of your hosts; converge them over SSH.",
        epilog=_EXIT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"cook {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (module, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name == given:
            command.set_defaults(verbose=0)
            importlib.import_module(module).add(command, name)
            parser.known_options = tuple(command._option_string_actions)  # noqa: SLF001
            parser.print_usage = command.print_usage  # type: ignore[method-assign]
    return parser
