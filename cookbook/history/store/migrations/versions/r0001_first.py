"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    _runs()
    _hosts()
    _steps()
    op.create_table(
        "texts",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        sa.Column("body", sa.Text, nullable=False),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("started", sa.Text, nullable=False),
        sa.Column("seconds", sa.Float),
        sa.Column("exit", sa.Integer),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("origin", sa.Text),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("recipes", sa.Text, nullable=False),
        sa.Column("sources", sa.Integer),
        sa.Column("revision", sa.Text),
        sa.Column("changed", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("unknown", sa.Integer, nullable=False),
    )
    op.create_index("runs_started", "runs", ["started"])


def _hosts() -> None:
    op.create_table(
        "hosts",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column(
            "run", sa.Integer, sa.ForeignKey("runs.number", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("machine_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("began", sa.Float, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("exchanges", sa.Integer, nullable=False),
        sa.Column("error", sa.Text),
    )
    op.create_index("hosts_run", "hosts", ["run"])
    op.create_index("hosts_name", "hosts", ["name", "run"])


def _steps() -> None:
    op.create_table(
        "steps",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column(
            "host", sa.Integer, sa.ForeignKey("hosts.number", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("began", sa.Float, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("document", sa.Integer, nullable=False),
        sa.Column("state", sa.Integer),
    )
    op.create_index("steps_host", "steps", ["host"])
    op.create_index("steps_resource", "steps", ["resource", "status", "host"])
