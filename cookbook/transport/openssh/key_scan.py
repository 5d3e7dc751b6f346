"""
The scan of a host key by ssh(1), for hosts that paramiko cannot reach.

ssh writes the key into an empty known_hosts file, and has no means to log in.
"""

from __future__ import annotations

import base64
import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from cookbook.errors import Unreachable, UntrustedHost, UsageError
from cookbook.transport.known_hosts import KnownHosts, load_known_hosts
from cookbook.transport.openssh import bastion
from cookbook.transport.openssh.control_master import to_bastion
from cookbook.transport.openssh.options import options, quoted
from cookbook.transport.openssh.refusals import not_led_on, refusal
from cookbook.transport.paramiko_ssh.key_scan import ScannedKeyStatus, Shown
from cookbook.transport.target import DEFAULT_PORT, Target

_TIMEOUT = 30.0
"""Seconds for the exchange of keys."""

_LINE = re.compile(r"(?P<name>\S+) (?P<type>\S+) (?P<key>\S+)")

_NO_WAY_IN = (
    "PreferredAuthentications=none",
    "BatchMode=yes",
    "ControlMaster=no",
    "ControlPath=none",
    "HashKnownHosts=no",
    "CheckHostIP=no",
)


def scan(target: Target) -> Shown:
    """
    Ask a host for its key, and compare it with the known ones.

    A known type of key is asked for before any other. Raises Unreachable if it cannot be asked.
    """
    if not target.known_hosts:
        raise UsageError(f"{target.address}: there is no known_hosts file to write its key into")
    known = load_known_hosts(target.known_hosts)
    passage = bastion.enter(target.via, to_bastion) if target.via is not None else None
    try:
        shown = _shown(target, passage, known)
        others = {*known.key_types(*_place(shown.name))} - {shown.type}
        if shown.state == "new" and others:
            shown = _shown(target, passage, known, others)
        if shown.state == "new" and known.authorities(*_place(shown.name)):
            shown = _certified(target, passage, shown)
    finally:
        if passage is not None:
            passage.leave()
    return shown


def _shown(
    target: Target,
    passage: bastion.MasterPassage | None,
    known: KnownHosts,
    types: Iterable[str] = (),
) -> Shown:
    with tempfile.TemporaryDirectory(prefix="cook-scan-") as folder:
        file = Path(folder) / "known_hosts"
        new = ["StrictHostKeyChecking=accept-new", f"UserKnownHostsFile={quoted(file)}"]
        if types:
            kinds = [name for kind in types for name in _algorithms(kind)]
            new.append(f"HostKeyAlgorithms={','.join(kinds)}")
        said = _ask(target, passage, [*new, "GlobalKnownHostsFile=none"])
        found = _LINE.match(file.read_text()) if file.exists() else None
    if found is None:
        if passage is not None:
            _look_at(target, passage, said)
        raise refusal(replace(target, password=None), said)
    key = base64.b64decode(found["key"])
    state = _state(known, _place(found["name"]), found["type"], key)
    return Shown(found["name"], found["type"], key, state, known.files[0])


def _certified(target: Target, passage: bastion.MasterPassage | None, shown: Shown) -> Shown:
    """Return the key as known if ssh(1), as configured, continues to authentication."""
    files = " ".join(map(quoted, target.known_hosts))
    said = _ask(target, passage, [f"UserKnownHostsFile={files}", "GlobalKnownHostsFile=none"])
    return replace(shown, state="known") if "Permission denied" in said else shown


def _ask(target: Target, passage: bastion.MasterPassage | None, words: Sequence[str]) -> str:
    """Return the output of ssh(1); of two values for one keyword it uses the first."""
    told = [*words, *_NO_WAY_IN]
    if passage is not None:
        told.append(f"ProxyCommand={passage.command}")
    first = [word for option in told for word in ("-o", option)]
    command = ["ssh", *first, *options(target), "-T", "--", target.address, "exit"]
    patience = target.connect_timeout + _TIMEOUT
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            timeout=patience,
            check=False,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise Unreachable("there is no ssh(1) on this machine") from None
    except subprocess.TimeoutExpired:
        raise Unreachable(f"{target}: shows no key within {patience:g} s") from None
    return done.stderr.strip()


def _look_at(target: Target, passage: bastion.MasterPassage, said: str) -> None:
    """Raise the error if it is the bastion's."""
    if (lost := passage.lost) is not None:
        raise bastion.lost(lost)
    if (error := not_led_on(target, said, passage.said)) is not None:
        raise error


def _place(name: str) -> tuple[str, int]:
    """Return the address and the port of a name in known_hosts."""
    found = re.fullmatch(r"\[([^\]]+)\]:(\d+)", name)
    return (found[1], int(found[2])) if found else (name, DEFAULT_PORT)


def _state(known: KnownHosts, place: tuple[str, int], kind: str, key: bytes) -> ScannedKeyStatus:
    try:
        known.check(*place, kind, key)
    except UntrustedHost as error:
        return _STATES.get(error.code, "new")
    return "known"


_STATES: dict[str, ScannedKeyStatus] = {
    "host-key-changed": "changed",
    "host-key-revoked": "revoked",
}


def _algorithms(kind: str) -> tuple[str, ...]:
    """Return the algorithms of a key type: an RSA key signs with SHA-2 (RFC 8332)."""
    return ("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,)
