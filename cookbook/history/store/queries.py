"""Questions to the tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Row, Select, or_, select

from cookbook.errors import UsageError
from cookbook.history import validation
from cookbook.history.records import ACTING, Blame, RecordedStep, RunState, RunSummary
from cookbook.history.store.tables import hosts, parts, runs, steps, texts
from cookbook.reports.schema import SCHEMA, Document, HostDocument, ResourceDocument
from cookbook.text.bounded_io import parsed_json

_TOTALS = ("ok", "changed", "failed", "unknown", "skipped", "not-run", "orphaned", "unmanaged")
_SHOWN = 5
"""Runs that are named where an abbreviation fits several."""

AnyRow = Row[*tuple[Any, ...]]


@dataclass(frozen=True)
class Filters:
    """Which runs are meant."""

    host: str | None = None
    resource: str | None = None
    since: str | None = None
    number: int | None = None
    changed: bool = False


def find(connection: Connection, run: str) -> int:
    """
    Return the number of a run: by its id, the beginning or the end of it, or `last`.

    Raises UsageError if there is none, or several.
    """
    newest = select(runs.c.number, runs.c.id).order_by(runs.c.started.desc(), runs.c.id.desc())
    exact = newest.where(runs.c.id == run)
    some = or_(runs.c.id.startswith(run, autoescape=True), runs.c.id.endswith(run, autoescape=True))
    queries = [newest] if run == "last" else [exact, newest.where(some)]
    found: Sequence[AnyRow] = []
    for query in queries:
        found = found or list(connection.execute(query.limit(1 if run == "last" else _SHOWN)))
    match found:
        case [one]:
            return cast("int", one.number)
        case []:
            raise UsageError(
                f"there is no run {run!r} in the history", hint="`cook history` lists them"
            )
        case several:
            names = ", ".join(row.id for row in several)
            raise UsageError(f"{run!r} may be any of {names}", hint="give more of it")


def summaries(connection: Connection, filters: Filters, limit: int | None) -> list[RunSummary]:
    """Return the summaries of runs, newest first."""
    query = select(runs).where(*_conditions(filters))
    query = query.order_by(runs.c.started.desc(), runs.c.id.desc()).limit(limit)
    found = list(connection.execute(query))
    visits = _visits(connection, [row.number for row in found])
    return [_summary(row, visits.get(row.number, [])) for row in found]


def document(connection: Connection, number: int) -> Document:
    """Return a whole run."""
    run = connection.execute(select(runs).where(runs.c.number == number)).one()
    resources = {
        name: [step.document for step in told]
        for name, told in steps_of(connection, number).items()
    }
    found = connection.execute(_hosts_of(number))
    documents = {row.name: _host(row, resources[row.name]) for row in found}
    statuses: list[str] = [
        one["status"] for host in documents.values() for one in host["resources"]
    ]
    return {
        "schema": SCHEMA,
        "run": run.id,
        "mode": validation.mode(run.mode),
        "exit": 130 if run.exit is None else run.exit,
        "started": run.started,
        "seconds": run.seconds or 0.0,
        "version": run.version,
        "by": run.by,
        "origin": run.origin,
        "command": validation.names(parsed_json(run.command)),
        "set": run.recipe_set,
        "recipes": validation.names(parsed_json(run.recipes)),
        "sources": _sources(connection, run.sources),
        "revision": run.revision,
        "hosts": documents,
        "totals": {status: statuses.count(status) for status in _TOTALS},
        "in_line": run.in_line,
    }


def steps_of(connection: Connection, number: int) -> dict[str, list[RecordedStep]]:
    """Return the steps on each host, in order."""
    told: dict[str, list[RecordedStep]] = {
        row.name: [] for row in connection.execute(_hosts_of(number))
    }
    query = select(steps, hosts.c.name).join(hosts).where(hosts.c.run == number)
    rows = list(connection.execute(query.order_by(hosts.c.position, steps.c.position)))
    bodies = bodies_of(connection, {row.document for row in rows} | {row.state for row in rows})
    for row in rows:
        told[row.name].append(recorded(row, bodies))
    return told


def recorded(row: AnyRow, bodies: dict[int, str]) -> RecordedStep:
    """Return a step from its row and the texts that it refers to."""
    given = validation.mapping(parsed_json(bodies[row.document]))
    told = validation.resource({**given, "began": row.began, "seconds": row.seconds})
    state = None if row.state is None else validation.state(parsed_json(bodies[row.state]))
    return RecordedStep(told, state)


def bodies_of(connection: Connection, numbers: set[int | None]) -> dict[int, str]:
    """Return the texts with these numbers."""
    wanted = sorted(number for number in numbers if number is not None)
    found: dict[int, str] = {}
    for part in parts(wanted):
        query = select(texts.c.number, texts.c.body).where(texts.c.number.in_(part))
        found |= {row.number: row.body for row in connection.execute(query)}
    return found


def machine_ids(connection: Connection, number: int) -> dict[str, str]:
    """Host -> machine-id."""
    return {row.name: row.machine_id for row in connection.execute(_hosts_of(number))}


def blame(
    connection: Connection, resource: str, host: str | None, limit: int | None
) -> list[Blame]:
    """Return the runs that changed a resource, or may have, newest first."""
    query = (
        select(steps, hosts.c.name, runs.c.id, runs.c.mode, runs.c.started, runs.c.by)
        .add_columns(runs.c.revision)
        .join_from(steps, hosts)
        .join(runs)
        .where(steps.c.resource == resource, steps.c.status.in_(("changed", "failed", "unknown")))
        .where(runs.c.mode.in_(ACTING), *([] if host is None else [hosts.c.name == host]))
        .order_by(runs.c.started.desc(), runs.c.id.desc(), hosts.c.position, steps.c.position)
        .limit(limit)
    )
    rows = list(connection.execute(query))
    bodies = bodies_of(connection, {row.document for row in rows})
    return [_blame(row, bodies) for row in rows]


def knows(connection: Connection, resource: str, host: str | None) -> bool:
    """Return whether any run was about it."""
    query = select(steps.c.number).join_from(steps, hosts).where(steps.c.resource == resource)
    if host is not None:
        query = query.where(hosts.c.name == host)
    return connection.execute(query.limit(1)).first() is not None


def resources(connection: Connection, host: str | None) -> Iterator[str]:
    """All resources that runs were about, on a host if there is such a host."""
    query = select(steps.c.resource).distinct()
    if host is not None:
        query = query.join_from(steps, hosts).where(hosts.c.name == host)
    yield from connection.execute(query).scalars()


def _conditions(filters: Filters) -> Iterator[ColumnElement[bool]]:
    if filters.number is not None:
        yield runs.c.number == filters.number
    if filters.since is not None:
        yield runs.c.started >= filters.since
    if filters.changed:  # a plan or a drift report has found changes, and made none
        yield runs.c.mode.in_(ACTING)
    if filters.resource is not None:
        yield runs.c.number.in_(_runs_about(filters))
    elif filters.host is not None:
        yield runs.c.number.in_(_runs_on(filters))
    elif filters.changed:
        yield runs.c.changed > 0


def _runs_about(filters: Filters) -> Select[Any]:
    query = select(hosts.c.run).join_from(steps, hosts).where(steps.c.resource == filters.resource)
    if filters.host is not None:
        query = query.where(hosts.c.name == filters.host)
    return query.where(steps.c.status == "changed") if filters.changed else query


def _runs_on(filters: Filters) -> Select[Any]:
    query = select(hosts.c.run).where(hosts.c.name == filters.host)
    if filters.changed:
        change = (steps.c.host == hosts.c.number) & (steps.c.status == "changed")
        query = query.where(select(steps.c.number).where(change).exists())
    return query


def _visits(connection: Connection, numbers: list[int]) -> dict[int, list[AnyRow]]:
    """Return the visits of each run in the order of its hosts: name, status, desired."""
    found: dict[int, list[AnyRow]] = {}
    columns = (hosts.c.run, hosts.c.name, hosts.c.status, hosts.c.desired)
    for part in parts(numbers):
        query = select(*columns).where(hosts.c.run.in_(part))
        for row in connection.execute(query.order_by(hosts.c.run, hosts.c.position)):
            found.setdefault(row.run, []).append(row)
    return found


def _hosts_of(number: int) -> Select[Any]:
    return select(hosts).where(hosts.c.run == number).order_by(hosts.c.position)


def _sources(connection: Connection, number: int | None) -> dict[str, str]:
    bodies = bodies_of(connection, {number})
    return {
        k: v
        for body in bodies.values()
        for k, v in validation.name_by_name(parsed_json(body)).items()
    }


def _host(row: AnyRow, told: list[ResourceDocument]) -> HostDocument:
    return {
        "status": validation.host_status(row.status),
        "began": row.began,
        "seconds": row.seconds,
        "exchanges": row.exchanges,
        "error": None if row.error is None else validation.error(parsed_json(row.error)),
        "machine_id": row.machine_id,
        "in_line": row.in_line,
        "desired": row.desired,
        "resources": told,
    }


def _summary(row: AnyRow, visits: Sequence[AnyRow]) -> RunSummary:
    return RunSummary(
        run=row.id,
        mode=validation.mode(row.mode),
        state=cast("RunState", row.state),
        started=row.started,
        seconds=row.seconds,
        exit=row.exit,
        by=row.by,
        origin=row.origin,
        revision=row.revision,
        command=validation.names(parsed_json(row.command)),
        recipes=validation.names(parsed_json(row.recipes)),
        hosts={one.name: validation.host_status(one.status) for one in visits},
        desired={one.name: one.desired for one in visits},
        changed=row.changed,
        failed=row.failed,
        unknown=row.unknown,
    )


def _blame(row: AnyRow, bodies: dict[int, str]) -> Blame:
    told = recorded(row, bodies | {row.state: "null"}).document
    return Blame(
        run=row.id,
        mode=validation.mode(row.mode),
        started=row.started,
        by=row.by,
        revision=row.revision,
        host=row.name,
        status=told["status"],
        where=told["where"],
        changes=told["changes"],
        ran=told["ran"],
        because=told["because"],
        diff=told["diff"],
    )
