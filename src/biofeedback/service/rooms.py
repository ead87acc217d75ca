"""What is shared of the live sessions, with whom: asked before each message is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import msgspec

from biofeedback.service.conductor import Conductor
from biofeedback.service.consenting import NOTHING, Consents
from biofeedback.service.elsewhere.mirror import Mirror
from biofeedback.service.elsewhere.neighbours import Neighbours
from biofeedback.service.given import Given
from biofeedback.service.ongoing import Ongoing
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


def _from_now(live: Ongoing, ends: dict[Stream, int]) -> Given:
    now = live.hub.last_seq + 1
    return Given(ends=ends, held_seq=now, from_seq=now, from_ms=live.hub.last_t_ms)


class Rooms:
    """Everything that is live, as those may see it who are not the person.

    Two things must both be so: the person consented to this account for live viewing,
    and said yes in this very session. Of a session of elsewhere both must be so by what
    is known here *and* by what its origin says.

    Parameters
    ----------
    conductor, consents, neighbours
        Whose sessions these are, what is consented to, and what there is elsewhere.
    """

    def __init__(
        self, conductor: Conductor, consents: Consents, neighbours: Neighbours
    ) -> None:
        self._conductor = conductor
        self._consents = consents
        self._neighbours = neighbours
        self._attending: Counter[AccountRow] = Counter()
        self._followed: WeakKeyDictionary[Ongoing, Followed] = WeakKeyDictionary()
        self._given: WeakKeyDictionary[LiveSession, dict[str, Given]] = (
            WeakKeyDictionary()
        )
        self._told: set[Callable[[], None]] = set()
        conductor.on_change(self._sessions_changed)
        consents.on_change(self._consents_changed)
        neighbours.on_change(self._neighbours_changed)
        neighbours.on_news(self.changed)

    def state(self, live: Ongoing) -> RoomState:
        """Return what the events of a session say of it now."""
        if live.info.source == "replay":
            return RoomState()  # what was shared then is not shared now
        followed = self._followed.get(live)
        if followed is None:
            followed = self._followed[live] = Followed(live.hub)
        return followed.state

    def person_id(self, live: Ongoing) -> str:
        """Return whose session this is; empty where that is no longer known."""
        if isinstance(live, Mirror):
            return live.person_id
        return self._conductor.person_id(live.info.id) or ""

    def streams(self, account: AccountRow, live: Ongoing) -> frozenset[Stream]:
        """Return what this account may have of a session, were it shared now."""
        if account.role is not Role.THERAPIST:
            return NOTHING
        person_id = self.person_id(live)
        if person_id == account.person_id:
            return NOTHING  # one's own is not watched from the room
        here = self._consents.streams(account.id, person_id, Purpose.LIVE)
        return here & live.allowed(account.id) if isinstance(live, Mirror) else here

    def since(self, account: AccountRow, live: Ongoing) -> Given:
        """Return since when this account may have what it may have of a session.

        What was told before it was consented to, or between two consents, is not sent.
        """
        given = self.given(live).get(account.id)
        return _from_now(live, {}) if given is None else given

    def given(self, live: Ongoing) -> dict[str, Given]:
        """Return what each account is given of a session, by what its origin says."""
        if isinstance(live, Mirror):
            return live.given
        return self._given.get(live, {}) if isinstance(live, LiveSession) else {}

    def refusal(
        self,
        account: AccountRow,
        live: Ongoing,
        streams: frozenset[Stream] | None = None,
    ) -> str | None:
        """Say why this account may not watch a session; ``None`` if it may.

        A yes is to those who had consent by then: whoever got it since was not named.
        Who asked a moment ago for the ``streams`` that it may have says so: this is
        asked for each message and viewer.
        """
        state = self.state(live)
        if streams is None:
            streams = self.streams(account, live)
        if (why := refusal(streams, state)) is not None:
            return why
        asked = self.since(account, live).held_seq <= state.yes_seq
        return None if asked else NOT_ASKED

    def waiting(self, live: Ongoing) -> frozenset[str]:
        """Return the accounts about which the person was not asked yet."""
        state = self.state(live)
        return frozenset(
            account
            for account, given in self.given(live).items()
            if given.held_seq > state.yes_seq
        )

    def is_paused(self, live: Ongoing) -> bool:
        """Say whether the person let the sharing rest."""
        return self.state(live).sharing == "paused"

    def seen_by(self, account: AccountRow) -> tuple[Ongoing, ...]:
        """Return the live sessions that this account may watch, the first one first.

        Those of elsewhere are among them while somebody :meth:`attends <attend>`.
        """
        everywhere: tuple[Ongoing, ...] = (
            *self._conductor.going_on,
            *self._neighbours.mirrors,
        )
        seen = (
            live
            for live in everywhere
            if not live.ended.is_set() and self.refusal(account, live) is None
        )
        return tuple(sorted(seen, key=lambda live: live.info.started_at_utc_ns))

    @contextmanager
    def attend(self, account: AccountRow) -> Iterator[None]:
        """Have at hand what this account may watch elsewhere, while this lasts."""
        self._attending[account] += 1
        self._want_mirrors()
        try:
            yield
        finally:
            self._attending[account] -= 1
            self._attending += Counter()  # without those that are at zero
            self._want_mirrors()

    def _want_mirrors(self) -> None:
        people = {
            row.person_id
            for account in self._attending
            for row in self._consents.of_account(account.id)
            if row.purpose is Purpose.LIVE and row.person_id != account.person_id
        }
        self._neighbours.want(
            frozenset(
                one.ad.info.id
                for one in self._neighbours.known
                if one.ad.sharing != "off" and one.person_id in people
            )
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

    def _neighbours_changed(self) -> None:
        self._want_mirrors()
        self.changed()

    def _consents_changed(self, person_id: str) -> None:
        self._want_mirrors()
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
