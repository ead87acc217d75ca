"""Opens a recording as a session of its own, marked as a replay."""

from __future__ import annotations

import time

from ulid import ULID

from biofeedback.model import SessionInfo
from biofeedback.recording.reader import Recording
from biofeedback.session.opening import SOFTWARE
from biofeedback.session.playback import Playback
from biofeedback.session.replay_clock import ReplayClock
from biofeedback.session.runner import LiveSession


def open_replay(
    recording: Recording, *, person: str, clock: ReplayClock
) -> tuple[LiveSession, Playback]:
    """Return a session that shows ``recording`` again, and what steers it.

    Blocks while it is read, every checksum of it. The session has not started yet; it
    records nothing and adds nothing: ticks, ratings and the pace are all in the
    recording, and ``clock`` sets the speed.

    Raises
    ------
    RecordingError
        When the recording is damaged.
    """
    records = [record for _, record in recording.inputs()]
    recorded = recording.info
    info = SessionInfo(
        id=str(ULID()),
        started_at_utc_ns=time.time_ns(),
        person=person,
        plan=recorded.plan,
        source="replay",
        simulated=recorded.simulated,
        strap_name=recorded.strap_name,
        software=SOFTWARE,
        replay_of=recorded.id,
        speed=clock.speed,
    )
    playback = Playback(records, clock)
    session = LiveSession(
        info=info, config=None, source=playback, clock=clock, own_ticks=False
    )
    playback.attach(session)
    return session, playback
