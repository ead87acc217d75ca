"""Watches the civil clock of this computer, which may step while a session goes on."""

from __future__ import annotations

import time

from biofeedback.model import ClockReading, Value

LOOK_EVERY_S = 10
READ_EVERY_NS = 300_000_000_000
STEP_NS = 100_000_000
"""A step, and no drift: the network corrects clocks by less than 0.5 ms a second."""


class Civil(Value, frozen=True):
    """A civil clock's face: UTC, and how far the local time is ahead of it."""

    utc_ns: int
    utc_offset_s: int


def civil_now() -> Civil:
    """Return what the civil clock of this computer says."""
    return Civil(utc_ns=time.time_ns(), utc_offset_s=time.localtime().tm_gmtoff)


class CivilWatch:
    """Says when a reading is worth keeping: at first, every five minutes, at a step.

    Parameters
    ----------
    started_at_utc_ns
        What the clock said when the session's clock was 0.
    utc_offset_s
        Of its time zone then.
    """

    def __init__(self, started_at_utc_ns: int, utc_offset_s: int) -> None:
        self._ahead_ns = started_at_utc_ns
        self._offset_s = utc_offset_s
        self._kept_ns: int | None = None

    def look(self, t_ns: int, civil: Civil) -> ClockReading | None:
        """Return the reading at ``t_ns`` of the session, if it is to be kept."""
        ahead_ns = civil.utc_ns - t_ns
        stepped = abs(ahead_ns - self._ahead_ns) > STEP_NS
        if (
            not stepped
            and civil.utc_offset_s == self._offset_s
            and self._kept_ns is not None
            and t_ns - self._kept_ns < READ_EVERY_NS
        ):
            return None
        self._ahead_ns, self._offset_s = ahead_ns, civil.utc_offset_s
        self._kept_ns = t_ns
        return ClockReading(
            t_ns=t_ns, utc_ns=civil.utc_ns, utc_offset_s=civil.utc_offset_s
        )
