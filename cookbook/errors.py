"""
Everything that can go wrong, by who has to act on it.

* CookError
  x InputError           the person at the keyboard; no host was touched
    + UsageError         an option, or a name on the command line
    + RecipeError        a recipe or a template
    + InventoryError     hosts.yml
    + PlanError          a saved plan cannot be written, or is not what cook has written
    + HistoryError       the history cannot be read, or is of a newer version
    + SecretError        a secret is not there, or cannot be read
    + KitchenError       this machine cannot make disposable hosts
  x HostError            the operator of that host; the other hosts go on
    + Unreachable        no session with the host
      - UntrustedHost    its key is unknown, or not the one we know
      - AuthenticationFailed
      - LinkLost         there was a session, and it ended in the middle
    + DeadlineExceeded   it took longer than it may
    + BrokenOff          somebody who did not want to wait has ended it in the middle
    + PrivilegeError     sudo, su or doas said no
      - PasswordRefused  the password was wrong: it is not tried again
    + Unsupported        no provider serves this resource on such a host
    + Missing            something the resource needs is not there
    + ProbeError         a question was answered in a way no provider expects
    + CommandError       a command of a change failed
    + Refused            the host is not as it was when the plan was made
      - Unapproved       nobody has approved of this change
      - Locked           another run is at work on the host, or an operator has stopped us
      - WouldCutOff      the change is sure to cut the way by which we came
    + CutOff             after a change nobody could log in any more; it was taken back
    + Irreversible       there is no way back
    + NotConverged       every command succeeded and the state is still not the wanted one

Every error carries a `hint`: the next step, where there is one to name.
"""

from __future__ import annotations


class CookError(Exception):
    """The root of all errors raised on purpose."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class InputError(CookError):
    """What was given to us is wrong; no host was touched."""


class UsageError(InputError):
    """An option, or a name given on the command line, is wrong."""


class RecipeError(InputError):
    """A recipe declares something that cannot be."""


class InventoryError(InputError):
    """An inventory cannot be read, or contradicts itself."""


class PlanError(InputError):
    """A saved plan cannot be written, or is not what cook has written."""


class HistoryError(InputError):
    """The history cannot be read or written, or is of a newer version."""


class SecretError(InputError):
    """A secret is in no store, or we have no key to it."""


class KitchenError(InputError):
    """The machine we are on cannot make disposable hosts."""


class HostError(CookError):
    """One host cannot go on."""


class Unreachable(HostError):
    """No session with the host."""


class UntrustedHost(Unreachable):
    """The key of the host is unknown, or not the one we know."""


class AuthenticationFailed(Unreachable):
    """The host takes none of our keys."""


class LinkLost(Unreachable):
    """There was a session, and it ended in the middle: what it did is unknown."""


class DeadlineExceeded(HostError):
    """Something took longer than it may."""


class BrokenOff(HostError):
    """Somebody who did not want to wait has ended a change in the middle."""


class PrivilegeError(HostError):
    """Becoming the user that was asked for did not work."""


class PasswordRefused(PrivilegeError):
    """The password was wrong; each further try may lock the account."""


class Unsupported(HostError):
    """No provider serves this resource on such a host."""


class Missing(HostError):
    """Something that a resource needs is not there."""

    def __init__(self, message: str, *, thing: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.thing = thing
        """Its name, without its kind."""


class ProbeError(HostError):
    """A question was answered in a way that no provider expects."""


class CommandError(HostError):
    """A command of a change failed."""


class Refused(HostError):
    """The host is not as it was when the plan was made."""


class CutOff(HostError):
    """After a change nobody could log in any more; the host has taken it back."""


class Locked(Refused):
    """Another run is at work on the host, or an operator does not want any."""

    def __init__(self, message: str, *, hint: str | None = None, run: str = "") -> None:
        super().__init__(message, hint=hint)
        self.run = run
        """The run that is at work."""


class WouldCutOff(Refused):
    """A change is sure to cut the way by which we came; it was not sent."""


class Unapproved(Refused):
    """A change is another one than was approved; it was not sent."""


class Irreversible(HostError):
    """A change cannot be undone, or not any more."""


class NotConverged(HostError):
    """The change was applied and the state still differs."""
