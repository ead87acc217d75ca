"""What a therapist and a person do together: suggest a pace, write, mark, ask for help.

Everything is an event of the recording, and how things stand follows from the events
alone (:mod:`biofeedback.service.room_state`). The person always has the last word.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

import msgspec

from biofeedback.errors import NotSoError, SettingsError
from biofeedback.practice import pacer
from biofeedback.service.commands import Allowance
from biofeedback.service.entries import Entries
from biofeedback.service.room_state import (
    MARKS,
    SHOWN_IN_A_LIST,
    TAKEN_BACK,
    RoomState,
    Sharing,
)
from biofeedback.service.rooms import Rooms
from biofeedback.session.clock import NS_PER_MS, NS_PER_S
from biofeedback.session.runner import LiveSession

RATES_BPM = (4.0, 12.0)
INHALES_PCT = (30.0, 50.0)
"""What may be suggested (domain facts, C). A person may choose more for themselves."""

LONGEST_MESSAGE = 200
LONGEST_MARK = 500

JOINER = "\u200d"
"""Holds the parts of one emoji together."""


class Together:
    """The doors of the room, one session at a time.

    Parameters
    ----------
    rooms, entries
        How things stand, and where events go.
    """

    def __init__(self, rooms: Rooms, entries: Entries) -> None:
        self._rooms = rooms
        self._entries = entries
        self._turns: WeakKeyDictionary[LiveSession, asyncio.Lock] = WeakKeyDictionary()
        self._said: WeakKeyDictionary[LiveSession, dict[str, Allowance]] = (
            WeakKeyDictionary()
        )

    # --- The person -----------------------------------------------------------------

    async def share(self, live: LiveSession, state: Sharing, *, by: str) -> None:
        """Let others see this session from now on, or not; twice is once."""
        async with self._in_turn(live) as room:
            widens = state == "on" and self._rooms.waiting(live)
            if room.sharing != state or not room.asked or widens:
                await self._enter(live, "sharing", by=by, text=state)

    async def hold_up(self, live: LiveSession, up: bool, *, by: str) -> None:
        """Raise the hand, or take it down; twice is once."""
        async with self._in_turn(live) as room:
            if room.hand != up:
                await self._enter(live, "hand", by=by, text="up" if up else "down")

    async def accept(self, live: LiveSession, proposal_id: str, *, by: str) -> None:
        """Take over the pace that was suggested, from the next breath on.

        Raises
        ------
        NotSoError
            When this one waits for no answer any more.
        """
        async with self._in_turn(live) as room:
            if room.answer_to(proposal_id) == "pacer_accepted":
                return  # sent again: the answer was lost on its way
            proposal = room.open_proposal(_now_ms(live))
            if proposal is None or proposal.id != proposal_id:
                raise NotSoError(
                    "This suggestion is no longer open.", "The pace stays as it is."
                )
            # First the pace: a page that goes away here must not say yes to nothing.
            await live.pace(
                by=by,
                rate_bpm=proposal.rate_bpm,
                inhale_pct=proposal.inhale_pct,
                ease_s=pacer.RAMP_EASE_S,
            )
            await self._enter(live, "pacer_accepted", by=by, text=proposal_id)

    async def decline(self, live: LiveSession, proposal_id: str, *, by: str) -> None:
        """Keep one's own pace. One that is over already needs no answer.

        Raises
        ------
        NotSoError
            When nobody suggested this.
        """
        async with self._in_turn(live) as room:
            if room.answer_to(proposal_id) is not None:
                return
            newest = room.proposal
            if newest is None or newest.id != proposal_id:
                raise NotSoError(
                    "This suggestion is no longer open.", "The pace stays as it is."
                )
            await self._enter(live, "pacer_declined", by=by, text=proposal_id)

    async def chose_own_pace(self, live: LiveSession, *, by: str) -> None:
        """Close what is suggested: the person has chosen a pace of their own."""
        async with self._in_turn(live) as room:
            if (waits := room.open_proposal(_now_ms(live))) is not None:
                await self._enter(live, "pacer_declined", by=by, text=waits.id)

    async def saw(self, live: LiveSession, message_id: str, *, by: str) -> None:
        """Say that a message was on screen; twice is once.

        Raises
        ------
        NotSoError
            When nobody wrote this.
        """
        async with self._in_turn(live) as room:
            if message_id not in room.letters:
                raise NotSoError(
                    "There is no such message.", "Send the 'id' of a 'message' event."
                )
            if message_id not in room.shown:
                await self._enter(live, "message_shown", by=by, text=message_id)

    # --- The therapist --------------------------------------------------------------

    async def propose(
        self, live: LiveSession, *, by: str, rate_bpm: float, inhale_pct: float
    ) -> str:
        """Suggest a pace; return the id of the suggestion. The newest counts.

        Raises
        ------
        SettingsError
            When it is not one that may be suggested.
        """
        check_proposal(rate_bpm, inhale_pct)
        self._refuse_too_many(live, by)
        shape = {"inhale_pct": inhale_pct, "hold_in_ms": 0, "hold_out_ms": 0}
        async with self._in_turn(live):
            return await self._enter(
                live,
                "pacer_proposed",
                by=by,
                value=rate_bpm,
                unit="breaths/min",
                text=msgspec.json.encode(shape).decode(),
            )

    async def say(self, live: LiveSession, text: str, *, by: str) -> str:
        """Write to the person, who reads it between breaths; return its id.

        Raises
        ------
        SettingsError
            When there is nothing to read, or too much, or too many came.
        """
        text = readable(text)
        if not 0 < len(text) <= LONGEST_MESSAGE:
            raise SettingsError(
                f"A message has 1 to {LONGEST_MESSAGE} signs.", "Say it in a few words."
            )
        self._refuse_too_many(live, by)
        async with self._in_turn(live):
            return await self._enter(live, "message", by=by, text=text)

    async def mark(
        self, live: LiveSession, type: str, text: str | None, *, by: str
    ) -> str:
        """Mark a moment, or take an own mark back; return the id of what was entered.

        Raises
        ------
        SettingsError
            When there is no such mark, or its text is too long.
        NotSoError
            When the mark to take back is somebody else's, or taken back already.
        """
        if type == TAKEN_BACK:
            return await self._take_back(live, text or "", by=by)
        if type not in MARKS:
            raise SettingsError(
                f"'{type[:64]}' is no mark of the room.",
                f"Choose one of {', '.join(sorted(MARKS))}.",
            )
        text = None if text is None else readable(text)
        if text is not None and len(text) > LONGEST_MARK:
            raise SettingsError(
                f"What is written beside a mark has at most {LONGEST_MARK} signs.",
                "Keep longer notes for yourself, beside the session.",
            )
        return await self._enter(live, type, by=by, text=text or None)

    async def _take_back(self, live: LiveSession, mark_id: str, *, by: str) -> str:
        async with self._in_turn(live) as room:
            if (by, mark_id) not in room.marks:
                raise NotSoError(
                    "This is no mark of yours that stands.",
                    "Send the 'id' of the mark's event as 'text'.",
                )
            return await self._enter(
                live, TAKEN_BACK, by=by, text=mark_id, corrects=mark_id
            )

    # --- Both -----------------------------------------------------------------------

    @asynccontextmanager
    async def _in_turn(self, live: LiveSession) -> AsyncIterator[RoomState]:
        # Two pages may say the same at once: the second finds what the first did.
        async with self._turns.setdefault(live, asyncio.Lock()):
            yield self._rooms.state(live)

    async def _enter(
        self,
        live: LiveSession,
        type: str,
        *,
        by: str,
        value: float | None = None,
        unit: str | None = None,
        text: str | None = None,
        corrects: str | None = None,
    ) -> str:
        try:
            return await self._entries.enter(
                live.info.id,
                by=by,
                type=type,
                value=value,
                unit=unit,
                text=text,
                corrects=corrects,
            )
        finally:
            if type in SHOWN_IN_A_LIST:
                self._rooms.changed()

    def _refuse_too_many(self, live: LiveSession, by: str) -> None:
        said = self._said.setdefault(live, {})
        allowance = said.setdefault(by, Allowance(burst=3, per_s=0.1))
        if not allowance.spend(live.clock.now_ns() / NS_PER_S):
            raise SettingsError(
                "Too much came at once for somebody who is breathing.",
                "Wait ten seconds.",
            )


def check_proposal(rate_bpm: float, inhale_pct: float) -> None:
    """Refuse a pace that may not be suggested.

    Raises
    ------
    SettingsError
        With the limits, when a value lies outside them.
    """
    for value, (low, high), what in (
        (rate_bpm, RATES_BPM, "breaths a minute"),
        (inhale_pct, INHALES_PCT, "% of a breath for breathing in"),
    ):
        if not low <= value <= high:
            raise SettingsError(
                f"{value:g} {what} cannot be suggested.",
                f"Choose between {low:g} and {high:g}.",
            )


def readable(text: str) -> str:
    """Return a text in one line, without signs that cannot be seen.

    >>> readable(" slow   and" + chr(0x202E) + " easy ")
    'slow and easy'
    """
    seen = (
        sign
        for sign in " ".join(text.split())
        if sign == JOINER or unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co")
    )
    return "".join(seen)


def _now_ms(live: LiveSession) -> float:
    return live.clock.now_ns() / NS_PER_MS
