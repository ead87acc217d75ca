"""A bus on which things go amiss: a real one, in front of which somebody interferes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from biofeedback.bus import Bus, BusError, Delivery, NoAnswerError, Subscription
from biofeedback.bus.interface import REQUEST_LIMIT_S, Answer, Told


class LossyBus:
    """Passes everything on to ``bus``, but for what is interfered with.

    Attributes
    ----------
    becomes
        What a delivery becomes that is published: nothing, itself, or several.
    loses_answer
        Whether the answer to a request gets lost on its way back.
    is_cut
        Whether nothing comes through at all, in either direction.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.is_cut = False
        self.becomes: Callable[[Delivery], Iterator[Delivery]] = _itself
        self.loses_answer: Callable[[Delivery], bool] = lambda _: False

    @property
    def connected(self) -> bool:
        return self._bus.connected and not self.is_cut

    async def open(self) -> None:
        await self._bus.open()

    async def publish(self, subject: str, data: bytes) -> None:
        self._check()
        for delivery in self.becomes(Delivery(subject=subject, data=data)):
            await self._bus.publish(delivery.subject, delivery.data)

    async def subscribe(self, subject: str, told: Told) -> Subscription:
        def hear(delivery: Delivery) -> None:
            if not self.is_cut:
                told(delivery)

        return await self._bus.subscribe(subject, hear)

    async def answer(self, subject: str, answer: Answer) -> Subscription:
        async def answered(delivery: Delivery) -> bytes:
            self._check()
            return await answer(delivery)

        return await self._bus.answer(subject, answered)

    async def request(
        self, subject: str, data: bytes, *, limit_s: float = REQUEST_LIMIT_S
    ) -> bytes:
        self._check()
        answer = await self._bus.request(subject, data, limit_s=limit_s)
        if self.loses_answer(Delivery(subject=subject, data=data)):
            raise NoAnswerError("There was no answer in time.", "Try again.")
        return answer

    def on_link(self, told: Callable[[bool], None]) -> None:
        self._bus.on_link(told)

    async def close(self) -> None:
        await self._bus.close()

    def _check(self) -> None:
        if self.is_cut:
            raise BusError("The link to the other nodes is lost.")


def _itself(delivery: Delivery) -> Iterator[Delivery]:
    yield delivery
