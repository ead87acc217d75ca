"""Requests that are under way on a NATS bus, until there is an answer or cannot be."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from biofeedback.bus.interface import BusError, NoAnswerError, NobodyThereError

if TYPE_CHECKING:
    from nats.aio.msg import Msg

ERROR_CODE = "Nats-Service-Error-Code"
"""The header of an answer that says there is none (NATS' convention for services)."""

NOBODY = "503"
FAILED = "500"


@dataclass(frozen=True)
class Request:
    """One of them: what was asked where, and where its answer comes."""

    subject: str
    reply: str
    answered: asyncio.Future[bytes]

    def fail(self, error: BusError) -> None:
        """Let whoever asked hear this instead of an answer."""
        if not self.answered.done():
            self.answered.set_exception(error)


class Requests:
    """All that are under way; each link brings an inbox of its own for answers."""

    def __init__(self) -> None:
        self.inbox = ""
        self._numbers = itertools.count()
        self._under_way: dict[str, Request] = {}
        self._n_unanswered = 0

    @property
    def n_unanswered(self) -> int:
        """How many were not answered in time."""
        return self._n_unanswered

    @contextlib.contextmanager
    def begin(self, subject: str) -> Iterator[Request]:
        """Hear of the answer to a request for as long as the block lasts.

        Raises
        ------
        NoAnswerError
            When the block ends by a timeout.
        """
        reply = f"{self.inbox}.{next(self._numbers)}"
        request = Request(subject, reply, asyncio.get_running_loop().create_future())
        self._under_way[reply] = request
        try:
            yield request
        except TimeoutError as error:
            self._n_unanswered += 1
            raise NoAnswerError("No answer came in time.", "Try again.") from error
        finally:
            del self._under_way[reply]

    def hear(self, message: Msg) -> None:
        """Take an answer; one that nobody waits for any more is dropped."""
        request = self._under_way.get(message.subject)
        if request is None or request.answered.done():
            return
        headers = message.headers or {}
        if NOBODY in (headers.get("Status"), headers.get(ERROR_CODE)):
            request.fail(
                NobodyThereError("Nobody answers there now.", "Try again later.")
            )
        elif ERROR_CODE in headers:
            request.fail(
                NoAnswerError("Whoever was asked could not answer.", "Try again.")
            )
        else:
            request.answered.set_result(message.data)

    def lose(self) -> None:
        """Let all fail: the link is lost, and answers with it."""
        for request in tuple(self._under_way.values()):
            request.fail(
                NoAnswerError("The link was lost before an answer came.", "Try again.")
            )

    def refuse(self, text: str) -> None:
        """Let those fail of which the server says that we may not ask there."""
        # It says on which subject, and the library says it in small letters.
        for request in tuple(self._under_way.values()):
            if f'"{request.subject.lower()}"' in text:
                request.fail(
                    BusError(
                        "The NATS server does not let us ask there.",
                        "Look at the permissions of our user.",
                    )
                )


def away() -> BusError:
    """Return what to raise when there is no link."""
    return BusError(
        "The other nodes cannot be reached now.",
        "The link comes back by itself when the NATS server and the network do.",
    )
