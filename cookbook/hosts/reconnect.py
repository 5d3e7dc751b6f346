"""The connection to a host, and how to come by another one when it is lost."""

from __future__ import annotations

from collections.abc import Callable

from cookbook.errors import HostError, Unreachable
from cookbook.retry import Retry, growing, wait
from cookbook.transport.contract import HasBeside, Interrupted, LoginPasswordRefused, Transport

RECONNECTS = 3
"""Number of reconnects, unless an option says otherwise."""

_PAUSES = (2.0, 4.0, 60.0)
"""Seconds before the second try, growth, longest pause: a host may boot."""

_BOOTING = (2.0, 1.5, 15.0)
"""The same for a host that is known to boot."""

_GOING_DOWN = 3.0
"""Seconds that a host that is known to boot has for going down, before the first try."""


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

    def renew(self, lost: Interrupted, within: float = 0.0) -> None:
        """
        Make it anew; tries a few times, further and further apart.

        A host that is known to boot (`within` is not 0) is tried for so many seconds instead.
        Raises `lost` where there is no other connection to be had, Unreachable and its kin.
        """
        if not self.reconnects or (self.tries_left == 0 and not within):
            raise lost
        self.transport.close()
        tries = Retry(growing(*_BOOTING), within=within) if within else Retry(growing(*_PAUSES))
        if within:
            wait(_GOING_DOWN)
        while True:
            self.tries_left -= 0 if within else 1
            try:
                self.transport = self.another()
            except Unreachable as error:
                out = self.tries_left == 0 and not within
                if out or isinstance(error, LoginPasswordRefused) or not tries.again():
                    raise
            else:
                return
