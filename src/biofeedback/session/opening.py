"""Opens a session: what every live session begins with, whoever starts it."""

from __future__ import annotations

import time
from pathlib import Path

from ulid import ULID

from biofeedback import __version__
from biofeedback.model import Ask, Baseline, Config, FoundStrap, SessionInfo
from biofeedback.pipeline import ALGORITHM
from biofeedback.practice import pacer
from biofeedback.practice.plans import Chosen
from biofeedback.recording.names import device_hash, without_serial
from biofeedback.recording.writer import RecordingWriter
from biofeedback.session import asking
from biofeedback.session.civil_clock import civil_now
from biofeedback.session.clock import Clock, WallClock
from biofeedback.session.driver import Driver
from biofeedback.session.referee import Referee
from biofeedback.session.runner import LiveSession
from biofeedback.session.simulated import SimulatedDriver
from biofeedback.session.ticker import Ticker

SOFTWARE = f"biofeedback {__version__}"


def open_session(
    driver: Driver,
    strap: FoundStrap,
    *,
    part: Path,
    session_id: str | None = None,
    person: str = "self",
    plan: str = "practice",
    clock: Clock | None = None,
    referee: Referee | None = None,
    signals: tuple[Ask, ...] = (),
    ticker: Ticker | None = None,
    baseline: Baseline | None = None,
    device_key: bytes | None = None,
    chosen: Chosen | None = None,
) -> LiveSession:
    """Return a session that is recorded to ``part``; it has not started yet.

    Parameters
    ----------
    driver, strap
        Where the heartbeats come from.
    part
        The journal to create; its folder must exist.
    session_id, person, plan
        Who practises what; ``person`` is a pseudonym.
    clock, referee
        The session's time (the machine's by default), and NeuroKit2's worker.
    signals
        What is wanted of the strap beside its heart rate, from the first moment.
    ticker
        Who ticks it together with other sessions, if anybody does.
    baseline
        The person's resting minutes from an earlier session of the day.
    device_key
        What the strap's name is hashed with; ``None``: it is only cut short.
    chosen
        The plan whose steps the session follows, which is kept in the recording. Then
        nothing is paced until a practice of it begins.

    Raises
    ------
    SettingsError
        When no strap could give these signals.
    RecordingError
        When the journal cannot be created.
    """
    asking.check(signals)
    simulated = isinstance(driver, SimulatedDriver)
    info = SessionInfo(
        id=session_id or str(ULID()),
        started_at_utc_ns=time.time_ns(),
        person=person,
        plan=plan,
        source="simulated" if simulated else "strap",
        simulated=simulated,
        strap_name=without_serial(strap.name),
        software=SOFTWARE,
        device_hash=(
            None
            if device_key is None or simulated
            else device_hash(device_key, strap.name)
        ),
    )
    config = Config(
        t_ns=0,
        algorithm=ALGORITHM,
        simulated=simulated,
        rate_bpm=pacer.DEFAULT_RATE_BPM if chosen is None else None,
        inhale_pct=pacer.DEFAULT_INHALE_PCT,
        seed=driver.seed if isinstance(driver, SimulatedDriver) else None,
        profile=driver.profile.name if isinstance(driver, SimulatedDriver) else None,
        signals=signals,
        baseline=baseline,
        plan=None if chosen is None else chosen.plan.canonical,
        plan_sha256=None if chosen is None else chosen.plan.sha256,
        arm=None if chosen is None else chosen.arm_id,
    )
    clock = clock or WallClock()
    return LiveSession(
        info=info,
        config=config,
        source=driver.open(strap),
        clock=clock,
        # A clock that a test holds has nothing to do with that of the wall.
        civil=civil_now if isinstance(clock, WallClock) else None,
        writer=RecordingWriter(part, info, practice=PRACTICE),
        referee=referee,
        ticker=ticker,
    )


PRACTICE = {
    "inhale_exhale": (
        f"{pacer.DEFAULT_INHALE_PCT:g}:{100 - pacer.DEFAULT_INHALE_PCT:g}"
    ),
    "breathing_control": "paced on screen",
    "protocol": "preset pace",
}
"""Fields that most published studies forget (Lalanza 2023), filled in by machine."""
