"""Where a strap's beats lie on the session's clock: two bounds, and a best guess."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from biofeedback.signal.envelope import LowerEdge

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

JITTER_NS = 300 * NS_PER_MS
"""What radio and host may add to that without anything being lost."""

BUCKET_NS, STRETCHES, RECENT = 10 * NS_PER_S, 180, 30
"""Of each ten seconds the smallest lag is remembered: half an hour for the drift, five
minutes for the edge."""

USUAL_DRIFT_PPM = 40
"""What two crystals may be apart until it is known."""

RHYTHM = 60
"""Packets that tell whether a strap sends by a clock, or at each beat."""

NOW_AND_THEN = 8
"""Packets after which the rhythm is looked at again: it does not change."""


class Bounds:
    """Bounds the anchor of a segment: what is added to summed RR to give a time.

    A notification comes after the beats it holds, so the anchor is at most the smallest
    lag (arrival minus sum); and before the next beat, so it is at least the largest
    arrival minus the sum up to that beat. Both lean with the drift between the clocks.
    """

    def __init__(self) -> None:
        self._above = LowerEdge(BUCKET_NS, STRETCHES, RECENT)
        self._below = LowerEdge(BUCKET_NS, STRETCHES, RECENT)  # turned upside down
        self._drift: float | None = None
        self._rhythm: deque[tuple[int, int]] = deque(maxlen=RHYTHM)
        self._n_packets = 0
        self._at_once = False

    def sent(self, now_ns: int, arrival_ns: int) -> None:
        """Learn that a beat, ``now_ns`` by summed RR, had arrived by then."""
        if self._above.add(now_ns, arrival_ns - now_ns):
            self._drift = self._above.drift
            self._above.lean(self._drift or 0.0)
            self._below.lean(-(self._drift or 0.0))

    def not_sent_yet(self, now_ns: int, arrival_ns: int) -> None:
        """Learn that a beat, ``now_ns`` by summed RR, was not in what came then."""
        self._below.add(now_ns, now_ns - arrival_ns)

    def follow(self, gap_ns: int, change_ns: int) -> None:
        """Note the time since the last packet, and how much the lag has changed."""
        self._rhythm.append((gap_ns, change_ns))
        self._n_packets += 1
        if self._n_packets % NOW_AND_THEN == 0:
            self._at_once = _at_once(self._rhythm)

    def upper_ns(self, now_ns: int) -> int:
        """Return the upper bound."""
        return self._above.at(now_ns)

    def apart_ns(self, now_ns: int) -> int | None:
        """Return how far the bounds are apart; ``None`` while there is only one."""
        return self._above.at(now_ns) + self._below.at(now_ns) if self._below else None

    def goal_ns(self, now_ns: int) -> int:
        """Return the best guess: half-way, or the upper of a strap that sends at once.

        Bounds cross by jitter; then the upper one is right.
        """
        upper_ns = self._above.at(now_ns)
        if self._at_once or not self._below:
            return upper_ns
        return upper_ns - max(upper_ns + self._below.at(now_ns), 0) // 2

    def doubt_ns(self, now_ns: int, wait_ns: int) -> int:
        """Return how far the guess may be off; ``wait_ns`` while one bound is known."""
        jitter_ns = JITTER_NS // 6
        if self._drift is None:
            learnt_ns = min(now_ns, RECENT * BUCKET_NS)
            jitter_ns += learnt_ns * USUAL_DRIFT_PPM // 1_000_000
        apart_ns = self.apart_ns(now_ns)
        if apart_ns is None:
            return wait_ns + jitter_ns
        return abs(apart_ns) // 2 + jitter_ns


def _at_once(rhythm: Collection[tuple[int, int]]) -> bool:
    """Say whether a strap sends at each beat: arrivals vary, and lags do not.

    ``rhythm`` holds, for each packet, the time since the one before and how much the
    lag has changed.
    """
    n = len(rhythm)
    if n < RHYTHM // 4:
        return False
    usual_ns = sum(gap for gap, _ in rhythm) // n
    uneven_ns = sum(abs(gap - usual_ns) for gap, _ in rhythm)
    return 2 * sum(abs(change) for _, change in rhythm) < uneven_ns
