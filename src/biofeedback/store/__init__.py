"""People, sessions, ratings and recordings: what outlives a session.

One SQLite file in the data folder, one process that owns it. Everything here blocks:
call it from threads, never on the event loop.
"""

from biofeedback.store.catalogue import Store
from biofeedback.store.engine import StoreError
from biofeedback.store.lock import DataLock
from biofeedback.store.rows import (
    DiaryRow,
    EstimateRow,
    LossReport,
    Person,
    PractisedRow,
    Quality,
    RatingRow,
    RecordingRow,
    SessionRow,
    SessionState,
    SignInRow,
)

__all__ = [
    "DataLock",
    "DiaryRow",
    "EstimateRow",
    "LossReport",
    "Person",
    "PractisedRow",
    "Quality",
    "RatingRow",
    "RecordingRow",
    "SessionRow",
    "SessionState",
    "SignInRow",
    "Store",
    "StoreError",
]
