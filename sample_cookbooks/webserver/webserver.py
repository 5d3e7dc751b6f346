"""A host that serves a page with nginx, and is deployed to by a user of its own."""

from cookbook.recipe import delayed, node
from cookbook.resources import (
    authorized_key,
    cron,
    directory,
    execute,
    file,
    firewall_rule,
    group,
    link,
    package,
    service,
    template,
    user,
)

PORT = node.vars.get("http_port", 80)
SITE = "/srv/site"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAp8MNLYnyWlPlR2LBBiuHrCDTFt1j4s8aQ1sMDT0hvl deployer"

package("nginx")
package("rsync")

group("web", system=True)
user("deploy", comment="Deployment", gid="web", shell="/bin/bash", manage_home=True)
authorized_key("deployer on deploy", user="deploy", key=KEY)

directory(SITE, owner="deploy", group="web", mode="2755")
template(
    f"{SITE}/index.html",
    variables={"title": node.vars.get("title", "Hello from cook")},
    owner="deploy",
    group="web",
)
file(f"{SITE}/robots.txt", source="robots.txt", owner="deploy", group="web", mode="0644")

template(
    "/etc/nginx/sites-available/site",
    source="site.conf.j2",
    variables={"port": PORT, "root": SITE},
    notifies=[delayed("reload", "service[nginx]")],
)
link(
    "/etc/nginx/sites-enabled/default",
    to="/etc/nginx/sites-available/site",
    notifies=[delayed("reload", "service[nginx]")],
)
service("nginx", action=["enable", "start"])

firewall_rule("ssh", port=22)
firewall_rule("http", port=[PORT, 443])

cron("tidy the site", user="deploy", minute=17, hour=3, command=f"find {SITE} -name '*~' -delete")

SALT = f"{SITE}/salt"
execute(
    "make a salt",
    command=["dd", "if=/dev/urandom", f"of={SALT}", "bs=32", "count=1", "status=none"],
    creates=SALT,
)
