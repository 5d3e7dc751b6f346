"""Applications of several containers, as a compose file has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from cookbook.errors import RecipeError
from cookbook.language.recipe import find
from cookbook.resources._compose_file import TOP, ComposeFile, filled
from cookbook.resources._compose_service import ComposeService
from cookbook.resources.docker_container import DockerContainer, docker_container
from cookbook.resources.docker_network import docker_network
from cookbook.resources.docker_volume import docker_volume

if TYPE_CHECKING:
    from cookbook.text.yaml_value import Value


def compose(
    project: str,
    *,
    file: str = "compose.yml",
    content: Mapping[str, Any] | None = None,
    variables: Mapping[str, str | int] | None = None,
    directory: str | None = None,
    scale: Mapping[str, int] | None = None,
    pull: Literal["missing", "always"] = "missing",
    action: Literal["up", "down"] = "up",
    host: str | None = None,
) -> Sequence[DockerContainer]:
    """
    Declare the networks, volumes, images and containers of a compose file, and return these last.

    Each service is one `docker_container[PROJECT-SERVICE-N]`, so a plan compares service by
    service; docker compose is not needed on the host. The file is in `files/` beside the recipe.
    `${NAME}` in it is taken from `variables` only: a value that is a secret stays one. Paths that
    begin with `./` are in `directory`, a folder on the host. An image that the recipe has declared
    before, or that several services have, is declared once. `pull="always"` asks the registry
    whether a tag is another image now. With `action="down"` containers and networks are deleted,
    and volumes stay.

    Raises RecipeError, with the place in the file, for a key that cook does not know.
    Source: the Compose Specification.
    """
    read = ComposeFile(project, file if content is None else "content", directory, host)
    data = filled(read, content if content is not None else _content(read), variables or {})
    services = _services(read, data, scale or {})
    networks = [*read.networks(data, default=any(s.on_default for s in services))]
    if action == "down":
        for name in (name for service in reversed(services) for name in service.names()):
            docker_container(name, action="delete", host=host)
        for name in (name for name, options in networks if options is not None):
            docker_network(name, action="delete", host=host)
        return []
    for name, options in networks:
        if options is not None:
            docker_network(name, host=host, **options)
    for name, options in read.volumes(data):
        if options is not None:
            docker_volume(name, host=host, **options)
    made: list[DockerContainer] = []
    builders = {service.image: service for service in services if "build" in service.data}
    for service in services:
        builds = service.data.get("build") is not None
        (service if builds else builders.get(service.image, service)).declare_image(pull)
        made += [docker_container(name, **service.options()) for name in service.names()]
    return made


def _content(read: ComposeFile) -> Mapping[str, Any]:
    from cookbook.text.yaml_reader import YamlReader  # a file only needs it

    value = YamlReader(RecipeError).read(find(read.file, "files"))
    data = value.plain() if value is not None else None
    if value is None or not isinstance(data, dict):
        raise read.error("it has no services")
    read.places = dict(_places(value))
    return data


def _places(value: Value, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the places of all keys, by their path: `services: web: image`."""
    if isinstance(value.data, dict):
        for key, one in value.data.items():
            yield f"{path}{key}", one.at
            yield from _places(one, f"{path}{key}: ")


def _services(
    read: ComposeFile, data: Mapping[str, Any], scale: Mapping[str, int]
) -> Sequence[ComposeService]:
    """Return the services, those first that others need."""
    read.check(data, TOP, "")
    found = read.mapping(data, "services", required=True)
    for name in scale:
        if name not in found:
            raise read.error(f"scale: there is no service {name!r}", name, found)
    keys = {*read.mapping(data, "networks"), "default"}
    networks = {key: read.full(data, "networks", key) for key in keys}
    volumes = {key: read.full(data, "volumes", key) for key in read.mapping(data, "volumes")}
    services = {
        name: ComposeService(read, name, found[name] or {}, scale.get(name), (networks, volumes))
        for name in found
    }
    return list(_in_order(read, services))


def _in_order(
    read: ComposeFile, services: Mapping[str, ComposeService]
) -> Iterator[ComposeService]:
    done: list[str] = []
    open_ = list(services)
    while open_:
        for name in open_:
            needs = services[name].needs
            if unknown := [one for one in needs if one not in services]:
                raise read.error(
                    f"services: {name}: depends_on: there is no service {unknown[0]!r}",
                    unknown[0],
                    services,
                )
            if {*needs} <= {*done}:
                done.append(name)
                open_.remove(name)
                yield services[name]
                break
        else:
            raise read.error(f"services depend on each other in a circle: {', '.join(open_)}")
