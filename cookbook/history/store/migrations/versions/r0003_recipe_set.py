"""What the recipes of a run are called together on hosts."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Nobody knows what the recipes of the runs before were called together."""
    op.add_column("runs", sa.Column("recipe_set", sa.Text, nullable=False, server_default=""))
