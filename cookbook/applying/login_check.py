"""
The login check: after each batch that changed something, a new login shows that one is possible.

No list of risky paths is complete: the mode of a home, a command that reloads sshd, or a file
such as /etc/nologin may lock the operator out. The session that made the changes is still open
then, and through it they are taken back: first those of the last batch, then those of the
batches before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cookbook.applying.auto_rollback import repeated_acts, reversal, rollback_now
from cookbook.errors import (
    AuthenticationFailed,
    HostError,
    LockedOut,
    PasswordRefused,
    PrivilegeError,
)
from cookbook.hosts.aside import Aside
from cookbook.hosts.session import Session
from cookbook.planning.decision import PlannedChange
from cookbook.retry import CLOCK, Clock, Retry, growing, wait
from cookbook.script import login_snapshot, sshd
from cookbook.script.program import ANSWER_TIMEOUT, Ask, Do, Part
from cookbook.script.shell import Command, sh
from cookbook.text.diagnosis import EXHAUSTED
from cookbook.transport.contract import Interrupted, LoginPasswordRefused, TooSlow

PAUSES = (1.0, 3.0, 6.0)
"""Seconds before each further login where the host does not answer: sshd may be restarting."""

PAUSES_IF_REFUSED = (1.0,)
"""The same where the host answers, and refuses the login or the change of user."""

_ROLLBACK_TIMEOUT = 300.0

_SHUTDOWN = 100.0
"""Seconds in which a host that goes down ends the open session; systemd gives a service 90 s."""

_LOOK_AGAIN = 1.0

# The exit status of is-system-running is not 0 then; a host without systemd tells nothing.
_IS_GOING_DOWN = sh('[ "$(systemctl is-system-running 2>/dev/null)" = stopping ]')


@dataclass
class LoginCheck:
    """The check of one host after each batch, and the rollback of what locks the operator out."""

    session: Session
    user: str
    """The login user."""

    clock: Clock = CLOCK

    _batches: list[list[PlannedChange]] = field(default_factory=list)
    """The changes of this run, by batch, with what their commands told."""
    _slow: str = ""
    """The reason, in parentheses, where a command of the last batch took too long."""
    _snapshot: bool = False
    """True if a snapshot was taken before the last batch."""
    _login: Aside = field(init=False)
    """The new login after the last batch."""

    def __post_init__(self) -> None:
        self._login = Aside(self.session, sh(":"))

    def before(self, changes: Sequence[PlannedChange]) -> list[Part]:
        """Return the parts that precede a batch: a snapshot, if a change has no undo."""
        self._snapshot = self.session.connection.reconnects and any(
            not reversal(v) for v in changes
        )
        self._login = Aside(self.session, login_snapshot.FORGET if self._snapshot else sh(":"))
        take = login_snapshot.take(self.user)
        return [Do(take, ANSWER_TIMEOUT, keeps=True)] if self._snapshot else []

    def behind(self, changes: Sequence[PlannedChange]) -> list[Part]:
        """Return the parts that follow a batch: a reload of sshd has to be over before a login."""
        return [Ask(sshd.SETTLED)] if changes and self.session.connection.reconnects else []

    def begin(self) -> None:
        """Begin the new login: all changes of the batch are made, and their questions are asked."""
        if self.session.connection.reconnects:
            self._login.begin()

    def note(self, changes: Sequence[PlannedChange]) -> None:
        """Note the changes of a batch, which a rollback has to undo."""
        self._batches.append(list(changes))

    def after(self, changes: Sequence[PlannedChange], slow: TooSlow | None = None) -> None:
        """
        Log in anew after these changes; do nothing where there is no connection to lose.

        `slow` is the error of a command that took too long. Raises LockedOut if no login is
        possible, after the changes were taken back; Interrupted if the open session is lost as
        well, because the host goes down.
        """
        if not changes or not self.session.connection.reconnects:
            return
        self.note(changes)
        self._slow = f" ({slow.message})" if slow is not None else ""
        refused = self._refusal()
        if refused is not None and refused.cause == EXHAUSTED:
            return  # no login at all is possible then, whatever was changed
        error = self._take_back(refused) if refused is not None else None
        if error is not None:
            raise error

    def _refusal(self) -> HostError | None:
        """Return the error of the last of a few logins; None as soon as one succeeds."""
        tries = 0
        while True:
            try:
                self._login.outcome()
            except HostError as error:
                pauses = _pauses(error)
                if tries >= len(pauses):
                    return error
                self._wait_for_shutdown()
                wait(pauses[tries], clock=self.clock)
                tries += 1
            else:
                return None

    def _wait_for_shutdown(self) -> None:
        """
        Return at once unless the host goes down: then no login is possible, whatever was changed.

        Raises Interrupted when the open session is lost.
        """
        tries = Retry(growing(_LOOK_AGAIN), within=_SHUTDOWN, clock=self.clock)
        end, self.session.end = self.session.end, None  # as for the rollback
        try:
            while self.session.run([Do(_IS_GOING_DOWN, ANSWER_TIMEOUT)])[0].status == 0:
                if not tries.again():
                    return
        except Interrupted:
            raise
        except HostError:
            return  # the rollback says what is wrong with the session
        finally:
            self.session.end = end

    def _take_back(self, refused: HostError) -> LockedOut:
        """Undo the last batch, then all others, until a login is possible; return the error."""
        cause = names(self._batches[-1]) + self._slow
        last, before = self._batches[-1:], self._batches[:-1]
        undone: list[PlannedChange] = []
        said = ""
        for batches in filter(None, (last, before)):
            changes = [planned for batch in reversed(batches) for planned in reversed(batch)]
            try:
                said += self._roll_back(changes)
            except Interrupted:
                raise  # the host has gone down, or the network has
            except HostError as error:
                return LockedOut(
                    f"after {cause} no login is possible: {refused}; the open session could not"
                    f" restore the former state: {error}",
                    hint="use the console of the host; `cook show last` lists the changes",
                )
            undone += [v for v in changes if reversal(v) or (self._snapshot and batches is last)]
            if self._refusal() is None:
                return self._restored(cause, refused, undone, said)
        kept = [one for batch in self._batches for one in batch if not reversal(one)]
        without = f"; these cannot be undone: {names(kept)}" if kept else ""
        return LockedOut(
            f"after {cause} no login is possible: {refused}; undoing the changes of this run"
            f" did not help{without}",
            hint="use the console of the host; `cook show last` lists the changes",
        )

    def _restored(
        self, cause: str, refused: HostError, undone: Sequence[PlannedChange], said: str
    ) -> LockedOut:
        told = f"; the host printed:\n{said.strip()}" if said.strip() else ""
        error = LockedOut(
            f"after {cause} no login was possible: {refused}; the former state was restored"
            f" through the open session ({names(undone)}), and login is possible again{told}",
            hint="change the recipe: what it declares locks the operator out",
        )
        error.restored, error.taken_back = True, tuple(undone)
        return error

    def _roll_back(self, changes: Sequence[PlannedChange]) -> str:
        """Undo changes through the open session; return the output. Raises HostError."""
        self.session.end = None  # a deadline must not leave the operator locked out
        back: list[Command] = [command for one in changes for command in reversal(one)]
        acts = [command for one in changes for command in repeated_acts(one)]
        snapshot = self._snapshot and any(one is self._batches[-1][-1] for one in changes)
        restore = [login_snapshot.restore(self.user)] if snapshot else []
        commands = [*back, *restore, *acts, sshd.RELOAD]
        parts: list[Part] = [Do(rollback_now(commands), _ROLLBACK_TIMEOUT), Ask(sshd.SETTLED)]
        outcome, _ = self.session.run(parts)
        return outcome.text


def _pauses(error: HostError) -> Sequence[float]:
    """Return the pauses before further logins after this error."""
    if isinstance(error, PasswordRefused | LoginPasswordRefused):
        return ()  # another attempt with a wrong password may lock the account
    refused = isinstance(error, AuthenticationFailed | PrivilegeError)
    return PAUSES_IF_REFUSED if refused else PAUSES


def names(changes: Sequence[PlannedChange]) -> str:
    """Return the names of the last few resources, as text."""
    all_of_them = list(dict.fromkeys(str(planned.resource) for planned in changes))
    more = f"{len(all_of_them) - 3} others and " if len(all_of_them) > 3 else ""
    return more + ", ".join(all_of_them[-3:])
