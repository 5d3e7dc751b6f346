"""
An application from git, as two processes behind nginx: each step of a deployment as a state.

A new version is another `revision`, here `cook converge deploy_app.py --hosts hosts.yml --set
revision=v2`. It is built beside the running one, and the processes are restarted one after the
other; the way back is `cook rollback shop --hosts hosts.yml`.
"""

from cookbook.recipe import delayed, final_stage, node, secret
from cookbook.resources import (
    app_service,
    deploy,
    env_file,
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

APP = "/srv/shop"
PORTS = (8001, 8002)

# Authorization: a user for the application, and one who may look after it.
user("shop", system=True, home=APP, shell="/usr/sbin/nologin")
user("ann", manage_home=True)
sudo("shop", users="ann", commands=["/bin/systemctl restart shop-*"], nopasswd=True)

# Network and firewall.
hosts_entry("shop.internal", ip="127.0.0.1")
firewall_rule("ssh", port=22)
firewall_rule("http", port=80)

# Dependencies and toolchain.
package("for the shop", package_name=["git", "python3", "python3-venv", "nginx", "curl"])

# Environment; what is secret is in no output.
env_file("/etc/shop.env", variables={"GREETING": "Hello", "SHOP_TOKEN": secret("shop/token")})

# Code and build: a release beside the current one, which goes on until the new one is healthy.
deploy(
    "shop",
    repository=node.vars.get("repository", "git://127.0.0.1/shop.git"),
    revision=node.vars.get("revision", "v1"),
    user="shop",
    build=["python3 -m venv --without-pip venv", "venv/bin/python -m compileall -q server.py"],
    shared_folders=["log"],
    restart={f"shop-{port}.service": f"http://127.0.0.1:{port}/health" for port in PORTS},
    health_timeout=20,
)

# The application, as two processes.
for port in PORTS:
    app_service(
        f"shop-{port}",
        user="shop",
        command=[f"{APP}/current/venv/bin/python", "server.py", str(port)],
        working_directory=f"{APP}/current",
        env_file="/etc/shop.env",
        memory_max="256M",
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
