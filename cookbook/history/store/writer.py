"""Writes a run into the tables, and takes runs out again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, union
from sqlalchemy.dialects import postgresql, sqlite

from cookbook.history.journal_reader import ToldHost, ToldRun
from cookbook.history.records import RecordedStep
from cookbook.history.store.tables import hosts, parts, runs, steps, texts


class Writer:
    """Writes runs, in the transaction of one connection."""

    def __init__(self, connection: Connection, *, sqlite: bool) -> None:
        self._connection = connection
        self._sqlite = sqlite
        self._numbers: dict[str, int] = {}
        """Digest -> number of the texts that were written or found."""

    def write(self, run: ToldRun) -> None:
        """Write a run; one that is finished there already is left as it is."""
        where = runs.c.id == run.run
        if self._connection.execute(select(runs.c.state).where(where)).scalar() == "finished":
            return
        self._connection.execute(delete(runs).where(where))
        sources = _json(run.sources)
        bodies = {name: [_bodies(s) for s in host.steps] for name, host in run.hosts.items()}
        digests = self._remember([sources, *(b for h in bodies.values() for two in h for b in two)])
        row = {**_run_row(run), "sources": self._numbers[digests[sources]]}
        number = self._inserted(runs, row)
        rows: list[dict[str, Any]] = []
        for position, (name, host) in enumerate(run.hosts.items()):
            row = {"run": number, "position": position, "name": name, **_host_row(host)}
            key = self._inserted(hosts, row)
            rows += (
                self._step_row(key, place, step, *(two and digests[two] for two in texts_of))
                for place, (step, texts_of) in enumerate(zip(host.steps, bodies[name], strict=True))
            )
        if rows:
            self._connection.execute(insert(steps), rows)

    def _step_row(
        self, host: int, position: int, step: RecordedStep, told: str | None, state: str | None
    ) -> dict[str, Any]:
        """Return the row of a step whose texts have these digests."""
        document = step.document
        return {
            "host": host,
            "position": position,
            "resource": document["id"],
            "status": document["status"],
            "kind": document["kind"],
            "began": document["began"],
            "seconds": document["seconds"],
            "document": None if told is None else self._numbers[told],
            "state": None if state is None else self._numbers[state],
        }

    def _inserted(self, table: Any, row: dict[str, Any]) -> int:
        key = self._connection.execute(insert(table), row).inserted_primary_key
        number: int = key[0]  # type: ignore[index]  # one row always has one
        return number

    def _remember(self, bodies: Iterable[str | None]) -> dict[str, str]:
        """Write each text that is not there yet; know the number of each; return the digests."""
        digests = {body: _digest(body) for body in dict.fromkeys(bodies) if body is not None}
        new = {digest: body for body, digest in digests.items()}
        missing = [digest for digest in new if digest not in self._numbers]
        for part in parts(missing):
            self._find(part)
        rows = [{"digest": d, "body": new[d]} for d in missing if d not in self._numbers]
        if not rows:
            return digests
        kind = sqlite if self._sqlite else postgresql
        self._connection.execute(
            kind.insert(texts).on_conflict_do_nothing(index_elements=["digest"]), rows
        )
        for part in parts([row["digest"] for row in rows]):
            self._find(part)
        return digests

    def _find(self, digests: Sequence[str]) -> None:
        query = select(texts.c.digest, texts.c.number).where(texts.c.digest.in_(digests))
        self._numbers |= {row.digest: row.number for row in self._connection.execute(query)}


def remove_before(connection: Connection, started: str) -> None:
    """Remove the runs that began before, and each text without references."""
    old = (runs.c.started < started) & (runs.c.state != "running")
    connection.execute(delete(runs).where(old))
    used = union(
        select(steps.c.document),
        select(steps.c.state).where(steps.c.state.is_not(None)),
        select(runs.c.sources).where(runs.c.sources.is_not(None)),
    )
    connection.execute(delete(texts).where(texts.c.number.not_in(used)))


def count_before(connection: Connection, started: str) -> int:
    """Return the number of finished runs that began before."""
    query = select(func.count()).select_from(runs)
    query = query.where(runs.c.started < started, runs.c.state != "running")
    return connection.execute(query).scalar_one()


def _run_row(run: ToldRun) -> dict[str, Any]:
    return {
        "id": run.run,
        "state": run.state,
        "mode": run.mode,
        "started": run.started,
        "seconds": run.seconds,
        "exit": run.exit,
        "version": run.version,
        "by": run.by,
        "origin": run.origin,
        "command": _json(run.command),
        "recipe_set": run.set,
        "recipes": _json(run.recipes),
        "revision": run.revision,
        "in_line": run.in_line,
        "changed": run.count("changed"),
        "failed": run.count("failed"),
        "unknown": run.count("unknown"),
    }


def _host_row(host: ToldHost) -> dict[str, Any]:
    return {
        "machine_id": host.machine_id,
        "status": host.status,
        "began": host.began,
        "seconds": host.seconds,
        "exchanges": host.exchanges,
        "error": None if host.error is None else _json(host.error),
        "in_line": host.in_line,
        "desired": host.desired,
        "place": host.place,
    }


def _bodies(step: RecordedStep) -> tuple[str, str | None]:
    """Return the texts that are stored once; times differ in each run."""
    document = {k: v for k, v in step.document.items() if k not in ("began", "seconds")}
    return _json(document), None if step.state is None else _json(step.state)


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()
