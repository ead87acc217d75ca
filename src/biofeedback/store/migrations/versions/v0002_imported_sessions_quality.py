"""Imported sessions, and the quality of recordings at a glance."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

STATES = "state IN ('live', 'closing', 'complete', 'recovered', 'failed')"


def upgrade() -> None:
    """Allow sessions from elsewhere; keep what a list of recordings shows."""
    _sources("source IN ('strap', 'simulated', 'replay', 'imported')")
    op.add_column("recordings", sa.Column("quality", sa.Text))


def downgrade() -> None:
    """Refuse sessions from elsewhere again."""
    with op.batch_alter_table("recordings") as batch:
        batch.drop_column("quality")
    _sources("source IN ('strap', 'simulated', 'replay')")


def _sources(allowed: str) -> None:
    # SQLite changes a constraint by writing the table anew; those that are not told
    # here would be gone.
    checks = (
        sa.CheckConstraint(allowed, name=op.f("ck_sessions_source")),
        sa.CheckConstraint(STATES, name=op.f("ck_sessions_state")),
    )
    with op.batch_alter_table("sessions", recreate="always", table_args=checks):
        pass
