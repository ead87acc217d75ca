"""Makes a recording of what another program measured.

An imported session takes the way of every other one: its beats enter as records, second
by second, through the same pipeline, and the recording holds what came out. So it can
be replayed, verified and exported like a session of a strap, and says that it is none.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import msgspec
from ulid import ULID

from biofeedback.errors import RecordingError, SettingsError
from biofeedback.model import (
    AnyRecord,
    Config,
    Entry,
    LinkChange,
    LinkState,
    Notification,
    SamplesEvent,
    SessionInfo,
    Strap,
    Tick,
    Value,
)
from biofeedback.pipeline import ALGORITHM, Pipeline
from biofeedback.practice import pacer
from biofeedback.recording.compaction import PART_SUFFIX, compact
from biofeedback.recording.durable import sha256_of
from biofeedback.recording.format import as_stored
from biofeedback.recording.importers.imported import (
    Imported,
    ImportedSignal,
    Mark,
    Options,
)
from biofeedback.recording.importers.registry import read_foreign
from biofeedback.recording.names import without_serial
from biofeedback.recording.sealed import is_there
from biofeedback.recording.writer import RecordingWriter
from biofeedback.session.opening import SOFTWARE
from biofeedback.session.transcript import Transcript
from biofeedback.wire import uuids
from biofeedback.wire.imported import encode_beats
from biofeedback.wire.samples import encode_samples

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
SOURCE = "import"

SUFFIXES = frozenset(
    ".txt .csv .tsv .gz .json .rr .ibi .hrm .hea .dat .atr .qrs .ecg .edf .bdf .xdf "
    ".rec .log".split()
)
_FILE = re.compile(
    r"[^\s'\"(]+\.(?:" + "|".join(re.escape(s[1:]) for s in SUFFIXES) + r")\b"
)
_TYPE = re.compile(r"[a-z][a-z0-9_.]{0,63}")
"""What may be a type of entry, as for one that comes by the websocket."""

SYNC_EVERY_S = 60
"""The foreign file is still there if this process is killed."""

LATEST_UTC_NS = 9_200_000_000_000_000_000
"""In 2261: what fits the 64 bits that a recording has for its times."""

MAX_DURATION_S = 14 * 86_400
"""Two weeks: a longer 'session' is a clock that was read wrongly."""


class ImportReport(Value, frozen=True):
    """What became of one foreign file; ``notes`` say how it was read."""

    path: Path
    info: SessionInfo
    format: str
    n_beats: int
    duration_s: float
    notes: tuple[str, ...]


def import_file(
    path: Path,
    folder: Path,
    *,
    person: str = "imported",
    format: str | None = None,
    options: Options | None = None,
) -> ImportReport:
    """Write the recording of ``path`` into ``folder``.

    The same file gives the same session id, so importing it twice is noticed.

    Parameters
    ----------
    path
        The foreign file.
    folder
        Where the recording goes, named by its session id.
    person
        A pseudonym.
    format
        Its format; found from its content if not given.
    options
        What the file does not say by itself.

    Raises
    ------
    SettingsError
        When ``folder`` is none.
    RecordingError
        When the file is not understood, or the recording cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise SettingsError(
            f"'{folder.name}' is a file, not a folder.", "Choose another name."
        )
    found = read_foreign(path, format=format, options=options or Options())
    if not (found.beats or found.rates or found.signals):
        raise RecordingError(
            f"{path.name} holds no heartbeats, rates or samples to import.",
            "Choose another file of that recording.",
        )
    if found.duration_ns > MAX_DURATION_S * NS_PER_S:
        raise RecordingError(
            f"{path.name} would be a session of {found.duration_ns / 8.64e13:.0f} "
            "days.",
            "Check its times; split it if it is really that long.",
        )
    started_ns = found.started_at_utc_ns
    if started_ns is not None and not 0 <= started_ns < LATEST_UTC_NS:
        raise RecordingError(
            f"{path.name} would begin before 1970 or after 2261.",
            "Check its date, or say when it began with --start.",
        )
    sha256 = sha256_of(path)
    info = _info(found, sha256, person)
    final = folder / f"{info.id}.mcap"
    part = final.with_name(final.name + PART_SUFFIX)
    if is_there(final):
        raise RecordingError(
            f"{path.name} has been imported before, as {final.name}.",
            "Nothing was changed. Remove that file to import it again.",
        )
    part.unlink(missing_ok=True)  # of an import that was stopped: the source is here
    writer: RecordingWriter | None = None
    try:
        writer = RecordingWriter(
            part,
            info,
            practice={"breathing_control": "unknown"},
            origin=_origin(found, path, sha256),
        )
        _write(found, writer, info.id)
        writer.close()
        done = compact(part, final)
    except BaseException:
        if writer is not None:
            writer.close()
            part.unlink(missing_ok=True)
        raise
    return ImportReport(
        path=done.path,
        info=info,
        format=found.format,
        n_beats=len(found.beats),
        duration_s=found.duration_ns / NS_PER_S,
        notes=found.notes,
    )


def records_of(found: Imported, id: str) -> Iterator[AnyRecord]:
    """Yield what was imported as records, in order of time, a tick each second."""
    yield Config(
        t_ns=0,
        algorithm=ALGORITHM,
        simulated=False,
        rate_bpm=None,
        inhale_pct=pacer.DEFAULT_INHALE_PCT,
    )
    device = without_serial(found.device) if found.device else f"{found.format} import"
    yield LinkChange(
        t_ns=0, source=SOURCE, state=LinkState.STREAMING, strap=Strap(name=device)
    )
    end_ns = max(found.duration_ns, *_ends(found), 0)
    n_seconds = -(-end_ns // NS_PER_S)
    inside: list[Notification | Entry] = [
        *_beats(found),
        *_rates(found),
        *_samples(found),
        *_marks(found, id),
    ]
    inside.sort(key=lambda record: record.t_ns)
    at = 0
    for second in range(1, n_seconds + 1):
        t_ns = second * NS_PER_S
        while at < len(inside) and inside[at].t_ns <= t_ns:
            yield inside[at]
            at += 1
        yield Tick(t_ns=t_ns)
    yield LinkChange(
        t_ns=max(end_ns, n_seconds * NS_PER_S), source=SOURCE, state=LinkState.ENDED
    )


def _ends(found: Imported) -> Iterator[int]:
    yield from (t_ns for t_ns, _ in found.rates[-1:])
    yield from (mark.t_ns for mark in found.marks)
    for signal in found.signals:
        yield _time_of(signal, len(signal.values) - 1)


def _beats(found: Imported) -> Iterator[Notification]:
    for _, beats in groupby(found.beats, key=lambda beat: -(-beat.t_ns // NS_PER_S)):
        group = tuple(beats)
        yield Notification(
            t_ns=max(group[-1].t_ns, 0),
            source=SOURCE,
            characteristic=uuids.IMPORTED_BEATS,
            data=encode_beats(group),
        )


def _rates(found: Imported) -> Iterator[Notification]:
    for t_ns, hr_bpm in found.rates:
        whole = min(max(round(hr_bpm), 0), 0xFFFF)
        yield Notification(
            t_ns=max(t_ns, 0),
            source=SOURCE,
            characteristic=uuids.HEART_RATE_MEASUREMENT,
            data=b"\x01" + whole.to_bytes(2, "little"),  # flags: the rate is u16
        )


def _samples(found: Imported) -> Iterator[Notification]:
    for signal in found.signals:
        n, each = len(signal.values), max(round(signal.rate_hz), 1)
        for start in range(0, n, each):
            stop = min(start + each, n)
            t_ns = _time_of(signal, stop - 1)
            event = SamplesEvent(
                t_ms=t_ns / NS_PER_MS,
                source=SOURCE,
                signal=signal.signal,
                channels=signal.values.shape[1],
                interval_ms=1000 / signal.rate_hz,
                device_ns=0,
                segment=signal.segment,
                uncertainty_ms=0.0,
                drift_ppm=None,
                values=tuple(signal.values[start:stop].ravel().tolist()),
            )
            yield Notification(
                t_ns=max(t_ns, 0),
                source=SOURCE,
                characteristic=uuids.IMPORTED_SAMPLES,
                data=encode_samples(event, 0),
            )


def _time_of(signal: ImportedSignal, number: int) -> int:
    return signal.t0_ns + round(number * NS_PER_S / signal.rate_hz)


def _marks(found: Imported, id: str) -> Iterator[Entry]:
    for number, mark in enumerate(found.marks):
        yield Entry(
            t_ns=max(mark.t_ns, 0),
            id=_ulid(0, f"{id}/{number}".encode()),
            type=mark.type if _TYPE.fullmatch(mark.type) else "annotation",
            by=SOURCE,
            value=mark.value,
            text=_text_of(mark),
        )


def _text_of(mark: Mark) -> str | None:
    """Return what was noted, with a type that is no word of ours: it may be anything.

    Free text is kept out of exports and off the network; types are not.
    """
    known = _TYPE.fullmatch(mark.type) is not None
    words = (mark.text,) if known else (mark.type, mark.text)
    return ": ".join(word for word in words if word) or None


def _write(found: Imported, writer: RecordingWriter, id: str) -> None:
    transcript = Transcript(Pipeline())
    sequence = seconds = 0
    for record in map(as_stored, records_of(found, id)):
        sequence += 1
        writer.record(sequence, record)
        for message in transcript.feed(record):
            sequence += 1
            writer.message(
                sequence, record.t_ns, message.kind, message.data, message.source
            )
        if isinstance(record, Tick):
            seconds += 1
            if seconds % SYNC_EVERY_S == 0:
                writer.sync()


def _info(found: Imported, sha256: str, person: str) -> SessionInfo:
    started_ns = found.started_at_utc_ns or 0
    return SessionInfo(
        id=_ulid(started_ns // NS_PER_MS, bytes.fromhex(sha256)),
        started_at_utc_ns=started_ns,
        person=person,
        plan="imported",
        source="imported",
        simulated=False,
        strap_name=without_serial(found.device) if found.device else "imported",
        software=SOFTWARE,
    )


def _ulid(ms: int, seed: bytes) -> str:
    # The same file gives the same id: its time, and a hash instead of chance.
    digest = hashlib.sha256(seed).digest()
    return str(ULID(max(ms, 0).to_bytes(6, "big") + digest[:10]))


def _origin(found: Imported, path: Path, sha256: str) -> dict[str, str]:
    # The file's name is left out: people name files after people.
    suffix = path.suffix.lower()
    notes = [_without_names(note, path) for note in found.notes]
    return {
        "format": found.format,
        "file_suffix": suffix if suffix in SUFFIXES else "other",
        "file_bytes": str(path.stat().st_size),
        "file_sha256": sha256,
        "device": without_serial(found.device) if found.device else "unknown",
        "started_from": found.started_from,
        "zone": found.zone,
        "notes": msgspec.json.encode(notes).decode(),
    }


def _without_names(note: str, path: Path) -> str:
    note = _FILE.sub("a file", note)
    for name in (path.name, path.stem):
        if len(name) > 2:  # shorter ones are parts of words, and no names
            note = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "the file", note)
    return note
