"""Clock times as apps write them down: mostly those of the wall, without a zone.

Such a clock steps: at midnight if it has no date, when summer time begins and ends,
and when a phone corrects it. Heartbeats do not. So the steps are taken out, and what is
left rises; intervals stay the truth, and the clock only tells where some are missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biofeedback.model import Value
from biofeedback.recording.importers.imported import Zone
from biofeedback.recording.importers.parts import Start

Floats = NDArray[np.float64]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEARS = (1990, 2100)
"""A date outside of these is a damaged cell."""

DAY_S = 86_400.0
HOUR_S = 3600.0

SET_BACK_S = 60.0
"""Late arrivals come in another order, but not by a minute: the clock was set."""

TURN_S = 10.0
"""How near to the full hour summer time begins, and how near to an hour it steps."""

TURN_HOURS = (0, 1, 2, 3)

UNREADABLE = 0.2

FORMS = (
    "%d-%m-%y/%H:%M:%S.%f", "%d-%m-%y/%H:%M:%S", "%H:%M:%S.%f", "%H:%M:%S",
    "%d-%m-%Y %H:%M:%S.%f", "%d-%m-%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S.%f",
    "%d.%m.%Y %H:%M:%S",
)  # fmt: skip
"""What is not ISO 8601. Slashes are left out: they do not say which is the month."""

_LOOSE = re.compile(r"\s*([+-]\d\d):?(\d\d)$")
_NAMED = re.compile(
    r"(?<!\d)(\d{4})-(\d\d)-(\d\d)[ _T](\d\d)[-:.](\d\d)[-:.](\d\d)(?!\d)"
)

LOCAL = "The clock times have no zone: they are read as if they were UTC."


class CivilClock(Value, frozen=True):
    """A column of clock times, its steps taken out.

    ``seconds`` rises from 0 at the first row; ``start`` is that row's time.
    """

    seconds: Any  # NDArray[np.float64]
    start: Start
    notes: tuple[str, ...] = ()


def civil_clock(cells: Sequence[str], expected_s: Floats) -> CivilClock | None:
    """Read a column of clock times.

    Parameters
    ----------
    cells
        A time a row, in ISO 8601 or one of :data:`FORMS`, with or without date and
        zone.
    expected_s
        How long each row should take (an RR interval, say): used where the clock
        itself does not know. Shape (N,), not negative.

    Returns
    -------
    ``None`` where the cells are no clock times.

    Examples
    --------
    >>> clock = civil_clock(["23:59:59.2", "00:00:00.1"], np.array([0.9, 0.9]))
    >>> clock.seconds.round(3).tolist(), clock.notes
    ([0.0, 0.9], ('The clock passed midnight once.',))
    """
    read = _reader(cells)
    if read is None:
        return None
    times = [read(cell) for cell in cells]
    known = np.array([time is not None for time in times])
    if np.count_nonzero(~known) > UNREADABLE * len(times):
        return None
    dated = read is not _time_of_day
    zone = _zone(times) if dated else "unknown"
    # Steps between known rows, with expected ones for those that cannot be read.
    where = np.flatnonzero(known)
    seconds = np.array([_since(times[row]) for row in where])
    due_s = np.cumsum(expected_s)
    steps, notes = _steps(seconds, np.diff(due_s[where]), dated, zone)
    risen = np.maximum.accumulate(np.concatenate(([0.0], np.cumsum(steps))))
    lag_s = np.interp(np.arange(len(times)), where, risen - due_s[where])
    filled = np.maximum.accumulate(lag_s + due_s)
    filled[where] = risen
    filled = np.maximum.accumulate(filled)
    start = Start()
    first = times[int(where[0])]
    if dated and first is not None:
        start = Start.civil(
            first - timedelta(seconds=float(filled[where[0]] - filled[0]))
        )
    if zone == "local-unknown":
        notes = [*notes, LOCAL]
    return CivilClock(seconds=filled - filled[0], start=start, notes=tuple(notes))


def named_start(name: str) -> Start:
    """Return the time that a file's name begins or ends with, if it has one.

    >>> named_start("2026-04-24 14-10-16.txt").zone
    'local-unknown'
    """
    found = _NAMED.search(name)
    if found is None:
        return Start()
    try:
        when = datetime(*map(int, found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return Start()
    start = Start.civil(when)
    return Start(at_utc_ns=start.at_utc_ns, zone=start.zone, known_from="name")


def moment(cell: str) -> datetime | None:
    """Return one clock time with a date, or ``None``."""
    read = _reader([cell])
    return None if read is None or read is _time_of_day else read(cell)


_Read = Callable[[str], datetime | None]


def _reader(cells: Sequence[str]) -> _Read | None:
    """Return what reads the first cell that is a clock time."""
    for cell in cells[:100]:
        if _iso(cell) is not None:
            return _iso
        if _time_of_day(cell) is not None:
            return _time_of_day
        for form in FORMS:
            read = _formed(form)
            if read(cell) is not None:
                return read
    return None


def _iso(cell: str) -> datetime | None:
    if ":" not in cell or cell[:1] == "+":
        return None
    plain = cell.strip().replace(",", ".")
    try:
        when = datetime.fromisoformat(plain)
    except ValueError:
        try:
            when = datetime.fromisoformat(_LOOSE.sub(r"\1:\2", plain))
        except ValueError:
            return None
    return when if YEARS[0] <= when.year <= YEARS[1] else None


def _time_of_day(cell: str) -> datetime | None:
    for form in ("%H:%M:%S.%f", "%H:%M:%S"):
        try:
            return datetime.strptime(cell.strip().replace(",", "."), form)  # noqa: DTZ007
        except ValueError:
            continue
    return None


def _formed(form: str) -> _Read:
    def read(cell: str) -> datetime | None:
        try:
            when = datetime.strptime(cell.strip(), form)  # noqa: DTZ007
        except ValueError:
            return None
        return when if YEARS[0] <= when.year <= YEARS[1] else None

    return read


def _since(when: datetime | None) -> float:
    if when is None:
        return 0.0
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return (aware - EPOCH).total_seconds()


def _zone(times: Sequence[datetime | None]) -> Zone:
    for when in times:
        if when is not None:
            if when.tzinfo is None:
                return "local-unknown"
            return "offset" if when.utcoffset() else "utc"
    return "unknown"


def _steps(
    seconds: Floats, due_s: Floats, dated: bool, zone: Zone
) -> tuple[Floats, list[str]]:
    """Return how long each row took, and a sentence for each kind of step."""
    steps = np.diff(seconds)
    n_midnight = n_began = n_ended = n_set = 0
    for row in np.flatnonzero(steps < -SET_BACK_S).tolist():
        if not dated and steps[row] < -DAY_S / 2:
            steps[row] += DAY_S
            n_midnight += 1
            continue
        if abs(steps[row] + HOUR_S - due_s[row]) < SET_BACK_S:
            n_ended += 1
        else:
            n_set += 1
        steps[row] = due_s[row]
    if zone == "local-unknown" or not dated:
        for row in np.flatnonzero(np.abs(steps - due_s - HOUR_S) < TURN_S).tolist():
            before = seconds[row] % HOUR_S
            if (
                before > HOUR_S - TURN_S
                and seconds[row + 1] % HOUR_S < TURN_S
                and int(seconds[row] % DAY_S // HOUR_S) in TURN_HOURS
            ):
                steps[row] -= HOUR_S
                n_began += 1
    notes = []
    if n_midnight:
        times = "once" if n_midnight == 1 else f"{n_midnight} times"
        notes.append(f"The clock passed midnight {times}.")
    if n_began:
        notes.append("The clock went forward an hour, as when summer time begins.")
    if n_ended:
        notes.append("The clock went back an hour, as when summer time ends.")
    if n_set:
        notes.append("The clock was set back: the intervals were followed there.")
    return steps, notes
