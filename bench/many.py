"""
A thousand SSH servers on this machine, each a host of its own as far as a run can see.

Each has an address, host keys, an /etc and a machine-id of its own: an overlay on one seed, which
is an overlay on the base of the kitchen. Each sshd lives in a mount namespace and a chroot; nothing
is booted, so services cannot be looked at.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from bench.clock import BenchError
from cookbook.kitchen import base

PORT = 2222
_SERVE = """
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$3" &&
mount -t proc proc "$3/proc" && mount --rbind /dev "$3/dev" && mkdir -p "$3/run/sshd" &&
exec chroot "$3" /usr/sbin/sshd -D -o ListenAddress=$4 -o Port=$5 -o UsePAM=no -o PidFile=none \
-o HostKey=/etc/ssh/ssh_host_ed25519_key -o PermitRootLogin=prohibit-password
"""


@dataclass(frozen=True)
class ManyHosts:
    """Hosts that are up: their inventory, addresses, and how to log in."""

    hosts_yml: Path
    addresses: Sequence[str]
    identity: Path
    known_hosts: Path


def address(number: int) -> str:
    """
    Return the address of a host on the loopback network.

    >>> address(0), address(999)
    ('127.77.0.1', '127.77.3.250')
    """
    return f"127.77.{number // 250}.{number % 250 + 1}"


@contextlib.contextmanager
def many_hosts(folder: Path, number: int, prepare: Sequence[str]) -> Iterator[ManyHosts]:
    """
    Start so many hosts; stop them at the end.

    `prepare` is a command that brings the seed into the state that all have; `HOSTS` in it is the
    inventory. Raises BenchError if it fails, or a host does not answer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    disk = folder / "disks"
    disk.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(disk)], check=True)
    servers: list[subprocess.Popen[bytes]] = []
    try:
        below = str(base.ensure(base.todays(), base.cache()))
        identity, public = _key(folder / "id_ed25519")
        seed = _disk(disk / "seed")
        _furnish(seed, public)
        hosts = _written(folder, identity, {"seed": (address(0), seed)})
        servers.append(_serve(below, disk, "seed", address(0)))
        _wait([address(0)])
        words = [str(hosts.hosts_yml) if word == "HOSTS" else word for word in prepare]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"the seed cannot be prepared: {done.stdout[-2000:]}{done.stderr}")
        _stop(servers)
        lower = f"{seed}:{below}"
        named = {f"h{i:04}": (address(i), _disk(disk / f"h{i:04}")) for i in range(number)}
        for _, upper in named.values():
            (upper / "etc").mkdir()
            (upper / "etc/machine-id").write_text(f"{secrets.token_hex(16)}\n")
            (upper / "etc/ssh").mkdir()
            _key(upper / "etc/ssh/ssh_host_ed25519_key")
        hosts = _written(folder, identity, named)
        servers += [_serve(lower, disk, name, where) for name, (where, _) in named.items()]
        _wait(hosts.addresses)
        yield hosts
    finally:
        _stop(servers)
        subprocess.run(["umount", "--lazy", str(disk)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _disk(folder: Path) -> Path:
    """Make the folders of an overlay; return the upper one."""
    for name in ("upper", "work"):
        (folder / name).mkdir(parents=True)
    return folder / "upper"


def _key(path: Path) -> tuple[Path, str]:
    """Write a key of sshd or a user; return its path and the public key."""
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    path.with_suffix(".pub").write_text(f"{public}\n")
    return path, public


def _furnish(upper: Path, public: str) -> None:
    """Give the seed a machine-id, a host key and a way in for root."""
    (upper / "etc/ssh").mkdir(parents=True)
    (upper / "etc/machine-id").write_text(f"{secrets.token_hex(16)}\n")
    _key(upper / "etc/ssh/ssh_host_ed25519_key")
    keys = upper / "root/.ssh"
    keys.mkdir(parents=True, mode=0o700)
    (upper / "root").chmod(0o700)
    (keys / "authorized_keys").write_text(f"{public}\n")
    (keys / "authorized_keys").chmod(0o600)


def _written(folder: Path, identity: Path, hosts: dict[str, tuple[str, Path]]) -> ManyHosts:
    """Write the inventory and the known keys."""
    known = folder / "known_hosts"
    lines = []
    for where, upper in hosts.values():
        kind, key = (upper / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2]
        lines.append(f"[{where}]:{PORT} {kind} {key}\n")
    known.write_text("".join(lines))
    inventory = folder / "hosts.yml"
    data = {
        "defaults": {
            "user": "root",
            "port": PORT,
            "identity_file": str(identity),
            "known_hosts": str(known),
            "agent": False,
            "ssh_config": "none",
        },
        "hosts": {name: {"address": where} for name, (where, _) in hosts.items()},
    }
    inventory.write_text(json.dumps(data))
    return ManyHosts(inventory, [where for where, _ in hosts.values()], identity, known)


def _serve(lower: str, disk: Path, name: str, where: str) -> subprocess.Popen[bytes]:
    root = disk / name / "root"
    root.mkdir()
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _SERVE, "serve"]
    return subprocess.Popen(
        [*words, lower, str(disk / name), str(root), where, str(PORT)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _wait(addresses: Sequence[str]) -> None:
    """Wait until each answers. Raises BenchError after two minutes."""
    end = time.monotonic() + 120
    for where in addresses:
        while True:
            with contextlib.suppress(OSError), socket.create_connection((where, PORT), 2) as it:
                if it.recv(4) == b"SSH-":
                    break
            if time.monotonic() > end:
                raise BenchError(f"{where} does not answer")
            time.sleep(0.05)


def _stop(servers: list[subprocess.Popen[bytes]]) -> None:
    for server in servers:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
    for server in servers:
        server.wait()
    servers.clear()
