"""Add the digest of the desired state of a host."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column; it stays empty for earlier runs."""
    op.add_column("hosts", sa.Column("desired", sa.Text))
