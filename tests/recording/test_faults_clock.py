"""A clock that is set while a session runs: the recording's own time never steps."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from biofeedback.model import AnyRecord, ClockReading, Entry, Tick
from biofeedback.recording.compaction import compact
from biofeedback.recording.reader import open_recording
from biofeedback.session.replay import verify
from tests.recording.faults import clock
from tests.recording.faults.kernel import CannotError

NS_PER_S = 1_000_000_000
NEARLY_NS = 20 * NS_PER_S


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return clock.built(tmp_path_factory.mktemp("clock"))
    except CannotError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    "name", ["set back 1 h", "summer time ends", "asleep 1 min, elsewhere"]
)
def test_time_never_steps_back_and_a_replay_is_the_same(
    library: Path, tmp_path: Path, name: str
) -> None:
    part = tmp_path / "a.mcap.part"
    clock.record(library, name, part)
    step = clock.STEPS[name]
    times = [stored.t_ns for stored in open_recording(part).all()]
    assert all(one <= two for one, two in pairwise(times))
    final = tmp_path / "a.mcap"
    compact(part, final)
    recording = open_recording(final)
    inputs = [record for _, record in recording.inputs()]
    before, after = (
        r.t_ns for r in inputs if isinstance(r, Entry) and r.by != "system"
    )
    # Only what the session's own clock did is in its times: a correction of the
    # system's clock is not, and a sleep only where that clock went on.
    assert step.monotonic_ns * clock.SPEED <= after - before
    assert after - before < step.monotonic_ns * clock.SPEED + 30 * NS_PER_S
    since = [record for record in inputs if record.t_ns > after]
    check_readings(step, recording.info.started_at_utc_ns, since)
    n_ticks = sum(isinstance(record, Tick) for record in inputs)
    assert 0 < n_ticks < 60, "none is made up for what was slept"
    verdict = verify(final)
    assert verdict.ok, verdict


def check_readings(step: clock.Step, started_ns: int, inputs: list[AnyRecord]) -> None:
    """What the civil clock did is told by `/clock`, and only there."""
    readings = [record for record in inputs if isinstance(record, ClockReading)]
    assert readings
    stepped_ns = step.wall_ns - step.monotonic_ns
    for reading in readings:
        ahead_ns = reading.utc_ns - started_ns - reading.t_ns // clock.SPEED
        assert abs(ahead_ns - stepped_ns) < NEARLY_NS
    if step.passes_utc_s is not None:
        began_s = started_ns // NS_PER_S
        assert began_s < step.passes_utc_s  # in summer time, ...
        assert readings[-1].utc_ns // NS_PER_S >= step.passes_utc_s
        assert readings[-1].utc_offset_s == 3600  # ... and now no longer
