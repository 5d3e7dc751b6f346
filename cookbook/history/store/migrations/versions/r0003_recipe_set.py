"""Add the name of the set of recipes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; it stays empty for earlier runs."""
    op.add_column("runs", sa.Column("recipe_set", sa.Text, nullable=False, server_default=""))
