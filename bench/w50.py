"""W50, fifty small things of a server, as a recipe."""

from cookbook.resources import (
    cron,
    directory,
    file,
    firewall_rule,
    group,
    link,
    package,
    service,
    user,
)

PACKAGES = ["bc", "jq", "nginx", "rsync", "tree"]
HOME = "/srv/w50"
FOLDERS = [HOME, *(f"{HOME}/d{number}" for number in range(1, 10))]

for name in PACKAGES:
    package(name)

for number, name in enumerate(["w50app", "w50ops"], 2001):
    group(name, gid=number)

for number in range(1, 6):
    user(  # noqa: S604 - the shell is the login shell
        f"w50u{number}",
        uid=2100 + number,
        gid="w50app",
        shell="/bin/bash",
        home=f"/home/w50u{number}",
        manage_home=True,
    )

for path in FOLDERS:
    directory(path, owner="w50u1", group="w50app", mode="0750")

for number in range(20):
    text = "".join(f"setting{line} = {number}\n" for line in range(20))
    path = f"{HOME}/d{number % 9 + 1}/f{number}.conf"
    file(path, content=text, owner="w50u1", group="w50app", mode="0640")

for number in range(1, 4):
    link(f"{HOME}/l{number}", to=f"{HOME}/d{number}")

for name in ["cron", "nginx"]:
    service(name, action=["enable", "start"])

cron("w50", minute="0", hour="4", command="/usr/bin/true w50")

for port in [80, 443]:
    firewall_rule(f"w50-{port}", port=port, protocol="tcp", command="allow")
