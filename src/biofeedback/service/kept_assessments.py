"""What resonance assessments found, kept when their session ends."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from biofeedback.session.assessment import assessment_of
from biofeedback.store import EstimateRow, Store

_LOGGER = logging.getLogger(__name__)


def keep_assessment(store: Store, session_id: str, path: Path) -> None:
    """Keep what the recording of a session says of resonance, if anything. Blocks.

    A recording that cannot be understood is no reason to lose its session: that is
    logged.

    Raises
    ------
    StoreError
        When it cannot be kept.
    """
    try:
        found = assessment_of(path)
    except Exception:
        _LOGGER.exception("The assessment of session %s failed", session_id)
        return
    if found is None:
        return
    session = store.session(session_id)
    estimate = found.estimate
    store.keep_estimate(
        EstimateRow(
            session_id=session_id,
            person_id=session.person_id,
            at_utc_ns=session.started_at_utc_ns,
            rate_bpm=None if estimate is None else estimate.rate_bpm,
            probability=None if estimate is None else estimate.probability,
            rest_rr_ms=found.rest_rr_ms,
            report=msgspec.json.encode(found).decode(),
        )
    )
