"""The tables. A change here needs a migration beside the others and a new HEAD."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

HEAD = "0005"
"""The newest migration: a database that says so needs none."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

people = Table(
    "people",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("pseudonym", Text, nullable=False, unique=True),
    Column("created_at_utc_ns", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("person_id", ForeignKey("people.id"), nullable=False, index=True),
    Column("plan", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("strap_name", Text, nullable=False),
    Column("started_at_utc_ns", BigInteger, nullable=False),
    Column("ended_at_utc_ns", BigInteger),
    Column("state", Text, nullable=False, index=True),
    # Not a foreign key: a file from elsewhere can be replayed too.
    Column("replay_of", String(26)),
    Column("speed", Float),
    # Whose process runs it, where there are several: a node, or a home.
    Column("node", Text),
    CheckConstraint(
        "source IN ('strap', 'simulated', 'replay', 'imported')", name="source"
    ),
    CheckConstraint(
        "state IN ('live', 'closing', 'complete', 'recovered', 'failed')",
        name="state",
    ),
)

ratings = Table(
    "ratings",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("session_id", ForeignKey("sessions.id"), nullable=False),
    Column("type", Text, nullable=False),
    Column("value", Float, nullable=False),
    Column("unit", Text, nullable=False),
    Column("moment", Text, nullable=False),
    Column("at_utc_ns", BigInteger, nullable=False),
    Column("in_recording", Boolean, nullable=False),
    Column("t_ms", Float),
    Column("prompt", Text),
    Column("latency_ms", Integer),
    Column("device", Text),
    CheckConstraint("moment IN ('before', 'during', 'after')", name="moment"),
    Index("ix_ratings_session_id_at_utc_ns", "session_id", "at_utc_ns"),
)

recordings = Table(
    "recordings",
    metadata,
    Column("session_id", ForeignKey("sessions.id"), primary_key=True),
    Column("path", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("size_bytes", BigInteger),
    Column("n_records", BigInteger),
    Column("sha256", String(64)),
    Column("loss", Text),
    Column("quality", Text),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("person_id", ForeignKey("people.id"), nullable=False),
    Column("created_at_utc_ns", BigInteger, nullable=False),
    Column("last_seen_utc_ns", BigInteger, nullable=False),
    Column("expires_at_utc_ns", BigInteger, nullable=False),
    Column("revoked_at_utc_ns", BigInteger),
    # Null is whose computer this is, signed in by the printed link.
    Column("account_id", ForeignKey("accounts.id"), index=True),
)

# Who signs in by name where several share one service.
accounts = Table(
    "accounts",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False, unique=True),
    Column("display", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("person_id", ForeignKey("people.id"), nullable=False, unique=True),
    Column("created_at_utc_ns", BigInteger, nullable=False),
    Column("password_hash", Text),
    Column("revoked_at_utc_ns", BigInteger),
    # Set at a home: somebody of this clinic, who cannot sign in here.
    Column("clinic", Text),
    CheckConstraint(
        "role IN ('patient', 'therapist', 'researcher', 'admin')", name="role"
    ),
)

invites = Table(
    "invites",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("role", Text, nullable=False),
    # Set: new credentials for this account, and no account of its own.
    Column("account_id", ForeignKey("accounts.id")),
    # Set: the account will be this person's, who was known before.
    Column("person_id", ForeignKey("people.id")),
    Column("created_by", ForeignKey("accounts.id")),
    Column("created_at_utc_ns", BigInteger, nullable=False),
    Column("expires_at_utc_ns", BigInteger, nullable=False),
    Column("used_at_utc_ns", BigInteger),
    Column("revoked_at_utc_ns", BigInteger),
    # Whose account came of it.
    Column("became", ForeignKey("accounts.id")),
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("credential_id", Text, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("public_key", Text, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("label", Text, nullable=False),
    Column("created_at_utc_ns", BigInteger, nullable=False),
    Column("last_used_utc_ns", BigInteger),
)

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("label", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("created_at_utc_ns", BigInteger, nullable=False),
    Column("expires_at_utc_ns", BigInteger, nullable=False),
    Column("revoked_at_utc_ns", BigInteger),
    CheckConstraint("scope IN ('read', 'all')", name="scope"),
)

# One row for each stream and purpose; what was granted at once has one receipt.
consents = Table(
    "consents",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("receipt_id", String(26), nullable=False),
    Column("person_id", ForeignKey("people.id"), nullable=False, index=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("stream", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("granted_at_utc_ns", BigInteger, nullable=False),
    Column("expires_at_utc_ns", BigInteger, nullable=False),
    Column("revoked_at_utc_ns", BigInteger),
    Column("text_version", Text, nullable=False),
    # At a clinic: the home that said so. It may name one that was erased since.
    Column("home_id", Text),
    CheckConstraint(
        "stream IN ('heart', 'breathing', 'ratings', 'notes')", name="stream"
    ),
    CheckConstraint("purpose IN ('live', 'report', 'research')", name="purpose"),
)

# What a therapist notes for themselves, apart from the record.
notes = Table(
    "notes",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("person_id", ForeignKey("people.id"), nullable=False, index=True),
    Column("session_id", ForeignKey("sessions.id")),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("at_utc_ns", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
)

# Who did or saw what. Nothing is ever changed here: triggers refuse it, and each row
# holds the hash of the one before. People stand in it by keyed hashes alone.
audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at_utc_ns", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", String(64), index=True),
    Column("object", String(64)),
    Column("origin", Text),
    Column("outcome", Text, nullable=False),
    Column("prev_sha256", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
)

# With its key gone, nothing in the audit leads to a person any more.
audit_keys = Table(
    "audit_keys",
    metadata,
    Column("person_id", ForeignKey("people.id"), primary_key=True),
    Column("key", String(64), nullable=False),
)

# What a person did in a session, at a glance; a rebuild reads it off the recording.
practised = Table(
    "practised",
    metadata,
    Column("session_id", ForeignKey("sessions.id"), primary_key=True),
    Column("practice", Text),
    Column("minutes", Float, nullable=False),
    Column("rate_bpm", Float),
    Column("rsa_bpm", Float),
    Column("in_phase_pct", Float),
    Column("followed_pct", Float),
    Column("symptom", Boolean, nullable=False),
    Column("utc_offset_s", Integer),
)

# What a person notes outside of a session: a pause, a week, sleep, what was taken.
diary = Table(
    "diary",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("person_id", ForeignKey("people.id"), nullable=False),
    Column("occasion", Text, nullable=False),
    # All that was noted on one occasion has the same group: one pause, one week.
    Column("group_id", String(26), nullable=False),
    Column("type", Text, nullable=False),
    Column("value", Float),
    Column("unit", Text),
    Column("text", Text),
    Column("moment", Text),
    Column("prompt", Text),
    Column("latency_ms", Integer),
    Column("device", Text),
    Column("at_utc_ns", BigInteger, nullable=False),
    Column("utc_offset_s", Integer, nullable=False),
    Column("kept_at_utc_ns", BigInteger, nullable=False),
    Index("ix_diary_person_id_at_utc_ns", "person_id", "at_utc_ns"),
)

# A resonance frequency is a dated estimate with its doubt, never a constant.
estimates = Table(
    "estimates",
    metadata,
    Column("session_id", ForeignKey("sessions.id"), primary_key=True),
    Column("person_id", ForeignKey("people.id"), nullable=False, index=True),
    Column("at_utc_ns", BigInteger, nullable=False),
    Column("rate_bpm", Float),
    Column("probability", Float),
    Column("rest_rr_ms", Float),
    Column("report", Text, nullable=False),
)

# That somebody was erased, and nothing of who it was.
tombstones = Table(
    "tombstones",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("erased_at_utc_ns", BigInteger, nullable=False),
)

# At a clinic: the patients' own machines that may send recordings.
homes = Table(
    "homes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("person_id", ForeignKey("people.id"), nullable=False, index=True),
    Column("label", Text, nullable=False),
    # The public half of its credential; the other never leaves the home.
    Column("public_key", Text, nullable=False, unique=True),
    Column("created_at_utc_ns", BigInteger, nullable=False),
    Column("revoked_at_utc_ns", BigInteger),
)

# At a home: the clinics it has joined. A row stays when it leaves.
clinics = Table(
    "clinics",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("home_id", Text, nullable=False),
    Column("joined_at_utc_ns", BigInteger, nullable=False),
    Column("left_at_utc_ns", BigInteger),
)

# That a clinic may keep a copy of what somebody records: on both sides, the same row.
copy_consents = Table(
    "copy_consents",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("person_id", ForeignKey("people.id"), nullable=False, index=True),
    Column("home_id", Text, nullable=False),
    Column("granted_at_utc_ns", BigInteger, nullable=False),
    Column("expires_at_utc_ns", BigInteger, nullable=False),
    Column("revoked_at_utc_ns", BigInteger),
    Column("text_version", Text, nullable=False),
)
