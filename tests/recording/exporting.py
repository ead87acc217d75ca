"""A session to be exported: with everything in it that must not leave by accident."""

from __future__ import annotations

import asyncio
import csv
import gzip
import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from biofeedback.model import Ask, Config, Entry, SessionInfo, Signal
from biofeedback.pipeline import ALGORITHM
from biofeedback.recording.compaction import compact
from biofeedback.recording.exporters.options import Exported, ExportOptions
from biofeedback.recording.exporters.registry import exporter
from biofeedback.recording.tables import Tables
from biofeedback.recording.writer import RecordingWriter
from biofeedback.session.clock import ManualClock
from biofeedback.session.opening import SOFTWARE
from biofeedback.session.runner import LiveSession
from biofeedback.session.simulated import SimulatedDriver
from tests.conftest import ROOT

EXAMPLES = ROOT / "recordings" / "examples"
SECONDS = 36
NAME = "Quirina Mustermann"
FORMULA = f"=HYPERLINK({NAME})"
SESSION = "01M822GEZ4Q5KJ1V9T7B3XW0HA"
STARTED_NS = 1_795_391_990_123_456_789  # 2026-11-22 23:59:50 UTC
CREATED_NS = 1_930_694_400_000_000_000  # 2031-03-07
DEFAULT = ExportOptions(created_at_utc_ns=CREATED_NS)
TOLD = ExportOptions(created_at_utc_ns=CREATED_NS, free_text=True, dates=True)


IDS = tuple(f"01M822GEZK000000000000000{number}" for number in range(1, 7))
AT_NS = 2_000_000_000
ENTRIES = (
    Entry(
        t_ns=AT_NS,
        id=IDS[0],
        type="arousal",
        by="patient",
        value=6.0,
        unit="sam_1_9",
        moment="before",
    ),
    Entry(
        t_ns=AT_NS,
        id=IDS[1],
        type="note",
        by=NAME,
        unit=f"units of {NAME}",
        text=f"Call {NAME}\tabout the\nnew dose",
        moment=f"when {NAME} came",
        prompt=f"How strong is the pain, {NAME}?",
        device=f"{NAME}'s phone",
    ),
    Entry(t_ns=AT_NS, id=IDS[2], type="note", by="therapist", text=FORMULA),
    Entry(t_ns=AT_NS, id=IDS[3], type="craving", by="patient", value=2.5),
    Entry(
        t_ns=AT_NS,
        id=IDS[4],
        type="pain_intensity",
        by="patient",
        value=9.0,
        unit="nrs_0_10",
    ),
    Entry(
        t_ns=AT_NS,
        id=IDS[5],
        type="pain_intensity",
        by="patient",
        value=4.0,
        unit="nrs_0_10",
        moment="during",
        corrects=IDS[4],
    ),
)


async def record(path: Path) -> None:
    """Record a simulated heart with ECG, acceleration, ratings and a name in notes.

    Ids and times are given, so that it is the same recording at any time.
    """
    part = path.with_name(path.name + ".part")
    clock = ManualClock()
    driver = SimulatedDriver("ectopic", seed=1)
    info = SessionInfo(
        id=SESSION,
        started_at_utc_ns=STARTED_NS,
        person="P-007",
        plan="practice",
        source="simulated",
        simulated=True,
        strap_name="Simulated heart",
        software=SOFTWARE,
    )
    session = LiveSession(
        info=info,
        config=Config(
            t_ns=0,
            algorithm=ALGORITHM,
            simulated=True,
            rate_bpm=6.0,
            inhale_pct=40.0,
            seed=driver.seed,
            profile=driver.profile.name,
            signals=(Ask(signal=Signal.ECG), Ask(signal=Signal.ACC, rate_hz=50)),
        ),
        source=driver.open(driver.found),
        clock=clock,
        writer=RecordingWriter(part, info),
    )
    session.start()
    await clock.advance(2)
    for entry in ENTRIES:
        session.feed(entry)
    await clock.advance(10)
    await session.pace(by="patient", rate_bpm=5.5, inhale_pct=40)
    await clock.advance(SECONDS - 12)
    await session.stop()
    compact(part, path, b"{}")


def make(path: Path) -> Path:
    """Record it, which takes no time of its own."""
    asyncio.run(record(path))
    return path


def every_byte(out: Path) -> bytes:
    """Return all that an export holds, unpacked, and the names of its files."""
    paths = [out, *sorted(out.rglob("*"))] if out.is_dir() else [out]
    pieces = [str(path.relative_to(out.parent)).encode() for path in paths]
    for path in paths:
        if path.is_dir():
            continue
        data = path.read_bytes()
        pieces.append(data)
        if path.suffix == ".gz":
            pieces.append(gzip.decompress(data))
        if path.suffix == ".parquet":
            pieces.append(_parquet(path))
    return b"\n".join(pieces)


def _parquet(path: Path) -> bytes:
    from pyarrow import compute, parquet

    table = parquet.read_table(path)
    # Numbers hold neither words nor dates; of times the ends tell enough.
    texts = []
    for column in table.columns:
        kind = str(column.type)
        if kind.startswith("timestamp"):
            ends = compute.min_max(column).as_py()
            texts.append(str(ends).encode())
        elif kind.startswith("dictionary"):
            texts.append(str(column.unique().to_pylist()).encode())
    metadata = [one for pair in table.schema.metadata.items() for one in pair]
    return b"\n".join([*texts, *metadata])


def dates_of(tables: Tables) -> tuple[bytes, ...]:
    """Return how the day of a session, or of its export, could be written down."""
    found: list[str] = []
    for utc_ns in (tables.info.started_at_utc_ns, CREATED_NS):
        day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=utc_ns // 10**9)
        found += [
            day.strftime(form)
            for form in (
                "%Y-%m-%d",
                "%Y/%m/%d",
                "%d/%m/%Y",
                "%d.%m.%y",
                "%Y%m%d",
                "%d-%b-%Y",
                "datetime.datetime(%Y, ",
            )
        ]
        found.append(day.strftime("%d-%b-%Y").upper())
        found.append(str(utc_ns // 10**9))
    ids = [tables.info.id, *(entry.id for entry in tables.entries)]
    found += [one[:8] for one in ids]  # a ULID begins with its time
    return tuple(text.encode() for text in found)


def rows_in(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def known(values: NDArray[np.float64]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]


def floats(cells: Iterable[str]) -> list[float | None]:
    return [float(cell) if cell else None for cell in cells]


def written(
    tables: Tables, name: str, out: Path, options: ExportOptions = DEFAULT
) -> Exported:
    return exporter(name).write(tables, out, options)


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def need(name: str) -> None:
    """Skip where the library that a format is written with is not installed."""
    if name == "parquet":
        pytest.importorskip("pyarrow")
