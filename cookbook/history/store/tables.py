"""
The tables of the history.

What repeats itself is kept once: what a run says of a resource is a text, found by the
digest of it, and a resource in line says the same each time. A change of a table needs a
migration (migrations/versions), and HEAD has to name it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, MetaData, Table, Text

T = TypeVar("T")

AT_ONCE = 500
"""Values in one statement: both databases have a limit far above."""

HEAD = "0007"
"""The migration that leads here; a test holds it to the newest one."""

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("started", Text, nullable=False),
    Column("seconds", Float),
    Column("exit", Integer),
    Column("version", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("origin", Text),
    Column("command", Text, nullable=False),
    Column("recipe_set", Text, nullable=False, server_default=""),
    Column("recipes", Text, nullable=False),
    Column("sources", Integer),
    Column("revision", Text),
    Column("in_line", Float),
    Column("changed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("unknown", Integer, nullable=False),
    Index("runs_started", "started"),
)

hosts = Table(
    "hosts",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("run", ForeignKey("runs.number", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("machine_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("began", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("exchanges", Integer, nullable=False),
    Column("error", Text),
    Column("in_line", Float),
    Column("desired", Text),
    Column("place", Text),
    Index("hosts_run", "run"),
    Index("hosts_name", "name", "run"),
    Index("hosts_machine", "machine_id", "run"),
)

steps = Table(
    "steps",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("host", ForeignKey("hosts.number", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("resource", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("began", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    # Texts are no foreign keys: each deletion of one would look for it in all steps.
    Column("document", Integer, nullable=False),
    Column("state", Integer),
    Index("steps_host", "host"),
    Index("steps_resource", "resource", "status", "host"),
)

texts = Table(
    "texts",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("body", Text, nullable=False),
)

# A set of recipes that is given up, on a host or (without one) on all: earlier runs do not count.
retired = Table(
    "retired",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("recipe_set", Text, nullable=False),
    Column("host", Text),
    Column("at", Text, nullable=False),
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("header", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("alive", Float, nullable=False),
)

rollout_events = Table(
    "rollout_events",
    metadata,
    Column("rollout", ForeignKey("rollouts.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)

rollout_orders = Table(
    "rollout_orders",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("rollout", ForeignKey("rollouts.id", ondelete="CASCADE"), nullable=False),
    Column("body", Text, nullable=False),
)


def parts(items: Sequence[T], most: int = AT_ONCE) -> Iterator[Sequence[T]]:
    """Yield the items, as many at a time as a statement takes."""
    for first in range(0, len(items), most):
        yield items[first : first + most]
