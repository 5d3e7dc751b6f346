"""A resource type of its own, a composite of several resources, and values that differ by host."""

from default_target import default_target

from cookbook.recipe import node
from cookbook.resources import directory, file, group, user

SHOPS = {"boots": 901, "hats": 902}


def shop(name: str, number: int) -> None:
    """Declare a shop: a composite is a function, and is shared as a Python package."""
    group(name, gid=number)
    user(name, uid=number, gid=name, home=f"/srv/{name}", shell="/usr/sbin/nologin")
    directory(f"/srv/{name}", owner=name, group=name, mode="0750")
    file(f"/srv/{name}/README", content=f"The shop that sells {name}.\n", owner=name, group=name)


default_target(node.vars.get("target", "multi-user"))
for each, gid in SHOPS.items():
    shop(each, gid)
