"""The bus of several machines: a NATS server, or a cluster of them.

Core NATS is at most once, and so is this: what cannot be sent now is refused at once,
and is not sent later. What must not be lost goes into a log (:mod:`.jetstream`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biofeedback.bus import subjects
from biofeedback.bus.interface import (
    REQUEST_LIMIT_S,
    Answer,
    BusError,
    Delivery,
    Subscription,
    Told,
)
from biofeedback.bus.nats_address import (
    NatsAddress,
    addresses_of,
    credentials_for,
    tls_for,
)
from biofeedback.bus.nats_requests import (
    ERROR_CODE,
    FAILED,
    NOBODY,
    Requests,
    away,
)
from biofeedback.errors import PackageError
from biofeedback.figures import AnyFigure, Figure

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription as RawSubscription

    from biofeedback.bus.nats_link import NatsLink

FIRST_TRY_S = 2.0
"""How long :meth:`NatsBus.open` waits for the first link."""

LINK_LIMIT_S = 10.0
"""How long a new link may take, with names looked up and keys exchanged."""

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 2.0
"""Between attempts, doubled each time up to this, and less by chance: a thousand homes
do not come back in one moment. Presence believes in somebody for longer than this."""

PING_EVERY_S = 2.0
PINGS_UNANSWERED = 2
"""A link that is open and dead is given up after 6 s."""

UNDER_WAY_LIMIT = 8 * 1024 * 1024
"""Bytes that may wait for the network; more is refused."""

HEARD_LIMIT = 100_000
"""Messages that may wait for one listener; with more, this process stood still."""

INBOX = "_INBOX"
"""How all inboxes begin. Answers go nowhere else: whoever asks says where to, and could
have us say there what they may not say themselves."""

_QUEUE = "answers"
_LOGGER = logging.getLogger(__name__)


class NatsBus:
    """A bus by way of NATS servers; it looks for a link until it is closed.

    Parameters
    ----------
    url
        One or more servers; with a user and a password if need be. ``tls://`` refuses
        a server without TLS, as does ``tls_ca``.
    credentials
        A ``.creds`` file, or a file with an NKey seed. It is read at each new link.
    nkey_seed
        The seed itself, where it is kept elsewhere than in a file.
    name
        What the servers call this link in their own logs.
    inbox_prefix
        What answers to our requests come back on; a home's user may hear no other.
    tls_ca
        The authority that signed the servers' certificates, if it is not a public one.
    heard_limit
        How many messages may wait for one listener; beyond it the newest are dropped,
        which is counted in :attr:`dropped`.
    ping_every_s
        How often the server is asked whether it is there; three times without an
        answer, and the link is given up.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        *,
        name: str,
        credentials: Path | None = None,
        nkey_seed: str | None = None,
        inbox_prefix: str = INBOX,
        tls_ca: Path | None = None,
        heard_limit: int = HEARD_LIMIT,
        ping_every_s: float = PING_EVERY_S,
    ) -> None:
        self._url = url
        self._name = name
        self._credentials = credentials
        self._nkey_seed = nkey_seed
        self._inbox_prefix = inbox_prefix
        self._tls_ca = tls_ca
        self._heard_limit = heard_limit
        self._ping_every_s = ping_every_s
        self._addresses: tuple[NatsAddress, ...] = ()
        self._tls: dict[str, Any] = {}
        self._link: NatsLink | None = None
        self._connected = False
        self._is_let_in = True
        self._trouble = "No NATS server has answered yet."
        self._closed = False
        self._linking: asyncio.Task[None] | None = None
        self._first_tried = asyncio.Event()
        self._listeners: dict[_Listener, None] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._requests = Requests()
        self._told_link: list[Callable[[bool], None]] = []
        self._said_once: set[str] = set()
        self._dropped = 0

    @property
    def connected(self) -> bool:
        """Whether others can be reached now, and reach what listens here."""
        return self._connected

    @property
    def is_let_in(self) -> bool:
        """Whether no server has refused our credentials since the last link."""
        return self._is_let_in

    @property
    def trouble(self) -> str:
        """Why there was no link when one was last tried for, in a sentence."""
        return self._trouble

    @property
    def dropped(self) -> int:
        """How many messages came and could not be told, since this process was slow."""
        return self._dropped

    def figures(self) -> Iterator[AnyFigure]:
        """Return how often something did not get through."""
        yield Figure(
            name="bus_dropped",
            text="Messages of others that came while this process was slow.",
            value=self._dropped,
            total=True,
        )
        yield Figure(
            name="bus_unanswered",
            text="Requests to others that were not answered in time.",
            value=self._requests.n_unanswered,
            total=True,
        )

    async def open(self) -> None:
        """Begin to look for a link, and wait a moment for the first one.

        Raises
        ------
        SettingsError
            When the address, the credentials or the authority cannot be used, or NATS
            is not installed. That nobody can be reached is no error.
        """
        try:
            import nats.aio.client  # noqa: F401
        except ImportError as error:
            raise PackageError("A link to other nodes", "nats-py", "nats") from error
        self._addresses = addresses_of(self._url)
        self._tls = tls_for(self._tls_ca)
        credentials_for(self._credentials, self._nkey_seed)
        self._linking = asyncio.create_task(self._keep_linked())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_TRY_S):
                await self._first_tried.wait()

    async def publish(self, subject: str, data: bytes) -> None:
        """Send to everybody who listens now, or refuse at once."""
        await self._send(subjects.check_subject(subject), data)

    async def subscribe(self, subject: str, told: Told) -> Subscription:
        """Be told of all that is sent on a subject from now on."""

        def tell(message: Msg, _: NatsLink) -> None:
            told(Delivery(subject=message.subject, data=message.data))

        return await self._listen(subjects.check_pattern(subject), "", tell)

    async def answer(self, subject: str, answer: Answer) -> Subscription:
        """Answer requests on a subject. Several may: one of them gets each request."""

        def tell(message: Msg, link: NatsLink) -> None:
            task = asyncio.create_task(self._answer(answer, message, link))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

        return await self._listen(subjects.check_pattern(subject), _QUEUE, tell)

    async def request(
        self, subject: str, data: bytes, *, limit_s: float = REQUEST_LIMIT_S
    ) -> bytes:
        """Ask whoever answers on a subject."""
        subjects.check_subject(subject)
        return await self.ask(subject, data, limit_s=limit_s)

    def on_link(self, told: Callable[[bool], None]) -> None:
        """Call ``told`` from now on when the link is lost, and when it is back."""
        self._told_link.append(told)

    async def close(self) -> None:
        """Send what is under way, and let everything go."""
        if self._closed:
            return
        self._closed = True
        answering = tuple(self._answering)
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering, return_exceptions=True)
        if self._link is not None and await self._link.settle():
            # Whoever asks from now on hears at once that nobody answers.
            await asyncio.gather(*(one.close() for one in tuple(self._listeners)))
        while self._linking is not None and not self._linking.done():
            # The library, and asyncio.wait_for of Python 3.11, may swallow one.
            self._linking.cancel()
            await asyncio.wait([self._linking], timeout=0.1)

    # What the log needs beyond the interface -------------------------------------

    async def ask(
        self,
        subject: str,
        data: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        limit_s: float = REQUEST_LIMIT_S,
    ) -> bytes:
        """Ask on any subject of NATS, its own included."""
        with self._requests.begin(subject) as request:
            await self._send(subject, data, reply=request.reply, headers=headers)
            async with asyncio.timeout(limit_s):
                return await request.answered

    async def listen_to_inbox(self, told: Callable[[Msg], None]) -> Inbox:
        """Hear what comes on a new inbox, as the library hands it over."""
        subject = f"{self._inbox_prefix}.{random.randbytes(11).hex()}"
        return Inbox(
            subject, await self._listen(subject, "", lambda message, _: told(message))
        )

    async def send(self, subject: str, data: bytes, *, to: Inbox | None = None) -> None:
        """Send on any subject of NATS; what comes of it goes to an inbox."""
        await self._send(subject, data, reply=to.subject if to else "")

    # Sending and hearing -----------------------------------------------------------

    async def _send(
        self,
        subject: str,
        data: bytes,
        *,
        reply: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        from nats.errors import Error

        link = self._link
        if link is None or not self._connected or not link.is_connected:
            raise away()
        if len(data) > link.max_payload:
            raise BusError(
                f"A message of {len(data)} bytes is too large for the NATS server, "
                f"which takes {link.max_payload}.",
                "Raise 'max_payload' in the server's configuration.",
            )
        if link.pending_data_size > UNDER_WAY_LIMIT:
            raise BusError(
                "The link to the other nodes does not keep up.", "Try again later."
            )
        try:
            await link.publish(
                subject, data, reply=reply, headers=dict(headers) if headers else None
            )
        except (Error, OSError) as error:
            raise away() from error

    async def _listen(
        self, subject: str, queue: str, tell: Callable[[Msg, NatsLink], None]
    ) -> _Listener:
        if self._closed:
            raise BusError("The link to the others is closed.")
        listener = _Listener(self, subject, queue, tell)
        self._listeners[listener] = None
        if self._link is not None:
            from nats.errors import Error

            # A lost link is no failure here: the next one is told of this listener.
            link = self._link
            with contextlib.suppress(Error, OSError):
                await listener.attach(link, self._heard_limit)
                # When this returns the server knows of it, whoever sends next.
                await link.settle()
        return listener

    async def _answer(self, answer: Answer, message: Msg, link: NatsLink) -> None:
        data = None
        try:
            data = await answer(Delivery(subject=message.subject, data=message.data))
        except Exception:
            _LOGGER.exception("What answers on %s failed.", message.subject)
        finally:
            await self._reply(link, message, data)

    async def _reply(
        self, link: NatsLink, message: Msg, data: bytes | None, *, code: str = FAILED
    ) -> None:
        from nats.errors import Error

        if data is not None and len(data) > link.max_payload:
            _LOGGER.error(
                "An answer of %d bytes on %s is too large for the NATS server.",
                len(data),
                message.subject,
            )
            data = None
        if message.reply.startswith(INBOX) and link.is_connected:
            headers = {ERROR_CODE: code} if data is None else None
            with contextlib.suppress(Error, OSError):
                await link.publish(message.reply, data or b"", headers=headers)

    # Links -------------------------------------------------------------------------

    def _options(self) -> dict[str, Any]:
        return {
            **credentials_for(self._credentials, self._nkey_seed),
            **self._tls,
            "name": self._name,
            "inbox_prefix": self._inbox_prefix,
            "allow_reconnect": False,
            "ping_interval": self._ping_every_s,
            "max_outstanding_pings": PINGS_UNANSWERED,
            "pending_size": 16 * UNDER_WAY_LIMIT,
            "error_cb": self._on_error,
        }

    async def _keep_linked(self) -> None:
        failed = 0
        while True:
            for address in random.sample(self._addresses, len(self._addresses)):
                if await self._live_through(address):
                    failed = 0
            self._first_tried.set()
            longest_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**failed)
            failed = min(failed + 1, 16)
            await asyncio.sleep(random.uniform(0.5, 1.0) * longest_s)

    async def _live_through(self, address: NatsAddress) -> bool:
        """Return after a link to a server, or without one that could be had."""
        from biofeedback.bus.nats_link import NatsLink

        encrypted = address.encrypted or self._tls_ca is not None
        link = NatsLink(must_encrypt=encrypted)
        try:
            options = self._options() | address.secrets
            async with asyncio.timeout(LINK_LIMIT_S):
                await link.connect(servers=[address.url], **options)
                await self._take_up(link)
            self._say_once(None, f"Linked to {address.where}.")
            await link.ended()
        except Exception as error:
            if not self._connected:
                self._is_let_in = self._is_let_in and not _is_refusal(error)
                self._trouble = f"{address.where} {_why(error)}."
                self._say_once("away", self._trouble)
                return False
            _LOGGER.exception("The link to %s failed.", address.where)
        finally:
            await self._put_down(link)
        _LOGGER.warning("The link to %s was lost.", address.where)
        return True

    async def _take_up(self, link: NatsLink) -> None:
        inbox = self._requests.inbox = link.new_inbox()
        await link.subscribe(f"{inbox}.*", cb=_always(self._requests.hear))
        # From here on a new listener attaches itself.
        self._link = link
        for listener in tuple(self._listeners):
            await listener.attach(link, self._heard_limit)
        if not await link.settle():
            raise TimeoutError
        self._connected = self._is_let_in = True
        self._first_tried.set()
        self._tell_link(True)

    async def _put_down(self, link: NatsLink) -> None:
        was_connected, self._connected = self._connected, False
        self._link = None
        self._requests.lose()
        if was_connected and not self._closed:
            self._tell_link(False)
        await link.end()

    def _tell_link(self, connected: bool) -> None:
        for told in tuple(self._told_link):
            try:
                told(connected)
            except Exception:
                _LOGGER.exception("What is told of the link failed.")

    async def _on_error(self, error: Exception) -> None:
        from nats.errors import SlowConsumerError

        if isinstance(error, SlowConsumerError):
            self._dropped += 1
            self._say_once(
                "slow", "This process is slow: messages of others were dropped."
            )
            return
        text = str(error)
        if "permissions violation" in text:
            self._say_once(text, f"The NATS server refuses: {text}.")
            self._requests.refuse(text)

    def _say_once(self, what: str | None, text: str) -> None:
        if what is None:
            self._said_once.discard("away")
            _LOGGER.info(text)
        elif what not in self._said_once and len(self._said_once) < 1000:
            self._said_once.add(what)
            _LOGGER.warning(text)


@dataclass(frozen=True)
class Inbox:
    """A subject of our own that answers come to."""

    subject: str
    subscription: Subscription

    async def close(self) -> None:
        """Hear no more of it."""
        await self.subscription.close()


@dataclass(eq=False)
class _Listener:
    bus: NatsBus
    subject: str
    queue: str
    tell: Callable[[Msg, NatsLink], None]
    closed: bool = False
    link: NatsLink | None = None
    raw: RawSubscription | None = None

    async def attach(self, link: NatsLink, limit: int) -> None:
        if self.closed:
            return

        async def hear(message: Msg) -> None:
            if self.closed:
                if self.queue:  # it was under way: whoever asks need not wait
                    await self.bus._reply(link, message, None, code=NOBODY)
                return
            try:
                self.tell(message, link)
            except Exception:
                _LOGGER.exception("What listens to %s failed.", self.subject)

        self.link = link
        self.raw = await link.subscribe(
            self.subject, queue=self.queue, cb=hear, pending_msgs_limit=limit
        )

    async def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self.bus._listeners.pop(self, None)
        if self.raw is not None and self.link is not None:
            await self.link.leave(self.raw)


def _always(told: Callable[[Msg], None]) -> Callable[[Msg], Any]:
    async def hear(message: Msg) -> None:
        told(message)

    return hear


def _is_refusal(error: Exception) -> bool:
    text = str(error).lower()
    return "authorization" in text or "authentication" in text


def _why(error: Exception) -> str:
    """Return what is wrong, in words that hold neither a password nor a person."""
    from biofeedback.bus.nats_link import NoTlsError

    if isinstance(error, NoTlsError):
        return "offers no TLS, which we must have"
    if isinstance(error, ssl.SSLError):
        return "is not trusted (its certificate)"
    if isinstance(error, socket.gaierror):
        return "cannot be found by its name"
    if _is_refusal(error):
        return "does not let us in (credentials)"
    return f"cannot be reached ({type(error).__name__})"
