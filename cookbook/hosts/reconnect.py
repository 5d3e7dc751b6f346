"""The connection to a host, and how to come by another one when it is lost."""

from __future__ import annotations

from collections.abc import Callable

from cookbook.errors import HostError, Unreachable
from cookbook.retry import Retry, growing
from cookbook.transport.contract import HasBeside, Interrupted, LoginPasswordRefused, Transport

RECONNECTS = 3
"""Number of reconnects, unless an option says otherwise."""

_PAUSES = (2.0, 4.0, 60.0)
"""Seconds before the second try, growth, longest pause: a host may boot."""


class RenewableTransport:
    """A transport, and a function that makes another one."""

    def __init__(
        self, transport: Transport, another: Callable[[], Transport] | None, *, lasting: bool
    ) -> None:
        """`another` connects once more; `lasting` says that there is no connection to lose."""
        self.transport = transport
        self._another = another
        self._lasting = lasting
        self.tries_left = RECONNECTS
        """Number of reconnects that are left."""

    @property
    def reconnects(self) -> bool:
        """True if the transport has a connection that can be made again."""
        return self._another is not None and not self._lasting

    @property
    def has_another(self) -> bool:
        """True if a second connection can be made."""
        return self._another is not None

    def another(self) -> Transport:
        """
        One more connection, by the same way.

        Raises Unreachable and its kin.
        """
        if self._another is None:
            raise Unreachable("there is no other way to it")
        return self._another()

    def continue_beside(self) -> bool:
        """Continue with another shell over the same connection; return whether that is possible."""
        if not isinstance(self.transport, HasBeside):
            return False
        try:
            self.transport.beside()
        except HostError:
            return False
        return True

    def renew(self, lost: Interrupted) -> None:
        """
        Make it anew; tries a few times, further and further apart.

        Raises `lost` where there is no other connection to be had, Unreachable and its kin.
        """
        if not self.reconnects or self.tries_left == 0:
            raise lost
        self.transport.close()
        tries = Retry(growing(*_PAUSES))
        while True:
            self.tries_left -= 1
            try:
                self.transport = self.another()
            except Unreachable as error:
                final = self.tries_left == 0 or isinstance(error, LoginPasswordRefused)
                if final or not tries.again():
                    raise
            else:
                return
