"""A strap around the simulated heart: it speaks 0x2A37 bytes, once a second.

Sans-I/O: ask it with :meth:`SimulatedStrap.advance` what it would have sent by now.
Real straps behave so: about one notification a second, holding the intervals that
were completed since the last one, in 1/1024 s, the oldest first.
"""

from __future__ import annotations

from collections.abc import Iterator

from biofeedback.model import Notification, Strap, Value
from biofeedback.simulator.heart import Breath, Heart, HeartProfile, natural_breath
from biofeedback.wire.battery import BatteryLevel
from biofeedback.wire.heart_rate import HeartRateMeasurement

NS_PER_S = 1_000_000_000
COUNTS_PER_S = 1024
LATENCY_S = 0.4
"""From a beat until a strap may send it (0.4–2.6 s by model, Physiol. Meas. 46)."""

BATTERY_EVERY_S = 60


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
    """

    name = "Simulated heart"

    def __init__(self, profile: HeartProfile, seed: int) -> None:
        self.profile = profile
        self._heart = Heart(profile, seed)
        self._beat_s = 0.0
        self._beat_counts = 0
        self._waiting: list[tuple[float, int]] = []
        self._recent: tuple[int, ...] = ()
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
        )

    def advance(
        self, t_ns: int, breath: Breath = natural_breath
    ) -> Iterator[Notification | Silence]:
        """Yield what happens on the air up to ``t_ns``, oldest first.

        During a dropout the heart goes on and its beats are lost, as they are when
        someone walks out of reach.
        """
        while (self._sent_s + 1) * NS_PER_S <= t_ns:
            self._sent_s += 1
            second = self._sent_s
            while self._beat_s <= second - LATENCY_S:
                self._beat(breath)
            off = self._dropped_out(second)
            if off != self._off:
                self._off = off
                yield Silence(t_ns=second * NS_PER_S, off=off)
            rr = tuple(
                counts for end_s, counts in self._waiting if end_s <= second - LATENCY_S
            )
            self._waiting = self._waiting[len(rr) :]
            if off:
                continue
            yield Notification(
                t_ns=second * NS_PER_S,
                source="strap",
                characteristic="2a37",
                data=bytes(
                    HeartRateMeasurement(
                        hr_bpm=self._hr_bpm(), contact=True, rr_1024=rr or None
                    )
                ),
            )
            if second % BATTERY_EVERY_S == 1:
                yield Notification(
                    t_ns=second * NS_PER_S,
                    source="strap",
                    characteristic="2a19",
                    data=bytes(BatteryLevel(pct=100)),
                )

    def _beat(self, breath: Breath) -> None:
        rr_ms = self._heart.next_rr_ms(self._beat_s, breath)
        # Beats lie on the strap's own grid, so that summed RR is exact for ever.
        counts = round(rr_ms * COUNTS_PER_S / 1000)
        self._beat_counts += counts
        self._beat_s = self._beat_counts / COUNTS_PER_S
        self._waiting.append((self._beat_s, counts))
        self._recent = (*self._recent[-4:], counts)

    def _hr_bpm(self) -> int:
        if not self._recent:
            return 0
        return round(60 * COUNTS_PER_S * len(self._recent) / sum(self._recent))

    def _dropped_out(self, second: int) -> bool:
        every = self.profile.dropout_every_s
        if every is None:
            return False
        return second >= every and second % every < self.profile.dropout_s
