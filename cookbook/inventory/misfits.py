"""The check of all hosts by the schema of their variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cookbook.errors import InventoryError
from cookbook.inventory.variable_schema import place_in
from cookbook.text.listing import named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cookbook.inventory.host import Host
    from cookbook.inventory.precedence import Precedence
    from cookbook.inventory.schema import ValueOrigin
    from cookbook.inventory.variable_schema import Misfit, VariableSchema

_MOST = 20
"""Errors that are told; the rest is counted."""

_HOSTS = 5
"""Hosts that are named for one error."""


def check(
    precedence: Precedence, schema: VariableSchema, hosts: Iterable[Host], given: Mapping[str, Any]
) -> None:
    """
    Check the variables of hosts; `given` are those of `--set`.

    Raises InventoryError that tells all that is wrong, each sentence once for all of its hosts.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for host in hosts:
        misfits = list(schema.misfits({**host.vars, **given}))
        if misfits:
            used = {one.key: one for one in precedence.origins(host.name, given) if one.used}
            for misfit in misfits:
                at = _place(misfit, used, precedence.declared.hosts[host.name].at)
                found.setdefault((at, misfit.text), []).append(host.name)
    if not found:
        return
    lines = [f"{at}: {named(names, _HOSTS)}: {text}" for (at, text), names in found.items()]
    if len(lines) > _MOST:
        lines[_MOST:] = [f"and {len(lines) - _MOST} more errors"]
    raise InventoryError("\n".join(lines), hint=f"the schema is at {schema.value.at}")


def _place(misfit: Misfit, used: Mapping[str, ValueOrigin], host_at: str) -> str:
    """Return where the value is from; for a missing one, where it belongs."""
    name, *inside = misfit.path or ("",)
    origin = used.get(f"vars.{name}")
    if origin is None:
        return host_at
    if origin.source is not None and inside:
        return place_in(origin.source, inside)
    return origin.at or f"--set {name}"
