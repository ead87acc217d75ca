"""What a viewer sees of a session: all of it, or what the person lets them see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import msgspec

from biofeedback.model import Signal
from biofeedback.service import gate
from biofeedback.service.ongoing import Ongoing
from biofeedback.service.rooms import Rooms
from biofeedback.session.hub import Viewer
from biofeedback.session.transcript import Message
from biofeedback.store import AccountRow, Stream

STANDING = frozenset({"link", "signals", "pacer"})
"""Kinds that say how things stand: the newest holds until the next."""

MOST_OWED = 4096


class NotShared(Exception):
    """What was seen may be seen no more; says why in a sentence."""


class View(Protocol):
    """A session as one viewer sees it."""

    @property
    def last_seq(self) -> int:
        """The number of the last message that was taken out."""
        ...

    async def next_message(self) -> Message:
        """Return what comes next; raises as :meth:`Viewer.next_message` does."""
        ...

    async def next_frame(self) -> Message:
        """Return the next frame of samples."""
        ...

    def let(self, message: Message) -> Iterator[bytes]:
        """Yield what may be sent of a message, asked anew for each.

        Raises
        ------
        NotShared
            When nothing may be sent any more.
        """
        ...

    def tell_anew(self) -> None:
        """Begin anew: a message was taken back on its way."""
        ...

    def want(self, signals: Iterable[Signal]) -> None:
        """Ask for frames of exactly these signals."""
        ...

    def close(self) -> None:
        """Stop receiving."""
        ...


class OwnView:
    """One's own session: everything, as it is."""

    def __init__(self, live: Ongoing, since: int | None) -> None:
        self._viewer = live.hub.subscribe(since)
        self.next_message = self._viewer.next_message
        self.next_frame = self._viewer.next_sampled
        self.want = self._viewer.want
        self.close = self._viewer.close

    @property
    def last_seq(self) -> int:
        """The number of the last message that was taken out."""
        return self._viewer.last_seq

    def let(self, message: Message) -> Iterator[bytes]:
        """Yield the message."""
        yield message.data

    def tell_anew(self) -> None:
        """Do nothing: nobody takes back what is one's own."""


class SharedView:
    """Somebody else's session, as far as they let this account see it now.

    While sharing is paused nothing is seen but that; how things stand by then (link,
    pace, what happened in the room) follows when it goes on. What was measured before
    the yes, or in a pause, is never sent.
    """

    def __init__(
        self,
        rooms: Rooms,
        live: Ongoing,
        account: AccountRow,
        *,
        since: int | None = None,
        newest: int | None = None,
    ) -> None:
        self._rooms = rooms
        self._live = live
        self._account = account
        self._newest = newest
        self._viewer: Viewer = live.hub.subscribe(since, newest=newest)
        self._allowed = rooms.streams(account, live)
        self._edition = live.hub.edition
        self._owed: list[Message] = []

    @property
    def last_seq(self) -> int:
        """The number of the last message that was taken out."""
        return self._viewer.last_seq

    async def next_message(self) -> Message:
        """Return what comes next, whether or not it may be sent."""
        return await self._viewer.next_message()

    async def next_frame(self) -> Message:
        """Return the next frame, whether or not it may be sent."""
        return await self._viewer.next_sampled()

    def want(self, signals: Iterable[Signal]) -> None:
        """Ask for frames of exactly these signals."""
        self._viewer.want(signals)

    def close(self) -> None:
        """Stop receiving."""
        self._viewer.close()

    def let(self, message: Message) -> Iterator[bytes]:
        """Yield what may be sent of a message, and of those it kept back."""
        allowed = self._rooms.streams(self._account, self._live)
        if message.signal is None and self._began_anew(allowed):
            return
        while self._owed and self._rooms.state(self._live).sharing == "on":
            owed = self._owed.pop(0)
            if (data := self._passed(owed, allowed)) is not None:
                yield data  # which may have to wait: then it is asked anew
                allowed = self._rooms.streams(self._account, self._live)
        if (data := self._passed(message, allowed)) is not None:
            yield data

    def _began_anew(self, allowed: frozenset[Stream]) -> bool:
        # More is allowed than before: what was withheld so far may be needed. Likewise
        # when more has come of a session of elsewhere.
        edition = self._live.hub.edition
        anew = not allowed <= self._allowed or edition != self._edition
        self._allowed, self._edition = allowed, edition
        if anew:
            self.tell_anew()
        return anew

    def tell_anew(self) -> None:
        """Begin anew, with what is held: all messages may come twice."""
        self._live.hub.tell_again(self._viewer, newest=self._newest)
        self._owed.clear()

    def _passed(self, message: Message, allowed: frozenset[Stream]) -> bytes | None:
        state = self._rooms.state(self._live)
        why = self._rooms.refusal(self._account, self._live, allowed)
        if why is not None:
            raise NotShared(why)
        if message.signal is not None:
            passes = gate.frame_passes(message.signal, allowed)
            return message.data if passes and state.sharing == "on" else None
        event = _decoder.decode(message.data) if message.kind == "event" else {}
        stands = message.kind in STANDING or (bool(event) and gate.stands(event))
        if state.sharing == "paused" and event.get("type") != "sharing":
            if stands and len(self._owed) < MOST_OWED:
                self._owed.append(message)
            return None
        if not stands:
            since = self._rooms.since(self._account, self._live)
            if not (
                within(message, state.was_shared, state.was_shared_at)
                and within(message, since.holds_seq, since.holds_time)
            ):
                return None
        return gate.passed(
            message.kind, message.data, allowed, reader=self._account.code
        )


def within(
    message: Message, seq: Callable[[int], bool], time: Callable[[float], bool]
) -> bool:
    """Say whether a message, and the instant that it is about, lie in what holds."""
    if not seq(message.seq):
        return False
    if message.kind == "beat":  # told again when it is judged otherwise
        return time(message.t_ms)
    if message.kind == "restated":
        return time(_restated.decode(message.data).at_ms)
    return True


class _Restated(msgspec.Struct, frozen=True):
    at_ms: float


_decoder: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])
_restated: msgspec.json.Decoder[_Restated] = msgspec.json.Decoder(_Restated)
