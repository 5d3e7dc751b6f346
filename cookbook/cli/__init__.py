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
import select
import signal
import sys
import threading
from collections.abc import Callable, Collection, Sequence
from types import TracebackType
from typing import Any, NoReturn

from cookbook import __version__
from cookbook.cli.command_table import COMMANDS, GROUPS
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

    def command() -> int:
        if options.verbose:
            _log(options.verbose)
        status: int = options.run(options)
        return status

    return guarded(command)


def guarded(command: Callable[[], int]) -> int:
    """Return the exit status of a command; an error that ends it is printed."""
    try:
        return command()
    except CookError as error:
        from cookbook.cli.progress import write
        from cookbook.cli.report_lines import error_lines

        write(error_lines(error), sys.stderr)
        return 1 if isinstance(error, InputError) else 3
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        if not _reader_has_left():
            raise
        from cookbook.cli.output import leave_output

        leave_output()
        return 128 + signal.SIGPIPE


def _reader_has_left() -> bool:
    """Return whether the reader of the standard output has closed it."""
    poll = select.poll()
    poll.register(1, 0)  # an error is always reported
    return any(event & select.POLLERR for _, event in poll.poll(0))


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """
    Return the options of a command; `run` of them runs it.

    For a command that takes one for the hosts, the words after `--` are not options of cook.
    """
    end = words.index("--") if "--" in words else len(words)
    own, rest = words[:end], words[end + 1 :]
    given = next((word for word in own if word in COMMANDS), "")
    if given not in _TAKE_A_COMMAND:
        return _parser([given]).parse_args(words)
    options = _parser([given]).parse_args(own)
    options.command = [*rest]
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

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print a text; its reader may leave early, before it is written or meanwhile."""
        try:
            super()._print_message(message, file)
            if file is not None:
                file.flush()  # else Python does so at its end, and complains
        except OSError:
            from cookbook.cli.output import leave_output

            leave_output()

    def error(self, message: str) -> NoReturn:
        """Wrong options are wrong input: exit status 1, not argparse's 2."""
        from cookbook.cli.option_hints import hint_for
        from cookbook.text.sanitize import one_line

        self.print_usage(sys.stderr)
        hint = hint_for(message, COMMANDS, self.known_options)
        more = f"      next: {one_line(hint)}\n" if hint else ""
        self.exit(1, f"cook: {one_line(message)}\n{more}")


def whole_parser() -> argparse.ArgumentParser:
    """Return the parser with the options of all commands, for completion and for manuals."""
    parser = _parser(COMMANDS)
    for action in parser._actions:  # noqa: SLF001 - there is no other way to list them
        action.help = None if action.help == argparse.SUPPRESS else action.help
    return parser


def _parser(given: Collection[str]) -> argparse.ArgumentParser:
    """All commands are named, the options of those that are given are declared."""
    parser = _Parser(
        prog="cook",
        usage="cook [-h] [--version] COMMAND ...",
        description="Declare the state of your hosts; converge them over SSH.\n\n" + _overview(),
        epilog=f"cook COMMAND --help shows the options of one, with examples.\n\n{_EXIT}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"cook {__version__}")
    commands = parser.add_subparsers(
        prog="cook", metavar="COMMAND", required=True, help=argparse.SUPPRESS
    )
    for name, (module, does, examples) in COMMANDS.items():
        command = commands.add_parser(name, help=does, description=does)
        if name in given:
            command.formatter_class = argparse.RawDescriptionHelpFormatter
            command.set_defaults(verbose=0)
            importlib.import_module(module).add(command, name)
            shown = ["examples:", *(f"  {one}" for one in examples)]
            command.epilog = "\n".join([*_paragraph(command.epilog), *shown])
            parser.known_options = tuple(command._option_string_actions)  # noqa: SLF001
            parser.print_usage = command.print_usage  # type: ignore[method-assign]
    return parser


def _paragraph(text: str | None) -> list[str]:
    """Return the lines of a text and an empty one; none without a text."""
    if text is None:
        return []
    import textwrap

    return [*textwrap.wrap(text, 78), ""]


def _overview() -> str:
    """Return the commands by heading, each with what it does."""
    width = max(map(len, COMMANDS))
    lines = []
    for heading, commands in GROUPS.items():
        lines += [f"{heading}:", *(f"  {n:{width}}  {c.does}" for n, c in commands.items()), ""]
    return "\n".join(lines)
