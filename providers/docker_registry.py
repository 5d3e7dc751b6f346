"""Logins to registries of images."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import (
    Change,
    Command,
    Content,
    Probe,
    Provider,
    Thing,
    hint,
    keep_output,
    provides,
    secret,
    sh,
)
from cookbook.providers.docker import briefly, docker
from cookbook.resources._docker import bare
from cookbook.resources.docker_registry import DockerRegistry
from cookbook.text.bounded_io import parsed_object

_ASK: LiteralString = r"""
command -v docker >/dev/null || { echo '!'; exit; }
f=${DOCKER_CONFIG:-$HOME/.docker}/config.json; if [ -e "$f" ]; then cat -- "$f"; else echo '{ }'; fi
"""
# Prints the password of a login, for the stash of the host.
_KEEP: LiteralString = r"""
tr -d '\n\t ' <"${DOCKER_CONFIG:-$HOME/.docker}/config.json" |
sed -n 's|.*"'{}'":{[^}]*"auth":"\([^"]*\)".*|\1|p' | base64 -d | sed '1s/^[^:]*://'
"""


# What docker(1) and the registry say is shown, unless the registry has repeated the login.
_LOGIN: LiteralString = """
o=$(content {} | { p=$(cat; echo .); p=${p%.}; b=$(printf '%s:%s' {} "$p" | base64 -w 0)
o=$(printf %s "$p" | {} login -u {} --password-stdin {} 2>&1 >/dev/null) && exit
case $o in *"$p"*|*"$b"*) o="the login has failed; what the registry says has the password in it" ;;
esac; printf '%s\\n' "$o"; exit 1; }) || { printf '%s\\n' "$o" >&2; exit 1; }
"""


@dataclass(frozen=True)
class State:
    """A login."""

    username: str | None = None
    password: Content | None = secret()
    """The digest of the password."""
    key: str = hint(default="")
    host: str | None = hint()


@provides(DockerRegistry)
class DockerRegistryProvider(Provider[DockerRegistry, State]):
    """Compares with the file of docker(1); changes by `docker login` and `docker logout`."""

    tells_no_secret = True

    def probe(self, registry: DockerRegistry) -> Probe:
        """Ask for the logins."""
        return Probe(briefly(sh(_ASK.strip()), "read the logins of docker"))

    def parse(self, registry: DockerRegistry, text: str) -> State | None:
        """Return the login to the registry."""
        said = parsed_object(text) if text.strip() != "!" else {}
        helpers = said.get("credHelpers") or {}
        if said.get("credsStore") or registry.key in helpers:
            raise HostError(
                "docker keeps logins in another program here (credsStore, credHelpers)",
                hint="remove that line of ~/.docker/config.json, or log in by hand",
            )
        kept = (said.get("auths") or {}).get(registry.key)
        if not kept:
            return None
        login = base64.b64decode(str(kept.get("auth", ""))).decode("utf-8", "surrogateescape")
        username, _, password = login.partition(":")
        return State(
            username=username,
            password=Content.of(password.encode("utf-8", "surrogateescape")),
            key=registry.key,
            host=registry.host,
        )

    def plan(self, registry: DockerRegistry, found: State | None) -> Change[State]:
        """Compare name and password."""
        if "logout" in registry.doing:
            return Change(found, None)
        password = Content.of(str(registry.password).encode()) if registry.password else None
        wanted = State(registry.username, password, key=registry.key, host=registry.host)
        return Change(found, wanted)

    def contents(self, registry: DockerRegistry) -> Mapping[str, bytes]:
        """Return the password."""
        if not registry.password:
            return {}
        data = registry.password.encode()
        return {Content.of(data): data}

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Log in or out."""
        server, side = bare(name), change.wanted or change.found or State()
        if change.wanted is None:
            yield sh("{} logout {} >/dev/null", docker(side.host), server)
            return
        # docker(1) warns on standard error in any case; only its status tells of a failure.
        command = sh(
            _LOGIN.strip(), side.password, side.username, docker(side.host), side.username, server
        )
        yield briefly(command, f"docker login {server}")

    def missing(self, registry: DockerRegistry, *answers: str | None) -> Iterable[Thing]:
        """Yield docker(1) if it is not there."""
        if "login" in registry.doing and (not answers or (answers[0] or "!").strip() == "!"):
            yield Thing("tool", "docker")

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the login."""
        return [Thing("docker_registry", name)] if change.wanted is not None else []

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Keep the password."""
        found = change.found
        if found is None or (change.wanted is not None and "password" not in change.fields):
            return None
        key = "".join(f"[{c}]" if c in ".*" else f"\\{c}" if c in "[]" else c for c in found.key)
        return keep_output(sh(_KEEP.strip(), key))

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add its digest: a plan without a key does not contain it."""
        if change.found is not None and change.found.password is None and kept.strip():
            return replace(change, found=replace(change.found, password=Content(kept.strip())))
        return change
