"""The disk of one host: an overlay on the base, furnished with what makes a host itself."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from cookbook.errors import KitchenError
from cookbook.kitchen import tools
from cookbook.kitchen.network import KitchenNetwork

RESOLVERS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))

# As ssh-keygen(1) -A, but for the size of the RSA key: one of 3072 bits takes more than a second.
_HOST_KEYS = (("ed25519",), ("ecdsa",), ("rsa", "-b", "2048"))

# Partitions, a kernel command line and updates at boot are the machine's. systemd runs all of
# its generators at each daemon-reload, and many changes of a unit or a package bring one about.
IDLE_GENERATORS = (
    "cryptsetup",
    "debug",
    "gpt-auto",
    "hibernate-resume",
    "integritysetup",
    "run",
    "system-update",
    "veritysetup",
)

# Its snapshots are the machine's. It runs only while no other process wants a processor
# (CPUSchedulingPolicy=idle): on a busy machine a boot has waited for it for more than a minute.
IDLE_UNIT = "e2scrub_reap.service"


@dataclass(frozen=True)
class Disk:
    """
    The folder of one host.

    `lasting` outlives a reset: the host's ssh keys and machine-id, so that it is still
    the same host to those who know it.
    """

    folder: Path

    @property
    def root(self) -> Path:
        """Mount point of the host's file system."""
        return self.folder / "root"

    @property
    def lasting(self) -> Path:
        """Folder that outlives a reset."""
        return self.folder / "lasting"

    @property
    def console(self) -> Path:
        """Console output of the boot."""
        return self.folder / "console.log"

    @property
    def host_keys(self) -> tuple[str, ...]:
        """The public ssh host keys, each as `type base64`."""
        files = sorted((self.lasting / "etc/ssh").glob("*.pub"))
        return tuple(" ".join(path.read_text().split()[:2]) for path in files)

    def mount(self, base: Path) -> None:
        """
        Put a clean overlay on the base. It syncs nothing: a crash of the machine ends its hosts.

        Raises KitchenError where the file system below cannot carry one.
        """
        upper, work = self.folder / "upper", self.folder / "work"
        for path in (upper, work, self.root):
            path.mkdir(parents=True, exist_ok=True)
        # In mount options a comma or a colon would separate.
        for path in (base, self.folder):
            if set(str(path)) & set(",:\\"):
                raise KitchenError(
                    f"an overlay cannot be mounted at {path}: its name has one of , : \\ in it",
                    hint="say another folder in COOK_KITCHEN",
                )
        options = f"lowerdir={base},upperdir={upper},workdir={work},volatile"
        try:
            tools.call("mount", "-t", "overlay", "overlay", "-o", options, self.root)
        except KitchenError as error:
            kind = tools.call("stat", "--file-system", "--format=%T", upper).strip()
            raise KitchenError(
                f"no overlay can be mounted on {upper}, which is on {kind}: {error}",
                hint="say a folder on ext4, xfs, btrfs or tmpfs in COOK_KITCHEN",
            ) from error

    def wipe(self) -> None:
        """Unmount the overlay and forget all that was written to it."""
        if self.root.is_mount():
            tools.call("umount", self.root)
        # rmdir refuses if it is still a mount point: then nothing below is deleted either.
        if self.root.exists():
            self.root.rmdir()
        for path in (self.folder / "upper", self.folder / "work"):
            if path.exists():
                shutil.rmtree(path)

    def remove(self) -> None:
        """Wipe it, and forget the host."""
        self.wipe()
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def make_identity(self) -> None:
        """Make the host's ssh keys and machine-id, once in its life."""
        keys = self.lasting / "etc/ssh"
        if (self.lasting / "etc/machine-id").exists():
            return
        keys.mkdir(parents=True, exist_ok=True)
        for kind, *size in _HOST_KEYS:
            new = ("-t", kind, *size, "-N", "", "-C", "root@kitchen")
            tools.call("ssh-keygen", "-q", *new, "-f", keys / f"ssh_host_{kind}_key")
        (self.lasting / "etc/machine-id").write_text(f"{secrets.token_hex(16)}\n")

    def furnish(self, name: str, network: KitchenNetwork, number: int, public_key: str) -> None:
        """Write name, addresses, keys and resolver into the mounted root."""
        self.make_identity()
        shutil.copytree(self.lasting, self.root, dirs_exist_ok=True)
        etc = self.root / "etc"
        (etc / "hostname").write_text(f"{name}\n")
        (etc / "hosts").write_text(f"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {name}\n")
        (etc / "systemd/network/10-host0.network").write_text(_host0(network, number))
        _mask_generators(etc / "systemd/system-generators")
        _leave_out(self.root / "usr/lib/systemd/system" / f"{IDLE_UNIT}.d")
        (etc / "resolv.conf").unlink(missing_ok=True)
        (etc / "resolv.conf").write_text(resolver())
        for home in (self.root / "root", self.root / "home/admin"):
            _let_in(home, public_key)


def resolver(files: tuple[Path, ...] = RESOLVERS) -> str:
    """
    Return the controller's resolv.conf(5) with name servers that a host can reach.

    systemd-resolved's own address (127.0.0.53) does not exist in the host's network.
    """
    texts = [path.read_text() for path in files if path.exists()]
    reachable = (text for text in texts if "nameserver" in text and "nameserver 127." not in text)
    return next(reachable, texts[0] if texts else "")


def _host0(network: KitchenNetwork, number: int) -> str:
    """Return the interface, for systemd.network(5)."""
    return (
        "[Match]\nName=host0\n\n"
        "[Network]\nIPv6AcceptRA=no\n"
        f"Address={network.address(number)}/24\nGateway={network.gateway}\n\n"
        f"[Address]\nAddress={network.address6(number)}/64\nDuplicateAddressDetection=none\n"
    )


def _mask_generators(folder: Path) -> None:
    """Mask the generators that find nothing to do in a container (systemd.generator(7))."""
    folder.mkdir(exist_ok=True)
    for name in IDLE_GENERATORS:
        (folder / f"systemd-{name}-generator").symlink_to("/dev/null")


def _leave_out(folder: Path) -> None:
    """Have a unit not start in a container; what is below /etc is left to those who try things."""
    folder.mkdir(parents=True, exist_ok=True)  # Debian 11: units are in /lib, both are read
    (folder / "kitchen.conf").write_text("[Unit]\nConditionVirtualization=!container\n")


def _let_in(home: Path, public_key: str) -> None:
    owner = home.stat()
    folder = home / ".ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    keys = folder / "authorized_keys"
    keys.write_text(public_key)
    keys.chmod(0o600)
    for path in (folder, keys):
        shutil.chown(path, owner.st_uid, owner.st_gid)
