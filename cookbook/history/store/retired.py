"""The sets of recipes that are given up: what their runs have left counts no longer."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, insert, or_, select

from cookbook.errors import UsageError
from cookbook.history.store.tables import hosts, retired, runs
from cookbook.text.provenance import stamp
from cookbook.text.suggest import did_you_mean


def retire(connection: Connection, of_set: str, names: Sequence[str]) -> list[str]:
    """
    Give up a set on these hosts, or on all; return the hosts on which it has had a run.

    A later run of the set counts again. Raises UsageError if there was no run of it.
    """
    visited = select(hosts.c.name).join(runs).where(runs.c.recipe_set == of_set).distinct()
    known = sorted(connection.execute(visited.order_by(hosts.c.name)).scalars())
    if not known:
        sets = connection.execute(select(runs.c.recipe_set).distinct()).scalars()
        hint = did_you_mean(of_set, [one for one in sets if one])
        raise UsageError(f"no recorded run is of the set {of_set!r}", hint=hint)
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known)
            raise UsageError(f"no run of the set {of_set!r} was on {name}", hint=hint)
    of_those = retired.c.host.in_(names) if names else retired.c.recipe_set.is_not(None)
    connection.execute(delete(retired).where(retired.c.recipe_set == of_set, of_those))
    now = stamp(time.time())
    on: Sequence[str | None] = names or [None]
    rows = [{"recipe_set": of_set, "host": name, "at": now} for name in on]
    connection.execute(insert(retired), rows)
    return list(names) or known


def is_retired() -> ColumnElement[bool]:
    """Return whether the set of a visit was given up after it."""
    there = or_(retired.c.host.is_(None), retired.c.host == hosts.c.name)
    later = and_(retired.c.recipe_set == runs.c.recipe_set, retired.c.at > runs.c.started)
    return exists().where(there, later).select_from(retired).correlate(hosts, runs)
