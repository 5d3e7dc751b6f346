"""W30 for pyinfra."""

from io import StringIO

from pyinfra.operations import apt, files, server  # type: ignore[import-not-found]

HOME = "/srv/w30"

apt.packages(packages=["bash", "coreutils", "grep", "sed", "tar"])

server.group(group="w30", gid=4000)

for number in range(5):
    server.user(user=f"w30-{number}", uid=4001 + number, group="w30", ensure_home=False)

files.directory(path=HOME, mode="755")

for number in range(16):
    files.put(
        src=StringIO(f"file {number}\n" * 20),
        dest=f"{HOME}/f{number}",
        user="root",
        mode="644",
    )

for number in range(3):
    files.link(path=f"{HOME}/l{number}", target=f"{HOME}/f{number}")

files.file(path=f"{HOME}/lines", present=True)

for number in range(2):
    files.line(path=f"{HOME}/lines", line=f"w30.{number} = on")
