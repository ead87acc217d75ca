"""How long a link may wait, and for what. Pure: time and chance are arguments."""

from __future__ import annotations

import random
from collections import deque

from biofeedback.model import Value

NS_PER_S = 1_000_000_000

PERIODIC = (
    "It breaks off after about {period_s:.0f} s each time, which is mostly the fault "
    "of the connection parameters: on Linux, set MinConnectionInterval, "
    "MaxConnectionInterval and ConnectionSupervisionTimeout under [LE] in "
    "/etc/bluetooth/main.conf, then restart the Bluetooth service."
)
"""What is known of such drops: bluez/bluez#847, IanHarvey/bluepy#53, OpenHRV#39."""


class Timing(Value, frozen=True, kw_only=True):
    """Every wait of the driver, in seconds.

    ``connect_s`` bounds all attempts of one connect together (bleak-retry-connector
    alone would try for minutes). ``silence_s`` is the least silence that counts as a
    stall, and ``silence_intervals`` the same in usual intervals between packets.
    ``stop_s`` and ``disconnect_s`` bound a goodbye: together with the end of the
    Polar signals (within ``stop_s`` as well) it stays below five seconds.
    ``pmd_reply_s`` bounds the wait for a reply of a Polar strap, ``pmd_attempts`` how
    often a command is given, and ``pmd_again_s`` is the pause after all were in vain.
    A signal that was started may be silent for ``pmd_silence_s``: the first frames
    take up to half a minute (PPI, and at times ECG).
    """

    status_s: float = 5.0
    scan_window_s: float = 10.0
    scan_renew_s: float = 2.0
    connect_s: float = 30.0
    pair_s: float = 60.0
    introduce_s: float = 6.0
    read_s: float = 3.0
    subscribe_s: float = 10.0
    stop_s: float = 1.0
    disconnect_s: float = 2.5
    silence_s: float = 5.0
    silence_intervals: float = 5.0
    others_s: float = 30.0
    backoff_min_s: float = 0.5
    backoff_max_s: float = 30.0
    steady_s: float = 30.0
    away_s: float = 2.0
    remind_s: float = 60.0
    signals_s: float = 1.0
    bus_again_s: float = 0.25
    periodic_s: float = 5.0
    pmd_reply_s: float = 3.0
    pmd_attempts: int = 3
    pmd_again_s: float = 30.0
    pmd_silence_s: float = 45.0


class Backoff:
    """Steps of 0.5 to 30 s (``backoff_min_s``, ``backoff_max_s``), full jitter.

    The steps double, and a wait is anything from nothing to the whole step, so that
    several straps that fell out together do not come back together.
    """

    def __init__(self, timing: Timing, chance: random.Random) -> None:
        self._timing = timing
        self._chance = chance
        self._attempt = 0
        self._lenient = False

    def next_s(self) -> float:
        """Return the next wait."""
        step_s = self._timing.backoff_min_s * 2.0**self._attempt
        if step_s < self._timing.backoff_max_s and not self._lenient:
            self._attempt += 1
        self._lenient = False
        step_s = min(step_s, self._timing.backoff_max_s)
        return step_s * self._chance.uniform(0.0, 1.0)

    def soften(self) -> None:
        """Fall back to the second step at most: the strap is within reach after all.

        The wait after the next is no longer either, so that a strap which gave data
        and then refuses a few connects is back within a second or so.
        """
        self._attempt = min(self._attempt, 1)
        self._lenient = True

    def reset(self) -> None:
        """Begin anew, after the link was steady."""
        self._attempt = 0
        self._lenient = False


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


class Drops:
    """Notices links that always end at the same age.

    A strap that asks for connection parameters which the computer refuses hangs up
    some 30 s later (IanHarvey/bluepy#53), others after 150 s (OpenHRV#39): that looks
    like bad luck and is a setting.
    """

    ENOUGH = 3
    SPREAD = 0.1

    def __init__(self, timing: Timing) -> None:
        self._least_s = timing.periodic_s
        self._ages_s: deque[float] = deque(maxlen=self.ENOUGH)

    def note(self, age_s: float) -> None:
        """Note that a link was lost when it was ``age_s`` old."""
        self._ages_s.append(age_s)

    @property
    def period_s(self) -> float | None:
        """The age at which the last links ended, if it was the same for all."""
        if len(self._ages_s) < self.ENOUGH or min(self._ages_s) < self._least_s:
            return None
        mean_s = sum(self._ages_s) / len(self._ages_s)
        spread_s = max(self._ages_s) - min(self._ages_s)
        return mean_s if spread_s <= self.SPREAD * mean_s else None

    @property
    def advice(self) -> str:
        """What to do about it; empty while there is nothing to say."""
        period_s = self.period_s
        return PERIODIC.format(period_s=period_s) if period_s is not None else ""
