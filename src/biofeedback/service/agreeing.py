"""What the nodes of one clinic tell each other, so that all say the same at once.

======================= ====================================================== ========
subject                 what                                                   answer
======================= ====================================================== ========
``consents.changed``    the id of whose consents changed; empty: of anybody    –
``signins.changed``     the hashes of what was made void                       –
``sharing.rests``       :class:`~biofeedback.service.leaving.Left`             –
``challenge.<origin>``  :class:`Answered`: is this a challenge of yours?       yes, no
``erase.<origin>``      :class:`~biofeedback.service.erasing_all.Step`         ``Done``
======================= ====================================================== ========

Nothing of it is believed: whoever hears that something changed reads it anew from the
database, which they share. What the bus loses is found by looking there again every few
seconds (:func:`biofeedback.service.turning_out.sweep`).
"""

from __future__ import annotations

import logging
from contextlib import suppress

import msgspec

from biofeedback.bus import BusError, Delivery, Subscription
from biofeedback.errors import BiofeedbackError
from biofeedback.model import Value
from biofeedback.service.context import Context
from biofeedback.service.entering import now_s
from biofeedback.service.erasing_all import ErasingHere
from biofeedback.service.leaving import RESTS, Left
from biofeedback.service.nodes import nodes_here
from biofeedback.service.passkeys import maker_of
from biofeedback.service.sharing import rest
from biofeedback.service.tasks import Tasks
from biofeedback.service.turning_out import sweep, turn_out_the_revoked

_LOGGER = logging.getLogger(__name__)

CONSENTS = "consents.changed"
SIGN_INS = "signins.changed"
AT_ONCE = 5_000
"""Hashes in one message: 64 signs each, and a server of NATS takes 1 MiB."""

YES, NO = b"yes", b"no"


class Answered(Value, frozen=True):
    """A challenge that was signed, and the account that it must have been made for."""

    challenge: bytes
    account_id: str | None


class Agreeing:
    """Tells the other nodes of the clinic what changed here, and hears from them."""

    def __init__(self, here: Context) -> None:
        self._here = here
        self._subscriptions: list[Subscription] = []
        self._tasks = Tasks()
        self._changed: set[str] = set()
        self._rereads = False
        self._erasing = ErasingHere(here)
        self._is_open = False

    async def open(self) -> None:
        """Tell and hear from now on, where the store is shared."""
        here = self._here
        if not here.store.is_shared:
            return
        self._is_open = True
        bus = here.bus
        self._subscriptions = [
            await bus.subscribe(CONSENTS, self._consents_changed),
            await bus.subscribe(SIGN_INS, self._sign_ins_changed),
            await bus.subscribe(RESTS, self._left),
            await bus.answer(f"challenge.{here.origin}", self._is_of_mine),
            await bus.answer(f"erase.{here.origin}", self._erasing.answer),
        ]
        bus.on_link(self._on_link)
        here.consents.on_written(self._tell_consents)
        here.sign_ins.on_dismissed(self._tell_sign_ins)
        await here.presence.announce(here.origin, b"")
        await here.consents.refresh()  # what was said before anybody listened

    async def close(self) -> None:
        """Tell and hear no longer."""
        self._is_open = False
        self._here.consents.off_written(self._tell_consents)
        self._here.sign_ins.off_dismissed(self._tell_sign_ins)
        for subscription in self._subscriptions:
            await subscription.close()
        self._subscriptions.clear()
        self._erasing.close()
        await self._here.presence.withdraw(self._here.origin)
        await self._tasks.cancel()

    # --- What is told ---------------------------------------------------------------

    def _tell_consents(self, person_id: str) -> None:
        self._tasks.spawn(self._publish(CONSENTS, person_id.encode()))

    def _tell_sign_ins(self, void: tuple[str, ...]) -> None:
        for first in range(0, max(1, len(void)), AT_ONCE):
            some = msgspec.msgpack.encode(void[first : first + AT_ONCE])
            self._tasks.spawn(self._publish(SIGN_INS, some))

    async def _publish(self, subject: str, data: bytes) -> None:
        with suppress(BusError):  # they look for themselves every few seconds
            await self._here.bus.publish(subject, data)

    # --- What is heard --------------------------------------------------------------

    def _consents_changed(self, delivery: Delivery) -> None:
        self._changed.add(delivery.data.decode("ascii", "replace"))
        if not self._rereads:
            self._rereads = True
            self._tasks.spawn(self._reread())

    async def _reread(self) -> None:
        # However many say so while it is being read: it is read once more.
        try:
            while changed := tuple(self._changed):
                self._changed.clear()
                await self._here.consents.heard(*changed)
        finally:
            self._rereads = False

    def _sign_ins_changed(self, delivery: Delivery) -> None:
        try:
            void = msgspec.msgpack.decode(delivery.data, type=tuple[str, ...])
        except msgspec.MsgspecError:
            return
        self._tasks.spawn(self._look_who_is_out(void))

    async def _look_who_is_out(self, void: tuple[str, ...]) -> None:
        try:
            await self._here.sign_ins.heard(void)
            await turn_out_the_revoked(self._here)
        except BiofeedbackError as error:  # the next sweep tries again
            _LOGGER.warning("Who signed out elsewhere could not be read: %s", error)

    def _left(self, delivery: Delivery) -> None:
        try:
            left = msgspec.msgpack.decode(delivery.data, type=Left)
        except msgspec.MsgspecError:
            return
        self._tasks.spawn(rest(self._here, left))

    def _on_link(self, is_there: bool) -> None:
        if is_there and self._is_open:
            self._tasks.spawn(self._look_again())

    async def _look_again(self) -> None:
        await self._here.leaving.tell_all()
        try:
            await sweep(self._here)
        except BiofeedbackError as error:  # the next sweep tries again
            _LOGGER.warning("What changed meanwhile could not be read: %s", error)

    async def _is_of_mine(self, delivery: Delivery) -> bytes:
        asked = msgspec.msgpack.decode(delivery.data, type=Answered)
        here = self._here
        is_mine = here.challenges.redeem(
            asked.challenge, asked.account_id, now_s=now_s(here)
        )
        return YES if is_mine else NO


async def redeem(
    here: Context, challenge: bytes, account_id: str | None = None
) -> bool:
    """Use a challenge up, on whichever node it was made; say whether it was good."""
    if here.challenges.redeem(challenge, account_id, now_s=now_s(here)):
        return True
    maker = maker_of(challenge)
    if maker not in nodes_here(here):
        return False
    asked = Answered(challenge=challenge, account_id=account_id)
    try:
        answer = await here.bus.request(
            f"challenge.{maker}", msgspec.msgpack.encode(asked)
        )
    except BusError:
        return False
    return answer == YES
