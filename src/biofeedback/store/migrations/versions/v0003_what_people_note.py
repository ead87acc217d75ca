"""What was practised, the diary, resonance estimates, and who was erased."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Keep what a person notes outside of a session, and what was practised in one."""
    op.create_table(
        "practised",
        sa.Column("session_id", sa.String(26), nullable=False),
        sa.Column("practice", sa.Text),
        sa.Column("minutes", sa.Float, nullable=False),
        sa.Column("rate_bpm", sa.Float),
        sa.Column("rsa_bpm", sa.Float),
        sa.Column("in_phase_pct", sa.Float),
        sa.Column("followed_pct", sa.Float),
        sa.Column("symptom", sa.Boolean, nullable=False),
        sa.Column("utc_offset_s", sa.Integer),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_practised_session_id_sessions"
        ),
        sa.PrimaryKeyConstraint("session_id", name="pk_practised"),
    )
    op.create_table(
        "diary",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("person_id", sa.String(26), nullable=False),
        sa.Column("occasion", sa.Text, nullable=False),
        sa.Column("group_id", sa.String(26), nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("value", sa.Float),
        sa.Column("unit", sa.Text),
        sa.Column("text", sa.Text),
        sa.Column("moment", sa.Text),
        sa.Column("prompt", sa.Text),
        sa.Column("latency_ms", sa.Integer),
        sa.Column("device", sa.Text),
        sa.Column("at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("utc_offset_s", sa.Integer, nullable=False),
        sa.Column("kept_at_utc_ns", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_diary_person_id_people"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_diary"),
    )
    op.create_index("ix_diary_person_id_at_utc_ns", "diary", ["person_id", "at_utc_ns"])
    op.create_table(
        "estimates",
        sa.Column("session_id", sa.String(26), nullable=False),
        sa.Column("person_id", sa.String(26), nullable=False),
        sa.Column("at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("rate_bpm", sa.Float),
        sa.Column("probability", sa.Float),
        sa.Column("rest_rr_ms", sa.Float),
        sa.Column("report", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_estimates_session_id_sessions"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_estimates_person_id_people"
        ),
        sa.PrimaryKeyConstraint("session_id", name="pk_estimates"),
    )
    op.create_index("ix_estimates_person_id", "estimates", ["person_id"])
    op.create_table(
        "tombstones",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("erased_at_utc_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tombstones"),
    )


def downgrade() -> None:
    """Forget all of that."""
    for table in ("tombstones", "estimates", "diary", "practised"):
        op.drop_table(table)
