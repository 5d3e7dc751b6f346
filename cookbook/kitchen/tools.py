"""The machine's own tools: found or named as missing, run or explained."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from cookbook.errors import KitchenError

PACKAGES = {
    "ip": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "mount": "mount",
    "nft": "nftables",
    "nsenter": "util-linux",
    "ssh-keygen": "openssh-client",
    "systemd-nspawn": "systemd-container",
    "umount": "mount",
}
"""Each command the kitchen runs, and the Debian package it comes from."""

ELSEWHERE = "or write a hosts.yml for a machine you can reach with ssh"

# A root shell from plain `su` has no sbin in its PATH, and the tools are there.
SEARCH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


def require() -> None:
    """
    See that this machine can make hosts at all.

    Raises KitchenError, which names everything that is missing at once.
    """
    if os.geteuid() != 0:
        raise KitchenError(
            "the kitchen needs root: it mounts overlays and boots containers",
            hint=f"run it with sudo, {ELSEWHERE}",
        )
    missing = [name for name in PACKAGES if shutil.which(name, path=SEARCH) is None]
    if missing:
        packages = " ".join(sorted({PACKAGES[name] for name in missing}))
        raise KitchenError(
            f"the kitchen needs {', '.join(missing)}, not found on this machine",
            hint=f"apt-get install {packages}, {ELSEWHERE}",
        )
    require_overlay()


def require_overlay(filesystems: Path = Path("/proc/filesystems")) -> None:
    """See that the kernel has overlayfs, and load it if it comes as a module."""
    if _knows_overlay(filesystems):
        return
    if shutil.which("modprobe", path=SEARCH) is not None:
        subprocess.run(["modprobe", "overlay"], check=False, capture_output=True, env=environment())
    if not _knows_overlay(filesystems):
        raise KitchenError(
            "the kitchen needs overlayfs, which this kernel does not offer",
            hint=f"modprobe overlay, {ELSEWHERE}",
        )


def _knows_overlay(filesystems: Path) -> bool:
    return "overlay" in filesystems.read_text().split()


def environment(**extra: str) -> dict[str, str]:
    """Return the environment for a tool: English messages, and sbin in its PATH."""
    return {**os.environ, "PATH": SEARCH, "LC_ALL": "C.UTF-8", **extra}


def call(*command: str | Path, text: str | None = None) -> str:
    """
    Run a command with `text` on its standard input, and return its output.

    Raises KitchenError with the command and the end of what it said, if it failed.
    """
    outcome = subprocess.run(
        [str(word) for word in command],
        input=text,
        stdin=subprocess.DEVNULL if text is None else None,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        env=environment(),
    )
    if outcome.returncode != 0:
        said = "\n".join((outcome.stderr or outcome.stdout).strip().splitlines()[-15:])
        line = " ".join(str(word) for word in command)
        raise KitchenError(f"`{line}` failed with status {outcome.returncode}: {said}")
    return outcome.stdout
