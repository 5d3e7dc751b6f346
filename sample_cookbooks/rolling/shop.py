"""The shop: it asks the store, through the balancer."""

from services import PORTS, service

from cookbook.recipe import node

service("shop", f"http://{node.vars['balancer']}:{PORTS['store']}/")
