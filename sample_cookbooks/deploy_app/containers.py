"""
The shop as two containers from a registry, behind nginx: the other variant of `deploy_app.py`.

A new version is another tag, here `cook converge containers.py --hosts hosts.yml --set
revision=v2`, after `images.py` has pushed it. Each container is replaced when the one before it is
healthy; one that does not become healthy is replaced by its former one, which still serves. The way
back is the former tag, or `cook undo last --hosts hosts.yml`.
"""

from cookbook.recipe import delayed, final_stage, node, secret
from cookbook.resources import (
    docker_container,
    docker_engine,
    docker_image,
    docker_network,
    docker_registry,
    firewall_rule,
    hosts_entry,
    http_check,
    link,
    package,
    service,
    sudo,
    template,
    user,
)

PORTS = (8001, 8002)
REGISTRY = node.vars.get("registry", "127.0.0.1:5000")
IMAGE = f"{REGISTRY}/shop:{node.vars.get('revision', 'v1')}"

# Authorization: one who may look after the containers.
user("ann", manage_home=True)
sudo("shop", users="ann", commands=["/usr/bin/docker restart shop-*"], nopasswd=True)

# Name and firewall.
hosts_entry("shop.internal", ip="127.0.0.1")
firewall_rule("ssh", port=22)
firewall_rule("http", port=80)

# The engine, and the login to the registry.
package("for the shop", package_name=["nginx", "curl"])
docker_engine("docker", settings={"live-restore": True})
docker_registry(REGISTRY, username="deploy", password=secret("shop/registry"))

# The image, and two containers of it.
docker_network("shop", subnet="10.200.0.0/24")
docker_image(IMAGE)
for port in PORTS:
    docker_container(
        f"shop-{port}",
        image=IMAGE,
        ports=[f"127.0.0.1:{port}:8000"],
        networks={"shop": "shop"},
        env={"GREETING": "Hello", "SHOP_TOKEN": secret("shop/token")},
        health_command=(
            "python3 -c \"import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health')\""
        ),
        health_interval=1,
        deadline=20,
        read_only=True,
        cap_drop=["ALL"],
    )

# The balancer in front of them.
template(
    "/etc/nginx/sites-available/shop",
    source="shop.conf.j2",
    variables={"ports": PORTS},
    notifies=[delayed("reload", "service[nginx]")],
)
link(
    "/etc/nginx/sites-enabled/default",
    to="/etc/nginx/sites-available/shop",
    notifies=[delayed("reload", "service[nginx]")],
)
service("nginx", action=["enable", "start"])

with final_stage():
    http_check("http://shop.internal/health", body="ok")
