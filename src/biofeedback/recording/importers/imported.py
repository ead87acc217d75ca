"""What a foreign file holds, whatever its format, and the look at its beginning."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from biofeedback.errors import RecordingError
from biofeedback.model import Beat, Signal, Value

HEAD_BYTES = 65_536
ASCII = 0.8

Zone: TypeAlias = Literal["utc", "offset", "local-unknown", "unknown"]
StartedFrom: TypeAlias = Literal["file", "name", "declared", "unknown"]

LINE_END = re.compile(r"\r\n|\r|\n")
"""Not ``str.splitlines``: that also splits at characters that cells may hold."""

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


class Options(Value, frozen=True, kw_only=True):
    """What a person says of a file, because it does not say so itself.

    ``column`` is the name or number (from 1) of the RR column, ``unit`` is ms or s,
    ``start_utc_ns`` is when the recording began.
    """

    column: str | None = None
    unit: str | None = None
    start_utc_ns: int | None = None


class Mark(Value, frozen=True, kw_only=True):
    """Something noted at ``t_ns`` since the start: an annotation or a marker."""

    t_ns: int
    type: str
    text: str = ""
    value: float | None = None


class ImportedSignal(Value, frozen=True, kw_only=True):
    """Samples without a hole: µV of an ECG, mG of an accelerometer.

    ``t0_ns`` is the first sample, since the start of the recording; ``values`` is
    int32 of shape (n, channels). Behind a hole there is another one of these, with
    the next ``segment``.
    """

    signal: Signal
    rate_hz: float
    t0_ns: int
    segment: int
    values: Any  # NDArray[np.int32]; msgspec does not look into it


class Imported(Value, frozen=True, kw_only=True):
    """What a foreign file holds.

    Parameters
    ----------
    format
        ``NAME`` of the module that read it.
    beats
        With ``rr_ms`` as in the file and ``t_ns`` the end of the interval, since the
        start. A new segment begins behind every gap.
    duration_ns
        From the start to the last thing the file knows of.
    started_at_utc_ns
        ``None`` where nothing says when it was.
    zone
        ``local-unknown``: a civil time without a zone, read as if it were UTC.
    started_from
        What the start was taken from.
    device
        A model, never a serial number.
    rates
        Pairs of ``t_ns`` and beats a minute, as an app or a strap computed them.
    signals, marks
        Samples and notes.
    notes
        How the file was read, a sentence each.
    """

    format: str
    beats: tuple[Beat, ...]
    duration_ns: int
    started_at_utc_ns: int | None = None
    zone: Zone = "unknown"
    started_from: StartedFrom = "unknown"
    device: str = ""
    rates: tuple[tuple[int, float], ...] = ()
    signals: tuple[ImportedSignal, ...] = ()
    marks: tuple[Mark, ...] = ()
    notes: tuple[str, ...] = ()


class Head(Value, frozen=True, kw_only=True):
    """The first 64 KiB of a file, to tell its format by.

    ``text`` is ``None`` where the bytes are not text; ``lines`` are its whole lines
    (a line that is cut off by the 64 KiB is left out), empty ones included.
    """

    path: Path
    name: str
    data: bytes
    text: str | None
    lines: tuple[str, ...]

    @classmethod
    def of(cls, path: Path) -> Head:
        """Read the beginning of ``path``.

        Raises
        ------
        RecordingError
            When it is not there, cannot be read, is a folder or is empty.
        """
        data = read_bytes(path, HEAD_BYTES + 1)
        whole = len(data) <= HEAD_BYTES
        data = data[:HEAD_BYTES]
        text = decoded(data, whole=whole)
        lines = [] if text is None else LINE_END.split(text)
        if not whole or (lines and not lines[-1]):
            lines = lines[:-1] or lines
        return cls(path=path, name=path.name, data=data, text=text, lines=tuple(lines))


def read_bytes(path: Path, size: int = -1) -> bytes:
    """Return up to ``size`` bytes of ``path`` (all of them without it).

    Raises
    ------
    RecordingError
        When it is not there, cannot be read, is a folder or is empty.
    """
    if path.is_dir():
        raise RecordingError(
            f"{path.name or path} is a folder.",
            "Give the file that holds the recording.",
        )
    try:
        with path.open("rb") as file:
            data = file.read(size)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it cannot be opened"
        raise RecordingError(
            f"{path.name} cannot be read: {reason.lower()}.",
            "Check the name and whether you may read it.",
        ) from error
    if not data:
        raise RecordingError(
            f"{path.name} is empty.", "Export it again from where it came from."
        )
    return data


def decoded(data: bytes, *, whole: bool = True) -> str | None:
    """Return ``data`` as text, or ``None`` where it is not text.

    UTF-16 is told by its byte order mark; what is not UTF-8 is read as Latin-1. A
    character that is cut off at the end does not count unless ``whole``.
    """
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        text = codecs.getincrementaldecoder("utf-16")("replace").decode(data, False)
        return None if _CONTROL.search(text) or "\ufffd" in text else text
    if _CONTROL.search(data.decode("latin-1")):
        return None
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(data, whole)
    except UnicodeDecodeError:
        # Some letters of a Western language, but not mostly such: that is no text.
        ascii_ = sum(byte < 0x80 for byte in data)
        return data.decode("latin-1") if ascii_ >= ASCII * len(data) else None


def samples(values: NDArray[np.floating]) -> NDArray[np.int32]:
    """Round to int32 of shape (n, channels); what does not fit is cut to the range."""
    limits = np.iinfo(np.int32)
    whole = np.clip(np.rint(np.asarray(values, np.float64)), limits.min, limits.max)
    return whole.astype(np.int32).reshape(len(whole), -1)
