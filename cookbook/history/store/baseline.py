"""The states that earlier runs left on one machine, and since when they differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select

from cookbook.history import validation
from cookbook.history.drift import Known
from cookbook.history.records import ACTING
from cookbook.history.store.queries import AnyRow, bodies_of
from cookbook.history.store.tables import hosts, parts, runs, steps
from cookbook.text.bounded_io import parsed_json

_RUNS_AT_ONCE = 50
_IDS_AT_ONCE = 500


@dataclass
class _Trail:
    """The search for one resource, from the newest run backwards."""

    state: int | None = None
    run: str = ""
    in_line: bool = False
    acted: bool = False
    """True if the latest run that acted on it is found."""
    since: str | None = None
    settled: bool = False
    """True if the sequence of runs that saw it out of line has ended."""
    met: bool = False
    """True if any run has probed it."""

    @property
    def complete(self) -> bool:
        return self.acted and self.settled

    def follow(self, row: AnyRow) -> None:
        """Go one step further back."""
        if row.status in ("not-run", "refused", "orphaned", "unmanaged"):
            return  # it was not probed
        self.met, acting = True, row.mode in ACTING
        in_line = row.status in ("ok", "skipped") or (acting and row.status == "changed")
        if acting and not self.acted and row.state is not None:
            self.state, self.run = row.state, row.id
            self.acted, self.in_line = True, in_line
        if in_line:
            self.settled = True
        elif not self.settled:
            self.since = row.started


def known(
    connection: Connection, host: str, machine_id: str, ids: Iterable[str]
) -> dict[str, Known]:
    """Resource -> what is known of it, where a run has acted on it and kept its state."""
    trails = {one: _Trail() for one in ids}
    for number, visits in enumerate(_visits(connection, host, machine_id)):
        if number == 1:
            _forget_strangers(connection, trails)
        sought = [one for one, trail in trails.items() if not trail.complete]
        if not sought:
            break
        for row in _seen(connection, visits, sought):
            trails[row.resource].follow(row)
    return _told(connection, trails)


def _forget_strangers(connection: Connection, trails: dict[str, _Trail]) -> None:
    """Remove resources that no run knows, so that the whole history need not be searched."""
    for one in [one for one, trail in trails.items() if not trail.met]:
        query = select(steps.c.number).where(steps.c.resource == one).limit(1)
        if connection.execute(query).first() is None:
            del trails[one]


def _visits(connection: Connection, host: str, machine_id: str) -> Iterator[Sequence[int]]:
    """Yield the visits of runs to that machine, newest first, in groups."""
    query = select(hosts.c.number).join(runs).where(_is(host, machine_id))
    query = query.order_by(runs.c.started.desc(), runs.c.id.desc())
    numbers = list(connection.execute(query).scalars())
    yield from parts(numbers, _RUNS_AT_ONCE)


def _is(host: str, machine_id: str) -> ColumnElement[bool]:
    """Return the condition for that machine; by its name if a killed run did not note the id."""
    if not machine_id:
        return hosts.c.name == host
    return (hosts.c.machine_id == machine_id) | (
        (hosts.c.machine_id == "") & (hosts.c.name == host)
    )


def _seen(connection: Connection, visits: Sequence[int], ids: list[str]) -> list[AnyRow]:
    """Return the results for these resources in these visits, newest first."""
    columns = (steps.c.resource, steps.c.status, steps.c.state, steps.c.position)
    query = select(*columns, runs.c.id, runs.c.mode, runs.c.started).join_from(steps, hosts)
    query = query.join(runs).where(steps.c.host.in_(visits))
    if len(ids) <= _IDS_AT_ONCE:
        query = query.where(steps.c.resource.in_(ids))
    order = (runs.c.started.desc(), runs.c.id.desc(), steps.c.position.desc())
    wanted = frozenset(ids)
    rows: Sequence[AnyRow] = list(connection.execute(query.order_by(*order)))
    return [row for row in rows if row.resource in wanted]


def _told(connection: Connection, trails: dict[str, _Trail]) -> dict[str, Known]:
    acted = {one: trail for one, trail in trails.items() if trail.acted}
    bodies = bodies_of(connection, {trail.state for trail in acted.values()})
    found: dict[str, Known] = {}
    for one, trail in acted.items():
        if trail.state is None:
            continue
        state = validation.state(parsed_json(bodies[trail.state]))
        if state is not None:
            found[one] = Known(
                state["left"], trail.in_line, trail.run, trail.since, state["wanted"]
            )
    return found
