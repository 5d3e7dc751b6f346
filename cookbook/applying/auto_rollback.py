"""
Auto-rollback: a timer on the host that takes back a change which may lock the operator out.

Before such a change, the commands that undo it and a timer are written to the host (contents
are in its stash). After the change, the run makes a *new* connection with full privilege and
stops the timer. If that is not possible, the host restores the former state by itself, even
if the run was killed.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from cookbook.errors import HostError, LockedOut, PasswordRefused, WouldLockOut
from cookbook.hosts.aside import Aside
from cookbook.hosts.session import Session
from cookbook.language.access_path import AccessPath, Risk
from cookbook.language.change import Change
from cookbook.planning.decision import PlannedChange
from cookbook.retry import CLOCK, Clock, Retry, growing, wait
from cookbook.script import run_as
from cookbook.script.program import ANSWER_TIMEOUT, Do, Outcome
from cookbook.script.rollback_cleanup import AT_BOOT, NOT_AT_BOOT
from cookbook.script.shell import Command, join, script, sh
from cookbook.transport.contract import LoginPasswordRefused

GRACE = 30.0
"""Seconds within which a host is expected to answer again after a rollback."""

_LOOK_AGAIN = 1.0
"""Seconds between two tries to reach the host."""

# The first to rename `armed` decides: the timer, or the run.
_RUN = """\
cd "{}" || exit; mv armed fired 2>/dev/null || exit 0
exec >>log 2>&1 </dev/null; LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin; export PATH
cook_home="{}"; cook_nonce={}; cook_stage=; export HOME; umask 022; cd /
content() { cook_loose=1; cat -- "$cook_home/stash/$1"; }
"""

# What the kernel knows of the network is put back, too: a command may have changed just that.
_KEEP_NETWORK = (
    'cd -- "$r" && command -v ip >/dev/null && {\n'
    "ip -o link show up | sed -n 's/^[0-9]*: \\([^:@]*\\).*/\\1/p' >links\n"
    "for f in 4 6; do ip -$f address save >address$f; ip -$f route save >route$f; done\n"
    "} 2>/dev/null; cd /\n"
)

_NETWORK_BACK = """\
cd "$cook_home/rescue/{}" && [ -s links ] && {
while read -r link; do ip link set "$link" up; done <links
for f in 4 6; do ip -$f address restore <address$f; ip -$f route restore <route$f; done
} 2>/dev/null; cd /"""

_WRITE = (
    'id={}; r=$cook_home/rescue/$id; (umask 077; mkdir -p -- "$r" && printf %s {} >"$r/run" &&'
    ' sed -i "s|@cook_home@|$cook_home|" "$r/run" && : >"$r/armed") || exit\n'
)
"""Write the commands of a rollback to the host."""

_ARM = (
    _WRITE
    + _KEEP_NETWORK
    + "if [ -O / ] && [ -d /run/systemd/system ] && systemd-run --quiet --collect"
    ' --unit="cook-rescue-$id" --on-active={} --timer-property=AccuracySec=100ms /bin/sh "$r/run"'
    f" 2>/dev/null; then\n{AT_BOOT}exit 0; fi\n"
    "if command -v setsid >/dev/null; then set -- setsid; else set --; fi\n"
    '"$@" /bin/sh -c {} - "$r/run" </dev/null >/dev/null 2>&1 &'
)

_DISARM = (
    'id={}; r=$cook_home/rescue/$id; mv -- "$r/armed" "$r/well" 2>/dev/null || exit 3\n'
    f'systemctl stop "cook-rescue-$id.timer" 2>/dev/null\n{NOT_AT_BOOT}'
    'rm -rf -- "$r"; rmdir -- "${r%/*}" 2>/dev/null || :'
)

_FIRED = 'r=$cook_home/rescue/{}; [ -e "$r/done" ] && tail -n 5 -- "$r/log" && rm -rf -- "$r"'
"""Succeeds when the rollback is complete; prints the end of its log."""


@dataclass
class AutoRollback:
    """The rollback of one host: the commands that undo the risky changes, and the timer."""

    session: Session
    way: AccessPath
    seconds: float
    """Seconds that the host waits for the confirmation."""

    allowed: bool = False
    """True if a change that is certain to lock the operator out is allowed."""

    clock: Clock = CLOCK

    _back: list[Command] = field(default_factory=list)
    """The commands that undo the changes, those of the latest change first."""
    _tell: list[Command] = field(default_factory=list)
    """Services that are told when what they read is back."""
    _armed: str = ""
    _new_login: Aside | None = None
    """The login that stops the timer."""
    _since: float = 0.0
    _names: list[str] = field(default_factory=list)
    _changes: list[PlannedChange] = field(default_factory=list)
    """The changes that the timer takes back."""

    def risk(self, planned: PlannedChange) -> Risk:
        """Return the risk that a change locks the operator out."""
        if not self.session.connection.reconnects:
            return "no"
        risk = planned.provider.lockout_risk(planned.name, planned.change, self.way)
        return "may" if risk == "no" and planned.resource.guarded else risk

    def refusal(self, planned: PlannedChange) -> WouldLockOut | None:
        """Return the error for a change that certainly locks out, if that is not allowed."""
        if self.risk(planned) != "will":
            return None
        item = planned.item
        if self.allowed and planned.change.kind == "remove":
            return WouldLockOut(
                f"{item.resource} ({item.declared.where}) would lock out user {self.way.user},"
                " and a removal cannot be taken back in time",
                hint="remove it from the console of the host, or log in as another user",
            )
        if self.allowed:
            return None
        better = planned.provider.lockout_hint(planned.name, planned.change, self.way)
        force = "--allow-lockout applies it; it is taken back if login fails afterwards"
        return WouldLockOut(
            f"{item.resource} ({item.declared.where}) would lock out"
            f" user {self.way.user} (SSH, port {self.way.port})",
            hint=force if better is None else f"{better}; {force}",
        )

    def arm(self, changes: Sequence[PlannedChange]) -> Do:
        """Return the command that starts the timer for these and all earlier risky changes."""
        for planned in changes:
            self._names.append(str(planned.resource))
            back = reversal(planned)
            self._changes += [planned] if back else []
            self._back[:0] = back
            self._tell += repeated_acts(planned)
        self._armed = secrets.token_hex(6)
        self._new_login = Aside(self.session, sh(_DISARM, self._armed))
        self._since = self.clock.now()
        text = rollback_script(self._armed, [*self._back, *self._tell], network=True)
        armed = sh(
            _ARM,
            self._armed,
            text,
            str(round(self.seconds)),
            f'sleep {round(self.seconds)}; exec /bin/sh "$1"',
        )
        shown = f"roll back in {round(self.seconds)} s without a new login"
        return Do(replace(armed, shown=shown), ANSWER_TIMEOUT)

    @property
    def armed(self) -> bool:
        """True if a timer runs on the host."""
        return bool(self._armed)

    def forget(self) -> None:
        """Note that the timer was not started; nothing was changed then."""
        self._armed = ""

    def begin(self) -> None:
        """Begin to stop the timer over a new connection: the changes are made."""
        if self._armed and self._new_login is not None:
            self._new_login.begin()

    def confirm(self) -> None:
        """
        Stop the timer over a new connection; do nothing if none runs.

        Raises LockedOut if that is not possible: by then the host has taken the changes back.
        """
        if not self._armed or self._new_login is None:
            return
        end = self._since + self.seconds + GRACE
        tries = Retry(growing(_LOOK_AGAIN), end, hurried=False, clock=self.clock)
        last: HostError | None = None
        while True:
            try:
                if self._new_login.outcome().status == 0:
                    self._armed = ""
                    return
                break
            except HostError as error:
                last = error
                # Another attempt with a wrong password may lock the account.
                wrong = isinstance(error, PasswordRefused | LoginPasswordRefused)
                if wrong or not tries.again():
                    wait(end - self.clock.now(), clock=self.clock)
                    break
        raise self._cut_off(last)

    def _cut_off(self, last: HostError | None) -> LockedOut:
        what = ", ".join(self._names[-3:])
        armed, self._armed = self._armed, ""
        why = f": {last}" if last is not None else ""
        try:
            outcome = self._gone_back(armed)
        except HostError as error:
            return LockedOut(
                f"after {what} no login was possible{why}",
                hint=f"it was to go back by itself, and does not answer yet: {error}",
            )
        if outcome.status != 0:
            return LockedOut(
                f"after {what} no login was possible in time{why}",
                hint="it answers now, and does not say that it has gone back: look at it",
            )
        said = outcome.text.strip()
        cut = LockedOut(
            f"after {what} no login was possible{why}; the host has restored the former"
            " state" + (f", and said:\n{said}" if said else ""),
            hint="change the recipe: what it declares locks the operator out",
        )
        cut.taken_back = tuple(reversed(self._changes))
        return cut

    def _gone_back(self, armed: str) -> Outcome:
        """Return the output of the rollback on the host once it is complete or takes too long."""
        tries = Retry(growing(_LOOK_AGAIN), within=GRACE, clock=self.clock)
        while True:
            outcome = self.session.aside(sh(_FIRED, armed))
            if outcome.status == 0 or not tries.again():
                return outcome


def rollback_script(name: str, commands: Sequence[Command], *, network: bool) -> str:
    """
    Return the shell program that makes a rollback of this name, as far as it was not stopped.

    `network` restores also what the kernel knew of links, addresses and routes before.
    """
    head = sh(_RUN, f"@cook_home@/rescue/{name}", "@cook_home@", name)
    users = script(run_as.functions(name) if any(map(run_as.acts, commands)) else "")
    steps = [users, *(sh("(\n{}\n)", command) for command in commands)]
    if network:
        steps.append(sh(_NETWORK_BACK, name))
    done = sh(f'id={{}}\n{NOT_AT_BOOT}: >"$cook_home/rescue/$id/done"', name)
    return join([head, *steps, done], "\n").text


def rollback_now(commands: Sequence[Command]) -> Command:
    """Return the command that makes a rollback at once; it prints the errors of its commands."""
    name = secrets.token_hex(6)
    text = rollback_script(name, commands, network=False)
    run = sh('/bin/sh "$r/run" </dev/null; tail -n 5 -- "$r/log"; [ -e "$r/done" ]')
    leave = sh('n=$?; rm -rf -- "$r"; rmdir -- "${r%/*}" 2>/dev/null; exit $n')
    return replace(join([sh(_WRITE, name, text), run, leave], "\n"), shown="roll back")


def reversal(planned: PlannedChange) -> list[Command]:
    """Return the commands that undo a change, from its values alone, before it is made."""
    if planned.change.kind in ("none", "act"):
        return []
    provider, name = planned.provider, planned.name
    back = provider.back(name, planned.change, expected(planned.change))
    return _as_it_is_made(planned, provider.commands(name, back)) if back.needed else []


def expected(change: Change[Any]) -> Any:
    """Return the state after a change."""
    found, wanted = change.found, change.wanted
    if found is None or wanted is None:
        return wanted
    given = {f.name: getattr(wanted, f.name) for f in fields(wanted)}
    return replace(found, **{name: value for name, value in given.items() if value is not None})


def repeated_acts(planned: PlannedChange) -> Sequence[Command]:
    """Return the commands of an act that is repeated after its files are restored."""
    provider, change = planned.provider, planned.change
    if change.act not in provider.again:
        return []
    again: Change[Any] = Change(change.wanted, change.wanted, change.act)
    return _as_it_is_made(planned, provider.commands(planned.name, again))


def _as_it_is_made(planned: PlannedChange, commands: Iterable[Command]) -> list[Command]:
    """Return commands of the user who makes the change: that user's stash has the contents."""
    user = planned.resource.become_user
    return [run_as.as_user(user, command, from_stash=True) for command in commands]
