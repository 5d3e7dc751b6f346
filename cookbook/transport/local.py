"""The local transport: a shell on this machine, over pipes."""

from __future__ import annotations

from typing import NoReturn

from cookbook.errors import PrivilegeError
from cookbook.transport.contract import Interrupted, TooSlow
from cookbook.transport.pipes import PipeShell


class LocalTransport(PipeShell):
    """A persistent shell on this machine, e.g. `["sudo", "-n", "sh"]`."""

    def __init__(self, shell: tuple[str, ...] = ("sh",)) -> None:
        """Start the shell. Raises PrivilegeError if there is no such command."""
        try:
            super().__init__(shell)
        except PrivilegeError as error:
            error.hint = "install it, or say who else is to help: become: sudo, doas or none"
            raise
        self._shell = shell

    def _not_started(self, error: Interrupted | TooSlow, said: str) -> NoReturn:
        if len(self._shell) == 1:
            raise error
        raise PrivilegeError(
            f"{self._shell[0]} did not start a shell: {said or 'it said nothing'}",
            hint="on this machine, only a sudo that asks for no password can be used",
        ) from None
