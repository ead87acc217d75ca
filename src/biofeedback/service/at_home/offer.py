"""What a home has for its clinic: sessions that are shared, and of them what may leave.

A clinic's node checks again who may see what. But what nobody there may see does not
leave this computer in the first place: not what was measured before the yes or in a
pause, and no stream that nobody was given.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from biofeedback.errors import NotSoError
from biofeedback.service import gate
from biofeedback.service.audit import Audit
from biofeedback.service.conductor import Conductor
from biofeedback.service.consenting import NOTHING
from biofeedback.service.elsewhere.envelopes import Ad
from biofeedback.service.elsewhere.offer import nameless
from biofeedback.service.elsewhere.steering import NO_ACCOUNT
from biofeedback.service.given import Given
from biofeedback.service.rooms import Rooms
from biofeedback.service.sign_ins import Caller
from biofeedback.service.views import STANDING, within
from biofeedback.service.watchers import Watchers
from biofeedback.session.runner import LiveSession
from biofeedback.session.transcript import Message
from biofeedback.store import AccountRow, Person, Store, Stream


class HomeOffer:
    """The sessions that the person shares with somebody of their clinic.

    Parameters
    ----------
    clinic
        The id of the clinic.
    store, conductor, rooms, watchers, audit
        Who there is, whose sessions these are, what is shared, who tells the person,
        and where it is written down.
    """

    def __init__(
        self,
        clinic: str,
        *,
        store: Store,
        conductor: Conductor,
        rooms: Rooms,
        watchers: Watchers,
        audit: Audit,
    ) -> None:
        self._clinic = clinic
        self._store = store
        self._conductor = conductor
        self._rooms = rooms
        self._watchers = watchers
        self._audit = audit
        self._people: dict[str, AccountRow] = {}
        self._here: set[tuple[str, str, str]] = set()
        self._told: list[Callable[[], None]] = []
        rooms.on_change(self._changed)

    def close(self) -> None:
        """Tell nobody any more."""
        self._rooms.off_change(self._changed)
        self._told.clear()

    async def read(self) -> None:
        """Read anew who is at the clinic."""
        accounts = await asyncio.to_thread(self._store.accounts.all)
        self._people = {
            one.id: one
            for one in accounts
            if one.clinic == self._clinic and one.revoked_at_utc_ns is None
        }
        self._changed()

    def on_change(self, told: Callable[[], None]) -> None:
        """Call ``told`` from now on when any of this may have changed."""
        self._told.append(told)

    def _changed(self) -> None:
        for told in tuple(self._told):
            told()

    # --- Which sessions ---------------------------------------------------------------

    def sessions(self) -> Iterable[LiveSession]:
        """Return the sessions that are shared with somebody there."""
        return tuple(
            live
            for live in self._conductor.going_on
            if not live.ended.is_set() and self._is_offered(live)
        )

    def session(self, id: str) -> LiveSession | None:
        """Return one of those, or of those that ended a short while ago."""
        live = self._conductor.session(id)
        return live if live is not None and self._is_offered(live) else None

    def ad(self, live: LiveSession) -> Ad:
        """Return what is said of it: not whose it is, for the clinic knows that."""
        is_of_the_heart = Stream.HEART in self.scope(live)
        return Ad(
            info=msgspec.structs.replace(nameless(live.info), person=""),
            person_id="",
            sharing=self._rooms.state(live).sharing,
            signals=self._conductor.signals(live.info.id) if is_of_the_heart else (),
        )

    def _is_offered(self, live: LiveSession) -> bool:
        return bool(self._watchers_of(live))

    def _watchers_of(self, live: LiveSession) -> tuple[AccountRow, ...]:
        """Return who at the clinic may watch, or may again when a pause is over."""
        return tuple(
            account
            for id in self._rooms.given(live)
            if (account := self._people.get(id)) is not None
            and self._rooms.refusal(account, live) is None
        )

    # --- How much of them -------------------------------------------------------------

    def given(self, live: LiveSession) -> dict[str, Given]:
        """Return what each of them is given of it now."""
        return {
            id: given
            for id, given in self._rooms.given(live).items()
            if id in self._people
        }

    def scope(self, live: LiveSession) -> frozenset[Stream]:
        """Return what may leave now: what anybody there may see."""
        if self._rooms.state(live).sharing != "on":
            return NOTHING
        watchers = self._watchers_of(live)
        return NOTHING.union(*(self._rooms.streams(one, live) for one in watchers))

    def passed(self, live: LiveSession, message: Message) -> bytes | None:
        """Return what of a message may leave this computer now; ``None``: nothing."""
        scope = self.scope(live)
        if message.signal is not None:
            passes = gate.frame_passes(message.signal, scope)
            return message.data if passes else None
        event = _decoder.decode(message.data) if message.kind == "event" else {}
        if not scope:
            # That it is shared no longer is told, and nothing else.
            is_told = event.get("type") == "sharing"
            return message.data if is_told else None
        if not (message.kind in STANDING or (event and gate.stands(event))):
            scope = self._scope_of(live, message)
        # One's own words are let through; the clinic's node knows whose they are.
        reader = event.get("by") if self._is_theirs(event.get("by")) else None
        return gate.passed(message.kind, message.data, scope, reader=reader)

    def _scope_of(self, live: LiveSession, message: Message) -> frozenset[Stream]:
        state = self._rooms.state(live)
        if not within(message, state.was_shared, state.was_shared_at):
            return NOTHING
        found = NOTHING
        for account in self._watchers_of(live):
            since = self._rooms.since(account, live)
            if within(message, since.holds_seq, since.holds_time):
                found |= self._rooms.streams(account, live)
        return found

    def _is_theirs(self, code: object) -> bool:
        return any(one.code == code for one in self._people.values())

    # --- Who watches ------------------------------------------------------------------

    async def come(self, live: LiveSession, account_id: str, *, at: str) -> str | None:
        """Let somebody watch; return why not, where they may not.

        It is written down first, where the person can read it.
        """
        account = self._people.get(account_id)
        if account is None:
            return NO_ACCOUNT
        if (why := self._rooms.refusal(account, live)) is None:
            self._here.add((live.info.id, account_id, at))
            await self._note(live, account, "watch.begin")
            await self._watchers.come(live, account.code, at=at)
        return why

    async def go(self, live: LiveSession, account_id: str, *, at: str) -> None:
        """Know that somebody watches no longer."""
        here = (live.info.id, account_id, at)
        if here not in self._here:
            return
        self._here.remove(here)
        try:
            account = await asyncio.to_thread(self._store.accounts.get, account_id)
        except NotSoError:
            return
        await self._watchers.go(live, account.code, at=at)
        await self._note(live, account, "watch.end")

    async def _note(self, live: LiveSession, account: AccountRow, action: str) -> None:
        person_id = self._rooms.person_id(live)
        caller = Caller(
            person=Person(id="", pseudonym="", created_at_utc_ns=0),
            sign_in=None,
            account=account,
            shared=True,
        )
        await self._audit.note(
            caller, action, person_id=person_id or None, object_id=live.info.id
        )


_decoder: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])
