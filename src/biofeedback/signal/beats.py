"""Beat times from summed RR intervals.

RR values are the truth; the arrival of a notification only places the segment they
belong to on the session's clock.
"""

from __future__ import annotations

import statistics
from collections import deque
from typing import TypeAlias

from biofeedback.model import Beat
from biofeedback.signal.bounds import JITTER_NS, Bounds

Packet: TypeAlias = tuple[int, tuple[int, ...]]
"""When a packet arrived (ns), and its RR counts."""

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

HOLD_NS = 250 * NS_PER_MS
"""After a stall a host delivers what it had queued within milliseconds (1,000
notifications in 8 ms were measured), so after this long nothing more is to come."""

EARLY_NS = 150 * NS_PER_MS
"""Nothing arrives before its beat: a packet that is so much too early holds intervals
in which no time passed."""

LONG_RR = 8
"""Intervals of which the longest bounds how late a packet is by itself."""

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

    Within a segment a beat's time is an anchor plus the sum of all RR so far. Where the
    anchor lies the lags (arrival minus sum) bound from both sides: a notification comes
    after the beats it holds, so the anchor is below the smallest lag of the last
    minutes; and before the next beat, so it is above the largest lag less the interval
    that follows. Half-way between the bounds is the best guess, and half their distance
    what it may be off by. A heart locked to the strap's own second leaves them a whole
    interval apart; any other closes them within half a minute. A strap that sends at
    each beat lies at the upper one. Both lean with the drift between the clocks. The
    anchor moves slowly, so times rise steadily while the intervals stay exact.

    A new segment begins when :meth:`break_segment` was called, when the sum has fallen
    behind the arrivals by more than sending and jitter explain, or by a beat where a
    notification is missing (RR were lost), and when it has run ahead of them: the RR
    of a segment never add up to more time than has passed. A packet that comes late is
    first held back for a moment: if the rest of a queue follows at once, the host had
    only stalled, nothing is missing and the segment goes on.

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
        self._last_ns: int | None = None  # the newest beat, in any segment
        self._gaps: deque[int] = deque(maxlen=GAPS)
        self._usual_ns = 0  # their median
        self._packet_ns: int | None = None  # the newest notification
        self._before_ns: int | None = None  # the one before it
        self._held: list[Packet] = []
        self._forget()

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
        packet = (t_ns, counts)
        if self._held:
            self._held.append(packet)
            if self._begun and self._in_time(self._held):
                beats += self._catch_up()
        elif not self._begun:
            if self._index == 0:
                beats += self._begin([packet])
            else:
                self._held = [packet]  # what queued up during the gap may follow
        else:
            late_ns = self._lateness([packet])
            # A packet is seldom early, and how early it may be takes a while to say.
            if late_ns < -EARLY_NS and late_ns < -self._early_ns:
                self.break_segment()
                beats += self._begin([packet])
            elif late_ns <= self._late_ns and not self._one_is_missing(packet):
                beats += self._append(packet)
            else:
                self._held = [packet]
        return tuple(beats)

    def hear(self, t_ns: int) -> None:
        """Note that a packet came, with RR or without: how often tells the wait.

        To be called before :meth:`measure` is given what the packet holds.
        """
        if self._packet_ns is not None and t_ns - self._packet_ns > HOLD_NS:
            self._gaps.append(t_ns - self._packet_ns)  # not of a queue
            self._usual_ns = statistics.median_low(self._gaps)
        self._before_ns, self._packet_ns = self._packet_ns, t_ns

    def expect_every(self, period_ns: int) -> None:
        """Say how often packets come from now on; another rhythm, another segment."""
        if period_ns != self._period_ns:
            self.break_segment()
            self._period_ns = period_ns

    def break_segment(self) -> None:
        """Say that beats may be missing from here on: link lost, silence.

        What is still held back belongs behind the break as well.
        """
        if self._begun:
            self._forget()
            self._segment += 1

    def flush(self) -> tuple[Beat, ...]:
        """Return what is still held back, at the end of a session."""
        return tuple(self._release())

    # --- In time, late, early -----------------------------------------------------

    def _in_time(self, packets: list[Packet]) -> bool:
        """Whether the newest of ``packets`` is not too late for the segment."""
        return self._lateness(packets) <= self._late_ns

    @property
    def _early_ns(self) -> int:
        """What a packet may seem early by, as the edge is not known better."""
        early_ns = EARLY_NS + self._bounds.doubt_ns(self._now_ns, self._wait_ns)
        apart_ns = self._bounds.apart_ns(self._now_ns)
        if apart_ns is not None:  # nor before what the lower bound allows
            early_ns = min(early_ns, EARLY_NS + JITTER_NS + max(apart_ns, 0))
        return early_ns

    def _lateness(self, packets: list[Packet]) -> int:
        """How much later than the earliest the newest of ``packets`` came."""
        total = self._sum + sum(self._time(counts) for _, counts in packets)
        now_ns = rr_ns(total)
        return packets[-1][0] - now_ns - self._bounds.upper_ns(now_ns)

    def _one_is_missing(self, packet: Packet) -> bool:
        """Whether a notification did not come, and beats with it."""
        heard = self._before_ns is not None and self._packet_ns == packet[0]
        if not heard or len(self._gaps) < GAPS // 2:
            return False
        usual_ns = self._usual_ns
        assert self._before_ns is not None
        if packet[0] - self._before_ns < 8 * usual_ns // 5:
            return False
        lag_ns = packet[0] - rr_ns(self._sum + self._time(packet[1]))
        missing_ns = max(usual_ns // 2, 3 * max(self._recent_ns, default=0) // 5)
        return lag_ns - self._lag_ns > missing_ns

    @property
    def _wait_ns(self) -> int:
        """How long a beat may wait to be sent."""
        usual_ns = self._usual_ns
        slow_ns = min(usual_ns, LONGEST_NS) if usual_ns > SLOW_NS else 0
        return max(self._period_ns, slow_ns)

    @property
    def _late_ns(self) -> int:
        """What a packet may be late by without anything being lost.

        A strap that sends each second never waits for longer than the next interval.
        """
        wait_ns = self._wait_ns
        if wait_ns == PERIOD_NS and len(self._recent_ns) == LONG_RR:
            wait_ns = min(wait_ns, 5 * max(self._recent_ns) // 4)
        return wait_ns + JITTER_NS

    def _time(self, counts: tuple[int, ...]) -> int:
        """How much time passed over ``counts``."""
        return sum(count for count in counts if count >= self.shortest)

    def _catch_up(self) -> list[Beat]:
        """Go on with the segment: the queue of a stalled host is through."""
        held, self._held = self._held, []
        return [beat for packet in held for beat in self._append(packet)]

    def _release(self) -> list[Beat]:
        """Nothing more came: RR are missing before what was held."""
        held, self._held = self._held, []
        if not held:
            return []
        self.break_segment()
        return self._begin(held)

    # --- Beats ----------------------------------------------------------------------

    def _forget(self) -> None:
        """Begin to learn where a segment lies."""
        self._begun = False
        self._sum = 0  # counts since the segment began
        self._anchor_ns = 0
        self._lag_ns = 0  # of the newest packet
        self._bounds = Bounds()
        self._recent_ns: deque[int] = deque(maxlen=LONG_RR)
        self._arrived_ns = 0  # the newest packet of the segment

    def _begin(self, packets: list[Packet]) -> list[Beat]:
        self._begun = True
        total = 0
        for t_ns, counts in packets:
            total += self._time(counts)
            self._bounds.sent(rr_ns(total), t_ns)
        self._anchor_ns = self._bounds.upper_ns(rr_ns(total))
        if self._last_ns is not None:
            # Beats never go back in time, whatever the arrivals say.
            self._anchor_ns = max(self._anchor_ns, self._last_ns)
        beats: list[Beat] = []
        for packet in packets:
            beats += self._place(packet[1])
            self._note(packet)
        return beats

    def _append(self, packet: Packet) -> list[Beat]:
        t_ns, counts = packet
        # The first of these beats came after the notification before.
        first_ns = rr_ns(self._sum + self._time(counts[:1]))
        self._bounds.not_sent_yet(first_ns, self._before(t_ns))
        self._bounds.sent(rr_ns(self._sum + self._time(counts)), t_ns)
        beats = self._place(counts)
        self._note(packet)
        return beats

    def _before(self, t_ns: int) -> int:
        """Return when the notification before that of ``t_ns`` came."""
        heard_ns = self._before_ns if self._packet_ns == t_ns else None
        return max(self._arrived_ns, heard_ns or 0)

    def _note(self, packet: Packet) -> None:
        t_ns, counts = packet
        lag_ns = t_ns - self._now_ns
        if self._arrived_ns:
            self._bounds.follow(t_ns - self._arrived_ns, lag_ns - self._lag_ns)
        self._arrived_ns, self._lag_ns = t_ns, lag_ns
        self._recent_ns.extend(rr_ns(c) for c in counts if c >= self.shortest)

    def _place(self, counts: tuple[int, ...]) -> list[Beat]:
        beats = []
        wait_ns = self._wait_ns
        for count in counts:
            if count >= self.shortest:
                self._sum += count
            now_ns = self._now_ns
            goal_ns = self._bounds.goal_ns(now_ns)
            if count >= self.shortest:
                step = rr_ns(count) // SLEW
                change = goal_ns - self._anchor_ns
                self._anchor_ns += max(-step, min(step, change))
            beat_ns = self._anchor_ns + now_ns
            off_ns = abs(self._anchor_ns - goal_ns)
            beats.append(
                Beat(
                    index=self._index,
                    segment=self._segment,
                    t_ns=beat_ns,
                    rr_ms=rr_ms(count),
                    uncertainty_ms=(self._bounds.doubt_ns(now_ns, wait_ns) + off_ns)
                    / NS_PER_MS,
                )
            )
            self._index += 1
            self._last_ns = beat_ns
        return beats

    @property
    def _now_ns(self) -> int:
        return rr_ns(self._sum)
