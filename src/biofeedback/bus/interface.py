"""What carries values between the nodes of a service: the one interface.

One laptop has :class:`~biofeedback.bus.in_process.InProcessBus`; several machines have
:class:`~biofeedback.bus.nats.NatsBus`. Both pass the same tests (``tests/bus``).

Subjects are tokens of letters, digits, ``-`` and ``_``, joined by dots. In what is
listened to, ``*`` stands for one token and a last ``>`` for all that follow.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from biofeedback.errors import BiofeedbackError
from biofeedback.model import Value

REQUEST_LIMIT_S = 5.0
"""How long an answer may take."""


class BusError(BiofeedbackError):
    """Nothing can be sent or asked now: the link to the others is lost."""


class NobodyThereError(BusError):
    """Nobody answers on this subject. Known at once, not after a wait."""


class NoAnswerError(BusError):
    """Somebody is there, and did not answer in time, or could not."""


class Delivery(Value, frozen=True):
    """What was sent, and on which subject."""

    subject: str
    data: bytes


Told: TypeAlias = Callable[[Delivery], None]
"""Called on the event loop, in the order of sending. It must not block."""

Answer: TypeAlias = Callable[[Delivery], Awaitable[bytes]]


class Subscription(Protocol):
    """Something that is listened to, until it is closed."""

    async def close(self) -> None:
        """Listen no longer; may be called twice."""
        ...


class Bus(Protocol):
    """Publish, subscribe, request: at most once. What must not be lost goes to a log.

    Everything is called on one event loop.
    """

    @property
    def connected(self) -> bool:
        """Whether others can be reached now."""
        ...

    async def open(self) -> None:
        """Begin. It does not fail because nobody can be reached: that may change.

        Raises
        ------
        SettingsError
            When the credentials cannot be used.
        """
        ...

    async def publish(self, subject: str, data: bytes) -> None:
        """Send to everybody who listens now; nobody may be, and nothing is kept.

        Messages of one publisher on one subject arrive in their order.

        Raises
        ------
        BusError
            When the link is lost: nothing was sent then, nor will be later.
        """
        ...

    async def subscribe(self, subject: str, told: Told) -> Subscription:
        """Be told of all that is sent on a subject from now on.

        It stays so when the link is lost and comes back; what was sent meanwhile is
        not made up for.
        """
        ...

    async def answer(self, subject: str, answer: Answer) -> Subscription:
        """Answer requests on a subject. Several may: one of them gets each request.

        Requests are answered side by side. A failure is logged, and whoever asked hears
        at once that there is no answer.
        """
        ...

    async def request(
        self, subject: str, data: bytes, *, limit_s: float = REQUEST_LIMIT_S
    ) -> bytes:
        """Ask whoever answers on a subject.

        Raises
        ------
        NobodyThereError
            At once, when nobody answers there.
        NoAnswerError
            When no answer came in time, or whoever answers failed, or the link was
            lost meanwhile.
        BusError
            When the link is lost.
        """
        ...

    def on_link(self, told: Callable[[bool], None]) -> None:
        """Call ``told`` from now on when the link is lost, and when it is back."""
        ...

    async def close(self) -> None:
        """Let everything go."""
        ...
