"""Add the place of a host: one of the same name in another inventory has another one."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; it stays empty for earlier runs, which count wherever the host is."""
    op.add_column("hosts", sa.Column("place", sa.Text))
