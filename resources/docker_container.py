"""Containers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Secret, holds_secret, recipe_function
from cookbook.resources._container_options import ports_of, size_of, volume_of
from cookbook.resources._docker import DockerResource, at, check_labels, reference, several

Action = Literal[
    "run", "create", "start", "stop", "restart", "pause", "unpause", "delete", "nothing"
]

_AGAINST = (
    {"run", "start", "stop", "delete"},
    {"pause", "unpause", "stop", "delete"},
    {"run", "create", "delete"},
)


class DockerContainer(DockerResource):
    """
    A container: it exists and is as declared (`create`), and runs (`run`).

    Every property is compared with what the engine says, and the image by its id, so a new image
    under the same tag is seen. What is not declared is as the image has it. Limits, the restart
    policy, networks and the name are changed in place; for everything else a new container is made.
    The former one is stopped, and kept as NAME.former once the new one runs and is healthy. If that
    fails, the former one runs again; an undo returns to it as well. Source: docker-run(1); Chef:
    docker_container.

    Example::

        docker_container(
            "shop",
            image="registry.example.org/shop:1.2",
            ports=["127.0.0.1:8000:8000"],
            env={"PORT": 8000},
            volumes=["shop-data:/var/lib/shop"],
            health_command="wget -qO- http://127.0.0.1:8000/health",
            memory="512m",
        )
    """

    category: ClassVar[str] = "containers"

    unique: ClassVar[bool] = True

    image: str = ""
    """The reference of an image that the host has: see `docker_image`."""

    command: str | Sequence[str] | None = None
    """Program and arguments; text is split as a shell does. None: that of the image."""

    entrypoint: str | Sequence[str] | None = None
    """The program that gets the command as arguments; None: that of the image."""

    env: Mapping[str, str | int] = field(default_factory=dict)
    """Variables. A value may be a secret; users of the engine can read it by docker inspect."""

    ports: Sequence[str | int] = ()
    """Ports of the host: "8080:80", "127.0.0.1:8080:80/udp"; 80 alone gets any port."""

    volumes: Sequence[str] = ()
    """Mounts: "shop-data:/var/lib/shop", "/etc/shop:/etc/shop:ro"."""

    tmpfs: Sequence[str] = ()
    """Folders in memory: "/run", "/tmp:size=64m"."""

    networks: Sequence[str] | Mapping[str, str | Sequence[str]] = ()
    """Networks, or a mapping of them to the names that the container has there."""

    network_mode: Literal["host", "none"] | None = None
    """`host` or `none`, in place of networks."""

    restart: str = "unless-stopped"
    """The restart policy: `no`, `always`, `unless-stopped`, `on-failure`, `on-failure:5`."""

    memory: str | int | None = None
    """The limit of memory: "512m", or bytes."""

    memory_swap: str | int | None = None
    """The limit of memory and swap together; -1 for no limit."""

    cpus: float | None = None
    """The number of processors that it may use: 1.5."""

    cpu_shares: int | None = None
    """Its weight where processors are scarce; 1024 is the default."""

    cpuset: str | None = None
    """The processors that it may use: "0-1"."""

    pids_limit: int | None = None
    """The number of processes that it may have."""

    user: str | int | None = None
    """The user in it, with a group if wanted: "app", "1000:1000"."""

    working_dir: str | None = None

    hostname: str | None = None
    """Its host name; None: any."""

    labels: Mapping[str, str] = field(default_factory=dict)

    cap_add: Sequence[str] = ()
    """Capabilities (capabilities(7)) that it has besides the default ones: "NET_ADMIN"."""

    cap_drop: Sequence[str] = ()

    privileged: bool = False
    """It may do all that root may on the host."""

    read_only: bool = False
    """Its root file system cannot be written."""

    init: bool | None = None
    """A small init is process 1 in it; None: as the engine is configured."""

    devices: Sequence[str] = ()
    """Devices of the host: "/dev/fuse", "/dev/sda:/dev/xvda:r"."""

    extra_hosts: Mapping[str, str] = field(default_factory=dict)
    """Names and addresses for its /etc/hosts."""

    dns: Sequence[str] = ()
    """Addresses of its name servers."""

    sysctls: Mapping[str, str | int] = field(default_factory=dict)

    security_opt: Sequence[str] = ()
    """Options such as "no-new-privileges:true"."""

    log_driver: str | None = None
    """The driver of its log; None: as the engine is configured."""

    log_options: Mapping[str, str] = field(default_factory=dict)

    health_command: str | Sequence[str] | None = None
    """A command in it that succeeds if it is healthy, text for a shell; None: that of the image;
    "none" for no check."""

    health_interval: float = 5.0
    """Seconds between two checks."""

    health_timeout: float = 5.0
    """Seconds that a check may take."""

    health_retries: int = 3
    """The number of failed checks after which it is not healthy."""

    stop_signal: str | None = None
    """The signal that stops it; None: that of the image."""

    stop_timeout: int = 10
    """Seconds that it gets to stop."""

    deadline: float = 60.0
    """Seconds within which it has to be healthy; without a check it has to run for `settle`."""

    settle: float = 1.0
    """Seconds that a container without a health check is watched after its start."""

    former_name: str | None = None
    """A name that the container had: it is renamed."""

    action: Action | Sequence[Action] = "run"

    def validate(self) -> None:
        """Check all properties."""
        self.check_host()
        for name in (self.name, self.former_name or self.name):
            self.check_name(name, "a container")
        doing = set(self.doing)
        for group in _AGAINST:
            if len(both := sorted(doing & group)) > 1 and both != ["run", "start"]:
                raise RecipeError(f"{self}: {' and '.join(both)} contradict each other")
        if self.wants:
            if not self.image:
                raise RecipeError(f"{self}: `{self.doing[0]}` needs an image")
            reference(self, self.image)
        self._check_places()
        self._check_limits()
        self._check_texts()

    def _check_places(self) -> None:
        for one in self.ports:
            list(ports_of(self, one))
        for one in self.volumes:
            volume_of(self, one)
        targets = [volume_of(self, one).split(":")[1] for one in self.volumes]
        targets += [one.partition(":")[0] for one in self.tmpfs]
        if doubled := {one for one in targets if targets.count(one) > 1}:
            raise RecipeError(f"{self}: two mounts at {doubled.pop()}")
        for one in self.network_names:
            self.check_name(one, "a network")
        if self.network_mode is not None and (self.networks or self.ports):
            raise RecipeError(f"{self}: with network_mode it has no networks and ports of its own")

    def _check_limits(self) -> None:
        for what, value in (("memory", self.memory), ("memory_swap", self.memory_swap)):
            if value is not None and str(value) != "-1":
                size_of(self, what, value)
        if not re.fullmatch(r"no|always|unless-stopped|on-failure(:\d+)?", self.restart):
            raise RecipeError(
                f"{self}: restart {self.restart!r} is no policy",
                hint="no, always, unless-stopped, on-failure, on-failure:5",
            )
        numbers = (self.health_interval, self.health_timeout, self.health_retries, self.deadline)
        if min(numbers) <= 0 or self.stop_timeout < 0 or self.settle < 0:
            raise RecipeError(f"{self}: times and numbers of tries are positive")
        if self.cpus is not None and self.cpus <= 0:
            raise RecipeError(f"{self}: cpus is a positive number")

    def _check_texts(self) -> None:
        check_labels(self, self.labels, "labels")
        check_labels(self, self.log_options, "log options")
        words = (self.command, self.entrypoint, self.health_command)
        if any(holds_secret(one) for one in words if one is not None):
            raise RecipeError(
                f"{self}: every user can see the arguments of a process",
                hint="pass the secret in `env`",
            )
        places = (self.ports, self.volumes, self.networks, self.devices, self.dns)
        others = (self.user, self.cpuset, self.cap_add, self.cap_drop, self.memory)
        if any(holds_secret(one) for one in (*places, *others)):
            raise RecipeError(
                f"{self}: a plan shows ports, mounts, networks, devices, users and capabilities",
                hint="pass the secret in `env`",
            )
        for name, value in self.env.items():
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or "\0" in str(value):
                raise RecipeError(f"{self}: {name!r} is no variable")
            if re.match(r"PATH$|HOME$|DOCKER_|LD_", name) and "\n" in str(value):
                raise RecipeError(f"{self}: {name} has a line break, and docker(1) has it as well")
        for capability in (*self.cap_add, *self.cap_drop):
            if not re.fullmatch(r"[A-Za-z_]+", capability):
                raise RecipeError(f"{self}: {capability!r} is no capability", hint="NET_ADMIN")

    @property
    def wants(self) -> bool:
        """True if the container is to exist as declared."""
        return bool({*self.doing} & {"run", "create"})

    @property
    def reference(self) -> str:
        """The full reference of the image."""
        return reference(self, self.image)

    @property
    def network_names(self) -> Sequence[str]:
        """The networks; the default one if none is declared."""
        if self.network_mode is not None:
            return []
        return list(self.networks) or ["bridge"]

    def aliases(self, network: str) -> Sequence[str]:
        """Return the names that it has in a network."""
        if not isinstance(self.networks, Mapping):
            return []
        return several(self.networks[network])

    @property
    def secrets(self) -> Mapping[str, str]:
        """The variables whose values are secrets."""
        return {k: v for k, v in self.env.items() if isinstance(v, Secret)}

    @property
    def needed_volumes(self) -> Sequence[str]:
        """The identities of the volumes that it has by their names."""
        names = [volume_of(self, one).partition(":")[0] for one in self.volumes]
        return [at(self.host, one) for one in names if not one.startswith("/")]


docker_container = recipe_function(DockerContainer)
