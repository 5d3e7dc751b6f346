"""The root file system all hosts stand on: built once, under a name that says what is in it."""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cookbook.errors import KitchenError
from cookbook.kitchen import mirror, tools
from cookbook.kitchen.lock import alone

logger = logging.getLogger(__name__)

KEPT_SECONDS = 14 * 24 * 3600

RELEASES = ("bullseye", "bookworm", "trixie", "forky")
"""Codenames of Debian 11 to 14: hosts of each can be made."""

# What a small Debian server has, and no Python: law 10 says a host needs none.
PACKAGES = (
    "ca-certificates",
    "cron",
    "dbus",
    "iproute2",
    "iptables",
    "libpam-systemd",
    "nftables",
    "openssh-server",
    "passwd",
    "procps",
    "sudo",
    "systemd",
    "systemd-sysv",
)

# Run by mmdebstrap at the end of the build, with the new root as $1.
HOOKS = (
    "chroot \"$1\" useradd --create-home --shell /bin/bash --comment '' admin",
    "echo 'admin ALL=(ALL:ALL) NOPASSWD: ALL' >\"$1\"/etc/sudoers.d/admin",
    'chmod 0440 "$1"/etc/sudoers.d/admin',
    # Tests open many connections at once; sshd's default drops some beyond ten.
    "echo 'MaxStartups 500:30:1000' >\"$1\"/etc/ssh/sshd_config.d/kitchen.conf",
    # A login that comes while systemd 252 stops the user's manager can hang for longer than cook
    # wait, and leave user@.service failed; so it is not stopped 10 s after each last logout.
    (
        'cd "$1"/etc/systemd && mkdir logind.conf.d &&'
        " printf '[Login]\\nUserStopDelaySec=infinity\\n' >logind.conf.d/kitchen.conf"
    ),
    # Every host gets its own: shared host keys would hide a mixed-up connection.
    'rm -f "$1"/etc/ssh/ssh_host_*',
    # minbase has no locales but this one, which is part of libc.
    'echo LANG=C.UTF-8 >"$1"/etc/default/locale',
    # The address then survives a reboot of the host from within.
    'chroot "$1" systemctl --quiet enable systemd-networkd.service',
    # Its random moment would hold the dpkg lock in the middle of some run.
    'chroot "$1" systemctl --quiet disable apt-daily.timer apt-daily-upgrade.timer',
    # It writes to /var/backups after midnight; Debian 11 has a job of cron(8) for that.
    (
        '! [ -e "$1"/usr/lib/systemd/system/dpkg-db-backup.timer ] ||'
        ' chroot "$1" systemctl --quiet disable dpkg-db-backup.timer'
    ),
    'test ! -e "$1"/usr/bin/python3',
)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a base holds."""

    release: str = "bookworm"
    packages: tuple[str, ...] = PACKAGES
    hooks: tuple[str, ...] = HOOKS
    sources: tuple[str, ...] = ()
    week: str = ""
    """The ISO week: mirrors drop, after a while, the files that old package lists name."""

    @property
    def name(self) -> str:
        """The folder's name; another recipe has another."""
        digest = hashlib.sha256(repr(self).encode()).hexdigest()
        return f"debian-{self.release}-{digest[:16]}"

    def command(self, target: Path) -> list[str]:
        """Return the mmdebstrap(1) call that builds it in `target`."""
        return [
            "mmdebstrap",
            "--variant=minbase",
            "--skip=cleanup/apt/lists",
            f"--include={','.join(self.packages)}",
            *(f"--customize-hook={hook}" for hook in self.hooks),
            self.release,
            str(target),
            *self.sources,
        ]


def todays(release: str = "bookworm") -> Recipe:
    """Return the recipe for a base with this week's package lists, from the controller's mirror."""
    year, week, _day = datetime.now(UTC).isocalendar()
    return Recipe(release, week=f"{year}-W{week:02}", sources=mirror.sources_for(release))


def cache() -> Path:
    """Return the folder of bases: $XDG_CACHE_HOME/cook, or the machine's cache for root."""
    if named := os.environ.get("XDG_CACHE_HOME"):
        return Path(named) / "cook"
    return Path("/var/cache/cook") if os.geteuid() == 0 else Path.home() / ".cache/cook"


def ensure(recipe: Recipe, folder: Path) -> Path:
    """
    Return the base of this recipe in `folder`, building it (about half a minute) if need be.

    Raises KitchenError if mmdebstrap fails; nothing half done is left under the name.
    """
    base = folder / recipe.name
    # A second build waits and then finds the first one's work.
    with alone(folder / ".lock"):
        if not base.exists():
            _build(recipe, base)
            _prune(folder)
    return base


def _prune(folder: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """Delete the bases of past weeks that no host stands on."""
    in_use, oldest = mounts.read_text(), time.time() - KEPT_SECONDS
    for base in folder.glob("debian-*"):
        if base.is_dir() and base.stat().st_mtime < oldest and f"={base}," not in in_use:
            tools.call("rm", "-rf", "--one-file-system", base, base.with_suffix(".log"))


def _build(recipe: Recipe, base: Path) -> None:
    partial = base.with_suffix(".partial")
    tools.call("rm", "-rf", "--one-file-system", partial)
    logger.info("building the base %s, once (about half a minute)", base)
    started = time.monotonic()
    log = base.with_suffix(".log")
    with log.open("wb") as output:
        outcome = subprocess.run(
            recipe.command(partial),
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=tools.environment(),
        )
    if outcome.returncode != 0:
        said = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        tools.call("rm", "-rf", "--one-file-system", partial)
        raise KitchenError(
            f"mmdebstrap could not build the base (all of it in {log}):\n{said}",
            hint="can this machine's own apt-get update reach its mirror?",
        )
    partial.rename(base)
    logger.info("built it in %.0f s", time.monotonic() - started)
