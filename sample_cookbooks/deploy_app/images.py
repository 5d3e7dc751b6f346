"""
The images of the shop: a registry on the host, and an image of a version, built and pushed.

`cook converge images.py --hosts hosts.yml --set revision=v2` builds version 2. What runs is not
touched: `containers.py` rolls it out.
"""

from cookbook.recipe import immediate, node, secret
from cookbook.resources import (
    config_value,
    docker_engine,
    docker_image,
    docker_registry,
    git,
    htpasswd,
    package,
    service,
)

REGISTRY = "127.0.0.1:5000"
REVISION = node.vars.get("revision", "v1")
LOGINS = "/etc/docker/registry/htpasswd"

# The registry, for this host only, with a login.
package("for images", package_name=["git", "docker-registry"])
htpasswd(
    "deploy",
    path=LOGINS,
    password=secret("shop/registry"),
    group="docker-registry",
    notifies=[immediate("restart", "service[docker-registry]")],
)
for key, value in {"auth.htpasswd.path": LOGINS, "http.addr": REGISTRY}.items():
    config_value(
        key,
        path="/etc/docker/registry/config.yml",
        value=value,
        notifies=[immediate("restart", "service[docker-registry]")],
    )
service("docker-registry", action=["enable", "start"])

# The engine, and its login.
docker_engine("docker", settings={"live-restore": True})
docker_registry(REGISTRY, username="deploy", password=secret("shop/registry"))

# A host that reaches no public registry has the base image as an archive.
if archive := node.vars.get("base_archive"):
    docker_image("python:3.11-slim", source=archive, action="import")

# The code, and the image of this version.
git(
    "/srv/shop-source",
    repository=node.vars.get("repository", "git://127.0.0.1/shop.git"),
    revision=REVISION,
)
docker_image(f"{REGISTRY}/shop:{REVISION}", source="/srv/shop-source", action=["build", "push"])
