"""What an hour of a session costs on disk and in time.

    python -m bench.recording

Heart only: a notification and a tick a second, and all live messages, from
the simulated strap. Processing is timed apart from recording, so that the figures
are those of this package; reading includes every checksum.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from biofeedback.model import (
    AnyRecord,
    Config,
    LinkChange,
    LinkState,
    Notification,
    SessionInfo,
    Tick,
)
from biofeedback.pipeline import ALGORITHM, Pipeline
from biofeedback.recording.compaction import compact
from biofeedback.recording.reader import open_recording
from biofeedback.recording.writer import RecordingWriter
from biofeedback.session.replay import verify
from biofeedback.session.transcript import Message, Transcript
from biofeedback.simulator.heart import profile_named
from biofeedback.simulator.strap import SimulatedStrap

SECONDS = 3600
NS_PER_S = 1_000_000_000

INFO = SessionInfo(
    id="01KB0000000000000000000000",
    started_at_utc_ns=1_795_000_000_000_000_000,
    person="bench",
    plan="practice",
    source="simulated",
    simulated=True,
    strap_name="Simulated heart",
    software="biofeedback bench",
)


def records() -> Iterator[AnyRecord]:
    """Yield an hour of inputs, as late as a real loop is: 1 to 3 ms, to the µs."""
    late = random.Random(1)

    def stamp(second: int) -> int:
        return second * NS_PER_S + round(late.uniform(1e6, 3e6) / 1000) * 1000

    strap = SimulatedStrap(profile_named("calm"), seed=1)
    yield Config(
        t_ns=0, algorithm=ALGORITHM, simulated=True, rate_bpm=6.0, inhale_pct=40.0
    )
    yield LinkChange(
        t_ns=0, source="strap", state=LinkState.STREAMING, strap=strap.strap
    )
    for second in range(1, SECONDS + 1):
        for happening in strap.advance(second * NS_PER_S):
            if isinstance(happening, Notification):
                yield msgspec.structs.replace(happening, t_ns=stamp(second))
        yield Tick(t_ns=second * NS_PER_S + 3_000_000 + stamp(0))


def measure(folder: Path) -> dict[str, float]:
    """Return the figures; keys carry their units."""
    part, final = folder / "hour.mcap.part", folder / "hour.mcap"
    transcript = Transcript(Pipeline())
    began = time.perf_counter()
    steps: list[tuple[AnyRecord, tuple[Message, ...]]] = [
        (record, transcript.feed(record)) for record in records()
    ]
    figures = {"processing_s": time.perf_counter() - began}

    writer = RecordingWriter(part, INFO)
    sequence = 0
    append_s = sync_s = worst_sync_s = 0.0
    for record, messages in steps:
        began = time.perf_counter()
        sequence += 1
        writer.record(sequence, record)
        for message in messages:
            sequence += 1
            writer.message(sequence, record.t_ns, message.kind, message.data)
        append_s += time.perf_counter() - began
        if isinstance(record, Tick):
            began = time.perf_counter()
            writer.sync()
            took_s = time.perf_counter() - began
            sync_s += took_s
            worst_sync_s = max(worst_sync_s, took_s)
    writer.close()
    figures |= {
        "records": sequence,
        "append_us": 1e6 * append_s / sequence,
        "sync_ms": 1e3 * sync_s / SECONDS,
        "worst_sync_ms": 1e3 * worst_sync_s,
        "journal_mb_per_h": part.stat().st_size / 1e6,
    }
    began = time.perf_counter()
    compact(part, final)
    figures["close_s"] = time.perf_counter() - began
    figures["closed_mb_per_h"] = final.stat().st_size / 1e6
    began = time.perf_counter()
    survey = open_recording(final).survey()
    figures["read_s"] = time.perf_counter() - began
    began = time.perf_counter()
    verdict = verify(final)
    figures["verify_s"] = time.perf_counter() - began
    if not verdict.ok or survey.n_records != sequence:
        raise SystemExit(f"The recording is not right: {verdict.sentence}")
    return figures


def main() -> None:
    """Print the figures, one a line."""
    with tempfile.TemporaryDirectory() as folder:
        for key, value in measure(Path(folder)).items():
            print(f"{key:20} {value:12.3f}")


if __name__ == "__main__":
    main()
