"""`cook console`: a Python prompt with a host's facts; what is declared there can be planned."""

from __future__ import annotations

import argparse
import code
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookbook.cli.options import (
    add_facts_age,
    add_features,
    add_hosts,
    add_safety,
    add_variables,
    add_verbose,
    features,
    fleet,
    hosts,
    load_inventory,
    origin,
    password,
    safety,
    variables,
)
from cookbook.errors import CookError, UsageError
from cookbook.text.sanitize import clean

if TYPE_CHECKING:
    from cookbook.inventory import Host
    from cookbook.language.collection import Collection, Node
    from cookbook.reports.report import Report
    from cookbook.run.options import Run

_HELP = """\
node            the host: node.name, node.facts, node.vars, node.groups, node.feature("...")
package("htop") declares a resource, as in a recipe; every type is there without an import
declared()      what is declared so far
plan()          show what a run would change; the host stays as it is
converge()      show the plan, ask, and apply it
forget()        forget what is declared
run("uptime")   run a command on the host, and return its output
Ctrl-D          leave: nothing else is done
"""


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    add_hosts(command)
    add_variables(command)
    add_features(command)
    add_facts_age(command)
    add_safety(command)
    add_verbose(command)
    command.set_defaults(run=_run, record=True, store=None, output="text", reports=[])


def _run(options: argparse.Namespace) -> int:
    everything = load_inventory(options)
    chosen = hosts(options, everything)
    if len(chosen) != 1:
        raise UsageError(
            f"a console is for one host, and {len(chosen)} are chosen",
            hint="choose one: --limit NAME",
        )
    from cookbook.hosts.connect import connect, gather_facts
    from cookbook.run.context import RunContext
    from cookbook.run.options import Run
    from cookbook.run.runner import new_id

    secret, given = password(options), variables(options.variables)
    run = Run(
        "plan",
        [],
        chosen,
        given,
        1,
        secret,
        inventory=options.hosts,
        set=f"console-{new_id()}",  # what another console declared is not orphaned by this one
        features=features(options, given),
        **safety(options),
        **origin(options),
        **fleet(options, everything),
    )
    facts = gather_facts(chosen[0], lambda host: connect(host, secret))
    node = RunContext(run, None, set()).node(chosen[0], facts)
    return _Console(run, chosen[0], node, options).interact()


class _Console:
    """The state of a console: what is declared so far."""

    def __init__(self, run: Run, host: Host, node: Node, options: argparse.Namespace) -> None:
        self._base, self._host, self._node, self._options = run, host, node, options
        self._collection = self._empty()

    def interact(self) -> int:
        """Read and do what is typed, until the end of the input; return the exit status."""
        from cookbook.language.collection import declaring

        names = {
            "node": self._node,
            "declared": self.declared,
            "plan": self.plan,
            "converge": self.converge,
            "forget": self.forget,
            "run": self.run,
        }
        prompt = _Prompt(names, lambda: declaring(self._collection))
        facts = self._node.facts
        about = f"{self._host.name}: {facts.distribution} {facts.version}, {facts.architecture}"
        if sys.stdin.isatty():
            _complete_with(prompt.locals)
            prompt.interact(banner=f"cook console, {about}\n\n{_HELP}", exitmsg="")
            return 0
        for line in (*sys.stdin, ""):
            prompt.push(line.rstrip("\n"))
        return 1 if prompt.failed else 0

    def declared(self) -> list[str]:
        """Return the identities of what is declared."""
        return [str(one.resource) for one in self._collection]

    def forget(self) -> None:
        """Forget what is declared."""
        self._collection = self._empty()

    def plan(self) -> None:
        """Show what a run would change."""
        self._planned(show=True)

    def converge(self) -> None:
        """Show the plan, ask at a terminal, and apply it."""
        from cookbook.approval.gate import Fence
        from cookbook.cli.plan_view import grouped_lines
        from cookbook.cli.prompt import Terminal, confirmed
        from cookbook.cli.running import execute
        from cookbook.run.runner import Runner

        report = self._planned(show=not sys.stdin.isatty())
        if report.exit != 2:
            return
        if sys.stdin.isatty() and not confirmed(Terminal(), grouped_lines(report)):
            return
        run = replace(self._base, mode="converge", approvers=[Fence(report)])
        execute(Runner(run, compiled=self._compiled), self._options)

    def run(self, command: str, timeout: float = 60.0) -> str:
        """Run a command on the host; return what it printed on standard output."""
        from cookbook.cli.adhoc.run import Commands

        outcome = Commands(command, timeout, self._base.become_password).outcome(self._host)
        if outcome.status != 0:
            said = f"exit status {outcome.status}: {outcome.complaint}"
            print(clean(said), file=sys.stderr)
        return outcome.text

    def _planned(self, *, show: bool) -> Report:
        from cookbook.cli.running import print_report
        from cookbook.run.runner import Runner

        report = Runner(self._base, compiled=self._compiled).execute()
        if show or report.exit != 2:
            print_report(report, self._options)
        return report

    @property
    def _compiled(self) -> Mapping[str, Collection]:
        """The declared resources, checked. Raises RecipeError."""
        self._collection.check()
        self._collection.check_contradictions()
        return {self._host.name: self._collection}

    def _empty(self) -> Collection:
        from cookbook.language.collection import Collection

        empty = Collection(self._node)
        empty.folder = Path.cwd()
        return empty


class _Prompt(code.InteractiveConsole):
    """A prompt in which an error of cook is one message, and no traceback."""

    def __init__(self, names: dict[str, Any], declaring: Callable[[], Any]) -> None:
        """Create a prompt; `declaring` returns the context in which resources are collected."""
        super().__init__(names, filename="<console>")
        self.failed = False
        self._declaring = declaring

    def runsource(self, source: str, filename: str = "<input>", symbol: str = "single") -> bool:
        """Run what is typed, with the resource types that it names."""
        from cookbook.plugins.recipe_names import names_in

        try:
            self.locals.update(names_in(source, self.locals))
        except CookError as error:
            self._tell(error)
            return False
        return super().runsource(source, filename, symbol)

    def runcode(self, compiled: Any) -> None:
        """Run a statement; what it declares is collected."""
        try:
            with self._declaring():
                exec(compiled, self.locals)  # noqa: S102 - it is a prompt
        except SystemExit:
            raise
        except CookError as error:
            self._tell(error)
        except BaseException as error:  # noqa: BLE001 - as the prompt of Python does
            self.failed = True
            trace = error.__traceback__
            while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
                trace = trace.tb_next
            lines = traceback.format_exception(error.with_traceback(trace))
            print(clean("".join(lines)), file=sys.stderr)

    def showsyntaxerror(self, filename: str | None = None, **_more: object) -> None:
        """Show an error of syntax, and remember it; Python 3.13 gives the source, too."""
        self.failed = True
        kind, error, _ = sys.exc_info()
        print("".join(traceback.format_exception_only(kind, error)), end="", file=sys.stderr)

    def _tell(self, error: CookError) -> None:
        from cookbook.cli.progress import write
        from cookbook.cli.report_lines import error_lines

        self.failed = True
        write(error_lines(error), sys.stderr)


def _complete_with(names: dict[str, Any]) -> None:
    """Complete names with the tabulator, if this Python can."""
    try:
        import readline
        import rlcompleter
    except ImportError:
        return
    from cookbook.plugins.recipe_names import all_names

    class Completer(rlcompleter.Completer):
        """Resource types are completed before they are used."""

        def global_matches(self, text: str) -> list[str]:
            own = [f"{name}(" for name in all_names() if name.startswith(text)]
            return [*own, *super().global_matches(text)]

    readline.set_completer(Completer(names).complete)
    readline.parse_and_bind("tab: complete")
