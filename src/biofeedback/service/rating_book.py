"""Keeps ratings where nothing can take them away: in the recording and in the store."""

from __future__ import annotations

import asyncio
import logging

from ulid import ULID

from biofeedback.errors import NotSoError, RecordingError
from biofeedback.model import Entry
from biofeedback.service.problems import Problem
from biofeedback.service.ratings import Rating
from biofeedback.session.clock import NS_PER_MS, NS_PER_S
from biofeedback.session.runner import LiveSession
from biofeedback.store import RatingRow, SessionRow, Store

_LOGGER = logging.getLogger(__name__)

LATE_RATING_S = 10 * 60
"""How long after a session its "after" can still be told."""


class RatingBook:
    """Writes each rating down twice, and says where it stands."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def keep(
        self, row: SessionRow, live: LiveSession | None, rating: Rating, *, by: str
    ) -> str:
        """Keep a rating; return its id once it is safe on disk.

        Raises
        ------
        Problem
            With status 409, for a replay, or when the session ended too long ago.
        StoreError
            When it could not be kept in the store.
        """
        if row.source == "replay":
            raise Problem(
                409,
                "A replay takes no ratings.",
                "Rate the session itself, while it goes on or shortly after.",
            )
        if live is None:
            self._refuse_when_too_late(row)
        entry = None if live is None else await _entered(live, rating, by)
        kept = RatingRow(
            id=str(ULID()) if entry is None else entry.id,
            session_id=row.id,
            type=rating.type,
            value=rating.value,
            unit=rating.unit,
            moment=rating.moment,
            prompt=rating.prompt,
            latency_ms=rating.latency_ms,
            device=rating.device,
            at_utc_ns=self._store.now_ns(),
            in_recording=entry is not None,
            t_ms=None if entry is None else entry.t_ns / NS_PER_MS,
        )
        await asyncio.to_thread(self._store.add_rating, kept)
        return kept.id

    def _refuse_when_too_late(self, row: SessionRow) -> None:
        ended_ns = row.ended_at_utc_ns or row.started_at_utc_ns
        if self._store.now_ns() - ended_ns > LATE_RATING_S * NS_PER_S:
            raise Problem(
                409,
                "This session ended more than ten minutes ago.",
                "Rate the next one while it is fresh.",
            )


async def _entered(live: LiveSession, rating: Rating, by: str) -> Entry | None:
    # None: not in the recording, because that has stopped or the session just ended.
    try:
        id = await live.enter(
            type=rating.type,
            by=by,
            value=rating.value,
            unit=rating.unit,
            moment=rating.moment,
            prompt=rating.prompt,
            latency_ms=rating.latency_ms,
            device=rating.device,
        )
    except (RecordingError, NotSoError) as error:
        _LOGGER.warning("A rating is kept in the store only: %s", error)
        return None
    return next(e for e in reversed(live.pipeline.entries) if e.id == id)
