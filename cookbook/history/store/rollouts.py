"""The rollouts of a team in the store: so that another machine can go on with one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from cookbook.history.store.tables import rollout_events, rollout_orders, rollouts


class StoredRollout(NamedTuple):
    """A rollout in the store; its header and events are lines of JSON."""

    header: str
    events: list[str]
    holder: str
    """The machine and process that control it, or did last."""

    alive: float
    """When the holder was last heard of, in seconds since 1970."""


def names(connection: Connection) -> list[str]:
    """Return the ids of all rollouts, oldest first."""
    return list(connection.execute(select(rollouts.c.id).order_by(rollouts.c.id)).scalars())


def read(connection: Connection, name: str) -> StoredRollout | None:
    """Return a rollout; None if the store does not have it."""
    row = connection.execute(select(rollouts).where(rollouts.c.id == name)).first()
    if row is None:
        return None
    found = select(rollout_events.c.body).where(rollout_events.c.rollout == name)
    events = connection.execute(found.order_by(rollout_events.c.number)).scalars()
    return StoredRollout(row.header, list(events), row.holder, row.alive)


def write(
    connection: Connection, name: str, header: str, first: int, events: Sequence[str]
) -> None:
    """Add events from this number on; make the rollout if the store does not have it."""
    there = connection.execute(select(func.count()).where(rollouts.c.id == name)).scalar()
    if not there:
        row = {"id": name, "header": header, "holder": "", "alive": 0.0}
        connection.execute(insert(rollouts), [row])
    if events:
        rows = [
            {"rollout": name, "number": number, "body": body}
            for number, body in enumerate(events, first)
        ]
        connection.execute(insert(rollout_events), rows)


def hold(connection: Connection, name: str, holder: str, alive: float) -> None:
    """Note that a controller is at work, or with 0 as the time that it has left."""
    values = {"holder": holder, "alive": alive}
    connection.execute(update(rollouts).where(rollouts.c.id == name).values(**values))


def order(connection: Connection, name: str, body: str) -> None:
    """Leave a command for the controller."""
    connection.execute(insert(rollout_orders), [{"rollout": name, "body": body}])


def take_orders(connection: Connection, name: str) -> list[str]:
    """Return the commands for the controller, oldest first, and remove them."""
    mine = rollout_orders.c.rollout == name
    found = select(rollout_orders).where(mine).order_by(rollout_orders.c.number)
    bodies = [row.body for row in connection.execute(found)]
    if bodies:
        connection.execute(delete(rollout_orders).where(mine))
    return bodies
