"""The command line of ssh(1): it takes precedence over the configuration."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

from cookbook.transport.target import Target

ALWAYS = (
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RequestTTY=no",
    "RemoteCommand=none",
    "ControlPersist=60",
)


def options(target: Target, *, log_level: str = "ERROR") -> list[str]:
    """Return the options for a target, without those for its bastion."""
    seconds = {
        "ConnectTimeout": max(1, math.ceil(target.connect_timeout)),
        "ServerAliveInterval": max(1, math.ceil(target.alive_interval)),
        # Silence is noticed earlier, by SessionPulse; sshd is silent while PAM opens a session.
        "ServerAliveCountMax": 2 + math.ceil(target.login_timeout / target.alive_interval),
    }
    told = [
        *ALWAYS,
        f"LogLevel={log_level}",
        *(f"{key}={value}" for key, value in seconds.items()),
        *_login(target),
        *_named(target),
        *_rest(target),
    ]
    config = ["-F", target.manner.config] if target.manner.config else []
    return [*config, *(word for option in told for word in ("-o", option))]


def _login(target: Target) -> Iterator[str]:
    """Yield the login options. A password is given once, after the named keys and no others."""
    if target.password is None:
        yield "BatchMode=yes"
        if not target.agent:
            yield "IdentityAgent=none"
        return
    named = ["publickey"] if target.identity_files else []
    yield f"PreferredAuthentications={','.join([*named, 'password', 'keyboard-interactive'])}"
    yield from ("BatchMode=no", "NumberOfPasswordPrompts=1", "IdentityAgent=none")


def _named(target: Target) -> Iterator[str]:
    """Yield the options from hosts.yml."""
    said = target.manner.said

    def won(setting: str) -> bool:
        return said is None or setting in said

    if won("user"):
        yield f"User={target.user}"
    if won("port"):
        yield f"Port={target.port}"
    if won("identity_file"):
        yield from (f"IdentityFile={quoted(file)}" for file in target.identity_files)
    if won("identities_only") or target.password is not None:
        only = target.identities_only or target.password is not None
        yield f"IdentitiesOnly={'yes' if only else 'no'}"
    if won("known_hosts"):
        yield f"UserKnownHostsFile={_all(target.known_hosts)}"
        yield "GlobalKnownHostsFile=none"
    if target.manner.direct:
        yield "ProxyJump=none"


def _rest(target: Target) -> Iterator[str]:
    """Yield options that hosts.yml does not have, as far as they are set."""
    yield from (f"CertificateFile={quoted(file)}" for file in target.certificate_files)
    if target.host_key_alias:
        yield f"HostKeyAlias={target.host_key_alias}"
    if target.agent_socket:
        yield f"IdentityAgent={quoted(target.agent_socket)}"
    if target.algorithms.ca_signature:
        yield f"CASignatureAlgorithms={','.join(target.algorithms.ca_signature)}"


def _all(files: Iterable[Path]) -> str:
    return " ".join(map(quoted, files)) or "none"


def quoted(file: Path | str) -> str:
    """Return a path as ssh_config(5) reads it: percent signs and quotes are special there."""
    return '"' + str(file).replace("%", "%%").replace('"', '\\"') + '"'
