"""
The tree of errors, by the person who has to act on them.

* CookError
  x InputError           the person at the keyboard; no host was touched
    + UsageError         an option, or a name on the command line
    + RecipeError        a recipe or a template
    + InventoryError     hosts.yml
      - SourceError      a source of hosts that it names does not answer
    + FeatureError       features.yml
    + PullError          a revision was not taken: its signature, its age, its repository
    + PlanError          a saved plan cannot be written, or is not what cook has written
    + HistoryError       the history cannot be read, or is of a newer version
    + SecretError        a secret is not there, or cannot be read
    + KitchenError       this machine cannot make disposable hosts
  x ReportError          a report of what is done already could not be written
  x Defect               cook itself is wrong
  x HostError            the operator of that host; the other hosts go on
    + Unreachable        no session with the host
      - UntrustedHost    its key is not to be trusted
        = UnknownKey     it is in no known_hosts file
        = ChangedKey     it differs from the known one
        = RevokedKey     it was revoked
      - AuthenticationFailed
      - LinkLost         there was a session, and it ended in the middle
    + DeadlineExceeded   it took longer than it may
    + BrokenOff          a second signal has ended it in the middle
    + TooMuchOutput      it answered more than any answer can be
    + PrivilegeError     sudo, su or doas said no
      - PasswordRefused  the password was wrong: it is not tried again
    + Unsupported        no provider serves this resource on such a host
    + Missing            something the resource needs is not there
    + ProbeError         a question was answered in a way no provider expects
    + CommandError       a command of a change failed
    + Refused            the host is not as it was when the plan was made
      - Unapproved       the change was not approved
      - Locked           another run is at work on the host, or an operator has locked it
      - WouldLockOut     the change is certain to lock the operator out
    + LockedOut          after a change no login was possible; it was taken back
    + Irreversible       there is no way back
    + BarrierBroken      another host did not come to where this one waits for it
    + NotConverged       every command succeeded and the state is still not the wanted one

Each has a `code`, for which `cook explain CODE` prints an explanation: cli/errors.md.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, NoReturn

__all__ = [
    "AuthenticationFailed",
    "BarrierBroken",
    "BrokenOff",
    "ChangedKey",
    "CommandError",
    "CookError",
    "DeadlineExceeded",
    "Defect",
    "Failed",
    "FeatureError",
    "HistoryError",
    "HostError",
    "InputError",
    "InventoryError",
    "Irreversible",
    "KitchenError",
    "LinkLost",
    "Locked",
    "LockedOut",
    "Missing",
    "NotConverged",
    "PasswordRefused",
    "PlanError",
    "PrivilegeError",
    "ProbeError",
    "PullError",
    "RecipeError",
    "Refused",
    "ReportError",
    "RevokedKey",
    "SecretError",
    "SourceError",
    "TooMuchOutput",
    "Unapproved",
    "UnknownKey",
    "Unreachable",
    "Unsupported",
    "UntrustedHost",
    "UsageError",
    "WouldLockOut",
]

Phase = Literal[
    "",
    "connect",
    "facts",
    "lock",
    "compile",
    "probe",
    "plan",
    "apply",
    "verify",
    "notify",
    "confirm",
]
"""The phase of a run in which an error occurred."""


class Failed(NamedTuple):
    """A command that failed on a host, with its exit status and output."""

    command: str
    """As people may see it: without secrets."""

    status: int | None = None
    """Its exit status; None where it did not come to an end."""

    output: str = ""
    """The last lines of what it printed; nothing where they may hold a secret."""

    def __str__(self) -> str:
        return f"`{self.command}` {ended(self.status)}"


class CookError(Exception):
    """The root of all errors raised on purpose."""

    code: ClassVar[str] = "error"
    """Names this kind of error for good; `cook explain` knows it."""

    phase: Phase = ""
    """The phase in which the error occurred; see `during`."""

    advice: ClassVar[str | None] = None
    """The next step if the error itself has no hint."""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        cause: str | None = None,
        failed: Failed | None = None,
    ) -> None:
        """`message` is what went wrong, in one sentence; what was printed is in `failed`."""
        super().__init__(message)
        self.message = message
        self.hint = self.advice if hint is None else hint
        """The next step, where there is one to name."""
        self.cause = cause
        """Why it is so, in words, where that is known: "the disk is full"."""
        self.failed = failed
        """The command that it is about, if it is about one."""

    def __str__(self) -> str:
        output = self.failed.output if self.failed is not None else ""
        return f"{self.message}:\n{output}" if output else self.message


class InputError(CookError):
    """The input is wrong; no host was contacted."""

    code = "wrong-input"


class UsageError(InputError):
    """An option, or a name given on the command line, is wrong."""

    code = "wrong-usage"


class RecipeError(InputError):
    """A recipe declares something that cannot be."""

    code = "wrong-recipe"
    phase: Phase = "compile"


class InventoryError(InputError):
    """An inventory cannot be read, or contradicts itself."""

    code = "wrong-inventory"


class SourceError(InventoryError):
    """A source of hosts, named in the inventory, does not answer as it should."""

    code = "source-failed"


class FeatureError(InputError):
    """The features cannot be read, contradict themselves, or do not fit a host."""

    code = "wrong-features"


class PlanError(InputError):
    """A saved plan cannot be written, or is not what cook has written."""

    code = "bad-plan-file"


class PullError(InputError):
    """A revision was not taken: it cannot be fetched, is not signed, or is older than the last."""

    code = "not-pulled"


class HistoryError(InputError):
    """The history cannot be read or written, or is of a newer version."""

    code = "bad-history"


class SecretError(InputError):
    """A secret is in no store, or no key opens it."""

    code = "no-secret"


class KitchenError(InputError):
    """Disposable hosts cannot be made on this machine."""

    code = "no-kitchen"


class ReportError(CookError):
    """The run is complete; one of its reports could not be written."""

    code = "report-not-written"


class Defect(CookError):
    """An exception that is a defect of cook."""

    code = "defect"


class HostError(CookError):
    """One host cannot go on."""

    code = "not-possible"


class Unreachable(HostError):
    """No session with the host."""

    code = "unreachable"
    phase: Phase = "connect"
    bastion: str = ""
    """The bastion that could not be entered; empty if it was not for want of one."""


class UntrustedHost(Unreachable):
    """The key of the host is not trusted, or it cannot be verified."""

    code = "host-key"


class UnknownKey(UntrustedHost):
    """The key of the host is in no known_hosts file."""

    code = "host-key-unknown"


class ChangedKey(UntrustedHost):
    """The host shows another key than the one in known_hosts."""

    code = "host-key-changed"


class RevokedKey(UntrustedHost):
    """The key of the host was revoked."""

    code = "host-key-revoked"
    advice = "have the host make itself a new key: ssh-keygen -A, after the old one is gone"


class AuthenticationFailed(Unreachable):
    """The host accepts none of the keys."""

    code = "login-refused"


class LinkLost(Unreachable):
    """There was a session, and it ended in the middle: what it did is unknown."""

    code = "link-lost"
    phase: Phase = ""
    advice = "run again: that goes on from what is so then"


class DeadlineExceeded(HostError):
    """Something took longer than it may."""

    code = "timeout"


class TooMuchOutput(HostError):
    """The answer to a question is longer than any answer can be."""

    code = "too-much-output"
    phase: Phase = "probe"


class BrokenOff(HostError):
    """A change was ended in the middle by a second signal."""

    code = "broken-off"
    phase: Phase = "apply"


class PrivilegeError(HostError):
    """Becoming the user that was asked for did not work."""

    code = "no-privilege"
    phase: Phase = "connect"


class PasswordRefused(PrivilegeError):
    """The password was wrong; each further try may lock the account."""

    code = "password-refused"


class Unsupported(HostError):
    """No provider serves this resource on such a host."""

    code = "not-supported"
    phase: Phase = "plan"


class Missing(HostError):
    """Something that a resource needs is not there."""

    code = "missing"
    phase: Phase = "plan"

    def __init__(self, message: str, *, thing: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.thing = thing
        """Its name, without its kind."""


class ProbeError(HostError):
    """A question was answered in a way that no provider expects."""

    code = "probe-failed"
    advice = "run it by hand on the host: it changes nothing there"


class CommandError(HostError):
    """A command of a change failed."""

    code = "command-failed"
    phase: Phase = "apply"
    advice = "fix the cause and run again; completed changes are not repeated"


class Refused(HostError):
    """The host is not as it was when the plan was made."""

    code = "refused"


class LockedOut(HostError):
    """After a change no login was possible; it was taken back."""

    code = "locked-out"
    phase: Phase = "confirm"

    restored = False
    """True if the former state was restored through the session, which is still open."""

    taken_back: Sequence[Any] = ()
    """The changes (PlannedChange) that were undone then, also those of earlier batches."""


class Locked(Refused):
    """Another run is at work on the host, or an operator does not want any."""

    code = "locked"
    phase: Phase = "lock"

    def __init__(self, message: str, *, hint: str | None = None, run: str = "") -> None:
        super().__init__(message, hint=hint)
        self.run = run
        """The run that is at work."""


class WouldLockOut(Refused):
    """A change is certain to lock the operator out; it was not sent."""

    code = "would-lock-out"
    phase: Phase = "plan"


class Unapproved(Refused):
    """A change is another one than was approved; it was not sent."""

    code = "not-approved"
    phase: Phase = "plan"


class Irreversible(HostError):
    """A change cannot be undone, or not any more."""

    code = "no-way-back"
    phase: Phase = "plan"


class BarrierBroken(HostError):
    """Another host of the run failed, or cannot be reached, before a barrier, or in `run_once`."""

    code = "barrier-broken"
    phase: Phase = "apply"


class NotConverged(HostError):
    """The change was applied and the state still differs."""

    code = "not-converged"
    phase: Phase = "verify"


@contextlib.contextmanager
def during(phase: Phase) -> Iterator[None]:
    """Set the phase of errors that occur within, unless they have one."""
    try:
        yield
    except CookError as error:
        error.phase = error.phase or phase
        raise


def ended(status: int | None) -> str:
    """
    Return how a command ended, in words.

    A shell's statuses above 128 are signals, 126 and 127 its own (POSIX, 2.8.2).

    >>> ended(1), ended(137)
    ('ended with status 1', 'ended with status 137 (killed by SIGKILL)')
    """
    match status:
        case None:
            return "did not end"
        case 126:
            meaning = " (it cannot be executed)"
        case 127:
            meaning = " (command not found)"
        case _:
            meaning = _killed(status)
    return f"ended with status {status}{meaning}"


def _killed(status: int) -> str:
    import signal  # rare, and every start imports this module

    try:
        return f" (killed by {signal.Signals(status - 128).name})" if status > 128 else ""
    except ValueError:
        return ""


def no_plugins() -> NoReturn:
    """Raise Defect: transports and report formats are registered by plugins, and none is loaded."""
    raise Defect("no plugin is loaded", hint="import cookbook.plugins.manager first")
