"""The common parts of types about a container engine: its address, names, references of images."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cookbook.errors import RecipeError
from cookbook.provider import Resource, holds_secret

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_REPOSITORY = re.compile(
    r"(?:[A-Za-z0-9.-]+(?::\d+)?/|\[[0-9a-f:]+\](?::\d+)?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HOST = re.compile(r"(?:unix://)?/\S+|(?:tcp|ssh)://\S+")


class DockerResource(Resource):
    """A thing in a container engine, which docker(1) is asked for."""

    host: str | None = None
    """
    The address of the engine, as DOCKER_HOST; None for the default of docker(1). Podman answers at
    "unix:///run/podman/podman.sock" if its socket is enabled; docs/guide/containers.md says what
    differs.
    """

    def check_host(self) -> None:
        """Check the address of the engine."""
        if self.host is not None and not _HOST.fullmatch(self.host):
            raise RecipeError(
                f"{self}: {self.host!r} is no address of an engine",
                hint='"unix:///run/podman/podman.sock"',
            )

    def check_name(self, name: str, what: str) -> None:
        """Check the name of a container, a network or a volume."""
        if not _NAME.fullmatch(name):
            raise RecipeError(
                f"{self}: {name!r} is no name of {what}",
                hint="it has letters, digits, `_`, `.` and `-`, and begins with a letter or digit",
            )

    @property
    def identity(self) -> str:
        """The name, with the address of an engine that is not the default one."""
        return at(self.host, self.thing)

    @property
    def thing(self) -> str:
        """The name in the engine."""
        return self.name


def at(host: str | None, name: str) -> str:
    """Return the identity of a thing in the engine at an address."""
    return name if host is None else f"{name} at {host}"


def bare(identity: str) -> str:
    """Return the name in an identity that `at` has made."""
    return identity.partition(" at ")[0]


def reference(resource: Resource, text: str) -> str:
    """Return the full reference of an image, with its tag or digest; raises RecipeError."""
    name, found, digest = text.partition("@")
    head, _, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    repository = f"{head}/{last}" if head else last
    fine = (
        _REPOSITORY.fullmatch(repository)
        and (not colon or _TAG.fullmatch(tag))
        and (not found or _DIGEST.fullmatch(digest))
        and not text.startswith("sha256:")
    )
    if not fine:
        raise RecipeError(
            f"{resource}: {text!r} is no reference of an image",
            hint='"shop:1.2", "registry.example.org:5000/shop:1.2", "shop@sha256:..."',
        )
    if found:
        return f"{repository}@{digest}"
    return f"{repository}:{tag or 'latest'}"


def check_labels(resource: Resource, labels: Mapping[str, str], what: str) -> None:
    """Raise RecipeError for labels or options that docker(1) cannot take, or a secret in them."""
    for key, value in labels.items():
        if not key or re.search(r"[\s=]", key) or "\0" in value:
            raise RecipeError(f"{resource}: {key!r} is no key of {what}")
        if holds_secret(value):
            raise RecipeError(f"{resource}: {what} are no place for a secret: everyone sees them")


def several(value: str | Sequence[str]) -> Sequence[str]:
    """Return texts one by one; one text is itself."""
    return [value] if isinstance(value, str) else list(value)
