"""Services of compose files: their images and containers."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cookbook.language.collection import current
from cookbook.resources._compose_file import ComposeFile, listed, seconds, texts
from cookbook.resources.docker_image import DockerImage, docker_image

_SAME = {
    "command": "command",
    "entrypoint": "entrypoint",
    "hostname": "hostname",
    "user": "user",
    "working_dir": "working_dir",
    "privileged": "privileged",
    "read_only": "read_only",
    "init": "init",
    "cap_add": "cap_add",
    "cap_drop": "cap_drop",
    "devices": "devices",
    "security_opt": "security_opt",
    "stop_signal": "stop_signal",
    "pids_limit": "pids_limit",
    "mem_limit": "memory",
    "memswap_limit": "memory_swap",
    "cpu_shares": "cpu_shares",
    "cpuset": "cpuset",
    "network_mode": "network_mode",
}
"""The keys of a service that are properties of `docker_container`."""
_OTHERS = {
    *("build", "container_name", "cpus", "depends_on", "deploy", "dns", "environment", "expose"),
    *("extra_hosts", "healthcheck", "image", "labels", "logging", "networks", "ports", "restart"),
    *("scale", "stop_grace_period", "sysctls", "tmpfs", "volumes"),
}


class ComposeService:
    """A service of a compose file."""

    def __init__(
        self,
        project: ComposeFile,
        name: str,
        data: Mapping[str, Any],
        scale: int | None,
        names: tuple[Mapping[str, str], Mapping[str, str]],
    ) -> None:
        self.project, self.name, self.data, self.scale = project, name, data, scale
        self.networks, self.volumes = names
        project.check(data, {*_SAME, *_OTHERS}, f"services: {name}")
        if "image" not in data and "build" not in data:
            raise project.error(f"services: {name}: it has neither image nor build")

    @property
    def where(self) -> str:
        """The place in errors."""
        return f"services: {self.name}"

    @property
    def image(self) -> str:
        """The reference of its image."""
        return str(self.data.get("image") or f"{self.project.name}-{self.name}")

    @property
    def needs(self) -> Sequence[str]:
        """The services that come before it."""
        return list(self.data.get("depends_on") or [])

    def names(self) -> Iterator[str]:
        """Yield the names of its containers."""
        replicas = (self.data.get("deploy") or {}).get("replicas")
        count = next(v for v in (self.scale, self.data.get("scale"), replicas, 1) if v is not None)
        own = self.data.get("container_name")
        if own is not None:
            if int(count) > 1:
                raise self.project.error(f"{self.where}: container_name allows one container only")
            yield str(own)
            return
        for number in range(1, int(count) + 1):
            yield f"{self.project.name}-{self.name}-{number}"

    def declare_image(self, pull: str) -> None:
        """
        Declare its image, built if the file says so.

        Several services may have one image, of one build. One that the recipe has declared before
        is taken as it is.
        """
        declared = current().get(f"docker_image[{self.image}]")
        known = declared.resource if declared is not None else None
        if not isinstance(known, DockerImage) or known.host != self.project.host:
            known = None
        build = self.data.get("build")
        if build is None:
            if known is not None:
                return
            docker_image(
                self.image,
                action="pull" if pull == "always" else "pull_if_missing",
                host=self.project.host,
            )
            return
        build = {"context": build} if isinstance(build, str) else build
        keys = ("context", "dockerfile", "args", "target", "no_cache")
        self.project.check(build, keys, f"{self.where}: build")
        options: dict[str, Any] = {
            "source": self.project.path(str(build.get("context") or "."), f"{self.where}: build"),
            "dockerfile": str(build.get("dockerfile") or "Dockerfile"),
            "build_args": texts(self.project, build.get("args"), self.where),
            "target": build.get("target"),
            "no_cache": build.get("no_cache") is True,
        }
        if known is None:
            docker_image(self.image, action="build", host=self.project.host, **options)
        elif any(getattr(known, name) != value for name, value in options.items()):
            raise self.project.error(
                f"{self.where}: build: {known} is declared before, and made in another way"
            )

    def network_keys(self) -> Sequence[str]:
        """Return its networks, as the file calls them."""
        if "network_mode" in self.data:
            return []
        return list(self.data.get("networks") or ["default"])

    @property
    def on_default(self) -> bool:
        """True if it is in the network that the project has by default."""
        return "default" in self.network_keys()

    def options(self) -> Mapping[str, Any]:
        """Return the properties of its containers."""
        data, project = self.data, self.project
        found: dict[str, Any] = {
            mine: data[key] for key, mine in _SAME.items() if data.get(key) is not None
        }
        limits = ((data.get("deploy") or {}).get("resources") or {}).get("limits") or {}
        if "memory" in limits:
            found["memory"] = limits["memory"]
        if cpus := data.get("cpus") or limits.get("cpus"):
            found["cpus"] = float(cpus)
        found |= self._health()
        logging = data.get("logging") or {}
        if logging:
            found["log_driver"] = str(logging.get("driver") or "json-file")
            found["log_options"] = texts(project, logging.get("options"), self.where)
        return {
            **found,
            "image": self.image,
            "host": project.host,
            "env": texts(project, data.get("environment"), self.where),
            "labels": texts(project, data.get("labels"), self.where),
            "extra_hosts": texts(project, data.get("extra_hosts"), self.where, ":"),
            "sysctls": texts(project, data.get("sysctls"), self.where),
            "dns": listed(data.get("dns")),
            "tmpfs": listed(data.get("tmpfs")),
            "ports": [self._port(one) for one in data.get("ports") or []],
            "volumes": [self._volume(one) for one in data.get("volumes") or []],
            "restart": str(data.get("restart") or "no"),
            "stop_timeout": round(seconds(project, data.get("stop_grace_period", 10))),
            "networks": self._networks(),
        }

    def _networks(self) -> Mapping[str, Sequence[str]]:
        declared = self.data.get("networks") or {}
        found: dict[str, Sequence[str]] = {}
        for key in self.network_keys():
            if key not in self.networks:
                raise self.project.error(
                    f"{self.where}: there is no network {key!r}", key, self.networks
                )
            more = declared.get(key) if isinstance(declared, Mapping) else None
            aliases = (more or {}).get("aliases") or []
            found[self.networks[key]] = list(dict.fromkeys([self.name, *aliases]))
        return found

    def _health(self) -> Mapping[str, Any]:
        check = self.data.get("healthcheck")
        if check is None:
            return {}
        keys = ("test", "interval", "timeout", "retries", "disable")
        self.project.check(check, keys, f"{self.where}: healthcheck")
        test = check.get("test")
        if check.get("disable") or test == ["NONE"]:
            return {"health_command": "none"}
        if isinstance(test, list):
            kind, *words = map(str, test)
            test = " ".join(words) if kind == "CMD-SHELL" else shlex.join(words)
        return {
            "health_command": test,
            "health_interval": seconds(self.project, check.get("interval", 30)),
            "health_timeout": seconds(self.project, check.get("timeout", 30)),
            "health_retries": int(check.get("retries", 3)),
        }

    def _port(self, one: Any) -> str | int:
        if not isinstance(one, Mapping):
            return one if isinstance(one, int) else str(one)
        self.project.check(one, ("target", "published", "host_ip", "protocol", "mode"), self.where)
        outer = f"{one['published']}:" if "published" in one else ""
        address = f"{one['host_ip']}:" if "host_ip" in one else ""
        return f"{address}{outer}{one['target']}/{one.get('protocol', 'tcp')}"

    def _volume(self, one: Any) -> str:
        if isinstance(one, Mapping):
            keys = ("type", "source", "target", "read_only")
            self.project.check(one, keys, f"{self.where}: volumes")
            one = f"{one.get('source')}:{one.get('target')}{':ro' if one.get('read_only') else ''}"
        source, _, rest = str(one).partition(":")
        if not rest:
            raise self.project.error(
                f"{self.where}: the volume {one!r} has no name", hint="NAME:PATH"
            )
        if source.startswith(("/", ".")):
            return f"{self.project.path(source, self.where)}:{rest}"
        if source not in self.volumes:
            raise self.project.error(
                f"{self.where}: there is no volume {source!r}", source, self.volumes
            )
        return f"{self.volumes[source]}:{rest}"
