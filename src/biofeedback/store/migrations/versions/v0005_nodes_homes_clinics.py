"""Which node runs a session; homes and clinics, and the copies they may keep."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Let a service outgrow one machine."""
    op.add_column("sessions", sa.Column("node", sa.Text))
    op.add_column("accounts", sa.Column("clinic", sa.Text))
    op.add_column("consents", sa.Column("home_id", sa.Text))
    op.create_table(
        "homes",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("person_id", sa.String(26), nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("public_key", sa.Text, nullable=False),
        sa.Column("created_at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("revoked_at_utc_ns", sa.BigInteger),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_homes_person_id_people"
        ),
        sa.UniqueConstraint("public_key", name="uq_homes_public_key"),
        sa.PrimaryKeyConstraint("id", name="pk_homes"),
    )
    op.create_index("ix_homes_person_id", "homes", ["person_id"])
    op.create_table(
        "clinics",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("home_id", sa.Text, nullable=False),
        sa.Column("joined_at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("left_at_utc_ns", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_clinics"),
    )
    op.create_table(
        "copy_consents",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("person_id", sa.String(26), nullable=False),
        sa.Column("home_id", sa.Text, nullable=False),
        sa.Column("granted_at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("expires_at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("revoked_at_utc_ns", sa.BigInteger),
        sa.Column("text_version", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_copy_consents_person_id_people"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_copy_consents"),
    )
    op.create_index("ix_copy_consents_person_id", "copy_consents", ["person_id"])


def downgrade() -> None:
    """Forget all of that."""
    for table in ("copy_consents", "clinics", "homes"):
        op.drop_table(table)
    op.drop_column("consents", "home_id")
    op.drop_column("accounts", "clinic")
    op.drop_column("sessions", "node")
