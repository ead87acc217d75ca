"""What an hour of a session costs on disk and in time, beside three other formats.

    python -m bench.recording [--json] [--write]

The simulated strap: an hour of heart only (a notification and a tick a second, and all
live messages), and 35 minutes with ECG and acceleration, told per hour. All formats
take the very same records in one run. What computes is timed by the processor's clock,
so that others on the machine disturb little; what waits for the disk by the wall's, as
a median. ``--write`` puts the tables into ``docs/recordings.md``. Takes 45 s, and up to
three times that on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from mcap.reader import make_reader

from bench.formats import Csv, Format, Sqlite, Xdf
from bench.recording_page import write
from biofeedback.model import (
    AnyRecord,
    Ask,
    Config,
    LinkChange,
    LinkState,
    Notification,
    SessionInfo,
    Signal,
    Tick,
)
from biofeedback.pipeline import ALGORITHM, Pipeline
from biofeedback.recording.compaction import compact
from biofeedback.recording.format import (
    MESSAGE_CHANNELS,
    Role,
    Stored,
    channel_of,
    decode,
    encode,
    samples_channel,
)
from biofeedback.recording.reader import open_recording
from biofeedback.recording.writer import RecordingWriter
from biofeedback.session.replay import verify
from biofeedback.session.transcript import Message, Transcript
from biofeedback.simulator.heart import profile_named
from biofeedback.simulator.strap import SimulatedStrap

HOUR_S = 3600
NS_PER_S = 1_000_000_000
SEEK_NS = 30 * 60 * NS_PER_S
SEEKS, SEEKS_S = 5, 0.5

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

WORKLOADS: dict[str, tuple[int, tuple[Ask, ...]]] = {
    "heart only": (HOUR_S, ()),
    "with ECG and acceleration": (
        2100,
        (Ask(signal=Signal.ECG), Ask(signal=Signal.ACC)),
    ),
}
"""How many seconds of what is asked of the strap."""


class Step(NamedTuple):
    """One record or one message, with its place in the order of processing."""

    sequence: int
    t_ns: int
    record: AnyRecord | None
    message: Message | None

    def stored(self) -> Stored:
        """Return it as a payload of a topic."""
        if self.record is not None:
            channel, data = channel_of(self.record), encode(self.record)
        else:
            assert self.message is not None
            data = self.message.data
            signal = self.message.signal
            channel = (
                MESSAGE_CHANNELS[self.message.kind]
                if signal is None
                else samples_channel(signal, self.message.source)
            )
        return Stored(
            sequence=self.sequence, channel=channel, t_ns=self.t_ns, data=data
        )


class Journal:
    """Our own recording, closed at the end as every session is."""

    name = "MCAP, `biofeedback/1`"

    def __init__(self, path: Path) -> None:
        self.part, self.path = path.with_name(path.name + ".part"), path
        self._writer = RecordingWriter(self.part, INFO)
        self.close_s = self.part_bytes = 0.0

    def append(self, step: Step) -> None:
        """Take one record or message."""
        if step.record is not None:
            self._writer.record(step.sequence, step.record)
        elif step.message is not None:
            kind, data = step.message.kind, step.message.data
            self._writer.message(step.sequence, step.t_ns, kind, data)

    def sync(self) -> None:
        """Bring it to the disk."""
        self._writer.sync()

    def close(self) -> None:
        """Make the finished recording of the journal."""
        self._writer.close()
        self.part_bytes = self.part.stat().st_size
        began = time.process_time()
        compact(self.part, self.path)
        self.close_s = time.process_time() - began

    def scan(self) -> Iterator[tuple[str, bytes]]:
        """Read everything, with every checksum."""
        for stored in open_recording(self.path).all():
            yield stored.channel.topic, stored.data

    def seek(self, t_ns: int) -> str:
        """Ask the index that any MCAP reader uses; checksums on."""
        with self.path.open("rb") as file:
            reader = make_reader(file, validate_crcs=True)
            found = reader.iter_messages(starting_at=INFO.started_at_utc_ns + t_ns)
            return next(channel.topic for _, channel, _ in found)


def records(seconds: int, asks: tuple[Ask, ...] = ()) -> Iterator[AnyRecord]:
    """Yield inputs, as late as a real loop is: 1 to 3 ms, to the µs."""
    late = random.Random(1)

    def stamp(second: int) -> int:
        return second * NS_PER_S + round(late.uniform(1e6, 3e6) / 1000) * 1000

    strap = SimulatedStrap(profile_named("calm"), seed=1)
    yield Config(
        t_ns=0,
        algorithm=ALGORITHM,
        simulated=True,
        rate_bpm=6.0,
        inhale_pct=40.0,
        signals=asks,
    )
    yield LinkChange(
        t_ns=0, source="strap", state=LinkState.STREAMING, strap=strap.strap
    )
    strap.ask(asks)
    for second in range(1, seconds + 1):
        for happening in strap.advance(second * NS_PER_S):
            if isinstance(happening, Notification):
                yield msgspec.structs.replace(happening, t_ns=stamp(second))
        yield Tick(t_ns=second * NS_PER_S + 3_000_000 + stamp(0))


def steps_of(seconds: int, asks: tuple[Ask, ...]) -> tuple[list[Step], float]:
    """Return all that is recorded, and how long its processing took, in seconds."""
    inputs = list(records(seconds, asks))
    transcript = Transcript(Pipeline())
    steps: list[Step] = []
    began = time.process_time()
    for record in inputs:
        steps.append(Step(len(steps) + 1, record.t_ns, record, None))
        for message in transcript.feed(record):
            steps.append(Step(len(steps) + 1, record.t_ns, None, message))
    return steps, time.process_time() - began


def measure(
    folder: Path, steps: list[Step], processing_s: float, *, fairly: bool
) -> list[dict[str, Any]]:
    """Return a row for each format; keys carry their units.

    ``fairly`` has CSV and XDF brought to the disk once a second as well.
    """
    journal = Journal(folder / "a.mcap")
    formats: list[tuple[Journal | Format, Path]] = [
        (journal, journal.path),
        (Csv(folder / "a.csv", durable=False), folder / "a.csv"),
        (Xdf(folder / "a.xdf", durable=False), folder / "a.xdf"),
        (Sqlite(folder / "a.db"), folder / "a.db"),
    ]
    if fairly:
        formats.insert(2, (Csv(folder / "b.csv", durable=True), folder / "b.csv"))
        formats.insert(4, (Xdf(folder / "b.xdf", durable=True), folder / "b.xdf"))
    hours = steps[-1].t_ns / NS_PER_S / HOUR_S
    costs = _append([one for one, _ in formats], steps)
    rows = []
    for (one, path), (append_s, sync_s) in zip(formats, costs, strict=True):
        began = time.process_time()
        n_read = sum(1 for _ in one.scan())
        scan_s = time.process_time() - began
        if not isinstance(one, Xdf) and n_read != len(steps):
            raise SystemExit(f"{one.name} gave {n_read} of {len(steps)} records back.")
        rows.append(
            {
                "format": one.name,
                "mb_per_h": path.stat().st_size / 1e6 / hours,
                "append_us": 1e6 * append_s / len(steps),
                "sync_ms": 1e3 * sync_s,
                "scan_s": scan_s / hours,
                "seek_ms": 1e3 * _seek_s(one),
                "replay_x": HOUR_S * hours / (scan_s + processing_s),
            }
        )
    rows[0] |= {
        "journal_mb_per_h": journal.part_bytes / 1e6 / hours,
        "close_s": journal.close_s / hours,
    }
    _check(journal.path, steps)
    return rows


def _append(
    formats: Sequence[Journal | Format], steps: list[Step]
) -> list[tuple[float, float]]:
    """Return for each what all appending took of the processor, and a sync, in s.

    They take turns second by second, so that all meet the same disk. The work of a
    sync (compressing a chunk, writing pages) counts as appending.
    """
    appends = [_taker(one) for one in formats]
    took_s = [0.0] * len(formats)
    syncs_s: list[list[float]] = [[] for _ in formats]
    for second in _seconds(steps):
        for k, one in enumerate(formats):
            append = appends[k]
            began = time.process_time()
            for step in second:
                append(step)
            sync_began = time.perf_counter()
            one.sync()
            syncs_s[k].append(time.perf_counter() - sync_began)
            took_s[k] += time.process_time() - began
    for one in formats:
        one.close()
    return list(zip(took_s, map(statistics.median, syncs_s), strict=True))


def _taker(one: Journal | Format) -> Callable[[Step], None]:
    if isinstance(one, Journal):
        return one.append
    take = one.append
    return lambda step: take(step.stored())


def _seconds(steps: list[Step]) -> Iterator[list[Step]]:
    second: list[Step] = []
    for step in steps:
        if isinstance(step.record, Tick) and second:
            yield second
            second = []
        second.append(step)
    yield second


def _seek_s(one: Journal | Format) -> float:
    took_s: list[float] = []
    while len(took_s) < SEEKS and sum(took_s) < SEEKS_S:
        began = time.process_time()
        one.seek(SEEK_NS)
        took_s.append(time.process_time() - began)
    return min(took_s)


def _check(path: Path, steps: list[Step]) -> None:
    """Make sure that what was timed is right: every record there, and the same."""
    read = open_recording(path).all()
    inputs = [step.record for step in steps if step.record is not None]
    again = [decode(stored) for stored in read if stored.channel.role is Role.INPUT]
    if again != inputs:
        raise SystemExit("The recording does not hold what was recorded.")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write it down if asked to."""
    parser = argparse.ArgumentParser(prog="bench.recording", description=__doc__)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--write", action="store_true", help="docs/recordings.md too")
    options = parser.parse_args(arguments)
    logging.getLogger("pyxdf").setLevel(logging.ERROR)
    began = time.perf_counter()
    found: dict[str, Any] = {}
    for name, (seconds, asks) in WORKLOADS.items():
        print(f"Measuring: {name}", file=sys.stderr)
        steps, processing_s = steps_of(seconds, asks)
        with tempfile.TemporaryDirectory() as folder:
            rows = measure(Path(folder), steps, processing_s, fairly=not asks)
            found[name] = {
                "records": round(len(steps) * HOUR_S / seconds),
                "processing_s": processing_s * HOUR_S / seconds,
                "formats": rows,
            }
            if not asks:
                verify_began = time.process_time()
                verdict = verify(Path(folder) / "a.mcap")
                found[name]["verify_s"] = time.process_time() - verify_began
                if not verdict.ok:
                    raise SystemExit(f"It does not verify: {verdict.sentence}")
    found["took_s"] = time.perf_counter() - began
    if options.write:
        write(found)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for name, part in found.items():
        if name in WORKLOADS:
            print(f"{name}: {part['records']} records an hour")
            for row in part["formats"]:
                print("  " + "  ".join(_said(key, row[key]) for key in row))
    print(f"took {found['took_s']:.0f} s")


def _said(key: str, value: float | str) -> str:
    return f"{value:26}" if isinstance(value, str) else f"{key} {value:.3f}"


if __name__ == "__main__":
    main()
