"""The messages of ssh(1) about a failed connection, as errors."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cookbook.errors import (
    AuthenticationFailed,
    ChangedKey,
    RevokedKey,
    UnknownKey,
    Unreachable,
    UntrustedHost,
)
from cookbook.transport.contract import LoginPasswordRefused, times
from cookbook.transport.known_hosts import host_name
from cookbook.transport.target import Target

_DROPPED = re.compile(
    r"kex_exchange_identification|Connection (closed|reset) by|Exceeded MaxStartups"
    r"|Not allowed at this time"
)
_ANSWERED = re.compile(
    r"Permission denied|[Hh]ost key|Unable to negotiate|Too many authentication"
    r"|(?i:forwarding request failed)|banner exchange"
)
_NOT_LED_ON = re.compile(r"(?i)stdio forwarding (request )?failed")
_REASON = re.compile(r"open failed: (.+)")

_UNKNOWN = re.compile(r"No (\S+) host key is known for")
_CHANGED = re.compile(r"The fingerprint for the (\S+) key sent by the remote host is\s+(\S+?)\.?\s")
_OFFENDING = re.compile(r"Offending \S+ key in (\S.*?):(\d+)\s")
_REVOKED = re.compile(r"REVOKED|is marked as revoked|revoked by file")
_CERTIFICATE = re.compile(r"(?m)^Certificate (?:invalid: )?(.+)$")


def was_dropped(said: str) -> bool:
    """Return whether the server closed the connection before its greeting."""
    return _DROPPED.search(said) is not None and _ANSWERED.search(said) is None


def refusal(target: Target, said: str, *, password_given: bool = False) -> Unreachable:
    """Return the error for a failed connection, with the message of ssh(1)."""
    last = said.splitlines()[-1] if said else "ssh said nothing"
    if "ssh_askpass: exec" in said:
        return Unreachable(
            f"{target}: the password cannot be given to ssh: {last}",
            hint="$XDG_RUNTIME_DIR, or else /tmp, must not be mounted noexec",
        )
    if (
        password_given
        or "Permission denied (" in said
        or "Too many authentication failures" in said
    ):
        return _login_refused(target, said, last, given=password_given)
    return _untrusted(target, said) or _silent(target, said) or Unreachable(f"{target}: {last}")


def turned_away(target: Target, attempts: int, said: str) -> Unreachable:
    """Return the error for a server that closed each connection before its greeting."""
    return Unreachable(
        f"{target.address}:{target.port} hangs up before it greets, {times(attempts)} in"
        f" {target.connect_timeout:g} s: {said}",
        hint="is MaxStartups of its sshd too small, or does fail2ban block this address?",
    )


def not_led_on(target: Target, said: str, bastion_said: Iterable[str]) -> Unreachable | None:
    """
    Return the error if a bastion has opened no channel, else None.

    The bastion's own ssh(1) gets the reason without the name of the host: several reasons are none.
    """
    if target.via is None or _NOT_LED_ON.search(said) is None:
        return None
    where = f"{target.address}:{target.port}"
    reasons = {found[1] for line in bastion_said if (found := _REASON.search(line))}
    why = reasons.pop() if len(reasons) == 1 else "it does not say why"
    if "prohibited" in why:
        return Unreachable(
            f"the bastion {target.via} opens no channel to {where}",
            hint="its sshd must have AllowTcpForwarding yes, and allow this target by PermitOpen",
        )
    return Unreachable(
        f"the bastion {target.via} does not reach {where}: {why}",
        hint="is it up, and is its address right as seen from there?",
    )


def _untrusted(target: Target, said: str) -> UntrustedHost | None:
    name = host_name(*target.known_as)
    if _REVOKED.search(said):
        return RevokedKey(f"the key of {name} is revoked", cause=_first(said))
    if (changed := _CHANGED.search(said)) is not None:
        old = _OFFENDING.search(said)
        where = f"{old[1]}:{old[2]} has another" if old else "known_hosts has another"
        return ChangedKey(
            f"the key of {name} has CHANGED: it shows {changed[1]} {changed[2]}, but {where}",
            hint="the connection may be intercepted. If the host was really reinstalled:"
            f" ssh-keygen -R '{name}'{f' -f {old[1]}' if old else ''}; then `cook trust`",
        )
    if (unknown := _UNKNOWN.search(said)) is not None:
        bad = _CERTIFICATE.search(said)
        because = f"its certificate is not valid: {bad[1]}" if bad else f"it shows {unknown[1]}"
        return UnknownKey(
            f"the key of {name} is not known: {because}",
            hint="`cook trust` shows the keys of hosts, and takes those that you say are theirs",
        )
    if "Host key verification failed" in said:
        return UntrustedHost(f"{name}: {_first(said)}")
    return None


def _first(said: str) -> str:
    """Return the first line that is no frame."""
    lines = (line for line in said.splitlines() if line.strip("@ "))
    return next(lines, "")


def _silent(target: Target, said: str) -> Unreachable | None:
    where = f"{target.address}:{target.port}"
    if "Temporary failure in name resolution" in said:
        return Unreachable(
            f"{target.address}: no name server answers",
            cause=_first(said),
            hint="give its IP address in hosts.yml, or look at /etc/resolv.conf",
        )
    if "during banner exchange" in said:
        return Unreachable(
            f"{where} takes connections, but sends no greeting within {target.connect_timeout:g} s",
            hint="is that an SSH server, and is it well?",
        )
    if "connect to" in said and "Connection timed out" in said:
        return Unreachable(
            f"{where} does not answer within {target.connect_timeout:g} s",
            hint="is it up, and does a firewall block the connection?",
        )
    return None


def _login_refused(target: Target, said: str, last: str, *, given: bool) -> AuthenticationFailed:
    if target.password is None:
        hint = f"`ssh -v {target.address}` says which keys were tried"
        return AuthenticationFailed(f"{target}: {last}", hint=hint)
    takes = re.search(r"Permission denied \(([^)]*)\)", said)
    if given or takes is None:
        hint = "the secret that `password` names is tried once"
    else:
        hint = f"it asks for none, and takes {takes[1].replace(',', ', ')}"
    return LoginPasswordRefused(f"{target} does not take the password", hint=hint)
