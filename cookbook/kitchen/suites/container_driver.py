"""The drivers `docker` and `podman`: containers, where no service manager has to run."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from typing import ClassVar

from cookbook.errors import KitchenError
from cookbook.inventory.host_driver import HostOrder, MadeHost
from cookbook.text.bounded_program import ProgramEnd, ProgramStopped, run_bounded

_IMAGE = "debian:{release}"
_LABEL = "cook.suite"
_OWN_ID = "tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id"
"""All containers of an image have its machine-id, and cook refuses one machine under two names."""

_KILLED = "--stop-timeout=0"
"""As the first process of a container, sleep(1) does not end by SIGTERM: `podman rm` would wait."""

_SECONDS = 600.0
"""Seconds that the engine may take to pull an image and start a container."""


class ContainerDriver:
    """Containers of an engine with the command line of docker(1)."""

    engine: ClassVar[str]

    def check(self, order: HostOrder) -> None:
        """Raise KitchenError if the engine does not answer, or a setting is wrong."""
        for name, value in order.settings.items():
            if name != "image" or not isinstance(value, str):
                raise KitchenError(
                    f"the driver `{self.engine}` has no setting {name}: {value}",
                    hint='image: "debian:{release}"',
                )
        if shutil.which(self.engine) is None:
            raise KitchenError(
                f"the driver `{self.engine}` needs the command {self.engine}, not found here",
                hint="install it, or leave `driver:` out",
            )
        self._call("ps", "--quiet", "--last", "1")

    def create(self, order: HostOrder) -> Sequence[MadeHost]:
        """Start a container for each host; it sleeps, and cook's shell runs in it by `exec`."""
        self.destroy(order)
        image = str(order.settings.get("image", _IMAGE)).replace("{release}", order.release)
        return [self._start(order, name, image) for name in order.names]

    def destroy(self, order: HostOrder) -> None:
        """Remove the containers of this suite and release, with their volumes."""
        found = self._call("ps", "--all", "--quiet", "--filter", f"label={_label(order)}").split()
        if found:
            self._call("rm", "--force", "--volumes", *found)

    def _start(self, order: HostOrder, name: str, image: str) -> MadeHost:
        container = f"cook-{order.suite}-{order.release}-{name}-{_digest(order)[:6]}"
        flags = ["--detach", "--name", container, "--hostname", name, "--label", _label(order)]
        flags.append(_KILLED)
        self._call("run", *flags, "--entrypoint", "sleep", image, "infinity")
        self._call("exec", "--user", "0", container, "sh", "-c", _OWN_ID)
        return MadeHost(
            name,
            {"transport": self.engine, "address": container, "user": "0"},
            (self.engine, "exec", "-it", container, "sh"),
            f"{self.engine}://{container}",
        )

    def _call(self, *words: str) -> str:
        """Run a command of the engine; return its output. Raises KitchenError."""
        line = f"{self.engine} {words[0]}"
        try:
            end: ProgramEnd = run_bounded([self.engine, *words], seconds=_SECONDS)
        except (ProgramStopped, OSError, subprocess.SubprocessError) as error:
            raise KitchenError(f"`{line}`: {error}") from None
        if end.status != 0:
            raise KitchenError(
                f"`{line}` failed with status {end.status}: {end.error_text}",
                hint=f"does `{self.engine} ps` work?",
            )
        return end.text


class DockerDriver(ContainerDriver):
    """Containers of Docker."""

    engine = "docker"


class PodmanDriver(ContainerDriver):
    """Containers of Podman."""

    engine = "podman"


def _digest(order: HostOrder) -> str:
    """Return what tells suites of equal names in two folders apart."""
    return hashlib.sha256(str(order.folder).encode()).hexdigest()


def _label(order: HostOrder) -> str:
    return f"{_LABEL}={order.suite}-{order.release}-{_digest(order)[:16]}"
