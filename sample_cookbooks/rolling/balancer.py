"""The balancer: haproxy in front of the stores and of the shops."""

from services import PORTS

from cookbook.recipe import node
from cookbook.resources import haproxy_backend, package, service

package("haproxy")
service("haproxy", action=["enable", "start"])
for name, port, bind in (("store", PORTS["store"], PORTS["store"]), ("shop", PORTS["shop"], 80)):
    haproxy_backend(
        name,
        bind=bind,
        httpchk="/health",
        options=["default-server inter 500ms", "option redispatch"],
        servers={
            host: {"address": address, "port": port, "check": True}
            for host, address in node.vars[f"{name}s"].items()
        },
    )
