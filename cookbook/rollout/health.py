"""The health of a host: its checks, from the controller or on the host."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cookbook.errors import CookError, HostError, Unreachable
from cookbook.rollout.acts import NO_ANSWER, RunOn, filled, reason_of
from cookbook.rollout.strategy import Check, CommandHealth, HttpHealth, RecipeHealth, TcpHealth
from cookbook.script.shell import sh
from cookbook.text.sanitize import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from cookbook.inventory import Host

_MOST_BYTES = 1 << 20


class Health:
    """Asks hosts if they are healthy."""

    def __init__(self, run_on: RunOn, judged: Callable[[Host, Path], str | None]) -> None:
        """`judged` returns what a recipe would change on a host; None for nothing."""
        self._run_on, self._judged = run_on, judged

    def complaint(self, host: Host, checks: Sequence[Check]) -> str | None:
        """
        Return why a host is not healthy; None if it is.

        Without checks a host is healthy if it can be reached.
        """
        try:
            for check in checks or (CommandHealth("true"),):
                if (said := self._complaint(host, check)) is not None:
                    return said
        except Unreachable as error:
            return f"cannot be reached: {one_line(str(error))}"
        except CookError as error:
            return one_line(str(error))
        return None

    def _complaint(self, host: Host, check: Check) -> str | None:
        match check:
            case HttpHealth():
                return _http(filled(check.url, host), check, host)
            case TcpHealth(port, timeout):
                return _tcp(host.address, port, timeout)
            case CommandHealth(command, timeout):
                try:
                    self._run_on(host, sh("sh -c {}", filled(command, host)), timeout)
                except Unreachable:
                    raise
                except HostError as error:
                    return f"`{command}`: {one_line(str(error))}"
                return None
            case RecipeHealth(path):
                return self._judged(host, path)


def check_templates(host: Host, checks: Sequence[Check]) -> None:
    """Raise UsageError for a check that cannot be filled in for a host."""
    for check in checks:
        if isinstance(check, HttpHealth):
            filled(check.url, host)
            filled(check.body or "", host)
        elif isinstance(check, CommandHealth):
            filled(check.command, host)


def _http(url: str, check: HttpHealth, host: Host) -> str | None:
    try:
        status, body = _answer(url, check.timeout)
    except NO_ANSWER as error:
        return f"{url}: {reason_of(error)}"
    if status != check.status:
        return f"{url}: status {status}, {check.status} is wanted"
    wanted = filled(check.body, host) if check.body is not None else ""
    if wanted.encode() not in body:
        return f"{url}: {wanted!r} is not in the answer"
    return None


def _answer(url: str, timeout: float) -> tuple[int, bytes]:
    """Return the status and the beginning of the body that a URL answers."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:  # noqa: S310 - http only
            return answer.status, answer.read(_MOST_BYTES)
    except urllib.error.HTTPError as error:
        return error.code, error.read(_MOST_BYTES)


def _tcp(address: str, port: int, timeout: float) -> str | None:
    try:
        socket.create_connection((address, port), timeout).close()
    except OSError as error:
        return f"port {port} of {address}: {error.strerror or error}"
    return None
