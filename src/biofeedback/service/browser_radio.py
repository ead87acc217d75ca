"""A browser as a radio: pages pair straps and send up what those send.

It becomes the same records that any other radio gives.

Where a browser has Web Bluetooth it may be nearer to the strap than this computer is,
or have a radio where this one has none. The page sends the bytes as they came; nothing
is read or computed there. What it sends is numbered, so that after a lost connection
it can go on where it was cut off: nothing is missing then and nothing is there twice.
"""

from __future__ import annotations

import asyncio

import msgspec

from biofeedback.errors import ADVICE
from biofeedback.model import (
    Ask,
    FoundStrap,
    LinkChange,
    LinkReason,
    LinkState,
    LinkStep,
    Notification,
    Strap,
)
from biofeedback.service.problems import Problem
from biofeedback.service.radio_messages import Heard, Introduction, Told
from biofeedback.session.clock import NS_PER_MS, NS_PER_S, Clock
from biofeedback.session.driver import Emit, RadioStatus, Seen, Watch
from biofeedback.wire import uuids
from biofeedback.wire.battery import BatteryLevel
from biofeedback.wire.device_information import text
from biofeedback.wire.profiles import profile_of

PREFIX = "browser:"
"""How the ids of such straps begin; the page makes up the rest."""

NAMELESS = "Chest strap"
SOURCE = "strap"

MOST_OPEN = 256
"""Sources at a time: far more than pages that anyone has open."""

GRACE_NS = 2 * NS_PER_S
"""A page that is back within this time has lost nothing: beats go on in one segment."""


def check_signals(strap: FoundStrap, signals: tuple[Ask, ...]) -> None:
    """Refuse signals that are wanted of a strap that a browser is the radio of.

    Raises
    ------
    Problem
        With status 422, when there are any.
    """
    if signals and strap.id.startswith(PREFIX):
        raise Problem(
            422,
            "A browser's Bluetooth sends only the heart rate so far.",
            "Connect the strap to this computer for its ECG or its movement.",
        )


class BrowserRadio:
    """Opens straps that pages have paired. It finds none: pages do."""

    name = "browser"

    def __init__(self) -> None:
        self._open: dict[str, BrowserSource] = {}

    def strap(self, id: str, name: str | None) -> FoundStrap:
        """Return the strap that a page calls ``id`` and people call ``name``."""
        name = text((name or "").encode()) or NAMELESS
        return FoundStrap(id=id, name=name, address="", profile=profile_of(name).id)

    def source(self, strap: FoundStrap) -> BrowserSource | None:
        """Return the source that was opened last for ``strap``, if any."""
        return self._open.get(strap.id)

    async def status(self) -> RadioStatus:
        """Say that it can be used, by whoever has such a browser."""
        return RadioStatus(available=True)

    async def scan(
        self, seconds: float, seen: Seen | None = None
    ) -> tuple[FoundStrap, ...]:
        """List nothing: only a browser sees its straps, and only if someone picks."""
        return ()

    def open(self, strap: FoundStrap) -> BrowserSource:
        """Return a source that waits for the page; :meth:`forget` it at the end.

        Raises
        ------
        Problem
            When there are too many already: pages make their ids up.
        """
        if len(self._open) >= MOST_OPEN and strap.id not in self._open:
            raise Problem(
                503,
                "Too many browsers are radios of this service.",
                "End a session that is not needed any more, then try again.",
                reason=LinkReason.SLOTS_FULL.value,
            )
        source = self._open[strap.id] = BrowserSource(strap)
        return source

    def forget(self, strap: FoundStrap) -> None:
        """Let go of the source of a session that is over, or never began."""
        self._open.pop(strap.id, None)

    async def close(self) -> None:
        """Forget all sources."""
        self._open.clear()


class BrowserSource:
    """One strap, heard through a page that may come and go.

    Attributes
    ----------
    over
        Set when nothing is listened for any more.
    last_n
        The number of the last message taken from the stream in use.
    """

    def __init__(self, wanted: FoundStrap) -> None:
        self.over = asyncio.Event()
        self.last_n = 0
        self._strap = Strap(name=wanted.name, profile=wanted.profile)
        self._stream: str | None = None
        self._seat: tuple[str | None, asyncio.Event] | None = None
        self._vacant = asyncio.Event()
        self._vacant.set()
        self._running = asyncio.Event()
        self._clock: Clock | None = None
        self._emit: Emit | None = None
        self._told: Told | None = None
        self._streamed = False
        self._away = False

    async def run(self, *, clock: Clock, emit: Emit, watch: Watch) -> None:
        """Emit what the page sends until cancelled; say so when the page is gone."""
        self._clock, self._emit = clock, emit
        self._change(clock.now_ns(), LinkState.SEARCHING, LinkStep.IDLE, None)
        self._running.set()
        try:
            while True:
                await self._vacant.wait()
                self._vacant.clear()
                await clock.sleep_until(clock.now_ns() + GRACE_NS)
                if self._seat is None and not self._away:
                    self._away = True
                    state = LinkState.SEARCHING
                    if self._streamed:
                        state = LinkState.RECONNECTING
                    lost = LinkReason.LINK_LOST
                    self._change(clock.now_ns(), state, LinkStep.LOST, lost)
        finally:
            self._clock = self._emit = None
            self.over.set()

    # --- The page: there is one at a time -----------------------------------------

    async def sit(self, credential: str | None) -> asyncio.Event | None:
        """Make a connection of whoever came in by ``credential`` the radio.

        Returns an event that is set when a newer connection of the same caller takes
        over, or ``None`` when another caller is the radio already.
        """
        await self._running.wait()
        if self._seat is not None:
            sitting, replaced = self._seat
            if sitting != credential:
                return None
            replaced.set()
        seat = asyncio.Event()
        self._seat = (credential, seat)
        return seat

    def rise(self, seat: asyncio.Event) -> None:
        """Say that the connection with this ``seat`` is gone."""
        if self._seat is not None and self._seat[1] is seat:
            self._seat = None
            self._vacant.set()

    def begin(self, stream: str) -> int:
        """Go on with a stream; return the last number that is here already."""
        if stream != self._stream:  # another page, or the same one loaded anew
            self._stream, self.last_n, self._told = stream, 0, None
        return self.last_n

    def take(self, message: Told | Heard) -> None:
        """Take a message of the stream, unless it has been taken before."""
        if self._clock is None or message.n <= self.last_n:
            return
        self.last_n = message.n
        now_ns = self._clock.now_ns()
        t_ns = max(now_ns - round(message.age_ms * NS_PER_MS), 0)
        if isinstance(message, Told):
            self._away = False
            self._introduce(message.strap)
            self._tell(t_ns, message)
            return
        if self._away:
            self._away = False
            if self._told is not None:  # the strap was there all the time
                self._tell(t_ns, self._told)
        self._hear(t_ns, message)

    # --- Records ----------------------------------------------------------------------

    def _hear(self, t_ns: int, heard: Heard) -> None:
        if heard.characteristic == uuids.BATTERY_LEVEL:
            pct = BatteryLevel.from_bytes(heard.data).pct
            self._strap = msgspec.structs.replace(self._strap, battery_pct=pct)
        if self._emit is not None:
            self._emit(
                Notification(
                    t_ns=t_ns,
                    source=SOURCE,
                    characteristic=heard.characteristic,
                    data=heard.data,
                )
            )

    def _introduce(self, strap: Introduction | None) -> None:
        if strap is None:
            return
        name = text(strap.name.encode()) or self._strap.name
        model = _said(strap.model)
        self._strap = Strap(
            name=name,
            model=model,
            manufacturer=_said(strap.manufacturer),
            firmware=_said(strap.firmware),
            battery_pct=self._strap.battery_pct,
            profile=profile_of(name, model).id,
        )

    def _tell(self, t_ns: int, told: Told) -> None:
        self._told = told
        state = LinkState(told.state)
        self._streamed |= state is LinkState.STREAMING
        self._change(t_ns, state, told.step, told.reason)

    def _change(
        self,
        t_ns: int,
        state: LinkState,
        step: LinkStep | None,
        reason: LinkReason | None,
    ) -> None:
        if self._emit is not None:
            self._emit(
                LinkChange(
                    t_ns=t_ns,
                    source=SOURCE,
                    state=state,
                    step=step,
                    reason=reason,
                    advice=None if reason is None else ADVICE[reason],
                    strap=self._strap,
                )
            )


def _said(words: str | None) -> str | None:
    return None if words is None else text(words.encode())
