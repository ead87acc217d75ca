"""What the importers of structured formats share: units, names, and putting together.

Their clocks begin anywhere: what is found is put on one clock that begins with the
record, or with the first thing in it, and that is what an :class:`Imported` holds.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from biofeedback.errors import BiofeedbackError, RecordingError
from biofeedback.model import Beat, Signal, Value
from biofeedback.recording.importers.ecg_beats import ecg_beats
from biofeedback.recording.importers.imported import (
    Imported,
    ImportedSignal,
    Mark,
    Options,
    StartedFrom,
    Zone,
)

NS_PER_S = 1_000_000_000

LONGEST_S = 31 * 86_400.0
"""A month: times further apart are a damaged clock, not a recording."""

HIGHEST_BPM = 400.0

UNKNOWN_DATE = date(1985, 1, 1)
"""What EDF+ writes where the date is not told, and our exports in every format."""

INT32 = np.iinfo(np.int32)

_UV = {"uv": 1.0, "microvolt": 1.0, "microvolts": 1.0, "mv": 1e3, "millivolt": 1e3,
       "millivolts": 1e3, "v": 1e6, "volt": 1e6, "volts": 1e6, "nv": 1e-3}  # fmt: skip
_MG = {"mg": 1.0, "milli-g": 1.0, "millig": 1.0, "g": 1e3, "m/s^2": 1e3 / 9.80665,
       "m/s2": 1e3 / 9.80665, "m/s/s": 1e3 / 9.80665}  # fmt: skip
_MS = {"ms": 1.0, "msec": 1.0, "millisecond": 1.0, "milliseconds": 1.0,
       "s": 1e3, "sec": 1e3, "second": 1e3, "seconds": 1e3,
       "1/1024 s": 1000 / 1024}  # fmt: skip

_ECG = re.compile(r"(?<![a-z])(ecg|ekg)(?![a-z]{3})", re.IGNORECASE)
_LEAD = re.compile(r"(ML)?(I{1,3}|V[1-9]R?|aV[RLF]|aV[rlf])")
_ACC = re.compile(r"(?<![a-z])acc(?:el)?(?![a-z])|acceler", re.IGNORECASE)
_SERIAL = re.compile(r"(?=\S*\d\S*\d)(?=\S*[0-9A-Fa-f]{5})\S+")


def per_unit(signal: Signal, unit: str) -> float | None:
    """Return how many µV (ECG) or mG (acceleration) a unit is; ``None``: not known.

    >>> per_unit(Signal.ECG, "mV"), per_unit(Signal.ACC, "g"), per_unit(Signal.ECG, "")
    (1000.0, 1000.0, None)
    """
    return (_UV if signal is Signal.ECG else _MG).get(_unit(unit))


def per_ms(unit: str) -> float | None:
    """Return how many milliseconds a unit of time is; ``None``: not known."""
    return _MS.get(_unit(unit))


def _unit(unit: str) -> str:
    plain = unit.strip().strip("[]()").replace("µ", "u").replace("μ", "u")
    return plain.replace("²", "^2").lower()


def interval_unit(rr: NDArray[np.float64]) -> float | None:
    """Return how many ms the unit of intervals is, from the values themselves.

    >>> interval_unit(np.array([0.8, 0.9])), interval_unit(np.array([800.0, 900.0]))
    (1000.0, 1.0)
    """
    finite = rr[np.isfinite(rr) & (rr > 0)]
    median = float(np.median(finite)) if len(finite) else math.nan
    if 250 <= median <= 2500:
        return 1.0
    return 1000.0 if 0.25 <= median <= 2.5 else None


def is_ecg(label: str, *, leads: bool = False) -> bool:
    """Whether a channel's name says ECG, or, with ``leads``, names one of its leads."""
    bare = label.strip()
    return bool(_ECG.search(bare)) or (leads and bool(_LEAD.fullmatch(bare)))


def axis_of(label: str) -> int | None:
    """Return 0, 1, 2 for an acceleration along x, y, z; ``None`` for anything else.

    >>> axis_of("ACC X"), axis_of("accel_z"), axis_of("Flow X")
    (0, 2, None)
    """
    bare = label.strip().lower()
    if not _ACC.search(bare) or bare[-1:] not in "xyz":
        return None
    return "xyz".index(bare[-1])


def model_of(device: str) -> str:
    """Return the name of a device without what may be its serial number or address.

    >>> model_of("Polar_H10 7A3F2B1C")
    'Polar H10'
    """
    words = _SERIAL.sub("", device.replace("_", " ")).split()
    kept = [word for word in words if word not in ("X", "-")]
    return " ".join(kept)[:80]


def whole(values: NDArray[np.float64]) -> NDArray[np.int32] | None:
    """Return rounded samples, or ``None`` if they do not fit: they are no signal."""
    if not np.isfinite(values).all():
        return None
    rounded = np.rint(values)
    if len(rounded) and (rounded.min() < INT32.min or rounded.max() > INT32.max):
        return None
    return rounded.astype(np.int32)


@contextlib.contextmanager
def guarded(path: Path, title: str) -> Iterator[None]:
    """Turn whatever a library raises on a damaged file into one sentence."""
    try:
        yield
    except BiofeedbackError:
        raise
    # A library's reader may raise anything at all on bytes it does not expect.
    except Exception as error:
        raise RecordingError(
            f"{path.name} is not a whole {title} file, or is damaged.",
            "Export or copy it once more from where it comes from.",
        ) from error


class Start(Value, frozen=True):
    """When the file's zero was, and how that is known."""

    at_utc_ns: int | None = None
    zone: Zone = "unknown"
    known_from: StartedFrom = "unknown"

    @classmethod
    def civil(cls, when: datetime | None) -> Start:
        """Return the start of a file that gives a date and time, perhaps a zone."""
        if when is None or when.date() == UNKNOWN_DATE:
            return cls()
        aware = when.tzinfo is not None
        utc = when.astimezone(UTC) if aware else when.replace(tzinfo=UTC)
        since = utc - datetime(1970, 1, 1, tzinfo=UTC)
        at_ns = (since.days * 86_400 + since.seconds) * NS_PER_S
        zone: Zone = "local-unknown"
        if aware:
            zone = "offset" if when.utcoffset() else "utc"
        return cls(
            at_utc_ns=at_ns + since.microseconds * 1000, zone=zone, known_from="file"
        )


def parse_iso(text: str) -> datetime | None:
    """Return an ISO 8601 time, or ``None``."""
    try:
        return datetime.fromisoformat(text.strip())
    except (ValueError, AttributeError):
        return None


def assembled(
    path: Path,
    *,
    name: str,
    title: str,
    start: Start,
    options: Options,
    anchored: bool,
    beats: Sequence[Beat] = (),
    rates: Sequence[tuple[int, float]] = (),
    signals: Sequence[ImportedSignal] = (),
    marks: Sequence[Mark] = (),
    length_ns: int = 0,
    device: str = "",
    notes: Sequence[str] = (),
) -> Imported:
    """Put what was found on one clock.

    Parameters
    ----------
    anchored
        Whether the file's zero is the start of the record; otherwise the record starts
        with the first thing in it. Times before zero move the start in any case.
    length_ns
        How long the file says it is.

    Raises
    ------
    RecordingError
        When there is nothing in it, or its times are months apart.
    """
    said = [note for note in notes if note]
    if not beats:
        placed, sentence = ecg_beats(signals)
        beats = placed.beats
        if sentence:
            said.append(sentence)
    rates = [each for each in rates if 0 < each[1] <= HIGHEST_BPM]
    if not (beats or rates or signals):
        raise RecordingError(
            f"{path.name} holds no heartbeats, heart rate or ECG that could be read.",
            " ".join(said) or f"Check that it is the {title} file you mean.",
        )
    first = [round(beat.t_ns - beat.rr_ms * 1e6) for beat in beats]
    first += [t_ns for t_ns, _ in rates] + [each.t0_ns for each in signals]
    marked = [each.t_ns for each in marks]
    origin_ns = min(first + marked + ([0] if anchored else []))
    last_ns = max(
        [length_ns if anchored else origin_ns]
        + [beat.t_ns for beat in beats]
        + [t_ns for t_ns, _ in rates]
        + [_end_ns(each) for each in signals]
        + marked
    )
    if last_ns - origin_ns > LONGEST_S * NS_PER_S:
        raise RecordingError(
            f"{path.name} has times that are more than a month apart.",
            "Its clock is damaged, or it holds several recordings: split it.",
        )
    at_utc_ns = None if start.at_utc_ns is None else start.at_utc_ns + origin_ns
    zone, known_from = start.zone, start.known_from
    if options.start_utc_ns is not None:
        at_utc_ns, zone, known_from = options.start_utc_ns, "utc", "declared"
    elif at_utc_ns is None:
        zone, known_from = "unknown", "unknown"
    return Imported(
        format=name,
        beats=tuple(
            msgspec.structs.replace(beat, t_ns=beat.t_ns - origin_ns) for beat in beats
        ),
        duration_ns=last_ns - origin_ns,
        started_at_utc_ns=at_utc_ns,
        zone=zone,
        started_from=known_from,
        device=model_of(device),
        rates=tuple(sorted((t_ns - origin_ns, hr_bpm) for t_ns, hr_bpm in rates)),
        signals=tuple(
            msgspec.structs.replace(each, t0_ns=each.t0_ns - origin_ns)
            for each in signals
        ),
        marks=tuple(
            msgspec.structs.replace(each, t_ns=each.t_ns - origin_ns)
            for each in sorted(marks, key=lambda mark: mark.t_ns)
        ),
        notes=tuple(said),
    )


def _end_ns(signal: ImportedSignal) -> int:
    return signal.t0_ns + round(len(signal.values) / signal.rate_hz * NS_PER_S)


def gaps_note(n_gaps: int) -> str:
    """Return a sentence about gaps; empty where there are none."""
    if not n_gaps:
        return ""
    places = "one place" if n_gaps == 1 else f"{n_gaps} places"
    return f"Beats are missing in {places}: no interval is taken across."


def rows_note(n_rows: int, what: str = "rows") -> str:
    """Return a sentence about what could not be read; empty where all could."""
    if not n_rows:
        return ""
    one = n_rows == 1 and what.endswith("s")
    return f"{n_rows} {what[:-1] if one else what} could not be read."
