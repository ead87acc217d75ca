"""A strap that is away for a while: a gap is a gap, and nothing is made up for it."""

from __future__ import annotations

import itertools

import pytest

from biofeedback.model import (
    AnyEvent,
    AnyRecord,
    BeatEvent,
    Config,
    LinkChange,
    LinkEvent,
    LinkReason,
    LinkState,
    MetricsEvent,
    Notification,
    Strap,
    Tick,
)
from biofeedback.pipeline import ALGORITHM, Pipeline
from biofeedback.wire.heart_rate import HeartRateMeasurement

S = 1_000_000_000
BEFORE_S = 90


def link(t_s: float, state: LinkState, reason: LinkReason | None = None) -> LinkChange:
    return LinkChange(
        t_ns=round(t_s * S),
        source="strap",
        state=state,
        reason=reason,
        strap=Strap(name="Polar H10"),
    )


def beating(from_s: int, to_s: int) -> list[AnyRecord]:
    """A beat and a tick a second, the intervals a little uneven."""
    records: list[AnyRecord] = []
    for t_s in range(from_s, to_s):
        rr = 1024 + (-8, 0, 8)[t_s % 3]
        data = bytes(HeartRateMeasurement(hr_bpm=60, rr_1024=(rr,)))
        records.append(
            Notification(t_ns=t_s * S, source="strap", characteristic="2a37", data=data)
        )
        records.append(Tick(t_ns=t_s * S + S // 2))
    return records


@pytest.mark.parametrize("away_s", [3, 30, 300])
def test_a_drop_is_told_and_no_beat_is_made_up_for_it(away_s: int) -> None:
    back_s = BEFORE_S + away_s
    records: list[AnyRecord] = [
        Config(
            t_ns=0, algorithm=ALGORITHM, simulated=True, rate_bpm=6.0, inhale_pct=40.0
        ),
        link(0, LinkState.STREAMING),
        *beating(1, BEFORE_S),
        link(BEFORE_S, LinkState.RECONNECTING, LinkReason.LINK_LOST),
        *(Tick(t_ns=t_s * S + S // 2) for t_s in range(BEFORE_S, back_s)),
        link(back_s, LinkState.STREAMING),
        *beating(back_s + 1, back_s + 90),
    ]
    pipeline = Pipeline()
    told: list[AnyEvent] = []
    for record in records:
        told.extend(pipeline.receive(record))
    # The gap is told, from one link event to the next, in the one session.
    states = [event.state for event in told if isinstance(event, LinkEvent)]
    assert states == [
        LinkState.STREAMING,
        LinkState.RECONNECTING,
        LinkState.STREAMING,
    ]
    beats = {event.index: event for event in told if isinstance(event, BeatEvent)}
    assert len(beats) == (BEFORE_S - 1) + 89  # one for each that came, and no other
    away = [
        beat
        for beat in beats.values()
        if BEFORE_S * 1000 + 500 < beat.t_ms < back_s * 1000 - 500
    ]
    assert away == []
    # What follows is another run: no difference is taken across.
    assert {beat.segment for beat in beats.values()} == {0, 1}
    times = [beats[i].t_ms for i in sorted(beats)]
    assert all(later > one for one, later in itertools.pairwise(times))
    # A minute that spans it is known in part only, and says so.
    spanning = next(
        event
        for event in told
        if isinstance(event, MetricsEvent) and event.t_ms >= back_s * 1000 + 20_000
    )
    assert spanning.window_s.w60.coverage < 1 - min(away_s, 40) / 60 + 0.05
    if away_s >= 30:
        assert spanning.window_s.w60.rmssd_ms is None
        assert spanning.rsa_bpm is None
