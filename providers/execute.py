"""Commands, by sh(1), and by runuser(1) or su(1) for another user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cookbook.provider import Change, Probe, Provider, hint, provides
from cookbook.resources.execute import Execute
from cookbook.shell import Command, Content, Secret, join, script, sh


@dataclass(frozen=True)
class State:
    """Whether what it creates is there; where it creates nothing, there is no state."""

    created: bool | None = None
    run: str = hint(default="")
    """The command as shell text."""
    environment: tuple[tuple[str, str], ...] = hint(default=())
    cwd: str | None = hint()
    user: str | None = hint()
    group: str | None = hint()
    login: bool = hint(default=False)
    umask: str | None = hint()
    input: Content | None = hint()
    successes: tuple[int, ...] = hint(default=(0,))
    timeout: float = hint(default=3600.0)


@provides(Execute)
class ExecuteProvider(Provider[Execute, State]):
    """Chef's execute provider, and honest about it: what was run is said to have been run."""

    brings_anything = True

    def probe(self, execute: Execute) -> Sequence[Probe]:
        """Whether what it creates is there."""
        if execute.creates is None:
            return []
        path = execute.creates
        return [Probe(sh("if [ -e {} ] || [ -L {} ]; then echo there; fi", path, path))]

    def parse(self, execute: Execute, *answers: str) -> State:
        """What there is to know."""
        return State(answers[0] != "" if answers else None)

    def plan(self, execute: Execute, found: State | None) -> Change[State]:
        """Run, unless what it creates is there."""
        if found is not None and found.created:
            return Change(found, found)
        created = True if execute.creates is not None else None
        return Change(found, _wanted(execute, created=created), act="run")

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """The command in its surroundings, and what its exit status means."""
        if (wanted := change.wanted) is None or change.act is None:
            return
        body = _body(wanted)
        yield sh("{}{}", _run(wanted, body), _meaning(wanted.successes))

    def contents(self, execute: Execute) -> Mapping[str, bytes]:
        """What it reads."""
        data = _input(execute)
        return {} if data is None else {Content.of(data): data}

    def limit(self, change: Change[State]) -> float:
        """As the recipe says."""
        return change.wanted.timeout if change.wanted is not None else self.timeout


def _wanted(execute: Execute, *, created: bool | None) -> State:
    data = _input(execute)
    return State(
        created,
        _text(execute),
        tuple((str(k), v) for k, v in execute.environment.items()),
        execute.cwd,
        execute.user,
        execute.group,
        execute.login,
        str(execute.umask) if execute.umask is not None else None,
        None if data is None else Content.of(data),
        execute.successes,
        execute.timeout,
    )


def _text(execute: Execute) -> str:
    """The shell text; a list of words is quoted, so that no shell reads anything into it."""
    command = execute.name if execute.command is None else execute.command
    if isinstance(command, str):
        return Secret(command) if execute.sensitive and not isinstance(command, Secret) else command
    return sh("{}", list(command)).text


def _input(execute: Execute) -> bytes | None:
    given = execute.input
    return given.encode() if isinstance(given, str) else given


def _body(state: State) -> Command:
    """Surroundings, then the command, on lines of their own: it may end in a comment."""
    lines = [
        *([sh("umask {}", state.umask)] if state.umask is not None else []),
        *([sh("cd {} || exit", state.cwd)] if state.cwd is not None else []),
        *[sh("{}={}; export {}", script(k), v, script(k)) for k, v in state.environment],
        script(state.run),
    ]
    return join(lines, "\n")


def _run(state: State, body: Command) -> Command:
    """
    In a subshell, or in a shell of another user.

    That one reads its text on a pipe, because arguments can be seen by everybody;
    only where the command has an input of its own, it is an argument.
    """
    feed = sh("content {} | ", state.input) if state.input is not None else sh("")
    if state.user is None and not state.login:
        return sh("{}(\n{}\n)", feed, body)
    user = state.user or "root"
    group = sh("-g {}", state.group) if state.group is not None else sh("")
    shell = sh("su - {}", user) if state.login else sh("runuser -u {} {} -- /bin/sh", user, group)
    if state.input is not None:
        return sh("{}{} -c {}", feed, shell, _word(body))
    return sh("printf %s {} | {}", _word(sh("(\n{}\n) </dev/null\n", body)), shell)


def _word(body: Command) -> Command:
    """A piece of shell as one word of another; what is hidden in it stays hidden."""
    return Command(sh("{}", body.text).text, sh("{}", body.shown).text, body.contents)


def _meaning(successes: Sequence[int]) -> Command:
    if tuple(successes) == (0,):
        return sh("")
    patterns = sh("|").text.join(str(status) for status in successes)
    return sh("\ncase $? in {}) ;; *) (exit $?) ;; esac", script(patterns))
