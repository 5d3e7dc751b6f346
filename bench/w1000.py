"""A thousand resources on one host: 800 files, 100 packages, 100 users."""

from cookbook.recipe import node
from cookbook.resources import directory, file, package, user

HOME = "/srv/w1000"

for name in node.vars["packages"]:
    package(name)

for number in range(100):
    user(f"w1000u{number}", uid=3000 + number)

directory(HOME)
for number in range(800):
    file(f"{HOME}/f{number}", content=f"file {number}\n" * 10, owner="root", mode="0644")
