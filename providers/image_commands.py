"""Commands that make, push and remove images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

from cookbook.provider import Command, sh
from cookbook.providers.docker import briefly, docker
from cookbook.providers.image_sources import LABEL, built_from, imported_from
from cookbook.resources.docker_image import DockerImage

# An image that the build stands on is pulled first: what it is belongs to what is built.
_BUILD: LiteralString = """\
b=$({}) || exit; case $b in '?'*) for n in ${b#?}; do {} pull -q "$n" >/dev/null || exit; done
b=$({}) || exit ;; esac
case $b in *[!0-9a-f]*|'') echo "cannot tell what it is built from: $b" >&2; exit 1;; esac
{} build -q --force-rm --label {}="$b" -t {} {} -f {} {} >/dev/null"""


def make_image(image: DockerImage, digest: str | None) -> Command:
    """Return the command that pulls, builds, imports, loads or tags an image."""
    call, name = docker(image.host), image.thing
    doing = set(image.doing)
    if "build" in doing:
        return _build(image)
    if "import" in doing:
        changes = [word for one in image.changes for word in ("--change", one)]
        command = sh(
            'b=$({}) || exit; {} import {} --change "LABEL {}=$b" {} {} >/dev/null',
            imported_from(image),
            call,
            changes,
            sh(LABEL),
            image.source,
            name,
        )
        return briefly(command, f"docker import {image.source} {name}")
    if "load" in doing:
        return sh("{} load -q -i {} >/dev/null", call, image.source)
    if "tag" in doing:
        return sh("{} tag {} {}", call, image.source, name)
    if digest is None or image.pinned:
        return sh("{} pull -q {} >/dev/null", call, name)
    exact = f"{name.rpartition(':')[0]}@{digest}"
    command = sh("{} pull -q {} >/dev/null && {} tag {} {}", call, exact, call, exact, name)
    return briefly(command, f"docker pull {exact}")


def _build(image: DockerImage) -> Command:
    call = docker(image.host)
    words = [w for k, v in sorted(image.build_args.items()) for w in ("--build-arg", f"{k}={v}")]
    words += ["--target", image.target] if image.target is not None else []
    words += ["--no-cache"] if image.no_cache else []
    asked = built_from(image)
    command = sh(
        _BUILD,
        asked,
        call,
        asked,
        call,
        sh(LABEL),
        image.thing,
        words,
        f"{image.source}/{image.dockerfile}",
        image.source,
    )
    return briefly(command, f"docker build -t {image.thing} {image.source}")


def push_image(reference: str, host: str | None) -> Command:
    """Return the command that pushes an image."""
    return sh("{} push -q {} >/dev/null", docker(host), reference)


def remove_image(reference: str, host: str | None, *, force: bool) -> Command:
    """Return the command that removes the reference, and the image if it has no other one."""
    words = ["-f", reference] if force else [reference]
    return sh("{} image rm {} >/dev/null", docker(host), words)


def restore_image(reference: str, image: str, digests: Sequence[str], host: str | None) -> Command:
    """Return the command that gives a former image its reference, pulled anew if it is gone."""
    call = docker(host)
    if "@" in reference:
        return sh("{} pull -q {} >/dev/null", call, reference)
    command = sh(
        "{} image inspect {} >/dev/null 2>&1 || {} pull -q {} >/dev/null || exit; {} tag {} {}",
        call,
        image,
        call,
        next(iter(digests), image),
        call,
        image,
        reference,
    )
    return briefly(command, f"docker tag {image} {reference}")
