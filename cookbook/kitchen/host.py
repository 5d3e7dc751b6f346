"""One running host: its container, what it can be asked, and how it goes down."""

from __future__ import annotations

import signal
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from cookbook.errors import KitchenError
from cookbook.kitchen import cgroup, tools
from cookbook.kitchen.disk import Disk
from cookbook.kitchen.process import Process, find_init, find_leaders
from cookbook.retry import Retry, growing

# What a login as root gives; nothing of the caller's own environment.
ENVIRONMENT = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LANG=C.UTF-8",
)
PROMISE = b"SSH-2.0-"
POWER_OFF = signal.SIGRTMIN + 4  # systemd(1), SIGNALS

# Of the machine's fs.inotify.max_user_instances (128) each host takes about 14.
TOO_MANY = "take some hosts down, or let more run: sysctl fs.inotify.max_user_instances=1024"

# On a busy machine the unit that lets users in has been seen to fail at boot (1 of some 500).
_LET_USERS_IN = "[ ! -e /run/nologin ] || systemctl restart systemd-user-sessions"

_SECONDS_TO_DIE = 60.0
"""On a busy machine, for all processes of a host, which were killed; else it is done at once."""

# systemd-nspawn ends with 133 where the host wants to reboot (its source, nspawn.c). The words
# before `--` are control groups that are entered first.
SUPERVISE = (
    'while [ "$1" != -- ]; do echo $$ >"$1"/cgroup.procs || exit; shift; done; shift;'
    ' while :; do systemd-nspawn "$@"; [ $? -eq 133 ] || break; done'
)

# The outer shell ends and leaves the inner to init: no parent has to wait for it, and a
# Ctrl-C in a terminal does not reach it. Its pid is written to descriptor 3.
LAUNCH = 'exec 3>&1 >"$1" 2>&1 </dev/null; shift; setsid sh -c "$@" 3>&- & echo $! >&3'


@dataclass(frozen=True)
class KitchenHost:
    """A disposable host; `address` is where its sshd answers."""

    name: str
    address: str
    address6: str
    process: Process = field(repr=False)
    folder: Path = field(repr=False)
    port: int = 22

    @property
    def leader(self) -> int:
        """The pid of its init, which is another one after it has rebooted itself."""
        init = find_init(self.process.pid) if self.process.alive else None
        if init is None:
            raise KitchenError(
                f"{self.name} is not running", hint="cook kitchen up starts it afresh"
            )
        return init.pid

    @property
    def host_keys(self) -> tuple[str, ...]:
        """The public ssh host keys, each as `type base64`, as known_hosts(5) wants them."""
        return Disk(self.folder).host_keys

    def run(
        self, command: str, *, timeout: float | None = 300.0
    ) -> subprocess.CompletedProcess[str]:
        """
        Run a shell command as root in the host, not through ssh: nsenter(1) goes in.

        A status other than 0 is the caller's to judge. Raises subprocess.TimeoutExpired
        after `timeout` seconds.
        """
        enter = ["nsenter", f"--target={self.leader}", "--all", "--root", "--wd"]
        return subprocess.run(
            [*enter, "env", "-i", *ENVIRONMENT, "/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=timeout,
            check=False,
            env=tools.environment(),
        )

    def wait_until_up(self, seconds: float = 180.0) -> None:
        """
        Wait until sshd greets and systemd has done its boot.

        Raises KitchenError, with the end of the console, if that takes too long.
        """
        tries = Retry(growing(0.02), within=seconds)
        while self.process.alive:
            if greets(self.address, self.port) and self._has_booted():
                return
            if not tries.again():
                break
        console = Disk(self.folder).console
        said = "\n".join(console.read_text(errors="replace").splitlines()[-15:])
        raise KitchenError(
            f"{self.name} did not come up (all of it in {console}):\n{said}",
            hint=TOO_MANY if "inotify" in said else None,
        )

    def _has_booted(self) -> bool:
        try:
            answer = self.run(f"systemctl is-system-running --wait; {_LET_USERS_IN}", timeout=10.0)
        except (KitchenError, subprocess.TimeoutExpired):
            return False
        # A unit of the recipe under test may fail: the host is up all the same.
        return answer.stdout.strip() in {"running", "degraded"}


def greets(address: str, port: int, seconds: float = 1.0) -> bool:
    """Return True if an SSH server sends its version there (RFC 4253, 4.2)."""
    try:
        with socket.create_connection((address, port), timeout=seconds) as connection:
            return connection.recv(len(PROMISE)) == PROMISE
    except OSError:
        return False


def boot(name: str, bridge: str, disk: Disk) -> Process:
    """Start the container; it is not up yet when this returns. See systemd-nspawn(1)."""
    options = (
        "--quiet",
        f"--directory={disk.root}",
        # Two kitchens may each have an h1; the name on the machine tells them apart.
        f"--machine={bridge}-{name}",
        f"--hostname={name}",
        f"--network-bridge={bridge}",
        "--register=no",
        "--keep-unit",
        "--boot",
        "--capability=all",
        "--drop-capability=CAP_SYS_TIME",  # the clock is the machine's own
        # A container engine in the host makes session keyrings and filters for devices.
        "--system-call-filter=@keyring bpf",
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
    )
    groups = map(str, cgroup.make(cgroup.name_of(disk.folder)))
    words = (str(disk.console), SUPERVISE, "supervise", *groups, "--", *options)
    launched = subprocess.run(
        ["/bin/sh", "-c", LAUNCH, "sh", *words],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        # Where the machine still has cgroup v1, this gives the host a v2 tree it can write.
        env=tools.environment(SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1"),
    )
    process = Process.of(int(launched.stdout))
    if process is None:
        said = disk.console.read_text(errors="replace").strip()
        raise KitchenError(f"systemd-nspawn ended at once: {said}")
    return process


def cut_strays(disk: Disk) -> None:
    """End the containers that run on this disk and are not in the state file."""
    for process in find_leaders(f"--directory={disk.root}"):
        cut_power(process)


def power_off(process: Process, seconds: float = 10.0) -> None:
    """Ask the host's init to power off, and end it if it has not within so many seconds."""
    init = find_init(process.pid) if process.alive else None
    if init is not None:
        init.send(POWER_OFF)
        if process.ended(seconds):
            return
    cut_power(process)


def cut_power(process: Process) -> None:
    """End the host at once, as pulling its plug would."""
    init = find_init(process.pid) if process.alive else None
    if init is not None:
        init.send(signal.SIGKILL)
        # nspawn tidies up after its init.
        if process.ended(_SECONDS_TO_DIE):
            return
    process.kill_group()
    if not process.ended(_SECONDS_TO_DIE):
        raise KitchenError(f"process {process.pid} (systemd-nspawn) does not die")
