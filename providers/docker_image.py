"""Images of a container engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Thing, hint, provides
from cookbook.providers.docker import DockerProvider, has_client, pairs, row
from cookbook.providers.image_commands import make_image, push_image, remove_image, restore_image
from cookbook.providers.image_sources import (
    LABEL,
    ImageOrigin,
    ask_origin,
    ask_pushed,
    context_of,
    loaded_of,
    registry_of,
    wants_login,
)
from cookbook.resources._docker import at, bare
from cookbook.resources.docker_image import MADE, Action, DockerImage


@dataclass(frozen=True)
class State:
    """An image under its reference."""

    image: str | None = None
    """Its id in the engine: the digest of its configuration, which names its layers."""
    built_from: str | None = None
    """The digest of what it was built or imported from."""
    in_registry: bool | None = None
    """True if the registry has this image under this reference."""
    there: bool = hint(default=True)
    digests: tuple[str, ...] = hint(default=())
    """The references with a digest by which registries know it."""
    ids: tuple[str, ...] = hint(default=())
    """The ids that it may have by its origin; none if that is not known."""
    digest: str | None = hint()
    """The digest by which it is pulled."""
    made_of: str | None = hint()
    """The digest of what it would be made of now."""
    unknown: str | None = hint()
    """The reason why `made_of` is not known."""
    how: Action = hint(default="nothing")
    """The action that makes it; `nothing` for an undo."""
    push: bool = hint(default=False)
    source: str | None = hint()
    dockerfile: str = hint(default="Dockerfile")
    build_args: tuple[str, ...] = hint(default=())
    target: str | None = hint()
    no_cache: bool = hint(default=False)
    changes: tuple[str, ...] = hint(default=())
    host: str | None = hint()
    force: bool = hint(default=False)
    timeout: float = hint(default=1800.0)

    def declared(self, reference: str) -> DockerImage:
        """Return what a recipe declares for it."""
        return DockerImage(
            reference,
            action=self.how,
            source=self.source,
            dockerfile=self.dockerfile,
            build_args=dict(one.split("=", 1) for one in self.build_args),
            target=self.target,
            no_cache=self.no_cache,
            changes=self.changes,
            host=self.host,
        )


@provides(DockerImage)
class DockerImageProvider(DockerProvider[DockerImage, State]):
    """Compares an image with the place where it is from."""

    kind = "docker_image"
    what = "image"
    form = '{"id":{{json .ID}},"digests":{{json .RepoDigests}},"labels":{{json .Config.Labels}}}'

    def probe(self, image: DockerImage) -> Sequence[Probe]:
        """Ask for the image here, where it is from, and in the registry that it goes to."""
        asked = [self.ask(image, image.thing)]
        if image.origin is not None:
            asked.append(self.ask(image, bare(image.origin), loose=True))
        return [*asked, *ask_origin(image), *ask_pushed(image)]

    def parse(self, image: DockerImage, text: str, *rest: Any) -> State | None:
        """Return the image, and what it would be by its origin."""
        said, answers = row(text), list(rest)
        origin = (_origin(image, answers.pop(0)) if _asks(image) else None) or ImageOrigin()
        remote = registry_of(image, answers.pop(0)) if answers else None
        state = State(
            there=False,
            ids=origin.ids,
            digest=origin.digest,
            made_of=origin.built_from,
            unknown=origin.unknown,
            host=image.host,
            **_declared(image),
        )
        if said is None:
            return state
        identifier = str(said["id"])
        return replace(
            state,
            there=True,
            image=identifier,
            built_from=str((said["labels"] or {}).get(LABEL, "")),
            in_registry=remote is not None and identifier in remote.ids,
            digests=tuple(sorted(map(str, said["digests"] or []))),
        )

    def plan(self, image: DockerImage, found: State | None) -> Change[State]:
        """Compare the image with its origin. Raises HostError if it is nowhere."""
        there = found if self.there(found) else None
        if "remove" in image.doing:
            gone = replace(there, force=image.force) if there is not None else None
            return Change(gone, None)
        now = found or State()
        how = _how(image)
        if how == "pull" and not image.pinned and not now.ids and found is not None:
            raise HostError(
                f"the registry {image.registry} has no image {image.thing}",
                hint="is it pushed? `pull_if_missing` does not ask if the image is there",
            )
        if how == "nothing" and there is None and found is not None:
            raise HostError(f"there is no image {image.thing} to push", hint='action=["build", ...')
        wanted = replace(
            now,
            there=True,
            image=now.image if now.image in now.ids else next(iter(now.ids), None),
            built_from=now.made_of if how in ("build", "import") else None,
            in_registry=True if "push" in image.doing else None,
            **_declared(image),
        )
        return Change(there, wanted, note=_note(there, wanted))

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Make it, push it, or remove it."""
        reference, wanted = bare(name), change.wanted
        if wanted is None:
            found = change.found or State()
            yield remove_image(reference, found.host, force=found.force)
            return
        if change.kind == "create" or {"image", "built_from"} & {*change.fields}:
            if wanted.how != "nothing":
                yield make_image(wanted.declared(reference), wanted.digest)
            elif wanted.image is not None:
                yield restore_image(reference, wanted.image, wanted.digests, wanted.host)
        if wanted.push:
            yield push_image(reference, wanted.host)

    def needs(self, image: DockerImage, *answers: str | None) -> Iterable[Thing]:
        """Yield the image that it is a tag of, the folder or file, and a login."""
        rest = list(answers[1:]) or [None, None]
        if image.origin is not None:
            if not has_client(rest[0]) or row(rest[0]) is None:
                yield Thing("docker_image", image.origin)
        elif image.source is not None and (rest[0] or "absent").strip() == "absent":
            yield Thing("path", image.source)
        everything = all(one is None for one in answers)
        if (everything and ask_pushed(image)) or any(map(wants_login, rest)):
            yield Thing("docker_registry", at(image.host, image.registry))

    def about(self, image: DockerImage) -> Iterable[Thing]:
        """Yield the image, what it is made of, and the engine."""
        yield from super().about(image)
        if image.origin is not None:
            yield Thing("docker_image", image.origin)
        elif image.source is not None:
            yield Thing("tree", image.source)

    def there(self, state: State | None) -> bool:
        """Return whether there is an image under the reference."""
        return state is not None and state.there

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former image; what was pushed stays in the registry."""
        there = now if self.there(now) else None
        before = change.found
        if before is None or not before.there:
            return Change(there, None)
        wanted = replace(before, in_registry=None, push=False)
        if there is None and before.how in ("build", "import"):
            return Change(None, replace(wanted, image=None))  # it is made again
        how: Action = before.how if there is None else "nothing"
        return Change(there, replace(wanted, built_from=None, how=how))

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Say what stays in a registry, and when an image may be gone for good."""
        if change.wanted is not None and change.wanted.push:
            return "what the registry had under the reference"
        found = change.found
        if change.wanted is not None or found is None or found.digests or found.how != "nothing":
            return None
        return "the image, unless it has another name"

    def limit(self, change: Change[State]) -> float:
        """As the recipe says."""
        return change.wanted.timeout if change.wanted is not None else self.timeout


def _how(image: DockerImage) -> Action:
    doing = set(image.doing)
    for one in MADE:
        if one in doing:
            return one
    return "nothing"


def _declared(image: DockerImage) -> dict[str, Any]:
    """Return the hints that a recipe gives."""
    return {
        "how": _how(image),
        "push": "push" in image.doing,
        "source": image.source,
        "dockerfile": image.dockerfile,
        "build_args": pairs(image.build_args),
        "target": image.target,
        "no_cache": image.no_cache,
        "changes": tuple(image.changes),
        "timeout": image.timeout,
    }


def _asks(image: DockerImage) -> bool:
    return image.origin is not None or bool(ask_origin(image))


def _origin(image: DockerImage, answer: str | None) -> ImageOrigin | None:
    if image.origin is not None:
        said = row(answer)
        return ImageOrigin(ids=(str(said["id"]),)) if said is not None else ImageOrigin()
    doing = set(image.doing)
    if doing & {"build", "import"}:
        return context_of(image, answer or "absent")
    return loaded_of(image, answer) if "load" in doing else registry_of(image, answer)


def _note(found: State | None, wanted: State) -> str | None:
    if wanted.how == "build" and wanted.unknown is not None:
        return wanted.unknown
    if wanted.how != "pull" or wanted.digest is None:
        return None
    was = [one.partition("@")[2] for one in found.digests] if found is not None else []
    if wanted.digest in was or (found is not None and found.image == wanted.image):
        return None
    return f"from {was[0] if was else 'no digest'} to {wanted.digest}"
