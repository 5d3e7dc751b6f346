"""W50 for pyinfra."""

from io import StringIO

from pyinfra.operations import (  # type: ignore[import-not-found]
    apt,
    crontab,
    files,
    iptables,
    server,
    systemd,
)

HOME = "/srv/w50"

apt.packages(packages=["bc", "jq", "nginx", "rsync", "tree"])

for number, name in enumerate(["w50app", "w50ops"], 2001):
    server.group(group=name, gid=number)

for number in range(1, 6):
    server.user(  # noqa: S604 - the shell is the login shell
        user=f"w50u{number}",
        uid=2100 + number,
        group="w50app",
        shell="/bin/bash",
        home=f"/home/w50u{number}",
        create_home=True,
    )

for path in [HOME, *(f"{HOME}/d{number}" for number in range(1, 10))]:
    files.directory(path=path, user="w50u1", group="w50app", mode="750")

for number in range(20):
    text = "".join(f"setting{line} = {number}\n" for line in range(20))
    files.put(
        src=StringIO(text),
        dest=f"{HOME}/d{number % 9 + 1}/f{number}.conf",
        user="w50u1",
        group="w50app",
        mode="640",
    )

for number in range(1, 4):
    files.link(path=f"{HOME}/l{number}", target=f"{HOME}/d{number}")

for name in ["cron", "nginx"]:
    systemd.service(service=name, running=True, enabled=True)

crontab.crontab(command="/usr/bin/true w50", minute="0", hour="4")

for port in [80, 443]:
    iptables.rule(chain="INPUT", jump="ACCEPT", protocol="tcp", destination_port=port)
