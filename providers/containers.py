"""Containers as values: what an engine says of one, and what a recipe wants."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cookbook.provider import Content, hint, never_secret, secret
from cookbook.providers.docker import pairs
from cookbook.resources._container_options import ports_of, size_of, volume_of
from cookbook.resources.docker_container import DockerContainer

FORM = (
    '{"id":{{json .ID}},"name":{{json .Name}},"image":{{json .Image}},"config":{{json .Config}},'
    '"host":{{json .HostConfig}},"status":{{json .State.Status}},'
    '"unhealthy":{{if .State.Health}}{{eq .State.Health.Status "unhealthy"}}{{else}}false{{end}},'
    '"networks":{{json .NetworkSettings.Networks}}}'
)
"""The format of an answer about a container."""

IMAGE_FORM = '{"id":{{json .ID}},"config":{{json .Config}}}'
"""The format of an answer about its image."""

_BILLION = 1_000_000_000


@dataclass(frozen=True)
class State:
    """A container."""

    called: str | None = never_secret()
    """Its name."""
    image: str | None = never_secret()
    """The id of its image."""
    command: tuple[str, ...] | None = None
    """The program with all arguments: entry point and command."""
    env: tuple[str, ...] | None = None
    """Variables that are declared, or from the image, as `NAME=value`."""
    other_env: Content | None = secret()
    """The digest of all other variables, and of those whose values are declared as secrets."""
    ports: tuple[str, ...] | None = never_secret()
    volumes: tuple[str, ...] | None = never_secret()
    tmpfs: tuple[str, ...] | None = None
    networks: tuple[str, ...] | None = never_secret()
    """Each network, followed by the names that it has there."""
    network_mode: str | None = never_secret()
    restart: str | None = never_secret()
    memory: int | None = never_secret()
    memory_swap: int | None = never_secret()
    cpus: float | None = never_secret()
    cpu_shares: int | None = never_secret()
    cpuset: str | None = never_secret()
    pids_limit: int | None = never_secret()
    user: str | None = never_secret()
    working_dir: str | None = None
    hostname: str | None = None
    labels: tuple[str, ...] | None = None
    cap_add: tuple[str, ...] | None = never_secret()
    cap_drop: tuple[str, ...] | None = never_secret()
    privileged: bool | None = never_secret()
    read_only: bool | None = never_secret()
    init: bool | None = never_secret()
    devices: tuple[str, ...] | None = never_secret()
    extra_hosts: tuple[str, ...] | None = None
    dns: tuple[str, ...] | None = never_secret()
    sysctls: tuple[str, ...] | None = None
    security_opt: tuple[str, ...] | None = None
    log: tuple[str, ...] | None = None
    """The driver of its log, then its options."""
    health: tuple[str, ...] | None = None
    """The command of the check, then interval, timeout and retries."""
    stop_signal: str | None = None
    stop_timeout: int | None = never_secret()
    running: bool | None = never_secret()
    paused: bool | None = never_secret()
    unfinished: bool | None = never_secret()
    """True if its replacement was cut off before the new one was found healthy."""
    there: bool = hint(default=True)
    id: str | None = hint()
    former: str | None = hint()
    """The id of the former container that is kept."""
    image_now: str | None = hint()
    """The id of the image that its reference names now."""
    defaults: str = hint(default="{}")
    """The configuration of that image, as JSON."""
    unhealthy: bool = hint(default=False)
    podman: bool = hint(default=False)
    """True if the engine is Podman, which cannot change a container in place."""
    secrets: tuple[str, ...] = hint(default=())
    """The names in `other_env`."""
    reference: str = hint(default="")
    deadline: float = hint(default=60.0)
    settle: float = hint(default=1.0)
    host: str | None = hint()


def env_block(variables: Mapping[str, str]) -> bytes:
    """Return variables for the shell: a line each, with line breaks as the byte 1."""
    lines = [f"{name}={value}".replace("\n", "\1") for name, value in variables.items()]
    return b"".join(sorted(f"{line}\n".encode("utf-8", "surrogateescape") for line in lines))


def _env_of(value: Any) -> dict[str, str]:
    variables = (str(one).partition("=") for one in value or [])
    return {name: text for name, _, text in variables}


def _plain(container: DockerContainer, defaults: Mapping[str, Any]) -> dict[str, str]:
    declared = {k: str(v) for k, v in container.env.items() if k not in container.secrets}
    return {**_env_of(defaults.get("Env")), **declared}


def found_in(
    container: DockerContainer, said: Mapping[str, Any], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the fields of the state of a container, by the answer about it."""
    config, host = said["config"], said["host"]
    known = {*_plain(container, defaults)} - {*container.secrets}
    env = _env_of(config["Env"])
    plain = {name: value for name, value in env.items() if name in known}
    other = {name: value for name, value in env.items() if name not in known}
    identifier = str(said["id"])
    mode = str(host["NetworkMode"])
    policy = host["RestartPolicy"]
    tries = int(policy.get("MaximumRetryCount") or 0)
    return {
        "called": str(said["name"]).removeprefix("/"),
        "image": str(said["image"]),
        "command": _argv(config["Entrypoint"], config["Cmd"]),
        "env": pairs(plain),
        "other_env": Content.of(env_block(other)),
        "secrets": tuple(sorted(other)),
        "ports": tuple(sorted(_bindings(host["PortBindings"]))),
        "volumes": tuple(sorted(_mounts(container, host))),
        "tmpfs": _tmpfs(host.get("Tmpfs")),
        "networks": tuple(sorted(_networks(container, said))) if _own(mode) else (),
        "network_mode": "" if _own(mode) else mode,
        "restart": f"{policy['Name'] or 'no'}{f':{tries}' if tries else ''}",
        "memory": max(0, int(host["Memory"] or 0)),
        "memory_swap": int(host["MemorySwap"] or 0),
        "cpus": int(host["NanoCpus"] or 0) / _BILLION,
        "cpu_shares": int(host["CpuShares"] or 0),
        "cpuset": str(host["CpusetCpus"] or ""),
        "pids_limit": max(0, int(host["PidsLimit"] or 0)),
        "user": str(config["User"] or ""),
        "working_dir": str(config["WorkingDir"] or ""),
        "hostname": str(config["Hostname"] or ""),
        "labels": pairs(config["Labels"]),
        "cap_add": _capabilities(host["CapAdd"]),
        "cap_drop": _capabilities(host["CapDrop"]),
        "privileged": host["Privileged"] is True,
        "read_only": host["ReadonlyRootfs"] is True,
        "init": host.get("Init") is True,
        "devices": tuple(sorted(map(_device, host["Devices"] or []))),
        "extra_hosts": _texts(host["ExtraHosts"]),
        "dns": tuple(map(str, host["Dns"] or [])),
        "sysctls": pairs(host.get("Sysctls")),
        "security_opt": _texts(host["SecurityOpt"]),
        "log": (str(host["LogConfig"]["Type"]), *pairs(host["LogConfig"]["Config"])),
        "health": _health(config.get("Healthcheck")),
        "stop_signal": str(config.get("StopSignal") or "SIGTERM"),
        "stop_timeout": int(10 if config.get("StopTimeout") is None else config["StopTimeout"]),
        "running": said["status"] in ("running", "paused"),
        "paused": said["status"] == "paused",
        "id": identifier,
        "unhealthy": said["unhealthy"] is True and said["status"] == "running",
    }


def wanted_of(container: DockerContainer, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the wanted state; what is not declared is as the image has it."""
    own, log = container.network_mode is None, container.log_driver
    limits = container.memory, container.memory_swap
    memory, swap = (
        None if v is None else -1 if str(v) == "-1" else size_of(container, "memory", v)
        for v in limits
    )
    return {
        "called": container.name,
        "command": _wanted_argv(container, defaults),
        "env": pairs(_plain(container, defaults)),
        "other_env": Content.of(env_block(container.secrets)),
        "secrets": tuple(sorted(container.secrets)),
        "ports": tuple(sorted(p for one in container.ports for p in ports_of(container, one))),
        "volumes": tuple(sorted(volume_of(container, one) for one in container.volumes)),
        "tmpfs": tuple(sorted(container.tmpfs)),
        "networks": tuple(
            sorted(" ".join([n, *sorted(container.aliases(n))]) for n in container.network_names)
        ),
        "network_mode": "" if own else container.network_mode,
        "restart": container.restart,
        "memory": max(0, memory or 0),
        "memory_swap": swap,
        "cpus": container.cpus or 0.0,
        "cpu_shares": container.cpu_shares or 0,
        "cpuset": container.cpuset or "",
        "pids_limit": max(0, container.pids_limit or 0),
        "user": str(defaults.get("User") or "") if container.user is None else str(container.user),
        "working_dir": container.working_dir or str(defaults.get("WorkingDir") or ""),
        "hostname": container.hostname,
        "labels": pairs({**(defaults.get("Labels") or {}), **container.labels}),
        "cap_add": _capabilities(container.cap_add),
        "cap_drop": _capabilities(container.cap_drop),
        "privileged": container.privileged,
        "read_only": container.read_only,
        "init": container.init,
        "devices": tuple(sorted(map(_whole_device, container.devices))),
        "extra_hosts": tuple(sorted(f"{k}:{v}" for k, v in container.extra_hosts.items())),
        "dns": tuple(container.dns),
        "sysctls": pairs(container.sysctls),
        "security_opt": _texts(container.security_opt),
        "log": (log, *pairs(container.log_options)) if log is not None else None,
        "health": _wanted_health(container, defaults),
        "stop_signal": container.stop_signal or str(defaults.get("StopSignal") or "SIGTERM"),
        "stop_timeout": container.stop_timeout,
    }


def _argv(entrypoint: Any, command: Any) -> tuple[str, ...]:
    return tuple(map(str, [*(entrypoint or []), *(command or [])]))


def _words(value: str | Sequence[str] | None) -> list[str] | None:
    if value is None:
        return None
    return shlex.split(value) if isinstance(value, str) else list(value)


def _wanted_argv(container: DockerContainer, defaults: Mapping[str, Any]) -> tuple[str, ...]:
    entry, command = _words(container.entrypoint), _words(container.command)
    if entry is None:
        entry = list(defaults.get("Entrypoint") or [])
        command = list(defaults.get("Cmd") or []) if command is None else command
    return _argv(entry, command)


def _own(mode: str) -> bool:
    """Return whether a mode means networks of the container's own."""
    return mode not in ("host", "none") and not mode.startswith("container:")


def _bindings(value: Any) -> Iterator[str]:
    for inner, places in (value or {}).items():
        for one in places or [{}]:
            yield f"{one.get('HostIp', '')}:{one.get('HostPort', '')}:{inner}"


def _mounts(container: DockerContainer, host: Mapping[str, Any]) -> Iterator[str]:
    for one in host["Binds"] or []:
        yield volume_of(container, str(one))
    for one in host.get("Mounts") or []:
        if one["Type"] in ("bind", "volume"):
            read_only = ":ro" if one.get("ReadOnly") else ""
            yield f"{one['Source']}:{one['Target']}{read_only}"


def _tmpfs(value: Any) -> tuple[str, ...]:
    return tuple(sorted(f"{k}:{v}" if v else str(k) for k, v in (value or {}).items()))


def _networks(container: DockerContainer, said: Mapping[str, Any]) -> Iterator[str]:
    # The engine adds the id, and the host name, to the names that are declared.
    own = {str(said["id"])[:12], str(said["config"]["Hostname"])}
    for name, one in (said["networks"] or {}).items():
        declared = container.aliases(name) if name in container.network_names else ()
        aliases = {*map(str, one.get("Aliases") or [])} - (own - {*declared})
        yield " ".join([name, *sorted(aliases)])


def _capabilities(value: Any) -> tuple[str, ...]:
    return tuple(sorted({str(one).upper().removeprefix("CAP_") for one in value or []}))


def _device(one: Mapping[str, Any]) -> str:
    return f"{one['PathOnHost']}:{one['PathInContainer']}:{one['CgroupPermissions']}"


def _whole_device(text: str) -> str:
    source, _, rest = text.partition(":")
    target, _, may = rest.partition(":")
    return f"{source}:{target or source}:{may or 'rwm'}"


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(sorted(map(str, value or [])))


def _health(value: Any) -> tuple[str, ...]:
    test = [str(one) for one in (value or {}).get("Test") or []]
    if not test or test == ["NONE"]:
        return ()
    command = " ".join(test[1:]) if test[0] == "CMD-SHELL" else shlex.join(test[1:])
    times = (int(value.get(key) or 0) / _BILLION for key in ("Interval", "Timeout"))
    return (command, *(f"{one:g}s" for one in times), str(value.get("Retries") or 0))


def _wanted_health(container: DockerContainer, defaults: Mapping[str, Any]) -> tuple[str, ...]:
    command = container.health_command
    if command is None:
        return _health(defaults.get("Healthcheck"))
    if command == "none":
        return ()
    text = command if isinstance(command, str) else shlex.join(command)
    times = container.health_interval, container.health_timeout
    return (text, *(f"{one:g}s" for one in times), str(container.health_retries))


def nameless_in(said: str) -> list[str]:
    """Return where volumes without a name are, by lines "V NAME PATH": an image declares them."""
    found = (re.fullmatch("V [0-9a-f]{64} (/.*)", line) for line in said.splitlines())
    return sorted(one[1] for one in found if one is not None)


def written_in(said: str) -> list[str]:
    """
    Return the paths in the output of `docker diff`, without the folders above them.

    A line "M PATH" names a mount: its folder is in the diff, too, and what is in it is not lost.
    """
    lines = [line.partition(" ") for line in said.splitlines()]
    mounted = {path for kind, _, path in lines if kind == "M"}
    paths = {path: kind for kind, _, path in lines if kind in ("A", "C", "D") and path}
    above = {"/".join(path.split("/")[:n]) for path in paths for n in range(1, path.count("/") + 1)}
    above |= {"/".join(path.split("/")[:n]) for path in mounted for n in range(path.count("/") + 2)}
    return sorted(path for path, kind in paths.items() if kind == "D" or path not in above)
