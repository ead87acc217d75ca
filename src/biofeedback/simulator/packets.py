"""RR intervals as the 0x2A37 packets that a strap would have sent. Sans-I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from biofeedback.simulator.strap import Silence, SimulatedStrap
from biofeedback.wire.heart_rate import MAX_RR, HeartRateMeasurement

NS_PER_S = 1_000_000_000
COUNTS_PER_S = 1024
HR_BEATS = 5
"""Straps smooth the rate they show over a few beats."""


def packets_from_rr(rr_ms: Iterable[float]) -> Iterator[tuple[int, bytes]]:
    """Yield ``(t_ns, packet)`` once a second, until every interval has been sent.

    A packet holds the intervals that were completed in its second, rounded to
    1/1024 s; in a second without a beat it holds none. The first interval begins at
    zero. Nothing is lost and nothing is sent before it has ended.

    >>> [(t, p.hex()) for t, p in packets_from_rr([1000.0, 500.0, 500.0])]
    [(1000000000, '103c0004'), (2000000000, '105a00020002')]

    Raises
    ------
    ValueError
        If an interval cannot be sent: not above zero, or longer than 63.9 s.
    """
    second = 1
    elapsed = 0
    waiting: deque[int] = deque()
    recent: deque[int] = deque(maxlen=HR_BEATS)

    def packet() -> tuple[int, bytes]:
        rr = tuple(waiting.popleft() for _ in range(min(MAX_RR, len(waiting))))
        recent.extend(rr)
        hr_bpm = round(60 * COUNTS_PER_S * len(recent) / sum(recent)) if recent else 0
        measurement = HeartRateMeasurement(
            hr_bpm=min(hr_bpm, 0xFFFF), rr_1024=rr or None, wide=hr_bpm > 0xFF
        )
        return second * NS_PER_S, bytes(measurement)

    for interval_ms in rr_ms:
        counts = round(interval_ms * COUNTS_PER_S / 1000)
        if not 0 < counts <= 0xFFFF:
            raise ValueError(f"an RR interval of {interval_ms} ms cannot be sent")
        elapsed += counts
        while elapsed > second * COUNTS_PER_S:
            yield packet()
            second += 1
        waiting.append(counts)
    while waiting:
        yield packet()
        second += 1


def packets_from_heart(
    strap: SimulatedStrap, seconds: int | None = None
) -> Iterator[tuple[int, bytes]]:
    """Yield the heart rate packets of a simulated strap, without end by default."""
    second = 0
    while seconds is None or second < seconds:
        second += 1
        for sent in strap.advance(second * NS_PER_S):
            if not isinstance(sent, Silence) and sent.characteristic == "2a37":
                yield sent.t_ns, sent.data
