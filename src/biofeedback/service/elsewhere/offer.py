"""What a node of a clinic has for the others: its sessions, as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from biofeedback.model import SessionInfo
from biofeedback.service.conductor import Conductor
from biofeedback.service.consenting import EVERY_STREAM
from biofeedback.service.elsewhere.envelopes import Ad
from biofeedback.service.elsewhere.steering import NO_ACCOUNT, account_of
from biofeedback.service.given import Given
from biofeedback.service.rooms import Rooms
from biofeedback.service.watchers import Watchers
from biofeedback.session.runner import LiveSession
from biofeedback.session.transcript import Message
from biofeedback.store import Store, Stream


class NodeOffer:
    """Everything, unfiltered: the nodes of a clinic share a database.

    Parameters
    ----------
    conductor, rooms, watchers, store
        Whose sessions these are, what is shared, who watches, and who there is.
    """

    def __init__(
        self, conductor: Conductor, rooms: Rooms, watchers: Watchers, store: Store
    ) -> None:
        self._conductor = conductor
        self._rooms = rooms
        self._watchers = watchers
        self._store = store

    def sessions(self) -> Iterable[LiveSession]:
        """Return the live sessions, replays among them."""
        return self._conductor.going_on

    def session(self, id: str) -> LiveSession | None:
        """Return one of those, or of those that ended a short while ago."""
        return self._conductor.session(id)

    def ad(self, live: LiveSession) -> Ad:
        """Return what is said of it to everybody."""
        return Ad(
            info=nameless(live.info),
            person_id=self._rooms.person_id(live),
            sharing=self._rooms.state(live).sharing,
            signals=self._conductor.signals(live.info.id),
        )

    def given(self, live: LiveSession) -> dict[str, Given]:
        """Return what each account is given of it now."""
        return self._rooms.given(live)

    def scope(self, live: LiveSession) -> frozenset[Stream]:
        """Return all streams."""
        return EVERY_STREAM

    def passed(self, live: LiveSession, message: Message) -> bytes | None:
        """Return the message."""
        return message.data

    async def come(self, live: LiveSession, account_id: str, *, at: str) -> str | None:
        """Let an account watch at a node; return why not, where it may not."""
        account = await account_of(self._store, account_id)
        if account is None:
            return NO_ACCOUNT
        if (why := self._rooms.refusal(account, live)) is None:
            await self._watchers.come(live, account.code, at=at)
        return why

    async def go(self, live: LiveSession, account_id: str, *, at: str) -> None:
        """Know that an account watches there no longer."""
        account = await account_of(self._store, account_id, revoked=True)
        if account is not None:
            await self._watchers.go(live, account.code, at=at)

    def on_change(self, told: Callable[[], None]) -> None:
        """Call ``told`` from now on when any of this may have changed."""
        self._rooms.on_change(told)


def nameless(info: SessionInfo) -> SessionInfo:
    """Return it without what a strap says of itself: that is the stream ``heart``."""
    return msgspec.structs.replace(info, strap_name="", device_hash=None)
