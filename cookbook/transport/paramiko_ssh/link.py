"""The link to a host: TCP to whichever address answers first, a bastion's channel, a command."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from cookbook.errors import Unreachable
from cookbook.transport.paramiko_ssh.bastion import Connect, through
from cookbook.transport.target import Target

if TYPE_CHECKING:
    import paramiko

NEXT_ADDRESS = 0.25
"""Seconds that an address has for itself before the next one is tried, too (RFC 8305)."""

_FAMILIES = {"any": socket.AF_UNSPEC, "inet": socket.AF_INET, "inet6": socket.AF_INET6}


class _Address(NamedTuple):
    family: int
    place: tuple[Any, ...]


def open_link(
    target: Target, deadline: float, connect: Connect
) -> socket.socket | paramiko.Channel:
    """
    Return a link to a host's SSH server that notices when the other end is gone.

    `connect` makes the connection to a bastion. `deadline` is on time.monotonic()'s clock. Raises
    Unreachable; ConnectionResetError where another attempt may succeed.
    """
    if target.via is not None:
        return through(target.via, target, deadline, connect)
    if target.proxy_command:
        from cookbook.transport.paramiko_ssh.proxy_command import CommandSocket

        return CommandSocket.start(target.proxy_command)
    return _watched(_dial(target, deadline))


def _dial(target: Target, deadline: float) -> socket.socket:
    addresses = _spread(_look_up(target, deadline))
    try:
        return _first_to_answer(addresses, target.bind_address, deadline)
    except TimeoutError:
        raise Unreachable(
            f"{target.address}:{target.port} does not answer within {target.connect_timeout:g} s",
            hint="is it up, and does a firewall block the connection?",
        ) from None
    except ConnectionResetError:
        raise
    except OSError as error:
        refused = isinstance(error, ConnectionRefusedError)
        raise Unreachable(
            f"{target.address}:{target.port}: {error.strerror or error}",
            hint="does sshd listen there, at that port?" if refused else "is there a way to it?",
        ) from None


def _look_up(target: Target, deadline: float) -> list[_Address]:
    """Its addresses; a name server may take its time, which getaddrinfo(3) cannot be told."""
    try:
        return _resolve(target, socket.AI_NUMERICHOST)
    except (socket.gaierror, UnicodeError):
        pass  # a name, then
    found: list[list[_Address] | socket.gaierror] = []
    asking = threading.Thread(target=lambda: found.append(_answer(target)), daemon=True)
    asking.start()
    asking.join(max(0.0, deadline - time.monotonic()))
    if not found:
        raise Unreachable(
            f"{target.address}: no name server answers within {target.connect_timeout:g} s",
            hint="give its IP address in hosts.yml, or look at /etc/resolv.conf",
        )
    if isinstance(found[0], socket.gaierror):
        raise Unreachable(
            f"{target.address}: {found[0].strerror}", hint="is its address in hosts.yml right?"
        )
    return found[0]


def _answer(target: Target) -> list[_Address] | socket.gaierror:
    try:
        return _resolve(target, 0)
    except socket.gaierror as error:
        return error
    except UnicodeError:
        return socket.gaierror(socket.EAI_NONAME, "this cannot be a name")


_PLAIN = re.compile(
    r"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%\w+)?"
)
"""A name or an address that needs no encoding."""


def _resolve(target: Target, flags: int) -> list[_Address]:
    family, kind = _FAMILIES[target.family], socket.SOCK_STREAM
    # For a str the encoding idna is imported, which takes as long as a key exchange.
    address = target.address.encode() if _PLAIN.fullmatch(target.address) else target.address
    found = socket.getaddrinfo(address, target.port, family, kind, flags=flags)
    return [_Address(family, place) for family, _, _, _, place in found]


def _spread(addresses: Iterable[_Address]) -> list[_Address]:
    """One of each family in turn, so that a family that is broken costs one try."""
    kinds: dict[int, list[_Address]] = {}
    for address in addresses:
        kinds.setdefault(address.family, []).append(address)
    turns = itertools.zip_longest(*kinds.values())
    return [address for turn in turns for address in turn if address is not None]


def _first_to_answer(
    addresses: Iterable[_Address], bind_address: str, deadline: float
) -> socket.socket:
    """Return the first connection that opens. Raises TimeoutError, or the first OSError."""
    waiting, errors = deque(addresses), list[OSError]()
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or selector.get_map():
                now = time.monotonic()
                if now >= deadline:
                    raise TimeoutError
                if waiting:
                    _begin(waiting.popleft(), bind_address, selector, errors)
                pause = NEXT_ADDRESS if waiting else deadline - now
                for key, _ in selector.select(min(pause, deadline - now)):
                    sock = _taken(selector, key)
                    if (failed := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)) == 0:
                        sock.setblocking(True)
                        return sock
                    errors.append(OSError(failed, os.strerror(failed)))
                    sock.close()
        finally:
            for key in list(selector.get_map().values()):
                _taken(selector, key).close()
    raise errors[0]


def _begin(
    address: _Address, bind_address: str, selector: selectors.BaseSelector, errors: list[OSError]
) -> None:
    try:
        sock = socket.socket(address.family, socket.SOCK_STREAM)
    except OSError as error:  # a machine may not know the family at all
        errors.append(error)
        return
    try:
        sock.setblocking(False)
        if bind_address:
            sock.bind((bind_address, 0))
        with contextlib.suppress(BlockingIOError):  # it has begun
            sock.connect(address.place)
    except OSError as error:
        sock.close()
        errors.append(error)
        return
    selector.register(sock, selectors.EVENT_WRITE)


def _taken(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> socket.socket:
    selector.unregister(key.fileobj)
    sock = key.fileobj
    assert isinstance(sock, socket.socket)  # noqa: S101 - nothing else was put in
    return sock


def _watched(sock: socket.socket) -> socket.socket:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, seconds in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000)
    return sock
