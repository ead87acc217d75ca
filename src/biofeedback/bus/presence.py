"""Who is here: said on the bus again and again, and believed for a few seconds.

Everybody says what is theirs every ``every_s``, and what was not heard of for
``lost_after_s`` of the listener's own clock is gone. Nobody's time of day matters.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from biofeedback.bus.interface import Bus, BusError, Delivery, Subscription
from biofeedback.model import Value
from biofeedback.session.clock import NS_PER_S, Clock

SAID = "presence"
ASKED = "presence-ask"

_LOGGER = logging.getLogger(__name__)


class _Said(Value, frozen=True):
    """Something is here, or (``here`` false) says goodbye.

    ``by`` tells apart two who say the same key: a goodbye of one that was replaced
    does not end the one that replaced it.
    """

    by: str
    here: bool = True
    data: bytes = b""


@dataclass
class _Heard:
    by: str
    data: bytes
    at_ns: int


class Presence:
    """Says what is here, and knows what is said to be.

    Keys are tokens joined by dots: a node's origin, and its sessions below it.

    Parameters
    ----------
    bus
        Any bus.
    clock
        What "lost" is judged by. No other clock is looked at.
    every_s
        How often what is ours is said.
    lost_after_s
        After how long a silence somebody is gone.
    hears
        Which keys are listened to; a home hears its clinic's nodes only.
    """

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        *,
        every_s: float = 2.0,
        lost_after_s: float = 7.0,
        hears: Sequence[str] = (">",),
    ) -> None:
        if lost_after_s <= every_s:
            raise ValueError("what is said every now and then is not lost in between")
        self._bus = bus
        self._clock = clock
        self._every_ns = round(every_s * NS_PER_S)
        self._lost_after_ns = round(lost_after_s * NS_PER_S)
        self._hears = tuple(hears)
        self._me = secrets.token_hex(8)
        self._own: dict[str, bytes] = {}
        self._others: dict[str, _Heard] = {}
        self._told: list[Callable[[], None]] = []
        self._subscriptions: list[Subscription] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._asked = asyncio.Event()
        self._asks = True
        self._doubles: set[str] = set()

    async def open(self) -> None:
        """Listen, say what is ours, and ask everybody what is theirs."""
        for hears in self._hears:
            self._subscriptions.append(
                await self._bus.subscribe(f"{SAID}.{hears}", self._hear)
            )
        self._subscriptions.append(await self._bus.subscribe(ASKED, self._hear_ask))
        self._bus.on_link(self._on_link)
        self._asked.set()
        self._tasks = [
            asyncio.create_task(self._answer()),
            asyncio.create_task(self._tick()),
        ]

    async def close(self) -> None:
        """Say goodbye for all that is ours, and listen no longer."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for key in tuple(self._own):
            await self.withdraw(key)
        for subscription in self._subscriptions:
            await subscription.close()
        self._subscriptions.clear()
        self._told.clear()

    async def announce(self, key: str, data: bytes) -> None:
        """Say that something is here, now and from now on. Again replaces the data."""
        changed = self._own.get(key) != data
        self._own[key] = data
        await self._say(key, _Said(by=self._me, data=data))
        if changed:
            self._changed()

    async def withdraw(self, key: str) -> None:
        """Say that something of ours is here no longer."""
        if self._own.pop(key, None) is not None:
            await self._say(key, _Said(by=self._me, here=False))
            self._changed()

    def here(self, prefix: str = "") -> dict[str, bytes]:
        """Return what is here and begins so, others' and our own."""
        others = {key: heard.data for key, heard in self._others.items()}
        return {
            key: data
            for key, data in sorted((others | self._own).items())
            if key.startswith(prefix)
        }

    def on_change(self, told: Callable[[], None]) -> None:
        """Call ``told`` from now on when something came, changed, or went."""
        self._told.append(told)

    def _on_link(self, connected: bool) -> None:
        if connected:
            self._asks = True
            self._asked.set()

    def _hear_ask(self, delivery: Delivery) -> None:
        if delivery.data != self._me.encode():
            self._asked.set()

    def _hear(self, delivery: Delivery) -> None:
        key = delivery.subject.removeprefix(f"{SAID}.")
        try:
            said = _DECODER.decode(delivery.data)
        except msgspec.DecodeError:
            _LOGGER.warning("What was said on %s cannot be read.", delivery.subject)
            return
        if said.by == self._me:
            return
        before = self._others.get(key)
        if said.here:
            self._warn_of_double(key)
            self._others[key] = _Heard(said.by, said.data, self._clock.now_ns())
            if before is None or before.data != said.data:
                self._changed()
        elif before is not None and before.by == said.by:
            del self._others[key]
            self._changed()

    def _warn_of_double(self, key: str) -> None:
        if key in self._own and key not in self._doubles:
            self._doubles.add(key)
            _LOGGER.warning(
                "Somebody else says to be %s too: two nodes must not share a data "
                "folder, nor a copy of one.",
                key,
            )

    async def _answer(self) -> None:
        # However many asked since the last time: everybody hears one answer.
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._say_all()
            if self._asks and self._bus.connected:
                self._asks = False
                with contextlib.suppress(BusError):
                    await self._bus.publish(ASKED, self._me.encode())

    async def _tick(self) -> None:
        due_ns = self._clock.now_ns() + self._every_ns
        while True:
            await self._clock.sleep_until(due_ns)
            now_ns = self._clock.now_ns()
            if now_ns - due_ns > self._every_ns:
                # It was us who stood still; nobody could be heard meanwhile.
                for heard in self._others.values():
                    heard.at_ns += now_ns - due_ns
            await self._say_all()
            self._forget(now_ns)
            first_ns = min((h.at_ns for h in self._others.values()), default=now_ns)
            due_ns = min(now_ns + self._every_ns, first_ns + self._lost_after_ns)

    def _forget(self, now_ns: int) -> None:
        lost = [
            key
            for key, heard in self._others.items()
            if now_ns - heard.at_ns >= self._lost_after_ns
        ]
        for key in lost:
            del self._others[key]
        if lost:
            self._changed()

    async def _say_all(self) -> None:
        for key in tuple(self._own):
            if (data := self._own.get(key)) is not None:
                await self._say(key, _Said(by=self._me, data=data))

    async def _say(self, key: str, said: _Said) -> None:
        # What cannot be said now is said again soon, and at once with the link back.
        with contextlib.suppress(BusError):
            await self._bus.publish(f"{SAID}.{key}", msgspec.msgpack.encode(said))

    def _changed(self) -> None:
        for told in tuple(self._told):
            try:
                told()
            except Exception:
                _LOGGER.exception("What is told who is here failed.")


_DECODER = msgspec.msgpack.Decoder(_Said)
