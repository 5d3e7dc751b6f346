"""
The mechanism of types that a database server keeps in its catalogue.

A question is the key of a row; one client answers all of them, with a line for each: JSON, `-` for
no row, `!` without the client, `!why` if no server answers. SQL is made by templates, in which
each value is quoted, and is sent on standard input.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, LiteralString, NamedTuple, TypeVar

from cookbook.errors import Missing
from cookbook.provider import Change, Command, Probe, Provider, Resource, Table, Thing, sh
from cookbook.text.bounded_io import parsed_object

NO_CLIENT = "!"


class DatabaseServer(NamedTuple):
    """The names of a database server."""

    name: str
    package: str
    """Its package and its service."""


class Sql(str):
    """A piece of SQL; `sql` makes it."""

    __slots__ = ()


class SqlName(str):
    """A name of a thing, which `sql` quotes as an identifier."""

    __slots__ = ()


def listed(parts: Iterable[Sql], between: LiteralString = ", ") -> Sql:
    """Return the parts as one."""
    return Sql(between.join(parts))


def woven(template: str, values: Sequence[object], quoted: Callable[[object], str]) -> Sql:
    """Fill the holes `{}` of a template."""
    pieces = template.split("{}")
    pairs = zip(pieces, [*map(quoted, values), ""], strict=True)
    return Sql("".join(f"{piece}{value}" for piece, value in pairs))


def lines_by_key(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Return the lines of an answer, one for each key."""
    lines = text.split("\n")[:-1]
    return ((key, f"{line}\n") for key, line in zip(keys, lines, strict=True))


def is_installed(answer: str | None) -> bool:
    """Return whether an answer is that of a client, be it about a server that does not answer."""
    return answer is not None and answer.rstrip("\n") != NO_CLIENT


def row_in(server: DatabaseServer, answer: str | None) -> Mapping[str, Any] | None:
    """
    Return the row in an answer; None if there is none, or no client.

    Raises Missing if the server does not answer, ValueError for an answer that is none.
    """
    text = (answer or "-").rstrip("\n")
    if text in ("-", NO_CLIENT):
        return None
    if text.startswith(NO_CLIENT):
        raise Missing(
            f"{server.name} does not answer: {text.removeprefix(NO_CLIENT).strip()}",
            thing=server.package,
            hint=f"does it run? `systemctl status {server.package}` on the host shows it",
        )
    return parsed_object(text)


def texts_of(row: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return a column that is a list of texts. Raises ValueError for anything else."""
    value = row[name]
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError(name)
    return tuple(value)


def ask_about(table: Table, probes: Mapping[str, Probe]) -> Command | None:
    """Return one command for these probes, by the names that they are about; None without any."""
    if not probes:
        return None
    ordered = sorted(probes.items(), key=lambda pair: pair[1].key)
    names = [json.dumps(name) for name, _ in ordered]
    return sh("printf '%s\\n' {}; {}", names, table.ask([probe.key for _, probe in ordered]))


def told_about(name: str, said: str) -> str:
    """Return the answer about a name in the output of `ask_about`; without one: ValueError."""
    lines = said.rstrip("\n").split("\n")
    half = len(lines) // 2
    answers = dict(zip(lines[:half], lines[half:], strict=False))
    if (answer := answers.get(json.dumps(name))) is None:
        raise ValueError(f"there is no answer about {name}")
    return answer


R = TypeVar("R", bound=Resource)
S = TypeVar("S", bound=Any)


class CatalogueProvider(Provider[R, S], Generic[R, S]):
    """A provider of things in a database server; they are unknown until it answers."""

    kind: ClassVar[str]
    """The name of the resource type."""
    server: ClassVar[DatabaseServer]

    def wants(self, resource: R, /) -> bool:
        """Return whether the resource wants the thing to exist."""
        return not {"drop", "revoke", "reset"} & set(resource.doing)

    def missing(self, resource: R, *answers: str | None) -> Iterable[Thing]:
        """Yield the server if its client is not there, then what the type needs."""
        if not self.wants(resource):
            return
        if not answers or not is_installed(answers[0]):
            yield Thing("tool", self.server.package)
        yield from self.needs(resource, *answers)

    def needs(self, resource: R, /, *answers: str | None) -> Iterable[Thing]:
        """Return the things that a change needs and the answers show as absent."""
        return ()

    def about(self, resource: R) -> Iterable[Thing]:
        """Yield the thing, and the unit: what a server says that is not started is no answer."""
        return [
            Thing(self.kind, resource.identity),
            Thing("unit", f"{self.server.package}.service"),
        ]

    def alters(self, resource: R, change: Change[S] | None) -> Iterable[Thing]:
        """Yield the thing."""
        return [Thing(self.kind, resource.identity)]

    def brings(self, name: str, change: Change[S]) -> Iterable[Thing]:
        """Yield the thing."""
        return [Thing(self.kind, name)] if change.wanted is not None else []
