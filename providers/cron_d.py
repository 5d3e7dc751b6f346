"""Jobs in /etc/cron.d, a file each, which cron(8) reads by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cookbook.provider import Command, Probe, Thing, provides
from cookbook.providers.by_hand import files_by_hand, named_by_file
from cookbook.providers.getent import PASSWD
from cookbook.providers.own_file import OwnFileProvider
from cookbook.resources.cron_d import CronD
from cookbook.resources.file import File


@provides(CronD)
class CronDProvider(OwnFileProvider[CronD]):
    """One file of root's."""

    def file(self, job: CronD) -> File:
        """Return the file."""
        if job.action == "delete":
            return File(job.identity, action="delete", backup=False)
        return File(
            job.identity,
            content=job.text,
            owner="root",
            group="root",
            mode=job.mode,
            backup=False,
            action="create" if job.action == "create" else "create_if_missing",
        )

    def probe(self, job: CronD) -> Sequence[Probe]:
        """Ask for the file, and for the user who runs the command."""
        return [*super().probe(job), PASSWD.about(job.user, loose=True)]

    def parse(self, job: CronD, *answers: Any) -> Any:
        """Return the state of the file."""
        return super().parse(job, *answers[:-1])

    def missing(self, job: CronD, *answers: Any) -> Iterator[Thing]:
        """Yield the folder, and the user."""
        yield from super().missing(job, *answers[:-1])
        if answers[-1] is None and job.action != "delete":
            yield Thing("user", job.user)

    def everything(self) -> Command:
        """Ask for the files that no package has."""
        return files_by_hand("/etc/cron.d")

    def unmanaged(self, text: str, declared: Sequence[CronD]) -> Iterable[tuple[str, Thing]]:
        """Yield those that are not declared."""
        return named_by_file(text)
