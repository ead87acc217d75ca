"""What is shared of the live sessions, with whom: asked before each message is sent."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

import msgspec

from biofeedback.model import Value
from biofeedback.service.conductor import Conductor
from biofeedback.service.consenting import NOTHING, Consents
from biofeedback.service.room_state import Followed, RoomState
from biofeedback.session.runner import LiveSession
from biofeedback.store import AccountRow, Purpose, Role, Stream

SHARING_ENDED = "Sharing has ended."
NOT_ASKED = "The person has not been asked about you in this session."
CONSENT_ENDED = "The consent for this has ended."


def refusal(streams: frozenset[Stream], state: RoomState) -> str | None:
    """Say why nobody with these streams may watch; ``None`` if they may."""
    if not streams:
        return CONSENT_ENDED
    return SHARING_ENDED if state.sharing == "off" else None


class Given(Value, frozen=True):
    """What one account was given of a session: when each stream ends, since when.

    ``held_seq``: since then it was given something without a break.
    """

    ends: dict[Stream, int]
    held_seq: int
    from_seq: int
    from_ms: float

    def holds_seq(self, seq: int) -> bool:
        """Say whether the message of this number was told since."""
        return self.from_seq <= seq

    def holds_time(self, t_ms: float) -> bool:
        """Say whether this instant lies in it."""
        return self.from_ms <= t_ms


def _from_now(live: LiveSession, ends: dict[Stream, int]) -> Given:
    now = live.hub.last_seq + 1
    return Given(ends=ends, held_seq=now, from_seq=now, from_ms=live.hub.last_t_ms)


class Rooms:
    """Everything that is live, as those may see it who are not the person.

    Two things must both be so: the person consented to this account for live viewing,
    and said yes in this very session.

    Parameters
    ----------
    conductor, consents
        Whose sessions these are, and what is consented to.
    """

    def __init__(self, conductor: Conductor, consents: Consents) -> None:
        self._conductor = conductor
        self._consents = consents
        self._followed: WeakKeyDictionary[LiveSession, Followed] = WeakKeyDictionary()
        self._given: WeakKeyDictionary[LiveSession, dict[str, Given]] = (
            WeakKeyDictionary()
        )
        self._told: set[Callable[[], None]] = set()
        conductor.on_change(self._sessions_changed)
        consents.on_change(self._consents_changed)

    def state(self, live: LiveSession) -> RoomState:
        """Return what the events of a session say of it now."""
        if live.info.source == "replay":
            return RoomState()  # what was shared then is not shared now
        followed = self._followed.get(live)
        if followed is None:
            followed = self._followed[live] = Followed(live.hub)
        return followed.state

    def person_id(self, live: LiveSession) -> str:
        """Return whose session this is; empty where that is no longer known."""
        return self._conductor.person_id(live.info.id) or ""

    def streams(self, account: AccountRow, live: LiveSession) -> frozenset[Stream]:
        """Return what this account may have of a session, were it shared now."""
        if account.role is not Role.THERAPIST:
            return NOTHING
        person_id = self.person_id(live)
        if person_id == account.person_id:
            return NOTHING  # one's own is not watched from the room
        return self._consents.streams(account.id, person_id, Purpose.LIVE)

    def since(self, account: AccountRow, live: LiveSession) -> Given:
        """Return since when this account may have what it may have of a session.

        What was told before it was consented to, or between two consents, is not sent.
        """
        given = self._given.get(live, {}).get(account.id)
        return _from_now(live, {}) if given is None else given

    def refusal(self, account: AccountRow, live: LiveSession) -> str | None:
        """Say why this account may not watch a session; ``None`` if it may.

        A yes is to those who had consent by then: whoever got it since was not named.
        """
        state = self.state(live)
        if (why := refusal(self.streams(account, live), state)) is not None:
            return why
        asked = self.since(account, live).held_seq <= state.yes_seq
        return None if asked else NOT_ASKED

    def waiting(self, live: LiveSession) -> frozenset[str]:
        """Return the accounts about which the person was not asked yet."""
        state = self.state(live)
        return frozenset(
            account
            for account, given in self._given.get(live, {}).items()
            if given.held_seq > state.yes_seq
        )

    def is_paused(self, live: LiveSession) -> bool:
        """Say whether the person let the sharing rest."""
        return self.state(live).sharing == "paused"

    def seen_by(self, account: AccountRow) -> tuple[LiveSession, ...]:
        """Return the live sessions that this account may watch, the first one first."""
        return tuple(
            live
            for live in self._conductor.going_on
            if not live.ended.is_set() and self.refusal(account, live) is None
        )

    # --- Changes --------------------------------------------------------------------

    def _sessions_changed(self) -> None:
        for live in self._conductor.going_on:
            if live not in self._given:
                # Nothing was shared yet: what is consented to by now holds from the
                # beginning.
                self._given[live] = {
                    account: Given(ends=ends, held_seq=0, from_seq=0, from_ms=0.0)
                    for account, ends in self._ends(live).items()
                }
        self.changed()

    def _consents_changed(self, person_id: str) -> None:
        for live in self._conductor.going_on:
            if self.person_id(live) == person_id and live in self._given:
                self._given[live] = self._given_now(live, self._given[live])
        self.changed()

    def _given_now(
        self, live: LiveSession, before: dict[str, Given]
    ) -> dict[str, Given]:
        now_ns = self._consents.now_ns()
        given = {}
        for account, ends in self._ends(live).items():
            had = before.get(account)
            held = (
                set() if had is None else {s for s, e in had.ends.items() if e > now_ns}
            )
            if had is None or not held:
                given[account] = _from_now(live, ends)
            elif not ends.keys() <= held:
                given[account] = msgspec.structs.replace(
                    _from_now(live, ends), held_seq=had.held_seq
                )
            else:
                given[account] = msgspec.structs.replace(had, ends=ends)
        return given

    def _ends(self, live: LiveSession) -> dict[str, dict[Stream, int]]:
        ends: dict[str, dict[Stream, int]] = {}
        for row in self._consents.of_person(self.person_id(live)):
            if row.purpose is Purpose.LIVE:
                streams = ends.setdefault(row.account_id, {})
                streams[row.stream] = max(
                    row.expires_at_utc_ns, streams.get(row.stream, 0)
                )
        return ends

    def changed(self) -> None:
        """Tell everybody who watches that something may have changed."""
        for told in tuple(self._told):
            told()

    def on_change(self, told: Callable[[], None]) -> None:
        """Call ``told`` from now on when sessions, consents or sharing change."""
        self._told.add(told)

    def off_change(self, told: Callable[[], None]) -> None:
        """Call ``told`` no longer."""
        self._told.discard(told)
