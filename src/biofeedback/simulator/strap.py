"""A strap around the simulated heart: it speaks 0x2A37 bytes, once a second.

Sans-I/O: ask it with :meth:`SimulatedStrap.advance` what it would have sent by now.
Real straps behave so: about one notification a second, holding the intervals that
were completed since the last one, in 1/1024 s, the oldest first. Asked for it, it
measures ECG and acceleration too, as Polar's do.
"""

from __future__ import annotations

from collections.abc import Iterator

from biofeedback.model import Ask, Notification, Signal, Strap, Value
from biofeedback.simulator.body import Body
from biofeedback.simulator.heart import Breath, Heart, HeartProfile, natural_breath
from biofeedback.simulator.pmd import PmdServer
from biofeedback.simulator.pmd_make import H10_PMD
from biofeedback.simulator.waves import mean_bpm
from biofeedback.wire import uuids
from biofeedback.wire.battery import BatteryLevel
from biofeedback.wire.heart_rate import HeartRateMeasurement
from biofeedback.wire.polar_pmd import MEASUREMENTS, Setting, Settings, start, stop

NS_PER_S = 1_000_000_000
LATENCY_S = 0.4
"""From a beat until a strap may send it (0.4–2.6 s by model, Physiol. Meas. 46)."""

BATTERY_EVERY_S = 60
HR_BEATS = 5
"""Straps smooth the rate they show over a few beats."""

_USUAL_HZ = {Signal.ECG: 130, Signal.ACC: 50}


class Silence(Value, frozen=True):
    """A dropout that begins or ends: the strap is off the air."""

    t_ns: int
    off: bool


class SimulatedStrap:
    """A heart and the strap around it.

    Parameters
    ----------
    profile, seed
        Of the heart.

    Attributes
    ----------
    body
        Who wears it: every signal is made from the same beats.
    """

    name = "Simulated heart"

    def __init__(self, profile: HeartProfile, seed: int) -> None:
        self.profile = profile
        self.body = Body.of_heart(Heart(profile, seed))
        self._pmd = PmdServer(H10_PMD, self.body)
        self._asked: tuple[Ask, ...] = ()
        self._running: tuple[Ask, ...] = ()
        self._now_ns = 0
        self._sent_s = 0
        self._off = False

    @property
    def strap(self) -> Strap:
        """What the strap says of itself."""
        return Strap(
            name=self.name,
            model=f"Simulated ({self.profile.name})",
            manufacturer="Biofeedback",
            battery_pct=100,
            body_location="chest",
            signals=(Signal.ECG, Signal.ACC),
        )

    @property
    def due_ns(self) -> int:
        """When it has something to send next."""
        frame_ns = self._pmd.due_ns
        second_ns = (self._sent_s + 1) * NS_PER_S
        return second_ns if frame_ns is None else min(frame_ns, second_ns)

    def ask(self, signals: tuple[Ask, ...]) -> None:
        """Measure these from now on, and nothing else beside the heart rate.

        The commands and the answers, as a driver would write and get them, come out
        of the next :meth:`advance`; what the strap cannot measure it refuses.
        """
        self._asked = signals

    def advance(
        self, t_ns: int, breath: Breath = natural_breath
    ) -> Iterator[Notification | Silence]:
        """Yield what happens on the air up to ``t_ns``, oldest first.

        During a dropout the heart goes on and its beats are lost, as they are when
        someone walks out of reach.
        """
        self.body.breath = breath
        if not self._off:
            yield from self._command()
        while (due_ns := self.due_ns) <= t_ns:
            self._now_ns = due_ns
            if due_ns == (self._sent_s + 1) * NS_PER_S:
                yield from self._second()
            for frame in self._pmd.advance(due_ns):
                if not self._off:
                    yield self._sent(uuids.PMD_DATA, frame)
        self._now_ns = max(self._now_ns, t_ns)

    def _second(self) -> Iterator[Notification | Silence]:
        self._sent_s += 1
        second = self._sent_s
        off = self._dropped_out(second)
        if off != self._off:
            self._off = off
            yield Silence(t_ns=second * NS_PER_S, off=off)
        heard_s = second - LATENCY_S
        rr = self.body.intervals(heard_s - 1, heard_s)
        if off:
            return
        hr_bpm = mean_bpm(self.body.recent(heard_s, HR_BEATS))
        measurement = HeartRateMeasurement(
            hr_bpm=hr_bpm, contact=True, rr_1024=rr or None
        )
        yield self._sent(uuids.HEART_RATE_MEASUREMENT, bytes(measurement))
        if second % BATTERY_EVERY_S == 1:
            yield self._sent(uuids.BATTERY_LEVEL, bytes(BatteryLevel(pct=100)))

    def _command(self) -> Iterator[Notification]:
        gone = [each for each in self._running if each not in self._asked]
        new = [each for each in self._asked if each not in self._running]
        self._running = self._asked
        for each in gone:
            yield from self._write(stop(MEASUREMENTS[each.signal]))
        for each in new:
            settings = Settings()
            offer = H10_PMD.offer(MEASUREMENTS[each.signal])
            if offer is not None:
                settings = Settings.of(
                    (Setting.RATE, each.rate_hz or _USUAL_HZ[each.signal]),
                    *(
                        (setting, values[0])
                        for setting, values in offer.settings.values
                        if setting is not Setting.RATE
                    ),
                )
            yield from self._write(start(MEASUREMENTS[each.signal], settings))

    def _write(self, command: bytes) -> Iterator[Notification]:
        yield self._sent(uuids.PMD_WRITTEN, command)
        for answer in self._pmd.write(command, self._now_ns):
            yield self._sent(uuids.PMD_CONTROL_POINT, answer)

    def _sent(self, characteristic: str, data: bytes) -> Notification:
        return Notification(
            t_ns=self._now_ns, source="strap", characteristic=characteristic, data=data
        )

    def _dropped_out(self, second: int) -> bool:
        every = self.profile.dropout_every_s
        if every is None:
            return False
        return second >= every and second % every < self.profile.dropout_s
