"""A session of elsewhere, as this node sees it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator

import msgspec
from ulid import ULID

from biofeedback.bus import Bus, BusError, Delivery, NoAnswerError
from biofeedback.bus.interface import Subscription
from biofeedback.model import Ask, SessionInfo
from biofeedback.service.elsewhere.envelopes import (
    Ad,
    Answer,
    Done,
    Held,
    Order,
    Question,
    Table,
    Unknown,
    Want,
    command_subject,
    decode_answer,
    decode_envelope,
    encode,
    live_subject,
)
from biofeedback.service.elsewhere.merging import Merging, Over, Refilled, Told
from biofeedback.service.elsewhere.mirror_clock import MirrorClock
from biofeedback.service.given import Given
from biofeedback.service.problems import Problem, may_have_arrived
from biofeedback.service.room_state import SHOWN_IN_A_LIST
from biofeedback.session.clock import NS_PER_S, Clock
from biofeedback.session.counts import SessionCounts
from biofeedback.session.hub import Hub
from biofeedback.session.resting import rest
from biofeedback.session.transcript import Message
from biofeedback.store import Stream

_LOGGER = logging.getLogger(__name__)

RENEW_EVERY_S = 3.0
"""How often it is asked for, a third of the lease: two may be lost."""

AGAIN_S = 0.5
"""After so long it is asked again when there was no answer."""

LOST_AFTER_S = 10.0
"""After so long without an answer it is lost, or sooner: when its origin is not heard
of either (:mod:`biofeedback.bus.presence`)."""

ORDER_LIMIT_S = 4.0
"""How long the answer to a command may take, each of the two times it is sent."""


class Unreachable(Exception):
    """The node that runs this session cannot be reached now."""


class UnknownSession(Exception):
    """The node that was asked runs no such session, or offers it to nobody."""


class Mirror:
    """A session of elsewhere: its messages, who may see it, its clock, its commands.

    Parameters
    ----------
    bus, node
        By which it is reached, and as whom.
    origin, id
        Which session of whom.
    clock
        The clock of this node.
    counts
        Where it is counted what becomes of its viewers.
    told
        Called when something that a room shows may have changed.
    whose
        Says whose it is, by its origin and what that says.

    Attributes
    ----------
    lost
        Set when its origin cannot be reached any more.
    n_asked_again
        How often something was missing and asked for.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        node: str,
        origin: str,
        id: str,
        clock: Clock,
        counts: SessionCounts,
        told: Callable[[], None],
        whose: Callable[[str, Ad], str | None],
    ) -> None:
        self.origin = origin
        self.id = id
        self.hub = Hub()
        self.hub.counts = counts
        self.hub.on_wanted(self._wake)
        self.clock = MirrorClock(clock)
        self.ended = asyncio.Event()
        self.lost = asyncio.Event()
        self.n_asked_again = 0
        self._bus = bus
        self._node = node
        self._name = str(ULID())
        self._base = clock
        self._told = told
        self._whose = whose
        self._merging = Merging()
        self._table = Table()
        self._ad: Ad | None = None
        self._watching: set[str] = set()
        self._turn = asyncio.Lock()
        self._woken = asyncio.Event()
        self._listening: Subscription | None = None
        self._task: asyncio.Task[None] | None = None

    # --- What others may know -------------------------------------------------------

    @property
    def info(self) -> SessionInfo:
        """What a screen must know of it."""
        return self._known.info

    @property
    def person_id(self) -> str:
        """Whose session it is; empty where its origin must not say so."""
        return self._whose(self.origin, self._known) or ""

    @property
    def signals(self) -> tuple[Ask, ...]:
        """What was asked of its strap beside its heart rate."""
        return self._known.signals

    @property
    def given(self) -> dict[str, Given]:
        """What its origin gives each account."""
        return self._table.given

    def allowed(self, account_id: str) -> frozenset[Stream]:
        """Return what its origin lets an account have now, by the origin's time."""
        given = self.given.get(account_id)
        now_ns = self.clock.utc_ns()
        ends = {} if given is None else given.ends
        return frozenset(stream for stream, end_ns in ends.items() if end_ns > now_ns)

    @property
    def _known(self) -> Ad:
        if self._ad is None:
            raise ValueError("a mirror is used before it was opened")
        return self._ad

    # --- Its life -------------------------------------------------------------------

    async def open(self) -> None:
        """Listen, and get all that is held.

        Raises
        ------
        Unreachable, UnknownSession
            When there is nothing to be had.
        """
        try:
            self._listening = await self._bus.subscribe(
                live_subject(self.origin, self.id), self._take
            )
            await self._fill()
        except (BusError, UnknownSession) as error:
            await self.close()
            if isinstance(error, UnknownSession):
                raise
            raise Unreachable from error
        self._task = asyncio.create_task(self._keep(), name=f"mirror {self.id}")

    async def close(self) -> None:
        """Listen no longer, and say so."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._listening is not None:
            await self._listening.close()
            self._listening = None
        if self._ad is not None and not (self.lost.is_set() or self.ended.is_set()):
            try:
                await self._request(self._question(leaves=True), limit_s=1.0)
            except (BusError, UnknownSession):
                pass  # then the lease is over by itself

    async def last_look(self) -> None:
        """Find out whether it has ended or is lost: it is announced no longer."""
        try:
            await self.catch_up()
        except Unreachable:
            self._lose()

    # --- Asking ---------------------------------------------------------------------

    async def catch_up(self) -> None:
        """Get all that was said until now.

        Raises
        ------
        Unreachable
            When that is not to be had.
        """
        try:
            await self._fill()
        except UnknownSession as error:
            self._lose()
            raise Unreachable from error
        except BusError as error:
            raise Unreachable from error

    async def come(self, account_id: str) -> str | None:
        """Let an account be told of as watching; return why it may not watch.

        Raises
        ------
        Unreachable
            When the person cannot be told.
        """
        self._watching.add(account_id)
        try:
            refused = await self._fill()
        except (BusError, UnknownSession) as error:
            self._watching.discard(account_id)
            raise Unreachable from error
        why = refused.get(account_id)
        if why is not None:
            self._watching.discard(account_id)
        return why

    def go(self, account_id: str) -> None:
        """Let an account be told of no longer."""
        self._watching.discard(account_id)
        self._wake()

    def _wake(self) -> None:
        self._woken.set()

    async def _keep(self) -> None:
        heard_ns = self._base.now_ns()
        wait_s = RENEW_EVERY_S
        while not (self.ended.is_set() or self.lost.is_set()):
            await rest(self._woken, self._base, wait_s)
            self._woken.clear()
            try:
                await self.catch_up()
            except Unreachable:
                wait_s = AGAIN_S
                if self._base.now_ns() - heard_ns >= round(LOST_AFTER_S * NS_PER_S):
                    self._lose()
            else:
                wait_s = RENEW_EVERY_S
                heard_ns = self._base.now_ns()

    async def _fill(self) -> dict[str, str]:
        # Once at least, and then until nothing is missing.
        async with self._turn:
            while True:
                asked_ns = self._base.now_ns()
                held = await self._request(self._question())
                if not isinstance(held, Held) or held.ad.info.id != self.id:
                    raise UnknownSession
                self.clock.hear(held, asked_ns=asked_ns, now_ns=self._base.now_ns())
                is_news = self._ad != held.ad
                self._ad = held.ad
                self._tell(self._merging.fill(held), is_news=is_news)
                if not self._merging.has_hole:
                    return held.refused

    def _question(self, *, leaves: bool = False) -> Want:
        return Want(
            node=self._node,
            mirror=self._name,
            since=self._merging.since,
            watching=tuple(sorted(self._watching)),
            signals=tuple(sorted(self.hub.wanted)),
            leaves=leaves,
        )

    async def _request(self, question: Question, limit_s: float = 5.0) -> Answer:
        subject = command_subject(self.origin, self.id)
        data = await self._bus.request(subject, encode(question), limit_s=limit_s)
        try:
            answer = decode_answer(data)
        except ValueError as error:
            raise BusError("The answer of another node cannot be read.") from error
        if isinstance(answer, Unknown):
            raise UnknownSession
        return answer

    # --- Hearing --------------------------------------------------------------------

    def _take(self, delivery: Delivery) -> None:
        try:
            envelope = decode_envelope(delivery.data)
        except ValueError:
            _LOGGER.warning("An envelope of session %s cannot be read", self.id)
            return
        had_hole = self._merging.has_hole
        self._tell(self._merging.take(envelope))
        if self._merging.has_hole and not had_hole:
            self.n_asked_again += 1
            self._wake()

    def _tell(self, told: Iterator[Told], *, is_news: bool = False) -> None:
        for one in told:
            match one:
                case Message():
                    self._publish(one)
                    is_news |= _is_shown_in_a_list(one)
                case Table():
                    self._table = one
                    is_news = True
                case Refilled():
                    self._refill(one)
                    is_news = True
                case Over():
                    self.hub.end()
                    self.ended.set()
                    self._wake()
                    is_news = True
        if is_news:
            self._told()

    def _publish(self, message: Message) -> None:
        if message.kind == "replay":
            self.hub.announce(message)
            self._wake()  # its clock goes otherwise now
        else:
            self.hub.publish(message)

    def _refill(self, refilled: Refilled) -> None:
        messages = list(refilled.messages)
        if refilled.begun_anew is None:
            self.hub.refill(messages)
        else:
            self.hub.restart(refilled.begun_anew, messages)

    def _lose(self) -> None:
        if not (self.lost.is_set() or self.ended.is_set()):
            self.lost.set()
            self._told()

    # --- Commands -------------------------------------------------------------------

    async def order(self, order: Order) -> None:
        """Have a command followed where the session is run.

        Raises
        ------
        Problem
            When it was not followed; or when nobody knows, which it says.
        """
        maybe_arrived = False
        for _ in range(2):  # with the same id: it is followed once
            try:
                done = await self._request(order, limit_s=ORDER_LIMIT_S)
            except NoAnswerError:
                maybe_arrived = True
            except (BusError, UnknownSession) as error:
                if maybe_arrived:
                    break
                raise unreachable() from error
            else:
                if isinstance(done, Done) and (trouble := done.trouble) is not None:
                    raise trouble.problem()
                return
        raise may_have_arrived()


class _Event(msgspec.Struct, frozen=True):
    type: str


_event: msgspec.json.Decoder[_Event] = msgspec.json.Decoder(_Event)


def _is_shown_in_a_list(message: Message) -> bool:
    if message.kind != "event":
        return False
    return _event.decode(message.data).type in SHOWN_IN_A_LIST


def unreachable() -> Problem:
    """Return the answer where a session's node cannot be reached."""
    return Problem(
        503,
        "This session's computer cannot be reached now.",
        "Try again in a moment.",
        reason="unreachable",
    )
