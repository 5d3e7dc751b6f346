"""The two services of the sample: the store, and the shop that asks it."""

from cookbook.recipe import node
from cookbook.resources import app_service, cookbook_file, package, user

PORTS = {"store": 9000, "shop": 8000}


def service(name: str, *arguments: str) -> None:
    """Declare a service that runs a version of the program: of all services, or its own."""
    package("python3")
    user("web", system=True, home="/nonexistent", shell="/usr/sbin/nologin")
    cookbook_file("/usr/local/lib/serve.py", source="serve.py", mode="0644")
    version = str(node.vars.get(f"{name}_version", node.vars["version"]))
    app_service(
        name,
        user="web",
        command=[
            "/usr/bin/python3",
            "/usr/local/lib/serve.py",
            name,
            version,
            str(PORTS[name]),
            *arguments,
        ],
    )
