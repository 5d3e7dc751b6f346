"""The keys that are offered to a host, and in which order: files, the agent's, certificates."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.transport.paramiko_ssh.passphrases import passphrase_of, public_part
from cookbook.transport.paramiko_ssh.private_key import load_key
from cookbook.transport.target import CERTIFICATE, Target

if TYPE_CHECKING:
    import paramiko
    from paramiko.pkey import PublicBlob


AGENT_TIMEOUT = 30.0
"""Seconds to wait for an agent: its user may have to confirm."""


_DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


KeyOffer = tuple[str, "paramiko.PKey"]


InAgent = Mapping[bytes, "paramiko.AgentKey"]


@contextlib.contextmanager
def offers(target: Target, locked: list[str]) -> Iterator[Iterator[KeyOffer]]:
    """
    Yield the keys to offer, each with its name: named files first, then the agent's.

    A key is offered first with its certificate, then without. Unusable ones are added to `locked`.
    An offer is valid until the next one is taken.
    """
    with _agent_keys(target, locked) as in_agent:
        yield _offers(target, in_agent, locked)


def is_in_agent(file: Path, target: Target) -> bool:
    """Return whether the agent holds the key that is in a file."""
    with _agent_keys(target, []) as in_agent:
        return _public(file) in in_agent


def _offers(target: Target, in_agent: InAgent, locked: list[str]) -> Iterator[KeyOffer]:
    named = named_files(target)
    from_files = _file_keys(named, in_agent, locked)
    others = (("the agent's", key) for key in in_agent.values())
    parts = (from_files, others) if target.identity_files else (others, from_files)
    order = from_files if target.identities_only else itertools.chain(*parts)
    certificates = _certificates((*target.certificate_files, *map(_beside, named)), in_agent)
    offered: set[bytes] = set()
    for name, key in order:
        for said, blob in (*certificates.get(key.asbytes(), ()), ("", None)):
            key.public_blob = blob
            shown = key.asbytes() if blob is None else blob.key_blob
            if shown in offered or not _may_be_used(key, target):
                continue
            offered.add(shown)
            yield f"{name}{said}", key


def named_files(target: Target) -> tuple[Path, ...]:
    """Return the named files, or else the default ones."""
    if target.identity_files or not target.default_keys:
        return target.identity_files
    return tuple(Path.home() / ".ssh" / name for name in _DEFAULT_KEYS)


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}-cert.pub")


def _may_be_used(key: paramiko.PKey, target: Target) -> bool:
    """By what the configuration allows; a certificate counts as another algorithm."""
    name = key.get_name() if key.public_blob is None else key.public_blob.key_type
    allowed = target.algorithms.user_key
    if not name.startswith("ssh-rsa"):
        return not allowed or name in allowed
    signed = (name.replace("ssh-rsa", how) for how in ("rsa-sha2-512", "rsa-sha2-256"))
    return key.get_bits() >= target.rsa_bits and (not allowed or any(n in allowed for n in signed))


def _certificates(
    files: tuple[Path, ...], in_agent: InAgent
) -> dict[bytes, list[tuple[str, PublicBlob]]]:
    """By the key that each is about."""
    from paramiko import SSHException
    from paramiko.pkey import PublicBlob

    from cookbook.transport.paramiko_ssh.host_certificates import certified_key

    found: dict[bytes, list[tuple[str, PublicBlob]]] = {}
    for file in dict.fromkeys(files):
        with contextlib.suppress(OSError, ValueError, SSHException):
            blob = PublicBlob.from_file(str(file))
            if blob.key_type.endswith(CERTIFICATE):
                found.setdefault(certified_key(blob.key_blob), []).append((f" ({file})", blob))
    for key in in_agent.values():
        if key.name.endswith(CERTIFICATE):
            blob = PublicBlob(key.name, key.blob)
            with contextlib.suppress(SSHException):
                found.setdefault(certified_key(key.blob), []).append((" (certified)", blob))
    return found


def _file_keys(files: tuple[Path, ...], in_agent: InAgent, locked: list[str]) -> Iterator[KeyOffer]:
    """Each file's key: from the agent if it holds it, else from the file itself."""
    import paramiko

    for file in files:
        if (public := _public(file)) in in_agent:
            yield f"{file} (in the agent)", in_agent[public]
            continue
        try:
            yield str(file), load_key(file, passphrase_of(file))
        except FileNotFoundError:
            continue
        except (paramiko.PasswordRequiredException, TypeError):
            locked.append(f"{file} (locked with a passphrase, and not in the agent)")
        except (ValueError, OSError) as error:
            locked.append(f"{file} ({error})")


def _public(file: Path) -> bytes:
    """Return the public key beside a file, or in it, by which a key of the agent is chosen."""
    from paramiko.pkey import PublicBlob

    for public in (file.with_name(f"{file.name}.pub"), file):
        with contextlib.suppress(OSError, ValueError, IndexError):
            return PublicBlob.from_file(str(public)).key_blob
    return public_part(file)


@contextlib.contextmanager
def _agent_keys(target: Target, locked: list[str]) -> Iterator[InAgent]:
    """Yield the keys that ssh-agent(1) holds, while it is connected."""
    place = target.agent_socket or os.environ.get("SSH_AUTH_SOCK", "")
    if not target.agent or not place:
        yield {}
        return
    from paramiko import SSHException
    from paramiko.agent import AgentSSH

    agent = AgentSSH()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.settimeout(AGENT_TIMEOUT)
            connection.connect(place)
            # paramiko's Agent() knows no other place than $SSH_AUTH_SOCK.
            agent._connect(connection)  # type: ignore[attr-defined]  # noqa: SLF001 - see above
        except (SSHException, OSError):
            yield {}  # a socket without a listener is no agent
            return
        # A key of a FIDO token cannot be used by paramiko; offered, it ends the authentication.
        tokens = [key for key in agent.get_keys() if key.name.startswith("sk-")]
        locked += [f"the agent's {key.comment} (only transport: openssh can)" for key in tokens]
        yield {key.blob: key for key in agent.get_keys() if key not in tokens}
