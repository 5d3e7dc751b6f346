"""The questions that the history answers."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from cookbook.errors import HistoryError, UsageError
from cookbook.history.drift import Known
from cookbook.history.failure import take_failure
from cookbook.history.picture import HostPicture, left_by_others
from cookbook.history.records import Blame, RecordedStep, RunSummary, StateSeen
from cookbook.history.store import latest, queries
from cookbook.history.store.baseline import known
from cookbook.history.store.database import Database
from cookbook.history.store.ingest import ingest
from cookbook.history.store.retired import retire
from cookbook.history.store.writer import count_before, remove_before
from cookbook.reports.schema import Document
from cookbook.text.provenance import stamp
from cookbook.text.suggest import did_you_mean
from cookbook.text.user_dirs import journals


class History:
    """The runs that are kept in a store."""

    def __init__(self, database: Database, warnings: Sequence[str] = ()) -> None:
        self._database = database
        self.warnings = warnings
        """Warnings for the user: an unreadable journal, a store that was missing."""

    @classmethod
    def open(cls, url: str | None = None, *, whole: bool = True) -> History:
        """
        Open the history at a URL, or this user's own, with all runs until now.

        If `whole` is False, a store that does not take in the runs of this machine is read without
        them, with a warning: who may only read a team's store can do so. Raises HistoryError if it
        cannot be read.
        """
        database = Database(url)
        try:
            folder = journals(url)
            failed = take_failure(folder)
            warnings = cls._taken_in(folder, database, whole=whole)
        except BaseException:
            database.close()
            raise
        return cls(database, [*([failed] if failed else []), *warnings])

    @staticmethod
    def _taken_in(folder: Path, database: Database, *, whole: bool) -> Sequence[str]:
        try:
            return ingest(folder, database).warnings
        except HistoryError as error:
            if whole:
                raise
            return [f"the newest runs of this machine are not shown, and wait in {folder}: {error}"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it."""
        self._database.close()

    def runs(
        self,
        *,
        host: str | None = None,
        resource: str | None = None,
        since: timedelta | None = None,
        changed: bool = False,
        limit: int | None = None,
    ) -> list[RunSummary]:
        """
        Return the runs, newest first: of a host, a resource, or since a time.

        `changed` restricts them to those that changed something (that resource, on that host).
        """
        begun = None if since is None else _ago(since)
        filters = queries.Filters(host, resource, begun, changed=changed)
        with self._database.reading() as connection:
            return queries.summaries(connection, filters, limit)

    def summary(self, run: str) -> RunSummary:
        """
        Return the summary of a run; see `document` for its name.

        Raises UsageError if there is none, or several.
        """
        with self._database.reading() as connection:
            number = queries.find(connection, run)
            return queries.summaries(connection, queries.Filters(number=number), 1)[0]

    def document(self, run: str) -> Document:
        """
        Return a whole run, named by its id, the beginning or the end of the id, or `last`.

        Raises UsageError if there is none, or several.
        """
        with self._database.reading() as connection:
            return queries.document(connection, queries.find(connection, run))

    def steps(self, run: str) -> dict[str, list[RecordedStep]]:
        """
        Return the steps of a run on each host, in order, with the states that an undo needs.

        Raises UsageError if there is no such run, or several.
        """
        with self._database.reading() as connection:
            return queries.steps_of(connection, queries.find(connection, run))

    def machine_ids(self, run: str) -> dict[str, str]:
        """
        Return the machine id of each host of a run; empty if it was not read.

        Raises UsageError if there is no such run, or several.
        """
        with self._database.reading() as connection:
            return queries.machine_ids(connection, queries.find(connection, run))

    def blame(
        self, resource: str, host: str | None = None, *, limit: int | None = None
    ) -> list[Blame]:
        """
        Which runs changed this, or may have, newest first; at most so many changes.

        Raises UsageError if no run knows it.
        """
        with self._database.reading() as connection:
            found = queries.blame(connection, resource, host, limit)
            if not found and not queries.knows(connection, resource, host):
                near = did_you_mean(resource, queries.resources(connection, host))
                on = f" on {host}" if host is not None else ""
                raise UsageError(f"no recorded run knows {resource}{on}", hint=near)
        return found

    def of(self, host: str, machine_id: str, ids: Iterable[str]) -> Mapping[str, Known]:
        """
        Return the states that the latest runs left of these resources on a machine, under any name.

        Resources without a run, or whose state is not kept (a secret), are left out.
        """
        with self._database.reading() as connection:
            return known(connection, host, machine_id, ids)

    def pictures(
        self, names: Sequence[str], places: Mapping[str, str] = MappingProxyType({})
    ) -> dict[str, HostPicture]:
        """
        Return what the runs know of each host, by its name, in the same order.

        `places` are those of `RunInfo`: runs on hosts of these names that were elsewhere do not
        count. Those of earlier versions did not keep it, and count.
        """
        with self._database.reading() as connection:
            last = latest.latest_visits(connection, names, "any", places)
            success = latest.latest_visits(connection, names, "success", places)
            looks = latest.latest_visits(connection, names, "look", places)
            sets = latest.latest_looks_of_sets(connection, names, places)
            resources = latest.counts(connection, [look.number for look in looks.values()])
            visits = [look.number for of_host in sets.values() for look in of_host]
            steps = latest.not_in_line(connection, visits)
            doubtful = [
                look.number
                for of_host in sets.values()
                if any(look.number in steps for look in of_host[1:])
                for look in of_host
            ]
            probed = latest.probed(connection, doubtful)
        return {
            name: HostPicture(
                last.get(name),
                success.get(name),
                looks.get(name),
                resources.get(looks[name].number, 0) if name in looks else 0,
                steps.get(looks[name].number, []) if name in looks else [],
                left_by_others(sets.get(name, []), steps, probed),
            )
            for name in names
        }

    def states(self, pictures: Mapping[str, HostPicture]) -> dict[str, dict[str, StateSeen]]:
        """Return the state of each resource as the last look at each host left it."""
        looks = {name: one.look.number for name, one in pictures.items() if one.look is not None}
        with self._database.reading() as connection:
            found = latest.states(connection, list(looks.values()))
        return {name: found.get(number, {}) for name, number in looks.items()}

    def prune(self, keep: timedelta) -> int:
        """Forget the runs that are older; return how many these were."""
        with self._database.writing() as connection:
            count = count_before(connection, _ago(keep))
            remove_before(connection, _ago(keep))
        self._database.shrink()
        return count

    def retire(self, of_set: str, names: Sequence[str] = ()) -> list[str]:
        """
        Have pictures count no run of a set until now, on these hosts or on all; return the hosts.

        The runs are kept, and a later run of the set counts again. Raises UsageError if there was
        no run of it, or none on a host that is named.
        """
        with self._database.writing() as connection:
            return retire(connection, of_set, names)

    def older_than(self, keep: timedelta) -> int:
        """Return the number of runs that `prune` would remove."""
        with self._database.reading() as connection:
            return count_before(connection, _ago(keep))


def _ago(span: timedelta) -> str:
    return stamp(max(0.0, time.time() - span.total_seconds()))
