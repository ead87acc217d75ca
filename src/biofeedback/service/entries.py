"""What people do to a session while it goes on: rate, mark, ask for signals."""

from __future__ import annotations

import logging

from ulid import ULID

from biofeedback.errors import RecordingError
from biofeedback.model import Ask
from biofeedback.practice.ratings import SCALES
from biofeedback.service.browser_radio import check_signals
from biofeedback.service.endings import Endings
from biofeedback.service.problems import Problem
from biofeedback.service.rating_book import RatingBook
from biofeedback.service.ratings import Rating
from biofeedback.service.room_state import ROOM_TYPES
from biofeedback.service.roster import Roster
from biofeedback.service.tasks import Tasks
from biofeedback.store import Store

_LOGGER = logging.getLogger(__name__)


class Entries:
    """Keeps what people enter.

    Parameters
    ----------
    store, roster, endings
        Where ratings are kept, who is live, and who has ended.
    tasks
        A browser that goes away must not leave half an entry behind.
    """

    def __init__(
        self, store: Store, roster: Roster, endings: Endings, tasks: Tasks
    ) -> None:
        self._book = RatingBook(store)
        self._roster = roster
        self._endings = endings
        self._tasks = tasks

    async def rate(self, id: str, rating: Rating, *, by: str) -> str:
        """Keep a rating; return its id once it is safe on disk.

        It stands in the recording and in the store. After the session has ended, or
        should the recording have stopped, in the store alone, marked so.
        """
        row = await self._endings.row(id)
        keep = self._book.keep(row, self._roster.going(id), rating, by=by)
        return await self._tasks.kept(keep)

    async def enter(
        self,
        id: str,
        *,
        by: str,
        type: str,
        value: float | None = None,
        unit: str | None = None,
        text: str | None = None,
        at_ms: float | None = None,
        corrects: str | None = None,
    ) -> str:
        """Log a mark, a phase or a note; return its id once it is safe on disk.

        Should the recording have stopped, it is shown and counts, but is not kept.
        """
        live = self._roster.live(id)
        try:
            return await self._tasks.kept(
                live.enter(
                    type=type,
                    by=by,
                    value=value,
                    unit=unit,
                    text=text,
                    at_ms=at_ms,
                    corrects=corrects,
                )
            )
        except RecordingError as error:
            # Viewers have it already; trying again would only repeat it.
            _LOGGER.warning("An event was shown but not kept: %s", error)
            told = (type, by, value, unit, text)
            shown = (
                e.id
                for e in reversed(live.pipeline.entries)
                if (e.type, e.by, e.value, e.unit, e.text) == told
            )
            return next(shown, str(ULID()))

    async def ask_for(self, id: str, signals: tuple[Ask, ...], *, by: str) -> None:
        """Ask the strap of a session for exactly these beside its heart rate.

        Raises
        ------
        Problem
            When the session is not live, or its radio could not send them.
        SettingsError
            When no strap could give these.
        """
        live = self._roster.live(id)
        if (worn := self._roster.worn(id)) is not None:
            check_signals(worn, signals)
        await live.ask_for(by=by, signals=signals)


def refuse_taken(type: str) -> None:
    """Refuse a mark that would pass for a rating or for an event of the room.

    Raises
    ------
    Problem
        With status 422.
    """
    if type in SCALES:
        raise Problem(
            422,
            f"'{type}' is a rating.",
            "Send it to .../ratings, so that it is kept with its question.",
        )
    if type in ROOM_TYPES:
        raise Problem(
            422,
            f"'{type}' is an event of the room.",
            "docs/protocol.md says which command makes it.",
        )
