"""People, sessions, ratings and recordings: what outlives a session.

One SQLite file in the data folder, or a PostgreSQL that several nodes share; recordings
are files either way. Everything here blocks: call it from threads, never on the event
loop.
"""

from biofeedback.store.catalogue import Store
from biofeedback.store.engine import StoreError
from biofeedback.store.lock import DataLock
from biofeedback.store.rows import (
    AccessTokenRow,
    AccountRow,
    AuditRow,
    ClinicRow,
    ConsentRow,
    CopyConsentRow,
    DiaryRow,
    EstimateRow,
    HomeRow,
    InviteRow,
    LossReport,
    NoteRow,
    PasskeyRow,
    Person,
    PractisedRow,
    Purpose,
    Quality,
    RatingRow,
    RecordingRow,
    Role,
    SessionRow,
    SessionState,
    SignInRow,
    Stream,
)

__all__ = [
    "AccessTokenRow",
    "AccountRow",
    "AuditRow",
    "ClinicRow",
    "ConsentRow",
    "CopyConsentRow",
    "DataLock",
    "DiaryRow",
    "EstimateRow",
    "HomeRow",
    "InviteRow",
    "LossReport",
    "NoteRow",
    "PasskeyRow",
    "Person",
    "PractisedRow",
    "Purpose",
    "Quality",
    "RatingRow",
    "RecordingRow",
    "Role",
    "SessionRow",
    "SessionState",
    "SignInRow",
    "Store",
    "StoreError",
    "Stream",
]
