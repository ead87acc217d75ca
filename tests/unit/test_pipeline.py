"""The pipeline: records in, events out, and what a person is told on the way."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable

import msgspec
import numpy as np
import pytest

from biofeedback.errors import ADVICE
from biofeedback.model import (
    AnyEvent,
    AnyRecord,
    BeatEvent,
    Config,
    Entry,
    HeartEvent,
    LinkChange,
    LinkEvent,
    LinkReason,
    LinkState,
    MetricsEvent,
    Notification,
    PacerCommand,
    PacerEvent,
    RestatedEvent,
    Strap,
    Tick,
)
from biofeedback.pipeline import ALGORITHM, Pipeline
from biofeedback.practice.phases import paced_after, practice_span
from biofeedback.signal import frequency_domain, time_domain
from biofeedback.wire.heart_rate import HeartRateMeasurement

S = 1_000_000_000


def config() -> Config:
    return Config(
        t_ns=0, algorithm=ALGORITHM, simulated=True, rate_bpm=6.0, inhale_pct=40.0
    )


def streaming(t_s: float = 0.0) -> LinkChange:
    return LinkChange(
        t_ns=round(t_s * S),
        source="strap",
        state=LinkState.STREAMING,
        strap=Strap(name="Polar H10"),
    )


def lost(t_s: float) -> LinkChange:
    return LinkChange(
        t_ns=round(t_s * S),
        source="strap",
        state=LinkState.RECONNECTING,
        reason=LinkReason.LINK_LOST,
    )


def packet(
    t_s: float, *rr: int, contact: bool | None = None, hr_bpm: int = 60
) -> Notification:
    data = bytes(
        HeartRateMeasurement(hr_bpm=hr_bpm, contact=contact, rr_1024=rr or None)
    )
    return Notification(
        t_ns=round(t_s * S), source="strap", characteristic="2a37", data=data
    )


def battery(t_s: float, pct: int) -> Notification:
    return Notification(
        t_ns=round(t_s * S), source="strap", characteristic="2a19", data=bytes([pct])
    )


def tick(t_s: float) -> Tick:
    return Tick(t_ns=round(t_s * S))


def phase(t_s: float) -> Entry:
    return Entry(
        t_ns=round(t_s * S), id="p", type="phase", by="patient", text="practice"
    )


def steady(start_s: int, stop_s: int, rr: int = 1000) -> Iterable[AnyRecord]:
    """An even heart: a packet at each beat, and a tick soon after."""
    t_s = float(start_s)
    while t_s < stop_s:
        yield packet(t_s, rr)
        yield tick(t_s + 0.4)
        t_s += rr / 1024


def told(records: Iterable[AnyRecord]) -> list[AnyEvent]:
    pipeline = Pipeline()
    return [event for record in records for event in pipeline.receive(record)]


def links(events: Iterable[AnyEvent]) -> list[tuple[LinkState, LinkReason | None]]:
    return [(e.state, e.reason) for e in events if isinstance(e, LinkEvent)]


def test_one_packet_becomes_a_rate_and_its_beats() -> None:
    events = told([config(), streaming(), packet(1, 1024, 512)])
    kinds = [type(event) for event in events]
    assert kinds == [PacerEvent, LinkEvent, HeartEvent, BeatEvent, BeatEvent]
    beats = [event for event in events if isinstance(event, BeatEvent)]
    assert [beat.rr_ms for beat in beats] == [1000.0, 500.0]


def test_no_difference_crosses_a_lost_link() -> None:
    records: list[AnyRecord] = [
        config(),
        streaming(),
        *steady(1, 30, 1000),
        lost(30),
        streaming(34),
        *steady(35, 66, 900),
    ]
    events = told(records)
    beats = [event for event in events if isinstance(event, BeatEvent)]
    assert {beat.segment for beat in beats} == {0, 1}
    metrics = [event for event in events if isinstance(event, MetricsEvent)][-1]
    # Each side is a metronome: the only difference would be the one across.
    assert metrics.window_s.w60.rmssd_ms == 0.0
    assert (metrics.window_s.w60.sdnn_ms or 0) > 40


def test_numbers_wait_until_they_can_be_known() -> None:
    events = told([config(), streaming(), *steady(1, 70)])
    metrics = [event for event in events if isinstance(event, MetricsEvent)]
    first, last = metrics[2], metrics[-1]
    assert first.window_s.w30.rmssd_ms is None
    assert first.window_s.w30.hr_bpm is None
    assert last.window_s.w30.rmssd_ms == 0.0
    assert last.window_s.w60.hr_bpm == pytest.approx(61.44)
    assert last.window_s.w300.rmssd_ms is None
    assert all(0 <= m.window_s.w60.coverage <= 1 for m in metrics)


def test_an_unsuitable_rhythm_withholds_variability_and_says_why() -> None:
    bigeminy = itertools.cycle([1150, 500])
    records: list[AnyRecord] = [config(), streaming()]
    for second in range(1, 90):
        records += [packet(second, next(bigeminy)), tick(second + 0.5)]
    metrics = [e for e in told(records) if isinstance(e, MetricsEvent)][-1]
    assert not metrics.suitable
    assert metrics.reason
    assert metrics.window_s.w60.rmssd_ms is None
    assert metrics.lf_ms2 is None


def test_silence_is_stale_after_five_seconds_and_said_once() -> None:
    events = told([config(), streaming(), packet(1, 1000), *map(tick, range(2, 20))])
    assert links(events) == [
        (LinkState.STREAMING, None),
        (LinkState.STALE, LinkReason.NO_DATA),
    ]
    stale = [event for event in events if isinstance(event, LinkEvent)][-1]
    assert stale.t_ms == 7000.0
    assert stale.advice == ADVICE[LinkReason.NO_DATA]


def test_the_driver_s_word_of_the_same_silence_is_not_repeated() -> None:
    stale = LinkChange(
        t_ns=8 * S, source="strap", state=LinkState.STALE, reason=LinkReason.NO_DATA
    )
    records: list[AnyRecord] = [config(), streaming(), packet(1, 1000), tick(7), stale]
    assert len(links(told(records))) == 2


def test_lost_contact_is_told_once_and_so_is_its_return() -> None:
    records: list[AnyRecord] = [
        config(),
        streaming(),
        packet(1, 1000, contact=True),
        packet(2, 1000, contact=False),
        packet(3, 1000, contact=False),
        packet(4, 1000, contact=True),
        packet(5, 1000, contact=None),
    ]
    assert links(told(records)) == [
        (LinkState.STREAMING, None),
        (LinkState.CONTACT_LOST, LinkReason.NO_CONTACT),
        (LinkState.STREAMING, None),
    ]


def test_a_strap_without_rr_is_said_to_be_so_and_stays_so() -> None:
    records: list[AnyRecord] = [config(), streaming()]
    for second in range(1, 14):
        records += [packet(second), tick(second + 0.5)]
    records += [battery(14, 80), packet(15, contact=False), packet(16, contact=True)]
    found = links(told(records))
    assert found == [
        (LinkState.STREAMING, None),
        (LinkState.STREAMING, LinkReason.HR_ONLY),
        (LinkState.STREAMING, LinkReason.HR_ONLY),  # the battery is news, too
        (LinkState.CONTACT_LOST, LinkReason.NO_CONTACT),
        (LinkState.STREAMING, LinkReason.HR_ONLY),
    ]


def test_breaths_count_from_when_the_pacer_was_on_screen() -> None:
    sleepy: list[AnyRecord] = [config(), streaming(), *steady(1, 100)]
    marked: list[AnyRecord] = [
        config(),
        streaming(),
        *steady(1, 80),
        phase(80),
        *steady(80, 100),
    ]

    def last_rsa(records: Iterable[AnyRecord]) -> float | None:
        events = told(records)
        return [e for e in events if isinstance(e, MetricsEvent)][-1].rsa_ms

    assert last_rsa(sleepy) is not None
    assert last_rsa(marked) is None


@pytest.mark.parametrize("before", [True, False])
def test_the_steps_of_an_assessment_are_paced_and_its_rests_are_not(
    before: bool,
) -> None:
    def after(text: str) -> bool:
        return paced_after(msgspec.structs.replace(phase(1), text=text), before)

    steps = ("resonance/sliding", "resonance/6.5", "resonance/6")
    assert [after(text) for text in steps] == [True] * 3
    assert [after(text) for text in ("resonance/rest", "resonance/done")] == [False] * 2
    assert [after(text) for text in ("resonance/other", "zoom/1")] == [before] * 2


def test_the_span_of_practice_ends_with_the_first_answer_after_it() -> None:
    after = Entry(
        t_ns=300 * S, id="a", type="arousal", by="patient", value=3.0, moment="after"
    )
    assert practice_span([], 400e3) == (0.0, 400e3)
    assert practice_span([phase(60)], 400e3) == (60e3, 400e3)
    assert practice_span([phase(60), after], 400e3) == (60e3, 300e3)
    assert practice_span([after, phase(350)], 400e3) == (350e3, 400e3)


@pytest.mark.parametrize("data", [b"", b"\x10", b"\xff" * 3, bytes(300)])
def test_no_packet_stops_the_pipeline(data: bytes) -> None:
    odd = Notification(t_ns=S, source="strap", characteristic="2a37", data=data)
    events = told([config(), streaming(), odd, *steady(2, 8)])
    assert sum(isinstance(event, BeatEvent) for event in events) >= 5


def test_sentences_belong_to_the_algorithm() -> None:
    """They stand in recorded messages: other words would make a replay differ.

    Whoever changes one changes ALGORITHM as well, then this number.
    """
    sentences = [
        ALGORITHM,
        *(f"{reason}: {text}" for reason, text in sorted(ADVICE.items())),
        frequency_domain.LISTENING,
        frequency_domain.FLAGGED,
        time_domain.UNSUITABLE,
    ]
    number = hashlib.sha256(msgspec.json.encode(sentences)).hexdigest()[:12]
    assert number == "2fcfa9de39f2"


def test_without_viewers_the_beats_are_judged_the_same() -> None:
    """An analysis skips what only a screen would need."""
    random = np.random.default_rng(4)
    records: list[AnyRecord] = [config(), streaming()]
    t_s = 0.0
    for n in range(400):
        rr = round(1024 * (0.9 + 0.05 * np.sin(0.6 * t_s) + random.normal(0, 0.01)))
        rr = rr * 2 if n in (150, 260) else rr
        t_s += rr / 1024 + (20 if n == 300 else 0)
        records += [packet(t_s + 0.1, rr, contact=n not in (50, 51)), tick(t_s + 0.4)]
        if n == 300:
            records.insert(-2, lost(t_s - 1))
            records.insert(-2, streaming(t_s - 0.5))
    seen, unseen = Pipeline(), Pipeline(live=False)
    for record in records:
        seen.receive(record)
        told = unseen.receive(record)
        assert not any(isinstance(e, BeatEvent | MetricsEvent) for e in told)
    seen.flush()
    unseen.flush()
    assert unseen.intervals == seen.intervals
    assert sum(i.label != "normal" for i in unseen.intervals) >= 4


def breathing_heart(seconds: int, odd: dict[int, int]) -> list[AnyRecord]:
    """A heart that answers slow breathing; ``odd`` replaces some intervals."""
    random = np.random.default_rng(9)
    records: list[AnyRecord] = [config(), streaming()]
    t_s, n = 0.0, 0
    while t_s < seconds:
        swing = 0.06 * np.sin(0.2 * np.pi * t_s) + random.normal(0, 0.012)
        rr = odd.get(n, round(1024 * (0.9 + swing)))
        t_s, n = t_s + rr / 1024, n + 1
        records += [packet(t_s + 0.1, rr), tick(t_s + 0.4)]
    return records


def test_a_beat_is_told_again_only_when_its_label_changes() -> None:
    told_of: dict[int, list[BeatEvent]] = {}
    for event in told(breathing_heart(300, {200: 560, 201: 1250})):
        if isinstance(event, BeatEvent):
            told_of.setdefault(event.index, []).append(event)
    assert all(one[0].provisional for one in told_of.values())
    again = {index: one for index, one in told_of.items() if len(one) > 1}
    assert {200, 201} & set(again)
    for one in again.values():
        labels = [event.label for event in one]
        assert all(a != b for a, b in itertools.pairwise(labels))
        assert len({event.rr_ms for event in one}) == 1, "raw is never touched"


def test_seconds_are_restated_once_when_a_judgement_settles_otherwise() -> None:
    """With the beats of each restated second final, the numbers are those told then."""
    restated: dict[float, RestatedEvent] = {}
    metrics: dict[float, MetricsEvent] = {}
    random = np.random.default_rng(1)
    odd = {int(n): int(random.integers(500, 1400)) for n in range(130, 420, 23)}
    for event in told(breathing_heart(420, odd)):
        if isinstance(event, MetricsEvent):
            metrics[event.t_ms] = event
        if isinstance(event, RestatedEvent):
            assert event.at_ms not in restated
            assert event.t_ms > event.at_ms
            restated[event.at_ms] = event
    assert restated
    for at_ms, event in restated.items():
        before, after = metrics[at_ms].window_s, event.window_s
        assert not after.w30.provisional
        assert before.w30.provisional
        assert (before.w30.n_nn, before.w60.n_nn, before.w300.n_nn) != (
            after.w30.n_nn,
            after.w60.n_nn,
            after.w300.n_nn,
        )


def test_without_contact_beats_count_for_nothing_at_once() -> None:
    records: list[AnyRecord] = [config(), streaming()]
    for second in range(1, 60):
        records.append(packet(second, 1000, contact=not 40 <= second < 45))
        records.append(tick(second + 0.4))
    beats = [e for e in told(records) if isinstance(e, BeatEvent)]
    first = {beat.index: beat for beat in reversed(beats)}
    assert [n for n, beat in first.items() if beat.label == "artefact"] == [
        *range(43, 38, -1)
    ]


def test_the_pace_is_followed_only_if_the_breath_says_so() -> None:
    followed = [
        event.followed
        for event in told(breathing_heart(200, {}))
        if isinstance(event, MetricsEvent)
    ]
    assert set(followed[:60]) == {None}, "nothing can be said before 64 s"
    assert followed[-1] is True  # the pacer's six a minute
    slower = PacerCommand(t_ns=100 * S, by="patient", rate_bpm=4.5, inhale_pct=40.0)
    records = sorted(
        [*breathing_heart(260, {}), slower], key=lambda record: record.t_ns
    )
    events = [e for e in told(records) if isinstance(e, MetricsEvent)]
    assert events[-1].followed is False
    assert events[-1].breathing is not None
    assert events[-1].breathing.breaths_per_min == pytest.approx(6, abs=0.2)
