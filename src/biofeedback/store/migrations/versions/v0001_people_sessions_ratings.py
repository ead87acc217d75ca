"""People, sessions, ratings, recordings and sign-ins."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "people",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("pseudonym", sa.Text, nullable=False),
        sa.Column("created_at_utc_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("pseudonym"),
    )
    op.create_table(
        "sessions",
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
        sa.CheckConstraint(
            "source IN ('strap', 'simulated', 'replay')",
            name=op.f("ck_sessions_source"),
        ),
        sa.CheckConstraint(
            "state IN ('live', 'closing', 'complete', 'recovered', 'failed')",
            name=op.f("ck_sessions_state"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_sessions_person_id_people"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_person_id", "sessions", ["person_id"])
    op.create_index("ix_sessions_state", "sessions", ["state"])
    op.create_table(
        "ratings",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("session_id", sa.String(26), nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("moment", sa.Text, nullable=False),
        sa.Column("at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("in_recording", sa.Boolean, nullable=False),
        sa.Column("t_ms", sa.Float),
        sa.Column("prompt", sa.Text),
        sa.Column("latency_ms", sa.Integer),
        sa.Column("device", sa.Text),
        sa.CheckConstraint(
            "moment IN ('before', 'during', 'after')",
            name=op.f("ck_ratings_moment"),
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_ratings_session_id_sessions"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_ratings"),
    )
    op.create_index(
        "ix_ratings_session_id_at_utc_ns", "ratings", ["session_id", "at_utc_ns"]
    )
    op.create_table(
        "recordings",
        sa.Column("session_id", sa.String(26), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("n_records", sa.BigInteger),
        sa.Column("sha256", sa.String(64)),
        sa.Column("loss", sa.Text),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_recordings_session_id_sessions"
        ),
        sa.PrimaryKeyConstraint("session_id", name="pk_recordings"),
        sa.UniqueConstraint("path"),
    )
    op.create_table(
        "sign_ins",
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("person_id", sa.String(26), nullable=False),
        sa.Column("created_at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("last_seen_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("expires_at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("revoked_at_utc_ns", sa.BigInteger),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_sign_ins_person_id_people"
        ),
        sa.PrimaryKeyConstraint("token_sha256", name="pk_sign_ins"),
    )


def downgrade() -> None:
    """Remove the first tables."""
    for table in ("sign_ins", "recordings", "ratings", "sessions", "people"):
        op.drop_table(table)
