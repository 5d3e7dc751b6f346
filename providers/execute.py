"""Commands, by sh(1), and by runuser(1) or su(1) for another user."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from cookbook.provider import (
    ENCODING,
    Change,
    Command,
    Content,
    Probe,
    Provider,
    Secret,
    Thing,
    called,
    hint,
    join,
    provides,
    script,
    sh,
    tainted,
    with_environment,
)
from cookbook.providers.getent import GROUP, PASSWD
from cookbook.providers.stat import TARGET
from cookbook.resources.execute import Execute


@dataclass(frozen=True)
class State:
    """The existence of the path that it creates; without one, there is no state."""

    created: bool | None = None
    run: str = hint(default="")
    """The command as shell text."""
    environment: tuple[tuple[str, str], ...] = hint(default=())
    cwd: str | None = hint()
    user: str | None = hint()
    group: str | None = hint()
    login: bool = hint(default=False)
    umask: str | None = hint()
    input: Content | None = hint(sensitive=True)
    successes: tuple[int, ...] = hint(default=(0,))
    timeout: float = hint(default=3600.0)


@provides(Execute)
class ExecuteProvider(Provider[Execute, State]):
    """Chef's execute provider, and honest about it: what was run is said to have been run."""

    owns = False
    concurrent = True

    def probe(self, execute: Execute) -> Sequence[Probe]:
        """Ask for the path that it creates, its folder and its user."""
        path = execute.creates
        created = Probe(sh("if [ -e {} ] || [ -L {} ]; then echo there; fi", path, path))
        return [*([created] if path is not None else []), *_surroundings(execute).values()]

    def parse(self, execute: Execute, *answers: str | None) -> State:
        """Return the state."""
        return State(answers[0] != "" if execute.creates is not None else None)

    def plan(self, execute: Execute, found: State | None) -> Change[State]:
        """Run, unless what it creates is there."""
        if found is not None and found.created:
            return Change(found, found, note=f"not run: {execute.creates} is there")
        created = True if execute.creates is not None else None
        return Change(found or State(), _wanted(execute, created=created), act="run")

    def missing(self, execute: Execute, *answers: str | None) -> Iterator[Thing]:
        """Yield the working folder, the user and the group."""
        things = _surroundings(execute)
        last = answers[len(answers) - len(things) :]
        yield from (thing for thing, answer in zip(things, last, strict=True) if answer is None)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Yield the command in its environment, with the meaning of its exit status."""
        if (wanted := change.wanted) is None or change.act is None:
            return
        run = _run(wanted, _body(wanted))
        if isinstance(wanted.run, Secret):
            run = sh("{ {}\n} >/dev/null 2>&1", run)  # it may contain a secret
        whole = sh("{}{}", run, _meaning(wanted.successes))
        user = wanted.user or ("root" if wanted.login else None)
        # An error names the command of the recipe, not the shell around it.
        own = script(wanted.run)
        yield replace(whole, called=called(user, own) if user is not None else own.brief)

    def contents(self, execute: Execute) -> Mapping[str, bytes]:
        """Return the content of its input."""
        data = _input(execute)
        return {} if data is None else {Content.of(data): data}

    def about(self, execute: Execute) -> Iterable[Thing]:
        """Yield the path that it creates."""
        return [Thing("path", execute.creates)] if execute.creates is not None else []

    def alters(self, execute: Execute, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the path that it creates, which may be a folder with content."""
        return [Thing("tree", execute.creates)] if execute.creates is not None else []

    def there(self, state: State | None) -> bool:
        """Return whether the path that it creates exists."""
        return state is not None and state.created is not False

    def removes(self, execute: Execute, change: Change[State] | None) -> Iterable[Thing]:
        """Yield nothing: its removals are unknown."""
        return []

    def brings_anything(self, name: str) -> bool:
        """Return True: its effects are unknown."""
        return True

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: its effects are unknown."""
        return "a command that was run cannot be undone"

    def limit(self, change: Change[State]) -> float:
        """As the recipe says."""
        return change.wanted.timeout if change.wanted is not None else self.timeout


def _surroundings(execute: Execute) -> dict[Thing, Probe]:
    """Return what must exist before it can run, with the probe for each."""
    needs: dict[Thing, Probe] = {}
    if execute.cwd is not None:
        needs[Thing("path", execute.cwd)] = TARGET.about(execute.cwd, loose=True)
    if execute.user is not None:
        user = str(execute.user)
        needs[Thing("user", user)] = PASSWD.about(user, loose=True)
    if execute.group is not None:
        group = str(execute.group)
        needs[Thing("group", group)] = GROUP.about(group, loose=True)
    return needs


def _wanted(execute: Execute, *, created: bool | None) -> State:
    data = _input(execute)
    return State(
        created,
        _text(execute),
        tuple(
            (name, tainted(value) if execute.sensitive else value)
            for name, value in execute.environment.items()
        ),
        execute.cwd,
        None if execute.user is None else str(execute.user),
        None if execute.group is None else str(execute.group),
        execute.login,
        str(execute.umask) if execute.umask is not None else None,
        None if data is None else Content.of(data),
        execute.successes,
        execute.timeout,
    )


def _text(execute: Execute) -> str:
    """Return the shell text; the words of a list are quoted."""
    command = execute.name if execute.command is None else execute.command
    words = [command] if isinstance(command, str) else command
    text = command if isinstance(command, str) else sh("{}", list(command)).text
    secret = execute.sensitive or any(isinstance(word, Secret) for word in words)
    return tainted(text) if secret else text


def _input(execute: Execute) -> bytes | None:
    given = execute.input
    return given.encode(ENCODING, "surrogateescape") if isinstance(given, str) else given


def _body(state: State) -> Command:
    """Surroundings, then the command, on lines of their own: it may end in a comment."""
    lines = [
        *_environment(state),
        *([sh("umask {}", state.umask)] if state.umask is not None else []),
        *([sh("cd {} || exit", state.cwd)] if state.cwd is not None else []),
        *[sh("{}={}; export {}", script(k), v, script(k)) for k, v in state.environment],
        script(state.run),
    ]
    return join(lines, "\n")


def _environment(state: State) -> Iterator[Command]:
    """
    Yield the lines that make the environment of another user.

    su(1) makes that of a login, but its SHELL is the one that it was told to start.
    """
    if state.login:
        user = state.user or "root"
        yield sh("SHELL=$(cook_entry {}); SHELL=${SHELL##*:}; export SHELL", user)
    elif state.user is not None:
        yield sh("cook_be {}", state.user)


def _run(state: State, body: Command) -> Command:
    """
    Return the command in a subshell, or in a shell of another user.

    That shell reads its text on a pipe, because arguments are visible to all users: on its standard
    input, or on another descriptor if the command has an input of its own.
    """
    feed = sh("content {} |", state.input) if state.input is not None else sh("")
    if state.user is None and not state.login:
        return sh("{} (\n{}\n)", feed, body)
    ask_user, user = _by_name("passwd", state.user or "root")
    ask_group, name = _by_name("group", state.group or "")
    group = sh("-g {}", name) if state.group is not None else sh("")
    if state.login:
        shell = sh("su {} -s /bin/sh -l {}", group, user)
        reader = sh("su {} -s /bin/sh -l -c {} {}", group, _READER, user)
    else:
        shell = _shell_of(user, group)
        reader = _shell_of(user, group, sh("-c {}", _READER))
    ask = sh("{}{}", ask_user, ask_group)
    if state.input is not None:
        text = with_environment(sh("exec 3<&-\n{}\n", body))
        return sh("{}{} | (exec 3<&0; {} {})", ask, text, feed, reader)
    return sh("{}{} | {}", ask, with_environment(sh("(\n{}\n) </dev/null\n", body)), shell)


def _by_name(database: Literal["passwd", "group"], given: str) -> tuple[Command, Command]:
    """Return how to find out a name, and the name: runuser(1) and su(1) take no numbers."""
    if not given.isdigit():
        return sh(""), sh("{}", given)
    variable = script(f"cook_{database}")
    missing = f"there is no entry with the number {given} in {database}(5)"
    ask = sh(
        "{}=$(getent {} {} || awk -F: {} {}); {}=${{}%%:*};"
        ' [ "${}" ] || { echo {} >&2; exit 67; }\n',
        *(variable, database, given, f"$3 == {given} {{ print; exit }}", f"/etc/{database}"),
        *(variable, variable, variable, missing),
    )
    return ask, sh('"${}"', variable)


def _shell_of(user: Command, group: Command, more: Command | None = None) -> Command:
    """Return the shell with busybox only: it has no runuser(1), and its su(1) has no groups."""
    runuser = sh("runuser -u {} {} -- /bin/sh {}", user, group, more or sh(""))
    if group:
        return runuser
    su = sh("su -s /bin/sh {} {}", user, more or sh(""))
    return sh("if command -v runuser >/dev/null; then {}; else {}; fi", runuser, su)


_READER = 'eval "$(cat <&3)"'


def _meaning(successes: Sequence[int]) -> Command:
    if tuple(successes) == (0,):
        return sh("")
    good = script("|".join(str(status) for status in successes))
    bad = sh("" if 0 in successes else "0) echo 'status 0 is no success here' >&2; exit 1 ;; ")
    return sh("\ns=$?; case $s in {}) ;; {}*) exit $s ;; esac", good, bad)
