"""ECG, acceleration and pulse intervals of a connected Polar strap (PMD).

Nothing here ends the link: the heart rate goes on whatever becomes of the other
signals. What was started is always stopped, since an H10 stays switched on until its
battery is empty when its ECG was not (polar-ble-sdk, ``KnownIssues.md``).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from biofeedback.errors import ADVICE, LinkError
from biofeedback.model import Ask, LinkReason, Signal
from biofeedback.wire import uuids
from biofeedback.wire.polar_pmd import (
    Features,
    Measurement,
    Op,
    Response,
    Settings,
    Status,
    Stopped,
)
from biofeedback.wire.profiles import PLAIN, StrapProfile
from biofeedback_drivers.pmd_control import ControlPoint, PolarLink, Receive, status_of
from biofeedback_drivers.pmd_settings import SIGNALS, USUAL, chosen
from biofeedback_drivers.timing import Timing

log = logging.getLogger(__name__)

Say = Callable[[LinkReason | None, str], None]
"""Takes a trouble with a signal: a reason where one fits, and advice."""

_MEASUREMENTS = {signal: measurement for measurement, signal in SIGNALS.items()}

_WORDS = {
    Measurement.ECG: "ECG",
    Measurement.ACC: "acceleration",
    Measurement.PPI: "pulse intervals",
}

_BECAUSE = {
    Status.IN_CHARGER: "while it is in its charger",
    Status.INVALID_STATE: "in its present state",
    Status.DISK_FULL: "because its memory is full",
    Status.INVALID_MTU: "over this connection: disconnect it, then try again",
}

_ON = "The heart rate goes on."


class PolarStream:
    """The signals of one strap over one link.

    Call :meth:`open` once, :meth:`want` whenever the wish may have changed (it costs
    nothing when it has not), and :meth:`close` whatever happened. None of them raises
    for a reason of the strap or the radio; troubles are given to ``say``, each once.

    Parameters
    ----------
    link
        The connection.
    receive
        Takes all that the strap sends (``pmd_cp``, ``pmd_data``) and that is written
        to it (``pmd_cp_write``).
    timing
        ``pmd_reply_s``, ``pmd_attempts``, ``pmd_again_s`` and ``stop_s`` count here.
    say
        Is told why a signal does not come.
    profile
        What is known of the model.
    """

    def __init__(
        self,
        link: PolarLink,
        receive: Receive,
        timing: Timing,
        say: Say,
        profile: StrapProfile = PLAIN,
    ) -> None:
        self._link = link
        self._receive = receive
        self._timing = timing
        self._say = say
        self._profile = profile
        self._control = ControlPoint(link, receive, timing, self._stopped_itself)
        self._lock = asyncio.Lock()
        self._usable = True
        self._offered: tuple[Measurement, ...] = ()
        self._running: dict[Measurement, Ask] = {}
        self._stopped: set[Measurement] = set()  # the strap said so
        self._strays: set[Measurement] = set()  # frames that nobody here asked for
        self._settings: dict[Measurement, Settings] = {}
        self._failed: dict[Measurement, tuple[Ask, float | None]] = {}
        self._said: set[str] = set()

    @property
    def running(self) -> frozenset[Signal]:
        """The signals that were started and not stopped."""
        return frozenset(SIGNALS[each] for each in self._running)

    async def open(self) -> tuple[Signal, ...]:
        """Listen, and return the signals that the strap offers; often none."""
        if self._link.find(uuids.PMD_CONTROL_POINT) is None:
            if self._profile.signals:
                self._usable = False
                self._tell(LinkReason.FIRMWARE_OLD, ADVICE[LinkReason.FIRMWARE_OLD])
            return ()
        try:
            await self._control.listen()
            await self._link.start(uuids.PMD_DATA, self._data)
            data = await self._link.read(uuids.PMD_CONTROL_POINT)
        except LinkError as error:
            self._give_up(error)
            return ()
        if data is None:  # what the model is known to have, then
            known = {_MEASUREMENTS[signal] for signal in self._profile.signals}
        else:
            known = set(Features.from_bytes(data).measurements)
        self._offered = tuple(each for each in SIGNALS if each in known)
        return tuple(SIGNALS[each] for each in self._offered)

    async def want(self, asks: tuple[Ask, ...]) -> None:
        """Start and stop until exactly these signals run, as far as that can be.

        It may take some seconds when replies are lost; run it beside what must not
        wait. A signal that the strap refused is tried again when it is asked for
        otherwise; one whose replies were lost, after ``pmd_again_s``.
        """
        async with self._lock:
            if not self._usable:
                return
            wanted = {_MEASUREMENTS[ask.signal]: ask for ask in asks}
            try:
                for each in {**self._running, **dict.fromkeys(self._strays)}:
                    if each not in wanted:
                        await self._stop(each)
                for measurement, ask in wanted.items():
                    if self._is_due(measurement, ask):
                        await self._change(measurement, ask)
            except LinkError as error:
                self._give_up(error)

    async def close(self) -> None:
        """Stop all that runs or may run, within ``stop_s``; never raises.

        Also what somebody else may have left running on this strap: only what it said
        to be stopped is left alone. A :meth:`want` under way is cut short.
        """
        self._control.cut_short()
        loop = asyncio.get_running_loop()
        end_s = loop.time() + self._timing.stop_s
        with contextlib.suppress(TimeoutError, LinkError):
            async with asyncio.timeout(self._timing.stop_s), self._lock:
                left = [each for each in self._offered if each not in self._stopped]
                left.sort(key=lambda each: each not in self._running)  # ours first
                while self._usable and left:
                    share_s = (end_s - loop.time()) / len(left)
                    with contextlib.suppress(TimeoutError):
                        await self._control.exchange(Op.STOP, left.pop(0), share_s)
        self._running.clear()
        self._usable = False

    # --- One signal -----------------------------------------------------------------

    def _is_due(self, measurement: Measurement, ask: Ask) -> bool:
        if self._running.get(measurement) == ask:
            return False
        if measurement not in self._offered:
            self._tell(None, f"This strap offers no {_WORDS[measurement]}. {_ON}")
            return False
        failed, again_s = self._failed.get(measurement, (None, None))
        if failed != ask:
            return True
        return again_s is not None and asyncio.get_running_loop().time() >= again_s

    async def _change(self, measurement: Measurement, ask: Ask) -> None:
        if measurement in self._running:
            await self._stop(measurement)
        outcome = await self._start(measurement, ask)
        if outcome is Status.OK:
            self._running[measurement] = ask
            self._strays.discard(measurement)
            self._failed.pop(measurement, None)
        elif outcome is None:
            again_s = asyncio.get_running_loop().time() + self._timing.pmd_again_s
            self._failed[measurement] = (ask, again_s)
            self._tell(
                LinkReason.TIMEOUT,
                "The strap did not answer when it was asked for "
                f"{_WORDS[measurement]}. {_ON}",
            )
        else:
            self._failed[measurement] = (ask, None)
            because = _BECAUSE.get(outcome, f"(it answered {outcome.name})")
            self._tell(
                None, f"The strap does not send {_WORDS[measurement]} {because}. {_ON}"
            )

    async def _start(self, measurement: Measurement, ask: Ask) -> Status | None:
        """Start it; return ``OK``, why not, or ``None`` when no answer came."""
        offered = await self._ask_settings(measurement)
        if isinstance(offered, Status):
            return offered
        settings = chosen(measurement, offered, ask.rate_hz)
        self._stopped.discard(measurement)
        self._strays.discard(measurement)
        for attempt in range(self._timing.pmd_attempts):
            response = await self._control.ask(
                Op.START, measurement, settings=settings, attempts=1
            )
            if response is None:
                continue
            if status_of(response) is not Status.ALREADY_IN_STATE or attempt > 0:
                # The answer to an earlier attempt was lost: it was ours that started.
                return _started(response)
            # Left running from an earlier link, with settings that are not known.
            await self._stop(measurement)
            self._stopped.discard(measurement)
            response = await self._control.ask(Op.START, measurement, settings=settings)
            return None if response is None else _started(response)
        # Frames are an answer too.
        return Status.OK if measurement in self._strays else None

    async def _ask_settings(self, measurement: Measurement) -> Settings | Status:
        if measurement is Measurement.PPI:
            return Settings()  # it has none
        if measurement not in self._settings:
            response = await self._control.ask(Op.GET_SETTINGS, measurement)
            if response is None:
                return USUAL[measurement]
            if (status := status_of(response)) is not Status.OK:
                return status
            told = response.settings
            self._settings[measurement] = told if told.values else USUAL[measurement]
        return self._settings[measurement]

    async def _stop(self, measurement: Measurement) -> None:
        response = await self._control.ask(Op.STOP, measurement)
        self._running.pop(measurement, None)
        self._strays.discard(measurement)
        if response is not None and status_of(response) in (
            Status.OK,
            Status.ALREADY_IN_STATE,
        ):
            self._stopped.add(measurement)

    # --- What comes -----------------------------------------------------------------

    def _data(self, short: str, data: bytes) -> None:
        """Take a frame: called by the radio, never raises."""
        self._receive(short, data)
        measurement = data[0] & 0x3F if data else None
        for each in SIGNALS:
            # Nobody here started it: an earlier link did, or a process that was killed.
            # That may show before it is read what the strap offers.
            if each == measurement and each not in self._running:
                self._strays.add(each)

    def _stopped_itself(self, stopped: Stopped) -> None:
        """Note it, so that the next :meth:`want` starts it again."""
        for each in tuple(self._running):
            if not stopped.measurements or each in stopped.measurements:
                del self._running[each]
                self._stopped.add(each)

    def _give_up(self, error: LinkError) -> None:
        """Ask nothing more of this link; a lost one is noticed elsewhere."""
        if self._control.closing:
            return
        self._usable = False
        log.debug("no more signals over this link: %s", error.reason)
        if error.reason is LinkReason.PAIRING_NEEDED:
            self._tell(
                LinkReason.PAIRING_NEEDED,
                "For more than the heart rate the strap wants to be paired: pair it in "
                f"the system's Bluetooth settings. {_ON}",
            )

    def _tell(self, reason: LinkReason | None, advice: str) -> None:
        if advice not in self._said:
            self._said.add(advice)
            self._say(reason, advice)


def _started(response: Response) -> Status:
    status = status_of(response)
    return Status.OK if status is Status.ALREADY_IN_STATE else status
