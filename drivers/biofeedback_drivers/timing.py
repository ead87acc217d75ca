"""How long a link may wait, and for what. Pure: time and chance are arguments."""

from __future__ import annotations

import random

from biofeedback.model import Value

NS_PER_S = 1_000_000_000


class Timing(Value, frozen=True, kw_only=True):
    """Every wait of the driver, in seconds.

    ``connect_s`` bounds all attempts of one connect together (bleak-retry-connector
    alone would try for minutes). ``silence_s`` is the least silence that counts as a
    stall, and ``silence_intervals`` the same in usual intervals between packets.
    """

    status_s: float = 5.0
    scan_window_s: float = 10.0
    connect_s: float = 30.0
    introduce_s: float = 6.0
    read_s: float = 3.0
    subscribe_s: float = 10.0
    disconnect_s: float = 5.0
    silence_s: float = 5.0
    silence_intervals: float = 5.0
    backoff_min_s: float = 0.5
    backoff_max_s: float = 30.0
    steady_s: float = 30.0
    remind_s: float = 60.0


class Backoff:
    """Waits that double from ``backoff_min_s`` to ``backoff_max_s``, with jitter.

    Jitter keeps several straps that fell out together from coming back together.
    """

    def __init__(self, timing: Timing, chance: random.Random) -> None:
        self._timing = timing
        self._chance = chance
        self._attempt = 0

    def next_s(self) -> float:
        """Return the next wait: between half and all of its step."""
        step_s = self._timing.backoff_min_s * 2.0**self._attempt
        if step_s < self._timing.backoff_max_s:
            self._attempt += 1
        step_s = min(step_s, self._timing.backoff_max_s)
        return step_s * self._chance.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Begin anew, after the link was steady."""
        self._attempt = 0


class Watchdog:
    """Knows when a strap has been silent for too long.

    The only proof of a link is data: after a crash of the Bluetooth service, Bleak
    says "connected" for ever.
    """

    def __init__(self, timing: Timing, t_ns: int) -> None:
        self._timing = timing
        self._usual_ns: float | None = None
        self.last_ns = t_ns
        self.first_ns: int | None = None

    def heard(self, t_ns: int) -> None:
        """Note a packet at ``t_ns``."""
        if self.first_ns is None:
            self.first_ns = t_ns
        else:
            gap_ns = t_ns - self.last_ns
            limit_ns = self._timing.silence_s * NS_PER_S
            # Neither a burst after a stall nor the stall itself is the usual.
            if 0 < gap_ns < limit_ns:
                usual_ns = self._usual_ns if self._usual_ns is not None else gap_ns
                self._usual_ns = usual_ns + (gap_ns - usual_ns) / 8
        self.last_ns = t_ns

    @property
    def deadline_ns(self) -> int:
        """When silence becomes a stall: max(``silence_s``, 5 × the usual interval)."""
        limit_ns = max(
            self._timing.silence_s * NS_PER_S,
            self._timing.silence_intervals * (self._usual_ns or 0),
        )
        return self.last_ns + round(limit_ns)

    @property
    def steady(self) -> bool:
        """Whether data came for long enough to trust the link again."""
        if self.first_ns is None:
            return False
        return self.last_ns - self.first_ns >= self._timing.steady_s * NS_PER_S
