"""The grammar of options in an authorized_keys file, as auth-options.c of OpenSSH reads it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping

_FLAGS = frozenset(
    {"agent-forwarding", "port-forwarding", "pty", "user-rc", "x11-forwarding"}
    | {"touch-required", "verify-required"}
)
_NAMES = frozenset({"restrict", "cert-authority", *_FLAGS, *(f"no-{flag}" for flag in _FLAGS)})

_ONCE = frozenset({"command", "from", "principals", "expiry-time"})

_DEPENDS = frozenset({"from", "expiry-time", "principals", "cert-authority"})
"""Options by which sshd may refuse one line of a key and go on to the next."""

# In a value, `\"` is a quote; every other backslash stands for itself.
_OPTION = re.compile(r'(?P<name>[A-Za-z0-9-]+)(?:=(?:"(?P<value>(?:\\"|[^"])*)"|(?P<bare>[^,]*)))?')

_PORT = r"(?:\*|0*[1-9][0-9]{0,4})"
_PLACE = rf"(?:\[[^\]\s]+\]|[^:/\[\]\s]+)[:/]{_PORT}"


def option_error(text: str) -> str | None:
    """
    Return why sshd(8) would refuse these options; None if it reads them.

    >>> option_error('restrict,from="192.0.2.0/24"')
    >>> option_error('from=192.0.2.1')
    'the value of from must stand in double quotes'
    """
    at, seen = 0, set[str]()
    while text:
        match = _OPTION.match(text, at)
        if match is None:
            return f"an option is expected at {text[at:]!r}" if text[at:] else "a comma is last"
        name = match["name"].lower()
        if wrong := _one_error(name, match, seen):
            return wrong
        seen.add(name)
        at = match.end()
        if at == len(text):
            return None
        if text[at] != ",":
            return f"a comma is expected between options, not {text[at:]!r}"
        at += 1
    return None


def depends(text: str) -> bool:
    """Return whether sshd may pass over a line with these options and use a later one."""
    names = {match["name"].lower() for match in _OPTION.finditer(text)}
    known = _NAMES | _VALUES.keys()
    return bool(names & _DEPENDS or names - known) or option_error(text) is not None


def _one_error(name: str, match: re.Match[str], seen: set[str]) -> str | None:
    if name not in _NAMES | _VALUES.keys():
        return f"sshd knows no option {match['name']}"
    if name in _NAMES:
        return f"{name} has no value" if "=" in match[0] else None
    if match["value"] is None:
        return f"the value of {name} must stand in double quotes"
    if name in _ONCE & seen:
        return f"{name} is given twice"
    value = match["value"].replace('\\"', '"')
    return None if _VALUES[name](value) else f"{value!r} is not a value of {name}"


def _is_from(value: str) -> bool:
    """Patterns of names and addresses; one wrong mask, and sshd refuses the key from everywhere."""
    return all(_is_pattern(one.removeprefix("!")) for one in value.split(","))


def _is_pattern(one: str) -> bool:
    if not one or re.search(r"\s", one):
        return False
    if "/" not in one:
        return True
    try:
        ipaddress.ip_network(one)
    except ValueError:
        return False
    return True


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(pattern, value) is not None


_VALUES: Mapping[str, Callable[[str], bool]] = {
    "command": _matches(".*"),
    "environment": _matches("[A-Za-z0-9_]+=.*"),
    "expiry-time": _matches("[0-9]{8}(?:[0-9]{4}(?:[0-9]{2})?)?Z?"),
    "from": _is_from,
    "permitlisten": _matches(rf"{_PORT}|{_PLACE}"),
    "permitopen": _matches(_PLACE),
    "principals": _matches(r"[^\s,]+(?:,[^\s,]+)*"),
    "tunnel": _matches("(?i:any)|[0-9]+"),
}
"""Options that have a value, and what it may be."""
