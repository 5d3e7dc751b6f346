"""What was written inside a container, and compose files as resources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cookbook.errors import RecipeError
from cookbook.language.collection import Node
from cookbook.language.compiler import compile_recipes
from cookbook.providers.containers import env_block, nameless_in, written_in
from cookbook.secrets.secret import Secret

SERVICES = """\
services:
  web:
    image: shop:${TAG:-1}
    ports: ["8080:80"]
    depends_on: {db: {condition: service_healthy}}
    environment: ["A=1", "PW=${PW}"]
    healthcheck: {test: ["CMD", "true", "x y"], interval: 1m30s}
    volumes: ["./www:/www:ro", "data:/data"]
  db:
    build: ./db
    networks: {back: {aliases: [database]}}
    deploy: {replicas: 2, resources: {limits: {cpus: "0.5", memory: 64M}}}
volumes: {data: {}}
networks: {back: {internal: true}}
"""

CALL = 'compose("shop", variables={"PW": "x"}, directory="/srv/shop", scale={"web": 1})'


def declared(folder: Path, text: str = SERVICES, call: str = CALL) -> list[Any]:
    (folder / "files").mkdir(exist_ok=True)
    (folder / "files/compose.yml").write_text(text)
    recipe = folder / "recipe.py"
    recipe.write_text(f"from cookbook.resources import compose\n{call}\n")
    return [item.resource for item in compile_recipes([recipe], Node("web1"))]


def test_a_compose_file_is_resources_in_the_order_of_their_needs(tmp_path: Path) -> None:
    names = [str(one) for one in declared(tmp_path)]
    assert names == [
        "docker_network[shop_back]",
        "docker_network[shop_default]",
        "docker_volume[shop_data]",
        "docker_image[shop-db]",
        "docker_container[shop-db-1]",
        "docker_container[shop-db-2]",
        "docker_image[shop:1]",
        "docker_container[shop-web-1]",
    ]


def test_what_a_service_says_is_in_its_container(tmp_path: Path) -> None:
    of = {str(one): one for one in declared(tmp_path)}
    web, db = of["docker_container[shop-web-1]"], of["docker_container[shop-db-1]"]
    assert (web.image, web.env, web.restart) == ("shop:1", {"A": "1", "PW": "x"}, "no")
    assert web.volumes == ["/srv/shop/www:/www:ro", "shop_data:/data"]
    assert (web.health_command, web.health_interval) == ("true 'x y'", 90.0)
    assert web.networks == {"shop_default": ["web"]}
    assert (db.cpus, db.memory, db.networks) == (0.5, "64M", {"shop_back": ["db", "database"]})
    assert of["docker_image[shop-db]"].source == "/srv/shop/db"
    assert of["docker_network[shop_back]"].internal is True


TWINS = """\
services:
  worker: {image: app}
  web: {image: app, build: .}
  again: {image: app, build: {context: .}}
  cache: {image: "redis:7"}
  queue: {image: "redis:7"}
  other: {image: "shop:1"}
"""


def test_services_may_have_one_image(tmp_path: Path) -> None:
    call = 'docker_image("shop:1", action="nothing")\ncompose("x", directory="/srv")'
    call = f"from cookbook.resources import docker_image\n{call}"
    images = [one for one in declared(tmp_path, TWINS, call) if one.kind() == "docker_image"]
    assert [(one.name, one.doing) for one in images] == [
        ("shop:1", ("nothing",)),
        ("app", ("build",)),
        ("redis:7", ("pull_if_missing",)),
    ]
    other = TWINS.replace("{context: .}", "{context: ./b}")
    with pytest.raises(RecipeError, match=r"build: docker_image\[app\] is declared before"):
        declared(tmp_path, other, call)


def test_a_secret_stays_one(tmp_path: Path) -> None:
    call = CALL.replace('"x"', 'secret("pw")').replace("compose(", "compose(", 1)
    call = f"from cookbook.secrets.secret import Secret\n{call.replace('secret(', 'Secret(')}"
    web = declared(tmp_path, call=call)[-1]
    assert isinstance(web.env["PW"], Secret)
    assert not isinstance(web.env["A"], Secret)


def test_down_removes_containers_and_networks_in_reverse(tmp_path: Path) -> None:
    names = [str(one) for one in declared(tmp_path, call=CALL.replace(")", ', action="down")'))]
    assert names[0] == "docker_container[shop-web-1]"
    assert not any(one.startswith("docker_volume") for one in names)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("depends_on", "depend_on", "compose.yml:5: services: web: cook does not know 'depend_on'"),
        ("{db: {", "{dbs: {", "there is no service 'dbs'"),
        ("build: ./db", "depends_on: [web]\n    image: db", "depend on each other in a circle"),
        ("${PW}", "${PASS}", "there is no variable PASS"),
        ("data:/data", "date:/data", "there is no volume 'date'"),
        ("networks: {back: {ali", "networks: {bank: {ali", "there is no network 'bank'"),
        ("1m30s", "soon", "'soon' is no duration"),
        ("image: shop:${TAG:-1}", "scale: 1", "neither image nor build"),
        ("internal: true", "secret: 1", "networks: back: cook does not know 'secret'"),
    ],
)
def test_what_is_wrong_in_a_compose_file_is_named(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    assert old in SERVICES
    with pytest.raises(RecipeError) as caught:
        declared(tmp_path, SERVICES.replace(old, new, 1))
    assert says in str(caught.value)


def test_relative_paths_need_a_folder_on_the_host(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is a relative path"):
        declared(tmp_path, call=CALL.replace('directory="/srv/shop", ', ""))


def test_only_what_was_written_is_shown_not_the_folders_above() -> None:
    said = "C /var\nC /var/lib\nA /var/lib/new\nC /etc\nC /etc/hosts\nD /gone\nnoise\n"
    assert written_in(said) == ["/etc/hosts", "/gone", "/var/lib/new"]
    mounted = "C /srv\nA /srv/a\nA /srv/a/data\nA /log\nA /new\nM /srv/a/data\nM /log\n"
    assert written_in(mounted) == ["/new"]


def test_volumes_without_a_name_are_told() -> None:
    """What an image declares as VOLUME; a new container has a new one."""
    said = f"V {'0a' * 32} /var/lib/db\nV shop-data /data\nM /data\nC /etc\n"
    assert nameless_in(said) == ["/var/lib/db"]


def test_variables_are_lines_whatever_is_in_them() -> None:
    assert env_block({"B": "2", "A": "x\ny"}) == b"A=x\1y\nB=2\n"
