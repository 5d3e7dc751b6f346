"""Images of a container engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import holds_secret, recipe_function
from cookbook.resources._docker import DockerResource, at, check_labels, reference
from cookbook.resources.file import absolute

Action = Literal[
    "pull", "pull_if_missing", "build", "import", "load", "tag", "push", "remove", "nothing"
]
MADE: tuple[Action, ...] = ("pull", "pull_if_missing", "build", "import", "load", "tag")
"""The actions that say where an image comes from: one at most."""


class DockerImage(DockerResource):
    """
    An image: pulled from a registry, built, imported, loaded or tagged; and pushed.

    Images are compared by content: `pull` asks the registry which image the tag is now, `build`
    compares the content of the source folder, its base images and arguments with those that the
    image was built from (in its label io.cook.built-from), `import` and `load` the file, `push` the
    image in the registry. A plan shows from which image to which. Source: docker(1); Chef:
    docker_image.

    Example::

        docker_image("registry.example.org/shop:1.2")
    """

    category: ClassVar[str] = "containers"

    unique: ClassVar[bool] = True

    image: str | None = None
    """The reference, with a tag or a digest; None: the name of the resource. The default tag is
    `latest`."""

    source: str | None = None
    """The origin: for `build` a folder on the host, for `import` and `load` a tar archive there,
    for `tag` the reference of another image."""

    dockerfile: str = "Dockerfile"
    """The file with the steps of the build, relative to the source."""

    build_args: Mapping[str, str] = field(default_factory=dict)
    """Values of the ARG lines. They can be read in the image: no place for a secret."""

    target: str | None = None
    """The stage to build, if there are several."""

    no_cache: bool = False
    """Build without the layers of former builds."""

    changes: Sequence[str] = ()
    """Lines of a Dockerfile for an import: 'CMD ["/bin/run"]'."""

    insecure: bool | None = None
    """The registry answers by http. The engine has to allow it as well: see `docker_engine`. By
    default true for the host itself (127.0.0.0/8, localhost)."""

    force: bool = False
    """Remove it even if stopped containers were made of it."""

    timeout: float = 1800.0
    """Seconds that a pull, a build or a push may take."""

    action: Action | Sequence[Action] = "pull"

    def validate(self) -> None:
        """Check the references, the source and what goes together."""
        self.check_host()
        doing = set(self.doing)
        made = doing & {*MADE}
        if len(made) > 1:
            raise RecipeError(f"{self}: {' and '.join(sorted(made))} contradict each other")
        if "remove" in doing and (made or "push" in doing):
            raise RecipeError(f"{self}: it is removed, and nothing else")
        if self.pinned and doing & {"build", "import", "tag", "push"}:
            raise RecipeError(f"{self}: a digest names what exists: give it a tag", hint="shop:1.2")
        check_labels(self, self.build_args, "build arguments")
        if holds_secret(self.changes):
            raise RecipeError(f"{self}: an image is no place for a secret: everyone can read it")
        self._check_source()
        if self.timeout <= 0:
            raise RecipeError(f"{self}: timeout is a number of seconds")

    def _check_source(self) -> None:
        doing = {*self.doing} & {"build", "import", "load", "tag"}
        if not doing:
            if self.source is not None:
                raise RecipeError(f"{self}: `source` is for build, import, load and tag")
            return
        what = next(iter(doing))
        if self.source is None:
            raise RecipeError(f"{self}: `{what}` needs a source")
        if what == "tag":
            reference(self, self.source)
        else:
            absolute(self, self.source)
        if self.dockerfile.startswith("/") or ".." in self.dockerfile.split("/"):
            raise RecipeError(f"{self}: dockerfile is a path inside the source")

    @property
    def thing(self) -> str:
        """The full reference."""
        return reference(self, self.image or self.name)

    @property
    def pinned(self) -> bool:
        """True if the reference has a digest."""
        return "@" in self.thing

    @property
    def registry(self) -> str:
        """The host and port of the registry; that of Docker if the reference names none."""
        first, slash, _ = self.thing.partition("/")
        return first if slash and (set(first) & set(".:") or first == "localhost") else "docker.io"

    @property
    def plain(self) -> bool:
        """True if the registry is asked by http."""
        here = self.registry.partition(":")[0] == "localhost" or self.registry.startswith("127.")
        return here if self.insecure is None else self.insecure

    @property
    def origin(self) -> str | None:
        """The identity of the image that it is a tag of."""
        if "tag" not in self.doing or self.source is None:
            return None
        return at(self.host, reference(self, self.source))


docker_image = recipe_function(DockerImage)
