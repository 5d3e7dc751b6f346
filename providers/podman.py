"""
The answers of Podman about containers, as Docker would give them.

Podman adds what it decides itself to the settings of a container: variables, options of mounts,
dropped capabilities. None of that was declared, and each run would see a difference. Podman 4 has
no counterpart of `docker update`.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from cookbook.resources.docker_container import DockerContainer

_DROPPED = frozenset({"AUDIT_WRITE", "MKNOD", "NET_RAW"})
"""Capabilities that Docker gives, and Podman does not (containers.conf(5))."""

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_OPTIONS = frozenset({"rw", "rprivate", "nosuid", "nodev", "rbind", "tmpcopyup", "noexec"})
"""Options of mounts that Podman adds."""

_WRITABLE = frozenset({"/dev/shm", "/run", "/tmp", "/var/tmp"})  # noqa: S108 - in the container
"""The folders that can be written in a container with a read-only root."""

_PIDS = 2048
"""The limit of processes that a container has if none is declared."""

_NETWORK = "podman"
"""The name of the network that Docker calls `bridge`."""


def is_podman(said: Mapping[str, Any]) -> bool:
    """Return whether an answer about a container is Podman's: it sets this variable in each."""
    return "container=podman" in (said["config"].get("Env") or [])


def as_docker(
    container: DockerContainer, said: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return the answer without what was not declared; that of Docker is unchanged."""
    if not is_podman(said):
        return said
    config, host = dict(said["config"]), dict(said["host"])
    config["Env"] = _variables(container, config, defaults)
    if config["WorkingDir"] == "/" and not (container.working_dir or defaults.get("WorkingDir")):
        config["WorkingDir"] = ""
    with suppress(ValueError):
        config["StopSignal"] = signal.Signals(int(config.get("StopSignal") or 15)).name
    declared = {str(one).upper().removeprefix("CAP_") for one in container.cap_drop}
    dropped = [str(one).upper().removeprefix("CAP_") for one in host["CapDrop"] or []]
    host["CapDrop"] = [one for one in dropped if one in declared or one not in _DROPPED]
    host["Binds"] = [_mount(container, str(one)) for one in host["Binds"] or []]
    given = (one.partition(":") for one in container.tmpfs)
    wanted = {place: options for place, _, options in given}
    host["Tmpfs"] = {
        place: _plain(str(options), wanted.get(place, ""))
        for place, options in (host.get("Tmpfs") or {}).items()
        if place in wanted or not (host["ReadonlyRootfs"] and place in _WRITABLE)
    }
    if container.pids_limit is None and host["PidsLimit"] == _PIDS:
        host["PidsLimit"] = 0
    networks = dict(said["networks"] or {})
    if _NETWORK in networks and _NETWORK not in container.network_names:
        networks["bridge"] = networks.pop(_NETWORK)
    return {**said, "config": config, "host": host, "networks": networks}


def _variables(
    container: DockerContainer, config: Mapping[str, Any], defaults: Mapping[str, Any]
) -> list[str]:
    known = {*container.env, *(str(one).partition("=")[0] for one in defaults.get("Env") or [])}
    # HOME is set when it is started, by the user that it runs as.
    home = next((str(one) for one in config["Env"] if str(one).startswith("HOME=")), "")
    added = {home, "container=podman", "TERM=xterm", f"HOSTNAME={config['Hostname']}", _PATH}
    return [one for one in config["Env"] if one not in added or one.partition("=")[0] in known]


def _mount(container: DockerContainer, text: str) -> str:
    source, target, options = [*text.split(":", 2), ""][:3]
    given = ([*one.split(":", 2), ""][:3] for one in container.volumes)
    wanted = {place: flags for _, place, flags in given}
    plain = _plain(options, wanted.get(target, ""))
    return f"{source}:{target}:{plain}" if plain else f"{source}:{target}"


def _plain(options: str, declared: str) -> str:
    """Return the options of a mount without those that were not declared."""
    kept = declared.split(",")
    return ",".join(one for one in options.split(",") if one in kept or one not in _OPTIONS)
