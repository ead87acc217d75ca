"""Accounts, invites, passkeys, consents, notes of therapists, and the audit."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Let several people share a service, and write down who saw what."""
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("display", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("person_id", sa.String(26), nullable=False),
        sa.Column("created_at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("password_hash", sa.Text),
        sa.Column("revoked_at_utc_ns", sa.BigInteger),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_accounts_person_id_people"
        ),
        sa.CheckConstraint(
            "role IN ('patient', 'therapist', 'researcher', 'admin')",
            name=op.f("ck_accounts_role"),
        ),
        sa.UniqueConstraint("code", name="uq_accounts_code"),
        sa.UniqueConstraint("name", name="uq_accounts_name"),
        sa.UniqueConstraint("person_id", name="uq_accounts_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
    )
    op.create_table(
        "invites",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("account_id", sa.String(26)),
        sa.Column("person_id", sa.String(26)),
        sa.Column("created_by", sa.String(26)),
        sa.Column("created_at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("expires_at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("used_at_utc_ns", sa.BigInteger),
        sa.Column("revoked_at_utc_ns", sa.BigInteger),
        sa.Column("became", sa.String(26)),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_invites_account_id_accounts"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_invites_person_id_people"
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["accounts.id"], name="fk_invites_created_by_accounts"
        ),
        sa.ForeignKeyConstraint(
            ["became"], ["accounts.id"], name="fk_invites_became_accounts"
        ),
        sa.UniqueConstraint("token_sha256", name="uq_invites_token_sha256"),
        sa.PrimaryKeyConstraint("id", name="pk_invites"),
    )
    op.create_table(
        "passkeys",
        sa.Column("credential_id", sa.Text, nullable=False),
        sa.Column("account_id", sa.String(26), nullable=False),
        sa.Column("public_key", sa.Text, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("created_at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("last_used_utc_ns", sa.BigInteger),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_passkeys_account_id_accounts"
        ),
        sa.PrimaryKeyConstraint("credential_id", name="pk_passkeys"),
    )
    op.create_index("ix_passkeys_account_id", "passkeys", ["account_id"])
    op.create_table(
        "access_tokens",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(26), nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("created_at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("expires_at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("revoked_at_utc_ns", sa.BigInteger),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_access_tokens_account_id_accounts"
        ),
        sa.CheckConstraint(
            "scope IN ('read', 'all')", name=op.f("ck_access_tokens_scope")
        ),
        sa.UniqueConstraint("token_sha256", name="uq_access_tokens_token_sha256"),
        sa.PrimaryKeyConstraint("id", name="pk_access_tokens"),
    )
    op.create_index("ix_access_tokens_account_id", "access_tokens", ["account_id"])
    op.create_table(
        "consents",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("receipt_id", sa.String(26), nullable=False),
        sa.Column("person_id", sa.String(26), nullable=False),
        sa.Column("account_id", sa.String(26), nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("granted_at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("expires_at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("revoked_at_utc_ns", sa.BigInteger),
        sa.Column("text_version", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_consents_person_id_people"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_consents_account_id_accounts"
        ),
        sa.CheckConstraint(
            "purpose IN ('live', 'report', 'research')",
            name=op.f("ck_consents_purpose"),
        ),
        sa.CheckConstraint(
            "stream IN ('heart', 'breathing', 'ratings', 'notes')",
            name=op.f("ck_consents_stream"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
    )
    op.create_index("ix_consents_person_id", "consents", ["person_id"])
    op.create_index("ix_consents_account_id", "consents", ["account_id"])
    op.create_table(
        "notes",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("person_id", sa.String(26), nullable=False),
        sa.Column("session_id", sa.String(26)),
        sa.Column("account_id", sa.String(26), nullable=False),
        sa.Column("at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_notes_person_id_people"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_notes_session_id_sessions"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_notes_account_id_accounts"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
    )
    op.create_index("ix_notes_person_id", "notes", ["person_id"])
    op.create_index("ix_notes_account_id", "notes", ["account_id"])
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("at_utc_ns", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.String(64)),
        sa.Column("object", sa.String(64)),
        sa.Column("origin", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("prev_sha256", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_index("ix_audit_subject", "audit", ["subject"])
    op.create_table(
        "audit_keys",
        sa.Column("person_id", sa.String(26), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_audit_keys_person_id_people"
        ),
        sa.PrimaryKeyConstraint("person_id", name="pk_audit_keys"),
    )
    with op.batch_alter_table("sign_ins") as batch:
        batch.add_column(sa.Column("account_id", sa.String(26)))
        batch.create_foreign_key(
            "fk_sign_ins_account_id_accounts", "accounts", ["account_id"], ["id"]
        )
        batch.create_index("ix_sign_ins_account_id", ["account_id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN RAISE EXCEPTION 'the audit is only ever added to'; END$$"
        )
        for verb in ("UPDATE", "DELETE", "TRUNCATE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
                "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()"
            )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END"
        )


def downgrade() -> None:
    """Forget all of that."""
    with op.batch_alter_table("sign_ins") as batch:
        batch.drop_index("ix_sign_ins_account_id")
        batch.drop_constraint("fk_sign_ins_account_id_accounts", type_="foreignkey")
        batch.drop_column("account_id")
    for table in (
        *("audit_keys", "audit", "notes", "consents"),
        *("access_tokens", "passkeys", "invites", "accounts"),
    ):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_refuses()")
