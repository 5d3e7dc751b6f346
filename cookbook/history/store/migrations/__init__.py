"""The migration of an old history; only it loads alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to a revision, within the transaction of this connection."""
    command.upgrade(configuration(connection), revision)


def configuration(connection: Connection) -> Config:
    """Return the settings of alembic, without a file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
