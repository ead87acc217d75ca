"""How sessions end: closed at once, finished in the background, tried again."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import msgspec

from biofeedback.errors import BiofeedbackError
from biofeedback.service.finishing import Finisher
from biofeedback.service.roster import Roster
from biofeedback.session.runner import LiveSession
from biofeedback.store import SessionRow, SessionState, Store, StoreError

_LOGGER = logging.getLogger(__name__)

RETRY_AFTER_S = (1.0, 5.0, 30.0, 120.0, 600.0)
"""When finishing a session is tried again, for someone may free the disk meanwhile.
After that, the next start tries."""


class Endings:
    """Sees sessions to their end, whether they are stopped or end by themselves.

    Parameters
    ----------
    store, finisher, roster
        Where an end is kept, who finishes recordings, and who is live.
    closing
        Set when the service ends: nothing is tried again then.
    """

    def __init__(
        self, store: Store, finisher: Finisher, roster: Roster, closing: asyncio.Event
    ) -> None:
        self._store = store
        self._finisher = finisher
        self._roster = roster
        self._closing = closing
        self._ended_utc_ns: dict[str, int] = {}

    async def stop(self, live: LiveSession) -> None:
        """End a session; return when its last record is safe on disk."""
        await live.stop()
        try:
            await self._close(live)
        except StoreError as error:  # it has ended all the same: attend goes on
            id = live.info.id
            _LOGGER.error("The end of session %s is not kept yet: %s", id, error)

    async def row(self, id: str) -> SessionRow:
        """Return a session with its end, even while the store cannot keep that."""
        ended_ns = self._ended_utc_ns.get(id)
        row = await asyncio.to_thread(self._store.session, id)
        if row.state is not SessionState.LIVE or ended_ns is None:
            return row
        return msgspec.structs.replace(
            row, state=SessionState.CLOSING, ended_at_utc_ns=ended_ns
        )

    async def attend(self, live: LiveSession) -> None:
        """Wait for the end of a session, then finish it."""
        await live.ended.wait()
        id = live.info.id
        for wait_s in (*RETRY_AFTER_S, None):
            try:
                await self._close(live)
                await self._finisher.finish(live)
            except BiofeedbackError as error:
                self._finisher.trouble[id] = error
                _LOGGER.error("Session %s could not be finished: %s", id, error)
            except Exception:
                _LOGGER.exception("Session %s could not be finished", id)
                return
            else:
                self._finisher.trouble.pop(id, None)
                return
            if wait_s is None or self._closing.is_set():
                return  # the next start tries again
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._closing.wait()

    async def _close(self, live: LiveSession) -> None:
        id = live.info.id
        if id not in self._roster and id not in self._ended_utc_ns:
            return  # done before
        ended_ns = self._ended_utc_ns.setdefault(id, self._store.now_ns())
        try:
            await asyncio.to_thread(
                self._store.close_session, id, ended_at_utc_ns=ended_ns
            )
            self._ended_utc_ns.pop(id, None)
        finally:
            self._roster.end(live)
