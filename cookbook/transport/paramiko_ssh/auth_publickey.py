"""To log in with a key, by paramiko: one after the other is offered, until one is taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cookbook.errors import AuthenticationFailed
from cookbook.transport.login import closed
from cookbook.transport.paramiko_ssh.keys import offers
from cookbook.transport.target import Target

if TYPE_CHECKING:
    import paramiko


def offer_keys(connection: paramiko.Transport, target: Target) -> None:
    """Log in with one of the keys; raises AuthenticationFailed, which names those tried."""
    tried: list[str] = []
    locked: list[str] = []
    with offers(target, locked) as keys:
        for name, key in keys:
            tried.append(name)
            if _offer(connection, target, key):
                return
            if not connection.is_active():
                break
    if not connection.is_active() and (said := _banner(connection)):
        raise closed(target, said, f"tried: {', '.join(tried)}")
    reason = "" if connection.is_active() else " and has hung up"
    others = _other_ways(connection, target.user)
    raise AuthenticationFailed(
        f"{target} accepts none of the keys{reason}", hint=_tried(tried, locked, others)
    )


def _banner(connection: paramiko.Transport) -> str:
    """Return the message that the host has shown before it ended the login."""
    handler = connection.auth_handler
    banner: bytes | str | None = handler.banner if handler is not None else None
    text = banner.decode(errors="replace") if isinstance(banner, bytes) else banner
    return (text or "").strip()


def _other_ways(connection: paramiko.Transport, user: str) -> Sequence[str]:
    """Return the other methods that the host offers for a login."""
    from paramiko import BadAuthenticationType, SSHException

    try:
        if connection.is_active():
            connection.auth_none(user)
    except BadAuthenticationType as error:
        return error.allowed_types
    except (SSHException, EOFError):
        pass
    return ()


def _offer(connection: paramiko.Transport, target: Target, key: paramiko.PKey) -> bool:
    """Return whether the host accepts this key."""
    from paramiko import AuthenticationException, BadAuthenticationType, SSHException

    try:
        connection.auth_publickey(target.user, key)
    except BadAuthenticationType as error:
        types = ", ".join(error.allowed_types)
        raise AuthenticationFailed(
            f"{target} takes no keys, only {types}", hint=_by_kerberos(error.allowed_types)
        ) from None
    except (AuthenticationException, SSHException):
        return False
    return True


def _tried(tried: Sequence[str], locked: Sequence[str], others: Sequence[str]) -> str:
    words = [f"tried: {', '.join(tried) or 'none'}"]
    if locked:
        words.append(f"could not be used: {', '.join(locked)}")
    if kerberos := _by_kerberos(others):
        words.append(kerberos)
    words.append(
        "name one with identity_file in hosts.yml, and see that it is in the host's authorized_keys"
    )
    return "; ".join(words)


def _by_kerberos(types: Sequence[str]) -> str | None:
    if not any(one.startswith("gssapi") for one in types):
        return None
    return "it takes Kerberos tickets (GSSAPI), by `transport: openssh` in hosts.yml"
