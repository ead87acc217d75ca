"""Makes the example recordings anew: two minutes of simulated hearts.

    python recordings/examples/make.py

They run on a clock of their own, so it takes seconds. Every one says in itself and in
its first record that it is simulated.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from biofeedback.recording.compaction import compact
from biofeedback.session.analysis import analyze_file
from biofeedback.session.clock import ManualClock
from biofeedback.session.opening import open_session
from biofeedback.session.simulated import SimulatedDriver

FOLDER = Path(__file__).parent
SECONDS = 150
PROFILES = ("calm", "ectopic", "dropouts")
RATINGS = {
    2: ("pain_intensity", 6, "before"),
    4: ("pain_unpleasantness", 7, "before"),
    6: ("arousal", 6, "before"),
    80: ("pain_unpleasantness", 5, "during"),
    144: ("pain_intensity", 5, "after"),
    146: ("pain_unpleasantness", 3, "after"),
    148: ("arousal", 3, "after"),
}


async def make(profile: str) -> None:
    """Record one practice with ratings and one change of pace."""
    final = FOLDER / f"{profile}.mcap"
    part = final.with_name(final.name + ".part")
    part.unlink(missing_ok=True)
    clock = ManualClock()
    driver = SimulatedDriver(profile, seed=1)
    session = open_session(
        driver, driver.found, part=part, person="example", clock=clock
    )
    session.start()
    for second in range(SECONDS):
        await clock.advance(1)
        if second in RATINGS:
            type, value, moment = RATINGS[second]
            await session.enter(type=type, by="patient", value=value, moment=moment)
        if second == 100:
            await session.pace(by="patient", rate_bpm=5.5, inhale_pct=40)
    await session.stop()
    found = analyze_file(part)
    found["provenance"]["input"] = None  # it will be inside
    summary = msgspec.json.encode(found)
    final.unlink(missing_ok=True)
    compact(part, final, summary)


if __name__ == "__main__":
    for name in PROFILES:
        asyncio.run(make(name))
