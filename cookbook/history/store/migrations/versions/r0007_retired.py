"""Add the sets of recipes that are given up: the status does not count their runs."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "retired",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("recipe_set", sa.Text, nullable=False),
        sa.Column("host", sa.Text),
        sa.Column("at", sa.Text, nullable=False),
    )
