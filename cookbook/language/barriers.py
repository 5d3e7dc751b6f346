"""Points of a recipe where hosts of a run wait for one another: `run_once`, `barrier`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Literal

from cookbook.errors import RecipeError
from cookbook.language.collection import Declared, caller, current
from cookbook.language.resource import Resource
from cookbook.language.sections import Barrier
from cookbook.text.suggest import did_you_mean


class BarrierPoint(Resource, kind="barrier"):
    """A point where each host of the run waits until all have come to it; no resource type."""

    action: Literal["nothing"] = "nothing"


class RunOncePoint(Resource, kind="run_once"):
    """The end of a block that one host does for all; the others wait there."""

    action: Literal["nothing"] = "nothing"


def point_of(barrier: Barrier) -> Declared:
    """Return what stands in the queue, in reports and in the history for a barrier."""
    kind = RunOncePoint if barrier.once else BarrierPoint
    return Declared(kind(barrier.name), barrier.where, barrier=barrier)


def barriers_of(declared: Iterable[Declared]) -> list[Barrier]:
    """Return the barriers among declared resources, in order."""
    return [one.barrier for one in declared if one.barrier is not None]


def barrier(name: str) -> None:
    """
    Wait until all hosts of the run that declare this barrier have come to it.

        package("app", version=node.vars["version"])
        barrier("installed")
        service("app", action="start")

    Notifications that are delayed come after it. A host that fails, or cannot be reached, before it
    breaks it: the others stop there, and say which host it was. A plan does not wait.

    Raises RecipeError if the recipe has a barrier of that name already.
    """
    where = caller()
    _add(Barrier(_named(name, where), where), where)


@contextlib.contextmanager
def run_once(name: str | None = None, *, on: str | None = None) -> Iterator[None]:
    """
    Declare resources of this context for one host of the run, which does them for all.

        with run_once(on="db1"):
            execute("migrate", command="/srv/app/migrate", creates="/srv/app/migrated")

    By default it is the first host of the run, in the order of the inventory, whose recipe declares
    the block. The others wait at its end until it is done there; if it fails there, they stop, and
    say why. `name` tells one block from another; without it, the place in the recipe does.

    Raises RecipeError for a host that is not in the run, and for a block inside another one.
    """
    where = caller()
    _check(where, on)
    block = Barrier(_named(where if name is None else name, where), where, once=True, on=on)
    collection = current()
    collection.once = block
    try:
        yield
    finally:
        collection.once = None
    _add(block, where)


def _add(new: Barrier, where: str) -> None:
    collection = current()
    if collection.parallel is not None or collection.once is not None:
        inside = "a parallel block" if collection.parallel is not None else "a block of run_once"
        raise RecipeError(
            f"{where}: a barrier is inside {inside}", hint="declare it before or after the block"
        )
    point = point_of(new)
    known = collection.get(str(point.resource))
    if known is not None:
        raise RecipeError(
            f"{where}: there is a {point.resource.kind()} {new.name!r} already, at {known.where}",
            hint="give each a name of its own; in a loop, one for each turn",
        )
    collection.declare(point.resource, where, new)


def _check(where: str, on: str | None) -> None:
    """Raise RecipeError if a block cannot begin here, or cannot be done on that host."""
    collection = current()
    if collection.once is not None or collection.parallel is not None:
        inside = "another one" if collection.once is not None else "a parallel block"
        raise RecipeError(
            f"{where}: a block of run_once is inside {inside}",
            hint="a parallel block may be inside a block of run_once",
        )
    fleet = collection.node.fleet
    if on is None or fleet is None:
        return
    everything = fleet.select(None, ())
    if on not in everything:
        raise RecipeError(
            f"{where}: run_once: there is no host {on!r} in the inventory",
            hint=did_you_mean(on, everything),
        )
    if not fleet.takes_part(on):
        raise RecipeError(
            f"{where}: run_once: the host {on} is not in this run",
            hint="it does the block for all: include it in --limit",
        )


def _named(name: str, where: str) -> str:
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise RecipeError(f"{where}: the name of a barrier must be a text, not {name!r}")
    return name
