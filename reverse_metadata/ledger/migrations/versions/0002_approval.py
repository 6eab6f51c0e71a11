"""Plans that wait for approval, and which changes wrote over what somebody else made of a value of ours."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add a table and two columns. What was pushed before counts as never contested."""
    op.create_table(
        "waiting_plans",
        sa.Column("catalog", sa.Text(), primary_key=True),
        sa.Column("channel", sa.Text(), primary_key=True),
        sa.Column("partition_key", sa.Text(), primary_key=True),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
    )
    op.add_column("plan_changes", sa.Column("flips", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("plan_changes", sa.Column("template", sa.Text(), nullable=False, server_default=""))
    # Until now it stood once a plan, and was that of its descriptions.
    op.execute(
        "UPDATE plan_changes SET template = (SELECT template FROM plans WHERE plans.plan_id = plan_changes.plan_id)"
        " WHERE state = 'started' AND aspect = 'description'"
    )
    op.drop_column("plans", "template")
    op.create_index(
        "plan_changes_flips",
        "plan_changes",
        ["finished_at"],
        sqlite_where=sa.text("flips"),
        postgresql_where=sa.text("flips"),
    )
