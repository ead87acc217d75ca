"""The live windows of one session: the last 30, 60 and 300 seconds.

A window ends with the newest beat that is judged and reaches back along the beat clock.
What it holds so follows from the RR intervals alone, not from when they arrived.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from biofeedback.model import Interval, Value, Windows
from biofeedback.signal.breathing_paced import Shape
from biofeedback.signal.conformity import RefereeWindow, referee_window
from biofeedback.signal.fleet import Fleet
from biofeedback.signal.lane import LENGTHS, Look, Numbers
from biofeedback.signal.respiration import Breath, LiveRsa, Rsa
from biofeedback.signal.series import NS_PER_S, UNITS_PER_S, Series

WAITING = 256
"""Instants whose numbers wait for final judgements: more than two minutes of ticks."""


LONGEST = max(LENGTHS)


class Told(Value, frozen=True):
    """What was told at ``t_ns`` of the windows that ended at ``end``."""

    t_ns: int
    end: int
    windows: Windows
    suitable: bool
    looks: tuple[Look, Look, Look]


class LiveWindows:
    """Holds the newest intervals and computes what is known at an instant.

    Intervals are taken in as they are judged; every question takes the time it is asked
    for, so the same intervals and times give the same answers in a replay.

    Parameters
    ----------
    fleet
        Where the numbers of this session are kept beside those of others; by default a
        fleet of its own.
    """

    def __init__(self, fleet: Fleet | None = None) -> None:
        self._fleet = fleet or Fleet()
        self.lane = self._fleet.open()
        self._rsa = LiveRsa()
        self._ready: tuple[int, int, Numbers] | None = None
        self._told: deque[Told] = deque(maxlen=WAITING)

    def take(self, interval: Interval) -> None:
        """Take in a judgement."""
        self.lane.take(interval)

    def close(self) -> None:
        """Give the lane back to the fleet; nothing may be asked any more."""
        self._fleet.close(self.lane)

    @property
    def series(self) -> Series:
        """All heartbeats held, as columns; valid until the next interval."""
        return self.lane.series

    def prepare(self, now_ns: int, numbers: Numbers) -> None:
        """Take the numbers of ``now_ns``, which a tick of the whole fleet found."""
        self._ready = (now_ns, self.lane.version, numbers)

    def numbers(self, now_ns: int) -> Numbers:
        """Return all that is known at ``now_ns``."""
        if self._ready is not None and self._ready[:2] == (now_ns, self.lane.version):
            return self._ready[2]
        return self.lane.numbers(now_ns)

    def tell(self, now_ns: int, windows: Windows, suitable: bool) -> None:
        """Note what was told, so that it can be restated when judgements are final."""
        end = self.lane.end(now_ns)
        told = Told(
            t_ns=now_ns,
            end=end,
            windows=windows,
            suitable=suitable,
            looks=self.lane.looks(end),
        )
        self._told.append(told)

    def restated(self) -> list[tuple[Told, Windows]]:
        """Return what was told and the final numbers, where a judgement has changed.

        Every instant is looked at once: when all of its beats are settled.
        """
        found = []
        lane = self.lane
        while self._told and self._told[0].end <= lane.settled_clock:
            told = self._told.popleft()
            if told.end - LONGEST >= lane.revised_clock:
                continue
            if lane.looked(told.end) != told.looks:  # else the numbers are the same
                w30, w60, w300 = (lane.window(told.end, length) for length in LENGTHS)
                found.append((told, Windows(w30=w30, w60=w60, w300=w300)))
        return found

    def rsa(
        self, breaths: Sequence[Breath], shape_at: Callable[[int], Shape]
    ) -> Rsa | None:
        """Return RSA over recent ``breaths`` (start and end in ns) of the pacer.

        ``shape_at`` gives the pacer's shape at an instant in ns.
        """
        return self._rsa.ask(
            breaths,
            lambda: self.series,
            newest_ns=self.lane.newest_ns,
            revision=self.lane.revised_clock,
            shape_at=shape_at,
        )

    def referee_window(self, now_ns: int, length_s: int) -> RefereeWindow | None:
        """Return the window of this length, to be compared with NeuroKit2's numbers.

        ``None`` while it holds too few intervals, or the session is shorter.
        """
        end = self.lane.end(now_ns)
        if end < length_s * UNITS_PER_S and now_ns < length_s * NS_PER_S:
            return None
        return referee_window(self.lane, end, length_s)
