"""Imported sessions, and the quality of recordings at a glance."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

COLUMNS = (
    "id, person_id, plan, source, simulated, strap_name, started_at_utc_ns, "
    "ended_at_utc_ns, state, replay_of, speed"
)


def upgrade() -> None:
    """Allow sessions from elsewhere; keep what a list of recordings shows."""
    _rewrite_sessions("source IN ('strap', 'simulated', 'replay', 'imported')")
    op.add_column("recordings", sa.Column("quality", sa.Text))


def downgrade() -> None:
    """Refuse sessions from elsewhere again."""
    op.drop_column("recordings", "quality")
    _rewrite_sessions("source IN ('strap', 'simulated', 'replay')")


def _rewrite_sessions(sources: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_sessions_source"), "sessions", type_="check")
        op.create_check_constraint(op.f("ck_sessions_source"), "sessions", sources)
        return
    # SQLite changes a constraint by writing the table anew. Written out, because what
    # Alembic would copy depends on what its version sees of the old constraints.
    op.create_table(
        "sessions_new",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("person_id", sa.String(26), nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("simulated", sa.Boolean, nullable=False),
        sa.Column("strap_name", sa.Text, nullable=False),
        sa.Column("started_at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("ended_at_utc_ns", sa.BigInteger),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("replay_of", sa.String(26)),
        sa.Column("speed", sa.Float),
        sa.CheckConstraint(sources, name=op.f("ck_sessions_source")),
        sa.CheckConstraint(
            "state IN ('live', 'closing', 'complete', 'recovered', 'failed')",
            name=op.f("ck_sessions_state"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_sessions_person_id_people"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.execute(f"INSERT INTO sessions_new ({COLUMNS}) SELECT {COLUMNS} FROM sessions")
    op.drop_table("sessions")
    op.rename_table("sessions_new", "sessions")
    op.create_index("ix_sessions_person_id", "sessions", ["person_id"])
    op.create_index("ix_sessions_state", "sessions", ["state"])
