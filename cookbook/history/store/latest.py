"""The latest visits of runs to hosts, by name: what `cook status` asks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, and_, case, false, func, or_, select

from cookbook.history import validation
from cookbook.history.records import ACTING, LastVisit, StateSeen, StepSeen
from cookbook.history.store.queries import bodies_of
from cookbook.history.store.retired import is_retired
from cookbook.history.store.tables import hosts, parts, runs, steps, texts
from cookbook.planning.status import LOOKING
from cookbook.run.selection import NOT_CHOSEN
from cookbook.text.bounded_io import parsed_json

Which = Literal["any", "success", "look"]


def latest_visits(
    connection: Connection, names: Sequence[str], which: Which, places: Mapping[str, str]
) -> dict[str, LastVisit]:
    """
    Return the newest visit to each host: any, one that changed it without a failure, or a look.

    A look has probed at least one resource. Hosts without such a visit are left out. A visit to
    another one of `places` was to another host, of another inventory.
    """
    return dict(_newest(connection, names, which, places, (hosts.c.name, hosts.c.place)))


def latest_looks_of_sets(
    connection: Connection, names: Sequence[str], places: Mapping[str, str]
) -> dict[str, list[LastVisit]]:
    """
    Return the looks of each set of recipes at each host that still tell something, newest first.

    These are the newest one that was about all resources of the set, and later ones that were
    about a part: by `--tags` and the like, or an undo.
    """
    rank = func.coalesce(
        func.sum(case((_is_partial(), 0), else_=1)).over(
            partition_by=(hosts.c.name, hosts.c.place, runs.c.recipe_set),
            order_by=_NEWEST_FIRST,
            rows=(None, -1),
        ),
        0,
    )
    found: dict[str, list[LastVisit]] = {}
    for name, visit in _visits(connection, names, "look", places, rank):
        found.setdefault(name, []).append(visit)
    return {name: _without_older_places(visits) for name, visits in found.items()}


def _without_older_places(visits: Sequence[LastVisit]) -> list[LastVisit]:
    """
    Return the visits, newest first, without those that a look at a whole set has made old.

    Visits without a place, from an earlier version, are counted apart from those with one.
    """
    kept: list[LastVisit] = []
    complete: set[str] = set()
    for visit in reversed(visits):
        if visit.set not in complete:
            kept.append(visit)
        if not visit.is_partial:
            complete.add(visit.set)
    return kept


def _is_partial() -> ColumnElement[bool]:
    """
    Return whether a visit was about a part of the resources of its set.

    An undo is about what a run has changed. Of other runs the steps are asked, but only where the
    command may have chosen a part, because that is slow; a saved plan may be one of a part.
    """
    chosen = [runs.c.command.contains(f'"--{option}') for option in _CHOOSING]
    left_out = select(steps.c.number).join(texts, texts.c.number == steps.c.document)
    left_out = left_out.where(steps.c.host == hosts.c.number, _is_not_chosen()).correlate(hosts)
    may_be = or_(runs.c.mode == "apply", *chosen)
    return or_(runs.c.mode == "undo", and_(may_be, left_out.exists()))


_CHOOSING = ("ta", "sk", "on", "reci")
"""The beginnings of `--tags`, `--skip-tags`, `--only` and `--recipe`, as far as they are needed."""

_NEWEST_FIRST = (runs.c.started.desc(), runs.c.id.desc(), hosts.c.number.desc())


def _is_not_chosen() -> ColumnElement[bool]:
    """Return whether a step says that the run was not about its resource."""
    told = [texts.c.body.contains(f'"note":{json.dumps(reason)}') for reason in NOT_CHOSEN]
    return and_(steps.c.status == "skipped", or_(*told))


def _newest(
    connection: Connection,
    names: Sequence[str],
    which: Which,
    places: Mapping[str, str],
    each: Sequence[ColumnElement[Any]],
) -> Iterator[tuple[str, LastVisit]]:
    """Yield the newest visit of each combination of these columns, the oldest of them first."""
    rank = func.row_number().over(partition_by=each, order_by=_NEWEST_FIRST) - 1
    return _visits(connection, names, which, places, rank)


def _visits(
    connection: Connection,
    names: Sequence[str],
    which: Which,
    places: Mapping[str, str],
    rank: ColumnElement[Any],
) -> Iterator[tuple[str, LastVisit]]:
    """Yield the visits with the rank 0, the oldest of them first."""
    partial = _is_partial() if which == "look" else false()
    columns = (runs.c.id, runs.c.mode, runs.c.state, runs.c.started, runs.c.revision, runs.c.by)
    of_host = (hosts.c.number, hosts.c.name, hosts.c.status, hosts.c.desired, hosts.c.place)
    seen = select(*of_host, *columns)
    for part in parts(names):
        query = seen.add_columns(
            runs.c.recipes, runs.c.recipe_set, rank.label("rank"), partial.label("partial")
        ).join(runs)
        ranked = query.where(hosts.c.name.in_(part), ~is_retired(), *_conditions(which)).subquery()
        order = (ranked.c.started, ranked.c.id, ranked.c.number)
        newest = select(ranked).where(ranked.c.rank == 0).order_by(*order)
        for row in connection.execute(newest):
            if row.place is not None and row.place != places.get(row.name, row.place):
                continue
            yield (
                row.name,
                LastVisit(
                    number=row.number,
                    run=row.id,
                    mode=validation.mode(row.mode),
                    running=row.state == "running",
                    started=row.started,
                    status=validation.host_status(row.status),
                    revision=row.revision,
                    by=row.by,
                    recipes=validation.names(parsed_json(row.recipes)),
                    set=row.recipe_set,
                    desired=row.desired,
                    is_partial=bool(row.partial),
                ),
            )


def _conditions(which: Which) -> Iterator[ColumnElement[bool]]:
    if which == "success":
        yield runs.c.mode.in_(ACTING)
        yield hosts.c.status.in_(("ok", "changed"))
    elif which == "look":
        yield select(steps.c.number).where(steps.c.host == hosts.c.number).exists()


def counts(connection: Connection, visits: Sequence[int]) -> dict[int, int]:
    """Return the number of resources in each visit."""
    found: dict[int, int] = {}
    number = func.count(steps.c.resource.distinct()).label("number")
    for part in parts(visits):
        query = select(steps.c.host, number).where(steps.c.host.in_(part)).group_by(steps.c.host)
        found |= {row.host: row.number for row in connection.execute(query)}
    return found


def not_in_line(connection: Connection, visits: Sequence[int]) -> dict[int, list[StepSeen]]:
    """Return the steps of each visit that are neither in line nor left out, in their order."""
    quiet = ("ok", "skipped", "unmanaged", "orphaned")
    rows: list[Any] = []
    for part in parts(visits):
        query = select(steps.c.host, steps.c.resource, steps.c.status, steps.c.document)
        query = query.where(steps.c.host.in_(part), steps.c.status.not_in(quiet))
        rows += connection.execute(query.order_by(steps.c.host, steps.c.position))
    bodies = bodies_of(connection, {row.document for row in rows})
    told = {number: validation.mapping(parsed_json(body)) for number, body in bodies.items()}
    found: dict[int, list[StepSeen]] = {}
    for row in rows:
        document = told[row.document]
        seen = StepSeen(
            row.resource,
            validation.resource_status(row.status),
            _text(document.get("cause")),
            _text(document.get("since")),
            excused=document.get("excused") is not None,
        )
        found.setdefault(row.host, []).append(seen)
    return found


def probed(connection: Connection, visits: Sequence[int]) -> dict[int, set[str]]:
    """Return the resources that each visit has got to, and was about."""
    found: dict[int, set[str]] = {}
    for part in parts(visits):
        query = select(steps.c.host, steps.c.resource)
        query = query.join(texts, texts.c.number == steps.c.document)
        query = query.where(steps.c.host.in_(part), steps.c.status != "not-run", ~_is_not_chosen())
        for row in connection.execute(query):
            found.setdefault(row.host, set()).add(row.resource)
    return found


def states(connection: Connection, visits: Sequence[int]) -> dict[int, dict[str, StateSeen]]:
    """
    Return the state of each resource after each visit, the last one of a visit.

    A plan or a drift report has left each thing as it was found.
    """
    rows: list[Any] = []
    for part in parts(visits):
        query = select(steps.c.host, steps.c.resource, steps.c.status, steps.c.state, runs.c.mode)
        query = query.join_from(steps, hosts).join(runs).where(steps.c.host.in_(part))
        rows += connection.execute(query.order_by(steps.c.host, steps.c.position))
    bodies = bodies_of(connection, {row.state for row in rows})
    told = {number: validation.state(parsed_json(body)) for number, body in bodies.items()}
    found: dict[int, dict[str, StateSeen]] = {}
    for row in rows:
        record = None if row.state is None else told[row.state]
        looked = row.mode in LOOKING
        left = None if record is None else record["found" if looked else "left"]
        seen = StateSeen(validation.resource_status(row.status), record is not None, left)
        found.setdefault(row.host, {})[row.resource] = seen
    return found


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
