"""Thirty resources of a small server that is in line: nothing that needs a booted host."""

from cookbook.resources import directory, file, group, line, link, package, user

package("tools", package_name=["bash", "coreutils", "grep", "sed", "tar"])
group("w30", gid=4000)
for number in range(5):
    user(f"w30-{number}", uid=4001 + number, gid="w30")
directory("/srv/w30", mode="0755")
for number in range(16):
    file(f"/srv/w30/f{number}", content=f"file {number}\n" * 20, owner="root", mode="0644")
for number in range(3):
    link(f"/srv/w30/l{number}", to=f"/srv/w30/f{number}")
file("/srv/w30/lines", action="create_if_missing")
for number in range(2):
    line(f"w30.{number} = on", path="/srv/w30/lines")
