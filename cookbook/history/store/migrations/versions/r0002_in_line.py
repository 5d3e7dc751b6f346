"""Add the number of resources in line, and the index by machine id."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; they stay empty for earlier runs."""
    op.add_column("runs", sa.Column("in_line", sa.Float))
    op.add_column("hosts", sa.Column("in_line", sa.Float))
    op.create_index("hosts_machine", "hosts", ["machine_id", "run"])
