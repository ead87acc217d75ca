"""The bus of one process: nothing to install, and a link that is never lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from biofeedback.bus import subjects
from biofeedback.bus.interface import (
    REQUEST_LIMIT_S,
    Answer,
    BusError,
    Delivery,
    NoAnswerError,
    NobodyThereError,
    Subscription,
    Told,
)

_LOGGER = logging.getLogger(__name__)


class InProcessBus:
    """Carries values between the parts of one process, on one event loop.

    Several parties may share one, or each have their own on the same wires
    (:meth:`another`): then whoever closes theirs leaves the others alone.
    """

    def __init__(self) -> None:
        self._wires = _Wires()
        self._mine: set[_Listener | _Answerer] = set()
        self._answering: set[asyncio.Task[None]] = set()
        self._closed = False

    def another(self) -> InProcessBus:
        """Return a bus of its own on the same wires, as another node would have."""
        other = InProcessBus()
        other._wires = self._wires
        return other

    @property
    def connected(self) -> bool:
        """Whether others can be reached: until it is closed."""
        return not self._closed

    async def open(self) -> None:
        """Do nothing: whoever is here is connected."""

    async def publish(self, subject: str, data: bytes) -> None:
        """Send to everybody who listens now; they are told after this returns."""
        self._check_open()
        self._wires.send(Delivery(subject=subjects.check_subject(subject), data=data))

    async def subscribe(self, subject: str, told: Told) -> Subscription:
        """Be told of all that is sent on a subject from now on."""
        self._check_open()
        listener = _Listener(subjects.check_pattern(subject), told)
        self._wires.listeners.append(listener)
        self._mine.add(listener)
        return _Subscription(self, listener)

    async def answer(self, subject: str, answer: Answer) -> Subscription:
        """Answer requests on a subject. Several may: one of them gets each request."""
        self._check_open()
        answerer = _Answerer(subjects.check_pattern(subject), answer, self._answering)
        self._wires.answerers.append(answerer)
        self._mine.add(answerer)
        return _Subscription(self, answerer)

    async def request(
        self, subject: str, data: bytes, *, limit_s: float = REQUEST_LIMIT_S
    ) -> bytes:
        """Ask whoever answers on a subject."""
        self._check_open()
        asked = Delivery(subject=subjects.check_subject(subject), data=data)
        answerer = self._wires.next_answerer(asked.subject)
        if answerer is None:
            raise NobodyThereError("Nobody answers there now.", "Try again later.")
        answered = answerer.ask(asked)
        try:
            async with asyncio.timeout(limit_s):
                return await answered
        except TimeoutError as error:
            raise NoAnswerError("No answer came in time.", "Try again.") from error

    def on_link(self, told: Callable[[bool], None]) -> None:
        """Do nothing: this link is never lost."""

    async def close(self) -> None:
        """Let everything go that was begun here."""
        self._closed = True
        for part in tuple(self._mine):
            self._let_go(part)
        answering = tuple(self._answering)
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering, return_exceptions=True)

    def _check_open(self) -> None:
        if self._closed:
            raise BusError("The link to the others is closed.")

    def _let_go(self, part: _Listener | _Answerer) -> None:
        if part in self._mine:
            self._mine.discard(part)
            self._wires.remove(part)


@dataclass(eq=False)
class _Listener:
    subject: str
    told: Told
    closed: bool = False

    def tell(self, delivery: Delivery) -> None:
        if self.closed:
            return
        try:
            self.told(delivery)
        except Exception:
            _LOGGER.exception("What listens to %s failed.", self.subject)


@dataclass(eq=False)
class _Answerer:
    subject: str
    answer: Answer
    answering: set[asyncio.Task[None]]

    def ask(self, asked: Delivery) -> asyncio.Future[bytes]:
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._answer(asked, answered))
        self.answering.add(task)
        task.add_done_callback(self.answering.discard)
        return answered

    async def _answer(self, asked: Delivery, answered: asyncio.Future[bytes]) -> None:
        failed = NoAnswerError("Whoever was asked could not answer.", "Try again.")
        try:
            data = await self.answer(asked)
        except Exception:
            _LOGGER.exception("What answers on %s failed.", self.subject)
            if not answered.done():
                answered.set_exception(failed)
        except asyncio.CancelledError:
            if not answered.done():
                answered.set_exception(failed)
            raise
        else:
            if not answered.done():
                answered.set_result(data)


@dataclass
class _Wires:
    """Who listens and who answers."""

    listeners: list[_Listener] = field(default_factory=list)
    answerers: list[_Answerer] = field(default_factory=list)

    def send(self, delivery: Delivery) -> None:
        # Told by the loop, never from within publish: what a listener publishes would
        # else overtake what it answers to. The loop keeps the order.
        loop = asyncio.get_running_loop()
        for listener in self.listeners:
            if subjects.matches(listener.subject, delivery.subject):
                loop.call_soon(listener.tell, delivery)

    def next_answerer(self, subject: str) -> _Answerer | None:
        for answerer in self.answerers:
            if subjects.matches(answerer.subject, subject):
                # To the end of the row: the next request is another's.
                self.answerers.remove(answerer)
                self.answerers.append(answerer)
                return answerer
        return None

    def remove(self, part: _Listener | _Answerer) -> None:
        if isinstance(part, _Listener):
            part.closed = True
            self.listeners.remove(part)
        else:
            self.answerers.remove(part)


@dataclass(frozen=True)
class _Subscription:
    bus: InProcessBus
    part: _Listener | _Answerer

    async def close(self) -> None:
        self.bus._let_go(self.part)
