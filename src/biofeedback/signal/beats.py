"""Beat times from summed RR intervals.

RR values are the truth; the arrival of a notification only places the segment they
belong to on the session's clock.
"""

from __future__ import annotations

import statistics
from collections import deque

from biofeedback.model import Beat

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

PERIOD_NS = NS_PER_S
"""Straps notify once a second, so a beat waits up to this long to be sent."""

SLOW_NS = 3 * PERIOD_NS // 2
"""Packets that usually lie further apart come from a slower strap."""

LONGEST_NS = 2 * NS_PER_S
"""A beat waits no longer for a packet than for the next beat, whatever the strap."""

GAPS = 9
"""Gaps between packets whose median is the usual one."""

JITTER_NS = 300 * NS_PER_MS
"""What radio and host may add to that without anything being lost."""

HOLD_NS = 250 * NS_PER_MS
"""After a stall a host delivers what it had queued within milliseconds (1,000
notifications in 8 ms were measured), so after this long nothing more is to come."""

MEMORY = 120
"""Packets that the lower envelope of the lags looks back on (two minutes)."""

SLEW = 16
"""Times are corrected by at most 1/16 of an interval per beat: they never jump."""


def rr_ms(count: int) -> float:
    """Return an RR interval of ``count``/1024 s in ms: exact in binary.

    >>> rr_ms(1024)
    1000.0
    >>> rr_ms(1)
    0.9765625
    """
    return count * 125 / 128


def rr_ns(count: int) -> int:
    """Return ``count``/1024 s in whole nanoseconds (rounded down by at most ½ ns)."""
    return count * 1_953_125 // 2


class BeatClock:
    """Turns the RR counts of one strap into beats on the session's clock.

    Within a segment a beat's time is an anchor plus the sum of all RR so far. The
    anchor is the smallest lag (arrival minus sum) of the last two minutes, because a
    notification can come late but never before its beat. It is approached slowly, so
    times rise steadily while the intervals stay exact.

    A new segment begins when :meth:`break_segment` was called, when the sum has
    fallen behind the arrivals by more than a notification's period (at least a
    second; for a strap that sends seldom, its usual gap) and jitter explain (RR were
    lost), or when it has run ahead of them (RR were added). A packet
    that comes late is first held back for a moment: if the rest of a queue follows at
    once, the host had only stalled, nothing is missing and the segment goes on.

    ``uncertainty_ms`` bounds the error against the arrivals' clock. The strap's own
    constant delay (0.4 to 2.6 s, Physiol. Meas. 46 (2025) 085001) cannot be seen from
    here and is not in it.

    Attributes
    ----------
    shortest
        RR counts below this were made by no heart (a Garmin HRM-Dual adds some of
        about 50 ms): each becomes a beat for the record, at the time of the one before
        it, and moves nothing. By default every count is taken for time that passed.
    """

    def __init__(self) -> None:
        self.shortest = 1
        self._period_ns = PERIOD_NS
        self._index = 0
        self._segment = 0
        self._sum = 0  # counts since the segment began
        self._anchor_ns = 0
        self._last_ns: int | None = None  # the newest beat, in any segment
        self._lags: deque[int] = deque(maxlen=MEMORY)
        self._gaps: deque[int] = deque(maxlen=GAPS)
        self._packet_ns: int | None = None
        self._held: list[tuple[int, tuple[int, ...]]] = []

    @property
    def segment(self) -> int:
        """The segment that the next beat will belong to."""
        return self._segment

    def measure(self, t_ns: int, rr_1024: tuple[int, ...]) -> tuple[Beat, ...]:
        """Take the RR counts of a packet that arrived at ``t_ns``.

        Returns the beats that are settled by now, oldest first: usually those of this
        packet; none while it is held back; those held before as well. Without RR (a
        packet with a heart rate only, a tick) it only lets time pass, which releases
        what was held.
        """
        beats: list[Beat] = []
        if self._held and t_ns - self._held[0][0] > HOLD_NS:
            beats += self._release()
        counts = tuple(count for count in rr_1024 if count > 0)
        if not counts:
            return tuple(beats)
        if self._held:
            self._held.append((t_ns, counts))
            if self._lags and self._lateness(self._held) <= self._late_ns:
                beats += self._catch_up()
            return tuple(beats)
        packet = [(t_ns, counts)]
        if not self._lags:
            if self._index == 0:
                beats += self._begin(packet)
            else:
                self._held = packet  # what queued up during the gap may follow
            return tuple(beats)
        if self._lateness(packet) > self._late_ns:
            self._held = packet
        elif self._runs_ahead(packet):
            self.break_segment()
            beats += self._begin(packet)
        else:
            beats += self._append(t_ns, counts)
        return tuple(beats)

    def hear(self, t_ns: int) -> None:
        """Note that a packet came, with RR or without: how often tells the wait."""
        if self._packet_ns is not None and t_ns - self._packet_ns > HOLD_NS:
            self._gaps.append(t_ns - self._packet_ns)  # not of a queue
        self._packet_ns = t_ns

    def expect_every(self, period_ns: int) -> None:
        """Say how often packets come from now on; another rhythm, another segment."""
        if period_ns != self._period_ns:
            self.break_segment()
            self._period_ns = period_ns

    def break_segment(self) -> None:
        """Say that beats may be missing from here on: link lost, silence.

        What is still held back belongs behind the break as well.
        """
        if self._lags:
            self._lags.clear()
            self._sum = 0
            self._segment += 1

    def flush(self) -> tuple[Beat, ...]:
        """Return what is still held back, at the end of a session."""
        return tuple(self._release())

    def _lateness(self, packets: list[tuple[int, tuple[int, ...]]]) -> int:
        """How much later than the envelope the newest of ``packets`` came."""
        total = self._sum + sum(self._time(counts) for _, counts in packets)
        return packets[-1][0] - rr_ns(total) - min(self._lags)

    def _runs_ahead(self, packet: list[tuple[int, tuple[int, ...]]]) -> bool:
        """Whether beats would be placed later than any packet can hold them."""
        ahead = min(self._lags) + self._lateness(packet) - self._anchor_ns
        return ahead < -self._late_ns

    @property
    def _wait_ns(self) -> int:
        """How long a beat may wait to be sent."""
        usual_ns = statistics.median_low(self._gaps) if self._gaps else 0
        slow_ns = min(usual_ns, LONGEST_NS) if usual_ns > SLOW_NS else 0
        return max(self._period_ns, slow_ns)

    @property
    def _late_ns(self) -> int:
        """What a packet may be late by without anything being lost."""
        return self._wait_ns + JITTER_NS

    def _time(self, counts: tuple[int, ...]) -> int:
        """How much time passed over ``counts``."""
        return sum(count for count in counts if count >= self.shortest)

    def _catch_up(self) -> list[Beat]:
        """Go on with the segment: the queue of a stalled host is through."""
        held, self._held = self._held, []
        beats: list[Beat] = []
        for t_ns, counts in held:
            beats += self._append(t_ns, counts)
        return beats

    def _release(self) -> list[Beat]:
        """Nothing more came: RR are missing before what was held."""
        held, self._held = self._held, []
        if not held:
            return []
        self.break_segment()
        return self._begin(held)

    def _begin(self, packets: list[tuple[int, tuple[int, ...]]]) -> list[Beat]:
        total = 0
        for t_ns, counts in packets:
            total += self._time(counts)
            self._lags.append(t_ns - rr_ns(total))
        self._anchor_ns = min(self._lags)
        if self._last_ns is not None:
            # Beats never go back in time, whatever the arrivals say.
            self._anchor_ns = max(self._anchor_ns, self._last_ns)
        beats: list[Beat] = []
        for _, counts in packets:
            beats += self._place(counts)
        return beats

    def _append(self, t_ns: int, counts: tuple[int, ...]) -> list[Beat]:
        self._lags.append(t_ns - rr_ns(self._sum + self._time(counts)))
        return self._place(counts)

    def _place(self, counts: tuple[int, ...]) -> list[Beat]:
        floor_ns = min(self._lags)
        beats = []
        for count in counts:
            if count >= self.shortest:
                step = rr_ns(count) // SLEW
                self._anchor_ns += max(-step, min(step, floor_ns - self._anchor_ns))
                self._sum += count
            beat_ns = self._anchor_ns + rr_ns(self._sum)
            error_ns = self._doubt_ns(floor_ns) + abs(self._anchor_ns - floor_ns)
            beats.append(
                Beat(
                    index=self._index,
                    segment=self._segment,
                    t_ns=beat_ns,
                    rr_ms=rr_ms(count),
                    uncertainty_ms=error_ns / NS_PER_MS,
                )
            )
            self._index += 1
            self._last_ns = beat_ns
        return beats

    def _doubt_ns(self, floor_ns: int) -> int:
        """How far the smallest lag may still be from a beat sent at once.

        Lags fill 0 to one period evenly unless the heart is locked to the strap's own
        second (60 bpm); what they have not covered stays in doubt. Of n even lags the
        smallest lies below 3/n of the period in 95 of 100 cases.
        """
        period_ns = self._wait_ns
        usual = [lag - floor_ns for lag in self._lags if lag - floor_ns <= period_ns]
        unseen = period_ns - max(usual)
        return max(unseen, 3 * period_ns // len(usual)) + JITTER_NS // 10
