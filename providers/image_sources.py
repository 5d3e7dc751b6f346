"""Questions about where an image is from: a registry, a folder, an archive."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, LiteralString, NamedTuple

from cookbook.errors import HostError, Missing
from cookbook.provider import Command, Probe, sh
from cookbook.providers.docker import docker
from cookbook.resources.docker_image import DockerImage
from cookbook.text.bounded_io import parsed_json

LABEL = "io.cook.built-from"
"""The label of an image that was built or imported: a digest of what it was made of."""

# The registry is asked by docker(1) itself, so that its logins and certificates count.
_REGISTRY: LiteralString = r"""
command -v docker >/dev/null || exit 3
a=$({} version --format '{{.Server.Arch}}' 2>/dev/null) || exit 3; printf '%s\n' "$a"
if t=$(DOCKER_CLI_EXPERIMENTAL=enabled {} manifest inspect {} -v {} 2>&1); then printf '%s\n' "$t"
else printf '!%s\n' "$(printf %s "$t" | tr '\n' ' ')"; fi
"""

# What is ignored counts only where the line is a plain name. An image that is not there yet is
# pulled by the build, and is not known before.
_CONTEXT: LiteralString = r"""
cook_context() { cd -- {} 2>/dev/null || { echo absent; return; }; f={}
[ -f "$f" ] || { echo absent "$f"; return; }; set --; [ ! -f .dockerignore ] ||
for i in $(grep -xE '/?[A-Za-z0-9._][A-Za-z0-9._/-]*' .dockerignore); do i=${i#/}
set -- "$@" -path "./${i%/}" -prune -o; done
t=$(printf '%s\n' {}; awk 'toupper($1) == "FROM" { for (i = 2; $i ~ /^--/; i++); n = $i
if (!(n in s) && n != "scratch") print n; s[$(i + 2)] }' "$f" | while IFS= read -r n; do
{} image inspect --format '{{.Id}}' -- "$n" 2>/dev/null || echo "?$n"; done
find . "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum -- || echo "!"
find . "$@" '(' -type f -perm -u+x -o -type l ')' -printf '%p %y %l\n' | LC_ALL=C sort)
case $t in *"
!"*) echo "cannot read all of $PWD" >&2; return 1;; esac
n=$(printf '%s\n' "$t" | sed -n 's/^?//p' | tr '\n' ' '); [ -z "$n" ] || { echo "?" $n; return; }
printf '%s\n' "$t" | sha256sum | cut -d ' ' -f 1; }
"""

_ARCHIVE: LiteralString = r"""
f={}; [ -f "$f" ] || { echo absent; exit; }
{ printf '%s\n' {}; cat -- "$f"; } | sha256sum | cut -d ' ' -f 1
"""

_LOADED: LiteralString = 'f={}; [ -f "$f" ] || exit 3; tar -xOf "$f" manifest.json'


_LOGIN = re.compile(r"no basic auth|unauthorized|denied|authentication required")


class ImageOrigin(NamedTuple):
    """An image where it is from."""

    ids: tuple[str, ...] = ()
    """The ids that it may have in an engine, the likely one first; none if that is not known."""
    digest: str | None = None
    """The digest by which it is pulled."""
    built_from: str | None = None
    """The digest of what it is made of."""
    unknown: str | None = None
    """The reason why it is not known."""


def built_from(image: DockerImage) -> Command:
    """Return the command that prints the digest of all that a build depends on."""
    words = [*(f"{k}={v}" for k, v in sorted(image.build_args.items())), image.target or ""]
    body = sh(_CONTEXT.strip(), image.source, image.dockerfile, words, docker(image.host))
    return sh("{}; (cook_context)", body)


def imported_from(image: DockerImage) -> Command:
    """Return the command that prints the digest of an archive and the changes."""
    return sh(_ARCHIVE.strip(), image.source, list(image.changes) or [""])


def ask_origin(image: DockerImage) -> list[Probe]:
    """Return the question about where an image is from; none if nothing has to be asked."""
    doing = set(image.doing)
    if "build" in doing:
        return [_probe(built_from(image), f"look at {image.source}")]
    if "import" in doing:
        return [_probe(imported_from(image), f"look at {image.source}")]
    if "load" in doing:
        return [_probe(sh(_LOADED, image.source), f"look at {image.source}")]
    return [_registry(image)] if "pull" in doing and not image.pinned else []


def ask_pushed(image: DockerImage) -> list[Probe]:
    """Return the question for the image in the registry, if it is to be pushed."""
    return [_registry(image)] if "push" in image.doing else []


def _probe(command: Command, called: str) -> Probe:
    return Probe(replace(command, called=called), absent=3, loose=True)


def _registry(image: DockerImage) -> Probe:
    call = docker(image.host)
    flag = ["--insecure"] if image.plain else []
    command = sh(_REGISTRY.strip(), call, call, flag, image.thing)
    return replace(_probe(command, f"ask {image.registry} for {image.thing}"), waits=True)


def context_of(image: DockerImage, answer: str) -> ImageOrigin:
    """Return what a folder or an archive says; raises Missing if it is not there."""
    text = answer.strip()
    if text.startswith("absent"):
        lacking = text.removeprefix("absent").strip()
        path = f"{image.source}/{lacking}" if lacking else str(image.source)
        raise Missing(f"{path} is not there", thing=path, hint="declare it before the image")
    if text.startswith("?"):
        return ImageOrigin(unknown=f"it is pulled by the build: {text[1:].strip()}")
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise ValueError(text)
    return ImageOrigin(built_from=text)


def loaded_of(image: DockerImage, answer: str | None) -> ImageOrigin:
    """Return the image in an archive of `docker save`; raises HostError if it is not in it."""
    if answer is None:
        path = str(image.source)
        raise Missing(f"{path} is not there", thing=path, hint="declare it before the image")
    for one in _objects(parsed_json(answer)):
        tags = one.get("RepoTags") or []
        if image.thing in tags or f"docker.io/library/{image.thing}" in tags:
            config = str(one["Config"]).removesuffix(".json").rpartition("/")[2]
            return ImageOrigin(ids=(f"sha256:{config}",))
    raise HostError(f"{image.source} has no image {image.thing}", hint="`docker save` names it")


def registry_of(image: DockerImage, answer: str | None) -> ImageOrigin | None:
    """
    Return the image in the registry; None if it has none of this name.

    Raises Missing if the registry does not answer or wants a login.
    """
    if answer is None:
        return None
    arch, _, text = answer.partition("\n")
    if text.startswith("!"):
        _refuse(image, text[1:].strip())
        return None
    said = parsed_json(text)
    manifests = [*_objects(said)]
    fitting = [one for one in manifests if _architecture(one) in (arch.strip(), "")] or manifests
    if not fitting:
        raise ValueError("no manifest")
    one = fitting[0]
    manifest = one.get("SchemaV2Manifest") or one.get("OCIManifest") or {}
    digest = str(one["Descriptor"]["digest"])
    config = str(manifest["config"]["digest"])
    return ImageOrigin(ids=(config, digest), digest=digest)


def _objects(said: Any) -> Iterator[Mapping[str, Any]]:
    for one in said if isinstance(said, list) else [said]:
        if not isinstance(one, dict):
            raise ValueError("no manifest")  # noqa: TRY004 - of an answer
        yield one


def _architecture(one: Mapping[str, Any]) -> str:
    return str((one["Descriptor"].get("platform") or {}).get("architecture", ""))


def _refuse(image: DockerImage, why: str) -> None:
    low = why.lower()
    if re.search(r"no such manifest|manifest unknown|name unknown", low):
        return
    if _LOGIN.search(low):
        raise Missing(
            f"the registry {image.registry} wants a login: {why}",
            thing=image.registry,
            hint=f'docker_registry("{image.registry}", username=..., password=...)',
        )
    raise Missing(
        f"the registry {image.registry} does not answer: {why}",
        thing=image.registry,
        hint="it is asked to compare what is pushed there"
        if "push" in image.doing
        else "`pull_if_missing` asks it only if the image is not there",
    )


def wants_login(answer: str | None) -> bool:
    """Return whether a registry refuses an answer for want of a login."""
    text = (answer or "").partition("\n")[2]
    return text.startswith("!") and bool(_LOGIN.search(text.lower()))
