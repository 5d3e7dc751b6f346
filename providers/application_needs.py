"""The needs of the processes of an application: a user, a group, files with variables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cookbook.provider import Probe, Thing
from cookbook.providers.getent import GROUP, PASSWD
from cookbook.providers.stat import TARGET
from cookbook.resources._units import ProcessResource


def ask_needs(app: ProcessResource) -> list[Probe]:
    """Return the questions for the needs of an application; only a plan uses the answers."""
    users = [PASSWD.about(app.user, loose=True)] if app.user is not None else []
    groups = [GROUP.about(app.group, loose=True)] if app.group is not None else []
    return [*users, *groups, *(TARGET.about(path, loose=True) for path in app.env_files)]


def missing_needs(app: ProcessResource, answers: Sequence[str | None]) -> Iterator[Thing]:
    """Yield what is absent, by the answers to `ask_needs`."""
    kinds = {PASSWD: "user", GROUP: "group", TARGET: "path"}
    for probe, answer in zip(ask_needs(app), answers, strict=True):
        if answer is None and probe.table is not None:
            yield Thing(kinds[probe.table], probe.key)
