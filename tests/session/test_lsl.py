"""LSL: other programs receive exactly what a session says, and find it again."""

from __future__ import annotations

import asyncio
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biofeedback.model import Ask, Label, Signal
from biofeedback.practice import pacer
from biofeedback.recording.compaction import compact
from biofeedback.recording.tables import Tables, read_tables
from biofeedback.session.clock import ManualClock
from biofeedback.session.lsl import streams
from biofeedback.session.opening import open_session
from biofeedback.session.simulated import SimulatedDriver

SPEED = 64
SECONDS = 30
SECRET = "my neighbour's dog"

# On this machine alone, and silent. Peers are asked at each port of theirs: what is
# sent to all on a loopback reaches only some of them.
QUIET = """
[multicast]
ResolveScope = machine
[lab]
KnownPeers = {127.0.0.1}
[ports]
IPv6 = disable
[log]
level = -3
"""

Rows = dict[str, list[tuple[list[Any], float]]]


class Program:
    """A program of its own whose lines are read as they come."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self._lines: queue.Queue[str] = queue.Queue()
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        for line in self._out:
            self._lines.put(line)
        self._lines.put("")

    def go(self) -> None:
        self._in.write("\n")
        self._in.flush()

    def lines(self) -> Iterator[str]:
        while line := self._lines.get(timeout=40):
            yield line

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reading.join()
        self._in.close()
        self._out.close()


@pytest.fixture
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pylsl")
    config = tmp_path / "lsl_api.cfg"
    config.write_text(QUIET)
    monkeypatch.setenv("LSLAPICFG", str(config))


@pytest.fixture
def start(quiet: None) -> Iterator[Callable[..., Program]]:
    programs = []

    def begin(*arguments: str) -> Program:
        programs.append(Program(*arguments))
        return programs[-1]

    yield begin
    for program in programs:
        program.end()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    final = tmp_path / "a.mcap"
    asyncio.run(record(final))
    return final


async def record(final: Path) -> None:
    part = final.with_name("a.mcap.part")
    # Early beats are among these thirty seconds.
    clock, driver = ManualClock(), SimulatedDriver("ectopic", seed=1)
    asks = (Ask(signal=Signal.ECG), Ask(signal=Signal.ACC))
    session = open_session(
        driver, driver.found, part=part, clock=clock, signals=asks, person="P017"
    )
    session.start()
    for second in range(SECONDS):
        await clock.advance(1)
        if second == 20:
            await session.enter(type="pain_intensity", by="patient", value=6)
            await session.enter(type="phase", by="patient", text="practice")
            await session.enter(type="annotation", by="therapist", text=SECRET)
            await session.pace(by="patient", rate_bpm=5.5, inhale_pct=40)
    await session.stop()
    compact(part, final)


def test_another_process_receives_everything_exactly_and_after_a_restart_again(
    recording: Path, start: Callable[..., Program]
) -> None:
    tables = read_tables(recording)
    traces = {
        "ECG-130Hz": [t for t in tables.traces if t.signal is Signal.ECG],
        "ACC-50Hz": [t for t in tables.traces if t.signal is Signal.ACC],
    }
    due = {
        "RR": len(tables.beats),
        "NN": len(tables.beats),
        "HR": len(tables.heart),
        "HRV": len(tables.metrics),
        "Markers": 1,  # the last one says so
        "Pacer": len(tables.pacer),
        "PacerPhase": 10 * SECONDS + 1,
        **{kind: sum(map(len, found)) for kind, found in traces.items()},
    }
    prefix = f"biofeedback:replay:{tables.info.id}:"
    first = start("tests.session.lsl_sender", str(recording), "8")
    again = start("tests.session.lsl_sender", str(recording), str(SPEED))
    receiver = start("tests.session.lsl_receiver", prefix, *due)
    first.go()
    infos: dict[str, str] = {}
    came: Rows = {kind: [] for kind in due}
    lines = receiver.lines()

    def read_until(enough: Callable[[], bool]) -> None:
        for line in lines:
            assert SECRET not in line
            said = json.loads(line)
            if "info" in said:
                infos[said["kind"]] = said["info"]
            else:
                rows = zip(said["values"], said["stamps_s"], strict=True)
                came[said["kind"]] += rows
                if enough():
                    return
        pytest.fail(f"only { ({kind: len(rows) for kind, rows in came.items()}) } came")

    read_until(lambda: len(came["RR"]) > 1)
    first.end()  # in the midst of it, without a word
    before = [row[0] for row, _ in came["RR"]]
    came |= {kind: [] for kind in due}
    again.go()  # and the same inlets go on
    read_until(lambda: "lsl_end" in str(came["Markers"][-1:]))
    began = next(k for k, (row, _) in enumerate(came["RR"]) if row[1] == 0)
    before += [row[0] for row, _ in came["RR"][:began]]
    assert before == tables.beats.rr_ms[: len(before)].tolist()

    # What the first one had still sent lies before the second one's first marker.
    since_s = next(s for row, s in came["Markers"] if '"type":"replay"' in row[0])

    def all_came() -> bool:
        return all(len(after(rows, since_s)) >= due[k] for k, rows in came.items())

    if not all_came():
        read_until(all_came)
    check(tables, traces, {kind: after(rows, since_s) for kind, rows in came.items()})
    check_infos(tables, infos)
    receiver.end()
    assert list(again.lines()) == [f"{len(tables.beats)} 0\n"]


def after(rows: list[tuple[list[Any], float]], since_s: float) -> Any:  # noqa: ANN401
    # A stamp may lie some microseconds before the marker that opens a replay.
    return [(row, stamp_s) for row, stamp_s in rows if stamp_s > since_s - 0.01]


def check(tables: Tables, traces: dict[str, Any], came: Rows) -> None:
    def values(kind: str) -> list[Any]:
        return [row for row, _ in came[kind]]

    # The intervals: every one, in order, to the last bit, where they belong in time.
    beats = tables.beats
    assert [row[0] for row in values("RR")] == beats.rr_ms.tolist()
    assert [row[1] for row in values("RR")] == beats.index.tolist()
    assert [row[2] for row in values("RR")] == beats.segment.tolist()
    stamps_s = np.array([stamp_s for _, stamp_s in came["RR"]])
    t_s = beats.t_ns / 1e9 / SPEED
    np.testing.assert_allclose(stamps_s - stamps_s[0], t_s - t_s[0], rtol=0, atol=2e-9)
    judged = {int(row[2]): row for row in values("NN")}
    labels = [streams.LABELS[int(judged[index][1])] for index in beats.index]
    assert labels == [Label(label) for label in beats.label]
    assert Label.ECTOPIC in labels
    nn_ms = [judged[index][0] for index in beats.index]
    np.testing.assert_array_equal(nn_ms, beats.nn_ms)

    assert [row[0] for row in values("HR")] == tables.heart.hr_bpm.tolist()
    columns = tables.metrics.columns
    assert tuple(columns) == tuple(channel.label for channel in streams.HRV.channels)
    table = np.column_stack(list(columns.values()))
    np.testing.assert_array_equal(np.array(values("HRV")), table)
    for kind, found in traces.items():
        whole = np.concatenate([trace.values for trace in found])
        np.testing.assert_array_equal(np.array(values(kind)), whole)
        t_s = np.concatenate([trace.t_ms for trace in found]) / 1000 / SPEED
        stamps_s = np.array([stamp_s for _, stamp_s in came[kind]])
        np.testing.assert_allclose(np.diff(stamps_s), np.diff(t_s), rtol=0, atol=2e-9)

    told = [json.loads(row[0]) for row in values("Markers")]
    assert all(one["replay"] and one["simulated"] for one in told)
    assert {one["speed"] for one in told} == {SPEED}
    entries = [one for one in told if "by" in one]
    assert [(e["type"], e.get("value")) for e in entries] == [
        (entry.type, entry.value) for entry in tables.entries
    ]
    assert [e.get("phase") for e in entries] == [None, "practice", None]
    assert {one["state"] for one in told if one["type"] == "link"} >= {"streaming"}
    assert told[-1]["beats"] == len(beats)
    paces = [json.loads(row[0]) for row in values("Pacer")]
    assert [one["rate_bpm"] for one in paces] == [6.0, 5.5]
    assert [one["origin_ms"] for one in paces] == [p.origin_ms for p in tables.pacer]
    shown = [pacer.state_at(tables.pacer, 100.0 * k) for k in range(10 * SECONDS + 1)]
    np.testing.assert_allclose(
        [row[0] for row in values("PacerPhase")],
        [state.fullness for state in shown],
        rtol=0,
        atol=1e-6,
    )


def check_infos(tables: Tables, infos: dict[str, str]) -> None:
    for kind, info in infos.items():
        assert f"Biofeedback {kind} {tables.info.id} (replay)" in info
        assert "<replay>true</replay>" in info
        assert "<simulated>true</simulated>" in info
        assert tables.info.person not in info
    assert "<unit>microvolts</unit>" in infos["ECG-130Hz"]
    assert "<nominal_srate>1040.0" in infos["ECG-130Hz"]  # as the first one said
