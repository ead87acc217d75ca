"""The day's baseline of one person: resting minutes of an earlier session."""

from __future__ import annotations

import itertools
from datetime import date, datetime

import msgspec

from biofeedback.errors import RecordingError
from biofeedback.model import Baseline
from biofeedback.recording.reader import open_recording
from biofeedback.store import SessionState, Store

NS_PER_S = 1_000_000_000
LOOKED_AT = 8
"""Sessions of a day that are looked at, newest first."""


class _Summary(msgspec.Struct):
    activation_baseline: Baseline | None = None


def todays_baseline(
    store: Store, person_id: str, *, simulated: bool, now_utc_ns: int
) -> Baseline | None:
    """Return the newest whole baseline of today, or the newest at all. Blocks.

    Never another person's or another day's, and a simulated heart's only for one.
    """
    sessions = (
        session
        for session in store.sessions(SessionState.COMPLETE)
        if session.person_id == person_id
        and session.simulated == simulated
        and session.replay_of is None
        and _day(session.started_at_utc_ns) == _day(now_utc_ns)
    )
    found = []
    for session in itertools.islice(sessions, LOOKED_AT):
        recording = store.recording(session.id)
        if recording is None:
            continue
        try:
            summary = open_recording(store.data / recording.path).summary()
            if summary is None:
                continue
            baseline = msgspec.json.decode(summary, type=_Summary).activation_baseline
        except (RecordingError, msgspec.MsgspecError):
            continue  # an old one, or damaged: there may be another
        if baseline is not None:
            found.append(baseline)
            if baseline.whole:
                return baseline
    return found[0] if found else None


def _day(utc_ns: int) -> date:
    return datetime.fromtimestamp(utc_ns / NS_PER_S).astimezone().date()
