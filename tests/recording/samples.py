"""Records and recordings that the recording tests share."""

from __future__ import annotations

from pathlib import Path

from biofeedback.model import (
    AdaptCommand,
    AnyRecord,
    Ask,
    ClockReading,
    Config,
    Entry,
    LinkChange,
    LinkReason,
    LinkState,
    Notification,
    PacerCommand,
    RefereeReport,
    RefereeValues,
    SessionInfo,
    Signal,
    SignalsCommand,
    Strap,
    Tick,
)
from biofeedback.recording.compaction import compact
from biofeedback.recording.writer import RecordingWriter

STARTED_UTC_NS = 1_795_000_000_123_456_789
NS_PER_S = 1_000_000_000

INFO = SessionInfo(
    id="01KB0000000000000000000000",
    started_at_utc_ns=STARTED_UTC_NS,
    person="P001",
    plan="practice",
    source="strap",
    simulated=False,
    strap_name="Polar H10",
    software="biofeedback 0.1.0",
)

EVERY_RECORD: tuple[AnyRecord, ...] = (
    Config(t_ns=0, algorithm="1", simulated=False, rate_bpm=6.0, inhale_pct=40.0),
    LinkChange(
        t_ns=1,
        source="strap",
        state=LinkState.STREAMING,
        strap=Strap(name="Polar H10", battery_pct=80, firmware="5.0.0"),
    ),
    Notification(
        t_ns=2, source="strap", characteristic="2a37", data=b"\x10\x3c\x00\x04"
    ),
    Notification(t_ns=3, source="strap", characteristic="2a19", data=b"\x50"),
    Notification(t_ns=4, source="a/b", characteristic="link", data=b""),
    Tick(t_ns=5),
    ClockReading(t_ns=5, utc_ns=STARTED_UTC_NS + 5, utc_offset_s=3600),
    Entry(
        t_ns=6,
        id="01KB",
        type="pain_intensity",
        by="patient",
        value=4.0,
        unit="NRS 0-10",
        text="ça va – 痛み",
        moment="before",
        prompt="How strong is the pain now?",
        latency_ms=2100,
        device="phone",
        corrects="01KA",
    ),
    PacerCommand(t_ns=7, by="patient", rate_bpm=5.5, inhale_pct=45.0, hold_in_ms=100),
    AdaptCommand(t_ns=7, by="patient", on=True),
    SignalsCommand(
        t_ns=8,
        by="patient",
        signals=(Ask(signal=Signal.ECG), Ask(signal=Signal.ACC, rate_hz=50)),
    ),
    RefereeReport(
        t_ns=8,
        window_s=60,
        neurokit=RefereeValues(
            hr_bpm=61.25,
            rmssd_ms=0.1 + 0.2,
            sdnn_ms=None,
            pnn50_pct=0.0,
            lf_ms2=1e-300,
            hf_ms2=1e300,
        ),
        max_difference=None,
    ),
    LinkChange(
        t_ns=9,
        source="a/b",
        state=LinkState.RECONNECTING,
        reason=LinkReason.LINK_LOST,
        advice="Stay close.",
    ),
)


def new_writer(path: Path) -> RecordingWriter:
    """Return a writer that does not mind how full the test machine is."""
    return RecordingWriter(path, INFO, min_free_bytes=0)


def write_part(path: Path, seconds: int = 30) -> list[AnyRecord]:
    """Write a journal with a chunk a second: a notification, a tick, a message."""
    records: list[AnyRecord] = []
    writer = new_writer(path)
    sequence = 0
    for second in range(seconds):
        t_ns = second * NS_PER_S
        rr = 700 + 37 * second % 300
        data = b"\x10\x48" + rr.to_bytes(2, "little")
        batch = (
            Notification(t_ns=t_ns, source="strap", characteristic="2a37", data=data),
            Tick(t_ns=t_ns + 1),
        )
        for record in batch:
            sequence += 1
            writer.record(sequence, record)
            records.append(record)
        sequence += 1
        writer.message(sequence, t_ns + 1, "beat", b'{"v":1,"seq":%d}' % sequence)
        writer.sync()
    writer.close()
    return records


def write_final(path: Path, seconds: int = 30) -> list[AnyRecord]:
    """Write a finished recording."""
    part = path.with_name(path.name + ".part")
    records = write_part(part, seconds)
    compact(part, path, b'{"hr_bpm": 61}')
    return records
