"""Add the rollouts: their events, and commands for their controllers."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "rollouts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("header", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("alive", sa.Float, nullable=False),
    )
    op.create_table(
        "rollout_events",
        sa.Column(
            "rollout", sa.Text, sa.ForeignKey("rollouts.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "rollout_orders",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column(
            "rollout", sa.Text, sa.ForeignKey("rollouts.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("body", sa.Text, nullable=False),
    )
