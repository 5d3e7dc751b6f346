"""Conditions, by /proc/net, test(1), grep(1) and systemctl(1)."""

from __future__ import annotations

from collections.abc import Iterable

from cookbook.provider import Command, Thing, provides, sh
from cookbook.providers.checks import CheckProvider
from cookbook.resources.wait_for import WaitFor


@provides(WaitFor)
class WaitForProvider(CheckProvider[WaitFor]):
    """One condition."""

    def condition(self, wait: WaitFor) -> Command:
        """Return the command."""
        what, command = _what(wait)
        if wait.absent:
            return sh("if {}; then echo {}; false; fi", command, f"{what}, still")
        return sh("{} || { echo {}; false; }", command, f"not yet: {what}")

    def patience(self, wait: WaitFor) -> tuple[str, float, float]:
        """Return the condition in words, and the seconds."""
        what = f"no longer: {_what(wait)[0]}" if wait.absent else _what(wait)[0]
        return what, wait.timeout, wait.interval

    def about(self, wait: WaitFor) -> Iterable[Thing]:
        """Yield the file, or the unit."""
        if wait.path is not None:
            return [Thing("path", wait.path)]
        return [Thing("unit", wait.unit)] if wait.unit is not None else []


def _what(wait: WaitFor) -> tuple[str, Command]:
    """Return the condition in words, and the command that tells whether it holds."""
    if wait.path is not None and wait.text is not None:
        return (
            f"{wait.path} contains {wait.text!r}",
            sh("grep -sqF -e {} -- {}", wait.text, wait.path),
        )
    if wait.path is not None:
        return f"{wait.path} exists", sh("[ -e {} ]", wait.path)
    if wait.unit is not None:
        return f"{wait.unit} is active", sh("systemctl is-active --quiet -- {}", wait.unit)
    if wait.host is not None:
        # A shell of POSIX opens no connections; bash(1) does.
        connect = sh(
            "timeout 5 bash -c 'exec 3<>/dev/tcp/$0/$1' {} {} 2>/dev/null", wait.host, wait.port
        )
        return f"{wait.host} takes connections on port {wait.port}", connect
    pattern = f"^ *[0-9]*: [0-9A-F]*:{wait.port or 0:04X} [0-9A-F]*:0000 0A "
    return (
        f"port {wait.port} is listened on",
        sh("grep -sq {} /proc/net/tcp /proc/net/tcp6", pattern),
    )
