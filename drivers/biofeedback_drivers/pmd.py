"""ECG, acceleration and pulse intervals of a connected Polar strap (PMD).

Nothing here ends the link: the heart rate goes on whatever becomes of the other
signals. What was started is always stopped, since an H10 stays switched on until its
battery is empty when its ECG was not (polar-ble-sdk, ``KnownIssues.md``).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable

from biofeedback.errors import LinkError
from biofeedback.model import Ask, LinkReason, Signal
from biofeedback.wire import uuids
from biofeedback.wire.polar_pmd import (
    MEASUREMENTS,
    SIGNALS,
    Features,
    Measurement,
    Op,
    Status,
    Stopped,
)
from biofeedback.wire.profiles import PLAIN, StrapProfile
from biofeedback_drivers import pmd_advice as advice
from biofeedback_drivers.pmd_commands import Commands
from biofeedback_drivers.pmd_control import ControlPoint, PolarLink, Receive
from biofeedback_drivers.timing import Timing

log = logging.getLogger(__name__)

Say = Callable[[LinkReason | None, str | None], None]
"""Takes a trouble with a signal: a reason where one fits, and advice. ``None``, twice:
it is over."""


class PolarStream:
    """The signals of one strap over one link.

    Call :meth:`open` once, :meth:`want` about once a second (it costs nothing when
    all is as wished), and :meth:`close` whatever happened. None of them raises for a
    reason of the strap or the radio; troubles with what is wanted are given to
    ``say``, each once.

    Parameters
    ----------
    link
        The connection.
    receive
        Takes all that the strap sends (``pmd_cp``, ``pmd_data``) and that is written
        to it (``pmd_cp_write``).
    timing
        ``pmd_reply_s``, ``pmd_attempts``, ``pmd_again_s``, ``pmd_silence_s`` and
        ``stop_s`` count here.
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
        self._commands = Commands(
            self._control, timing.pmd_attempts, lambda each: each in self._strays
        )
        self._lock = asyncio.Lock()
        self._listening: set[str] = set()
        self._opened = False
        self._open_again_s = 0.0
        self._trouble: advice.Trouble | None = None
        # What the model is known to have, until the strap was read.
        self._offered = _in_order({MEASUREMENTS[each] for each in profile.signals})
        self._running: dict[Measurement, Ask] = {}
        self._heard_s: dict[Measurement, float] = {}
        self._flowing: set[Measurement] = set()  # frames came since the last start
        self._stopped: set[Measurement] = set()  # the strap said so
        self._strays: set[Measurement] = set()  # frames that nobody here asked for
        # What was refused or went unanswered, and when to try it again.
        self._failed: dict[Measurement, tuple[Ask | None, float]] = {}
        self._said: set[str] = set()

    @property
    def offered(self) -> tuple[Signal, ...]:
        """The signals that the strap offers, as far as that is known."""
        return tuple(SIGNALS[each] for each in self._offered)

    async def open(self) -> tuple[Signal, ...]:
        """Listen, and return the signals that the strap offers; often none.

        What fails is tried again by :meth:`want`, after ``pmd_again_s``.
        """
        async with self._lock:
            await self._open()
        return self.offered

    async def want(self, asks: tuple[Ask, ...]) -> None:
        """Start and stop until exactly these signals run, as far as that can be.

        It may take some seconds when replies are lost; run it beside what must not
        wait. A signal that the strap refused is tried again when it is asked for
        otherwise; one whose replies were lost, after ``pmd_again_s``; and one that
        was started and sends nothing for ``pmd_silence_s`` is started anew.
        """
        async with self._lock:
            if not self._opened and self._open_again_s <= _now_s():
                await self._open()
            wanted = {MEASUREMENTS[ask.signal]: ask for ask in asks}
            unwanted = [*self._running, *self._strays - self._running.keys()]
            changes: list[tuple[Measurement, Ask | None]] = [
                *((each, None) for each in unwanted if each not in wanted),
                *wanted.items(),
            ]
            for measurement, ask in changes:
                if self._opened and self._is_due(measurement, ask):
                    await self._try(measurement, ask)
            if asks and self._trouble is not None:
                self._tell(*self._trouble)
            if self._said and wanted.keys() <= self._flowing:
                self._said.clear()
                self._say(None, None)  # all is as it was asked for

    async def close(self) -> None:
        """Stop all that runs or may run, within ``stop_s``; never raises.

        Also what somebody else may have left running on this strap: only what it said
        to be stopped is left alone. A :meth:`want` under way is cut short. Whatever
        was refused before, it is tried: the strap's battery depends on it.
        """
        self._control.cut_short()
        end_s = _now_s() + self._timing.stop_s
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timing.stop_s), self._lock:
                await self._stop_all(end_s)
        self._running.clear()
        self._opened = False

    # --- The whole --------------------------------------------------------------------

    async def _open(self) -> None:
        if self._control.closing or not self._link.connected:
            return
        if self._link.find(uuids.PMD_CONTROL_POINT) is None:
            self._offered, self._open_again_s = (), math.inf
            if self._profile.signals:
                self._trouble = advice.OLD
            return
        try:
            if uuids.PMD_CONTROL_POINT not in self._listening:
                await self._control.listen()
                self._listening.add(uuids.PMD_CONTROL_POINT)
            if uuids.PMD_DATA not in self._listening:
                await self._link.start(uuids.PMD_DATA, self._data)
                self._listening.add(uuids.PMD_DATA)
            data = await self._link.read(uuids.PMD_CONTROL_POINT)
        except LinkError as error:
            self._give_up(error)
            return
        if data is not None:
            self._offered = _in_order(set(Features.from_bytes(data).measurements))
        self._opened, self._trouble = True, None

    def _give_up(self, error: LinkError) -> None:
        """Ask nothing more for a while; a lost link is noticed elsewhere."""
        log.debug("no signals over this link now: %s", error.reason, exc_info=error)
        self._opened = False
        if error.reason is LinkReason.PAIRING_NEEDED:
            # Not again: each attempt may show a person a window of the system.
            self._open_again_s = math.inf
            self._trouble = advice.PAIR
            return
        self._open_again_s = _now_s() + self._timing.pmd_again_s
        self._trouble = advice.shut(error.reason, self._timing.pmd_again_s)

    async def _stop_all(self, end_s: float) -> None:
        ours = [*self._running, *self._strays]
        others = [each for each in self._offered if each not in self._stopped]
        left = list(dict.fromkeys((*ours, *others)))
        if self._link.find(uuids.PMD_CONTROL_POINT) is None:
            return
        while left and self._link.connected:
            share_s = (end_s - _now_s()) / len(left)
            with contextlib.suppress(TimeoutError, LinkError):
                async with asyncio.timeout(share_s):
                    await self._control.exchange(Op.STOP, left.pop(0), share_s)

    # --- One signal -------------------------------------------------------------------

    def _is_due(self, measurement: Measurement, ask: Ask | None) -> bool:
        if ask is not None:
            if self._running.get(measurement) == ask:
                return self._is_silent(measurement)
            if measurement not in self._offered:
                self._tell(*advice.missing(measurement))
                return False
        if measurement in self._failed:
            failed, again_s = self._failed[measurement]
            return failed != ask or _now_s() >= again_s
        return True

    def _is_silent(self, measurement: Measurement) -> bool:
        if _now_s() - self._heard_s[measurement] < self._timing.pmd_silence_s:
            return False
        self._tell(*advice.silent(measurement))
        return True

    async def _try(self, measurement: Measurement, ask: Ask | None) -> None:
        """Start it as asked, or stop it; what fails waits for its time."""
        self._failed.pop(measurement, None)
        again_s = self._timing.pmd_again_s
        try:
            if ask is None:
                done = await self._stop(measurement)
            else:
                outcome = await self._change(measurement, ask)
                done = outcome is Status.OK
                if not done:
                    again_s = math.inf  # it would say so again
                    self._tell(*advice.refused(measurement, outcome))
        except TimeoutError:
            done = False
            self._tell(*advice.unanswered(measurement))
        except LinkError as error:
            if self._control.closing or not self._link.connected:
                return
            if error.reason is LinkReason.PAIRING_NEEDED:
                self._give_up(error)
                return
            done = False
            if ask is not None:
                self._tell(*advice.unasked(measurement, error.reason))
        if not done:
            self._failed[measurement] = (ask, _now_s() + again_s)

    async def _change(self, measurement: Measurement, ask: Ask) -> Status:
        if measurement in self._running:
            await self._stop(measurement)
        self._stopped.discard(measurement)
        self._strays.discard(measurement)
        self._flowing.discard(measurement)
        outcome = await self._commands.start(measurement, ask.rate_hz)
        if outcome is Status.OK:
            self._running[measurement] = ask
            self._heard_s[measurement] = _now_s()
            self._strays.discard(measurement)
        return outcome

    async def _stop(self, measurement: Measurement) -> bool:
        stopped = await self._commands.stop(measurement)
        self._running.pop(measurement, None)
        self._strays.discard(measurement)
        self._flowing.discard(measurement)
        if stopped:
            self._stopped.add(measurement)
        return stopped

    # --- What comes -------------------------------------------------------------------

    def _data(self, short: str, data: bytes) -> None:
        """Take a frame: called by the radio, never raises."""
        self._receive(short, data)
        measurement = data[0] & 0x3F if data else None
        for each in SIGNALS:
            if each != measurement:
                continue
            self._heard_s[each] = _now_s()
            self._flowing.add(each)
            if each not in self._running:
                # Nobody here started it: an earlier link did, or a process that was
                # killed. That may show before it is read what the strap offers.
                self._strays.add(each)

    def _stopped_itself(self, stopped: Stopped) -> None:
        """Note it, so that the next :meth:`want` starts it again."""
        for each in tuple(self._running):
            if not stopped.measurements or each in stopped.measurements:
                del self._running[each]
                self._flowing.discard(each)
                self._stopped.add(each)

    def _tell(self, reason: LinkReason | None, words: str) -> None:
        if words not in self._said:
            self._said.add(words)
            self._say(reason, words)


def _in_order(measurements: set[Measurement]) -> tuple[Measurement, ...]:
    return tuple(each for each in SIGNALS if each in measurements)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
