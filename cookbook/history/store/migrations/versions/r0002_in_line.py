"""How much was in line, and a machine found by its id, whatever its name was."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Nobody knows how much was in line in the runs before: it stays empty."""
    op.add_column("runs", sa.Column("in_line", sa.Float))
    op.add_column("hosts", sa.Column("in_line", sa.Float))
    op.create_index("hosts_machine", "hosts", ["machine_id", "run"])
