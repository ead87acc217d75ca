"""Polar's frames through the pipeline: samples in time, pulses as beats."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biofeedback.model import (
    AnyEvent,
    AnyRecord,
    Ask,
    BeatEvent,
    Config,
    HeartEvent,
    LinkChange,
    LinkEvent,
    LinkReason,
    LinkState,
    MetricsEvent,
    Notification,
    SamplesEvent,
    Signal,
    SignalsCommand,
    SignalsEvent,
    Strap,
    Tick,
)
from biofeedback.pipeline import ALGORITHM, Pipeline
from biofeedback.pmd_streams import Pulse
from biofeedback.signal.series import Series
from biofeedback.signal.summary import Summary, summarise
from biofeedback.wire.heart_rate import HeartRateMeasurement
from biofeedback.wire.polar_pmd import (
    AccFrame,
    EcgFrame,
    Measurement,
    Op,
    Ppi,
    PpiFrame,
    Response,
    Setting,
    Settings,
    start,
)
from biofeedback.wire.samples import decode_samples, encode_samples

S = 1_000_000_000
MS = 1_000_000
BOOT_NS = 599_616_000 * S


def config(*signals: Ask) -> Config:
    return Config(
        t_ns=0,
        algorithm=ALGORITHM,
        simulated=False,
        rate_bpm=6.0,
        inhale_pct=40.0,
        signals=signals,
    )


def link(
    t_s: float, profile: str | None = None, state: LinkState = LinkState.STREAMING
) -> LinkChange:
    strap = Strap(name="strap", profile=profile) if profile else None
    return LinkChange(t_ns=round(t_s * S), source="strap", state=state, strap=strap)


def note(
    t_s: float, characteristic: str, data: bytes, source: str = "strap"
) -> Notification:
    return Notification(
        t_ns=round(t_s * S), source=source, characteristic=characteristic, data=data
    )


def heart(t_s: float, *rr: int, contact: bool | None = None) -> Notification:
    packet = HeartRateMeasurement(hr_bpm=60, contact=contact, rr_1024=rr or None)
    return note(t_s, "2a37", bytes(packet))


def ecg(number: int, *, late_s: float = 0.02, n: int = 73) -> Notification:
    """The ``number``-th frame of an even 130 Hz stream that began at 1 s."""
    end_ns = number * n * S // 130
    frame = EcgFrame(device_ns=BOOT_NS + end_ns, samples=tuple(range(n)))
    return note(1 + end_ns / S + late_s, "pmd_data", bytes(frame))


def ppi(t_s: float, *samples: Ppi) -> Notification:
    return note(t_s, "pmd_data", bytes(PpiFrame(device_ns=0, samples=samples)))


def pulse(ms: int, *, error_ms: int = 5, blocker: bool = False) -> Ppi:
    return Ppi(hr_bpm=60, pp_ms=ms, error_ms=error_ms, blocker=blocker)


def tick(t_s: float) -> Tick:
    return Tick(t_ns=round(t_s * S))


def told(records: Iterable[AnyRecord]) -> list[AnyEvent]:
    pipeline = Pipeline()
    return [event for record in records for event in pipeline.receive(record)]


def samples(events: Iterable[AnyEvent]) -> list[SamplesEvent]:
    return [event for event in events if isinstance(event, SamplesEvent)]


def beats(events: Iterable[AnyEvent]) -> list[BeatEvent]:
    return [event for event in events if isinstance(event, BeatEvent)]


def links(events: Iterable[AnyEvent]) -> list[tuple[LinkState, LinkReason | None]]:
    return [(e.state, e.reason) for e in events if isinstance(e, LinkEvent)]


# --- ECG and acceleration -------------------------------------------------------


def test_ecg_lies_on_the_sessions_clock_however_late_a_frame_comes() -> None:
    rng = random.Random(3)
    frames = [ecg(k, late_s=0.01 + 0.2 * rng.random()) for k in range(1, 120)]
    frames.sort(key=lambda record: record.t_ns)
    found = samples(told([config(), link(0), *frames]))
    assert len(found) == len(frames)
    truth_ms = [1000 + k * 73_000 / 130 for k in range(1, 120)]
    errors = [event.t_ms - at for event, at in zip(found, truth_ms, strict=True)]
    assert all(0 <= error < 60 for error in errors[20:])  # arrivals: up to 210 ms
    # The samples of one frame begin where those of the last one ended.
    for before, event in itertools.pairwise(found):
        begins = event.t_ms - (len(event.values) - 1) * event.interval_ms
        assert begins - before.t_ms == pytest.approx(event.interval_ms, abs=0.01)
    assert found[0].values == tuple(range(73))
    assert (found[0].signal, found[0].channels) == (Signal.ECG, 1)
    assert found[0].device_ns == BOOT_NS + 73 * S // 130


def test_the_rate_is_the_one_that_was_asked_for() -> None:
    frame = AccFrame(device_ns=BOOT_NS, samples=((1, -2, 1000), (3, 4, 998)))
    chosen = Settings.of((Setting.RATE, 200), (Setting.RESOLUTION, 16))
    records: list[AnyRecord] = [
        config(),
        link(0),
        note(1, "pmd_cp_write", start(Measurement.ACC, chosen)),
        note(2, "pmd_data", bytes(frame)),
    ]
    (event,) = samples(told(records))
    assert event.interval_ms == 5.0
    assert (event.signal, event.channels) == (Signal.ACC, 3)
    assert event.values == (1, -2, 1000, 3, 4, 998)
    (usual,) = samples(told([config(), link(0), records[-1]]))
    assert usual.interval_ms == 20.0


def test_the_factor_of_the_answer_scales_the_acceleration() -> None:
    parameters = bytes(Settings.of((Setting.FACTOR, Settings.factor_bits(0.5))))
    answer = Response(op=Op.START, measurement=Measurement.ACC, status=0, more=False)
    frame = AccFrame(device_ns=BOOT_NS, samples=((10, 20, 2000),))
    (event,) = samples(
        told(
            [
                config(),
                link(0),
                note(1, "pmd_cp", bytes(answer) + parameters),
                note(2, "pmd_data", bytes(frame)),
            ]
        )
    )
    assert event.values == (5, 10, 1000)


def test_frames_that_nobody_can_read_are_counted_and_harm_nothing() -> None:
    pipeline = Pipeline()
    odd = [b"", b"\0", bytes(9), bytes([1, *bytes(20)]), bytes([0, *bytes(8), 3, 1])]
    records: list[AnyRecord] = [config(), link(0)]
    records += [note(1, "pmd_data", data) for data in odd]
    for record in records:
        pipeline.receive(record)
    assert pipeline.unknown_frames == len(odd)
    assert samples(pipeline.receive(ecg(1)))
    assert pipeline.unknown_frames == len(odd)
    assert not pipeline.receive(ecg(1))  # the same frame a second time


_STARTS = [
    bytes([measurement, *bytes(8), kind])
    for measurement in (0, 2, 3)
    for kind in range(4)
] + [bytes([2, *b"\xff" * 8, 0x80]), bytes([2, *bytes(8), 0x81])]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["pmd_data", "pmd_cp", "pmd_cp_write", "2a37"]),
            st.sampled_from([b"", b"\x02\x02", b"\xf0\x02\x02\x00\x00", *_STARTS]),
            st.binary(max_size=60),
        ),
        max_size=40,
    ),
    st.sampled_from([None, "garmin_hrm", "polar_optical"]),
)
def test_whatever_a_strap_sends_is_survived(
    packets: list[tuple[str, bytes, bytes]], profile: str | None
) -> None:
    pipeline = Pipeline()
    pipeline.receive(config())
    pipeline.receive(link(0, profile))
    for number, (characteristic, head, tail) in enumerate(packets):
        record = note(number / 10, characteristic, head + tail)
        for event in pipeline.receive(record):
            if isinstance(event, SamplesEvent):
                assert decode_samples(encode_samples(event, 1)) == (1, event)
            else:
                msgspec.json.encode(event)
        pipeline.receive(tick(number / 10))


def test_two_devices_have_two_clocks() -> None:
    one, other = ecg(1), ecg(2)
    elsewhere = note(5, "pmd_data", one.data, source="second")
    found = samples(told([config(), link(0), one, elsewhere, other]))
    assert [event.source for event in found] == ["strap", "second", "strap"]
    assert found[1].t_ms == 5000.0
    assert found[2].t_ms - found[0].t_ms == pytest.approx(73_000 / 130, abs=0.1)


def test_a_new_link_begins_a_new_segment_of_samples() -> None:
    records: list[AnyRecord] = [
        config(),
        link(0),
        *(ecg(k) for k in range(1, 10)),
        link(7, state=LinkState.RECONNECTING),
        link(9),
        *(ecg(k) for k in range(20, 23)),
    ]
    found = samples(told(records))
    gap = found[9]
    # Not stretched over the gap: the samples lie at the rate asked for.
    assert gap.interval_ms == pytest.approx(1000 / 130, abs=1e-5)
    assert gap.t_ms == pytest.approx(1000 + 20 * 73_000 / 130 + 20, abs=30)
    times = [event.t_ms for event in found]
    assert times == sorted(times)
    assert [event.segment for event in found] == [0] * 9 + [1] * 3


def test_a_missing_frame_and_a_clock_that_was_set_begin_segments() -> None:
    reset = EcgFrame(device_ns=5 * S, samples=tuple(range(73)))
    records: list[AnyRecord] = [
        config(),
        link(0),
        *(ecg(k) for k in (1, 2, 4, 5)),
        note(9, "pmd_data", bytes(reset)),
        note(9, "pmd_data", bytes(reset), source="second"),
    ]
    found = samples(told(records))
    assert [event.segment for event in found] == [0, 0, 1, 1, 2, 0]


def test_the_drift_of_the_straps_clock_is_told_once_it_is_known() -> None:
    slow = 50e-6  # the strap counts 50 µs less in each second
    rng = random.Random(4)
    frames = []
    for second in range(1, 600):
        stamp_ns = BOOT_NS + round(second * S * (1 - slow))
        frame = EcgFrame(device_ns=stamp_ns, samples=(0,) * 130)
        late_s = 0.005 + rng.expovariate(50)
        frames.append(note(second + late_s, "pmd_data", bytes(frame)))
    frames.sort(key=lambda record: record.t_ns)
    found = samples(told([config(), link(0), *frames]))
    assert {event.drift_ppm for event in found[:170]} == {None}
    known = [event.drift_ppm for event in found[300:]]
    assert all(drift == pytest.approx(50, abs=10) for drift in known)
    assert {event.segment for event in found} == {0}
    for event, second in zip(found[300:], range(301, 600), strict=True):
        # The constant part of the delay cannot be seen.
        assert abs(event.t_ms - 1000 * second - 5) <= event.uncertainty_ms


def test_what_is_asked_for_is_told() -> None:
    pipeline = Pipeline()
    wanted: tuple[Ask, ...] = (Ask(signal=Signal.ECG),)
    told_first = pipeline.receive(config(*wanted))
    assert [e.signals for e in told_first if isinstance(e, SignalsEvent)] == [wanted]
    assert pipeline.signals == wanted
    (told_then,) = pipeline.receive(SignalsCommand(t_ns=S, by="patient", signals=()))
    assert isinstance(told_then, SignalsEvent)
    assert told_then.by == "patient"
    assert not told_then.signals
    assert not pipeline.signals


# --- Pulse intervals of optical bands ----------------------------------------------


def optical(seconds: int, *, from_s: int = 25) -> list[AnyRecord]:
    """A band that sends a rate each second and, later, pulses each five seconds."""
    records: list[AnyRecord] = [config(), link(0, "polar_optical")]
    for second in range(1, seconds):
        records.append(heart(second, contact=False))
        if second >= from_s and second % 5 == 0:
            records.append(ppi(second + 0.1, *[pulse(1000)] * 5))
        records.append(tick(second + 0.5))
    return records


def test_pulses_become_beats_where_no_rr_comes() -> None:
    events = told(optical(120))
    found = beats(events)
    assert len(found) == 5 * len(range(25, 120, 5))
    assert {beat.rr_ms for beat in found} == {1000.0}
    assert {beat.segment for beat in found} == {0}
    assert all(beat.uncertainty_ms >= 5 for beat in found)
    metrics = [event for event in events if isinstance(event, MetricsEvent)][-1]
    assert metrics.window_s.w60.hr_bpm == 60.0
    assert metrics.window_s.w60.rmssd_ms == 0.0


def test_the_bands_own_estimate_of_its_error_is_kept() -> None:
    def uncertainties(error_ms: int) -> list[float]:
        records: list[AnyRecord] = [config(), link(0, "polar_optical")]
        for second in range(5, 40, 5):
            pulses = [pulse(1000, error_ms=error_ms), pulse(1000, error_ms=0)]
            records += [ppi(second, *pulses, *[pulse(1000)] * 3), tick(second + 0.5)]
        return [beat.uncertainty_ms for beat in beats(told(records))]

    more = [b - a for a, b in zip(uncertainties(5), uncertainties(45), strict=True)]
    assert more == pytest.approx([40, 0, 0, 0, 0] * 7)


def test_the_notice_of_a_rate_only_is_withdrawn_when_pulses_come() -> None:
    assert links(told(optical(60))) == [
        (LinkState.STREAMING, None),
        (LinkState.STREAMING, LinkReason.HR_ONLY),
        (LinkState.STREAMING, None),
    ]


def test_pulse_intervals_are_rounded_to_the_grid_of_rr() -> None:
    for ms in range(250, 2500):
        count = Pulse.of(pulse(ms)).count_1024
        assert abs(count * 1000 / 1024 - ms) < 0.5


def test_rr_and_pulses_are_never_one_series() -> None:
    records: list[AnyRecord] = [config(), link(0, "heart_rate")]
    for second in range(1, 40):
        records += [heart(second, 1024), ppi(second + 0.3, pulse(700))]
    assert {beat.rr_ms for beat in beats(told(records))} == {1000.0}
    # RR that come later end the series of pulses.
    mixed = [*optical(90), *(heart(60.2 + k, 1024) for k in range(20))]
    found = beats(told(sorted(mixed, key=lambda record: record.t_ns)))
    before = [beat for beat in found if beat.t_ms < 60_150]
    after = [beat for beat in found if beat.t_ms > 60_150]
    assert len(before) == 5 * len(range(25, 61, 5))
    assert len(after) == 20
    assert {beat.segment for beat in after} == {before[-1].segment + 1}
    assert [beat.index for beat in found] == list(range(len(found)))


def test_a_movement_breaks_the_series_and_its_value_is_not_used() -> None:
    moved = pulse(612, blocker=True)
    records = [
        *optical(30),
        ppi(30.1, pulse(1000), pulse(1000), moved, pulse(1000), moved, pulse(1000)),
        tick(31),
        tick(32),
    ]
    found = beats(told(records))
    assert 612 not in {round(beat.rr_ms) for beat in found}
    assert [beat.segment for beat in found[-4:]] == [0, 0, 1, 2]


# --- Contact, and intervals no heart made ---------------------------------------------


@pytest.mark.parametrize("profile", ["polar_optical", "polar_h10"])
def test_contact_bits_that_mean_nothing_are_not_told(profile: str) -> None:
    events = told([config(), link(0, profile), heart(1, 1024, contact=False)])
    assert LinkState.CONTACT_LOST not in [state for state, _ in links(events)]
    assert [e.contact for e in events if isinstance(e, HeartEvent)] == [None]


def test_contact_bits_that_can_be_trusted_are_told() -> None:
    events = told([config(), link(0, "polar_h7"), heart(1, contact=False)])
    assert links(events)[-1] == (LinkState.CONTACT_LOST, LinkReason.NO_CONTACT)
    assert [e.contact for e in events if isinstance(e, HeartEvent)] == [False]


GARMIN = bytes.fromhex("10382d043500")
"""As an HRM-Dual sent it: 1069/1024 s, and 53/1024 s that ANT+ did not have."""


def garmin(seconds: int, *, extra: bool) -> list[AnyRecord]:
    """The true RR vary; every third packet has the extra one."""
    records: list[AnyRecord] = [config(), link(0, "garmin_hrm")]
    rng = random.Random(5)
    at = 0.0
    for number in range(seconds):
        rr = 1069 + rng.randrange(-60, 60)
        at += rr / 1024
        data = b"\x10\x38" + rr.to_bytes(2, "little")
        if extra and number % 3 == 0:
            data += GARMIN[-2:]
        records += [note(at, "2a37", data), tick(at + 0.1)]
    return records


def test_the_packet_of_an_hrm_dual_keeps_its_extra_interval_and_its_time() -> None:
    events = told([config(), link(0, "garmin_hrm"), note(2, "2a37", GARMIN)])
    first, extra = beats(events)
    assert (first.rr_ms, extra.rr_ms) == (1069 * 125 / 128, 53 * 125 / 128)
    assert (first.label, extra.label) == ("normal", "artefact")
    assert extra.nn_ms is None
    assert extra.t_ms == first.t_ms == 2000.0
    assert (first.index, extra.index) == (0, 1)


def test_extra_intervals_move_no_time_and_change_no_number() -> None:
    plain, odd = told(garmin(330, extra=False)), told(garmin(330, extra=True))
    extras = [beat for beat in beats(odd) if beat.rr_ms < 273]
    assert len(extras) == 110
    assert {beat.label for beat in extras} == {"artefact"}
    kept = list({b.index: b for b in beats(odd) if b.rr_ms >= 273}.values())
    plainly = list({beat.index: beat for beat in beats(plain)}.values())
    assert [b.t_ms for b in kept] == [b.t_ms for b in plainly]
    assert [b.label for b in kept] == [b.label for b in plainly]
    assert {beat.segment for beat in beats(odd)} == {0}
    ours, theirs = (
        [
            msgspec.structs.replace(event, settled_index=None)  # it counts extras
            for event in events
            if isinstance(event, MetricsEvent)
        ]
        for events in (odd, plain)
    )
    assert ours == theirs
    assert max(m.window_s.w300.coverage for m in ours) <= 1
    assert ours[-1].window_s.w300.rmssd_ms is not None
    span_ms = kept[-1].t_ms - kept[0].t_ms
    assert span_ms == pytest.approx(sum(b.rr_ms for b in kept[1:]), abs=100)


def test_a_summary_counts_extra_intervals_and_is_not_moved_by_them() -> None:
    def summary(extra: bool) -> Summary:
        pipeline = Pipeline()
        for record in garmin(330, extra=extra):
            pipeline.receive(record)
        return summarise(Series.of(pipeline.intervals), 345.0)

    plain, odd = summary(False), summary(True)
    assert odd.n_beats == plain.n_beats + 110
    assert odd.artefact_pct == pytest.approx(25, abs=0.5)
    assert odd.n_nn == plain.n_nn
    assert (odd.raw.rmssd_ms or 0) > 5 * (plain.raw.rmssd_ms or 0)
    judged = ("rmssd_ms", "sdnn_ms", "pnn50_pct", "lf_ms2", "hf_ms2", "coverage")
    for name in judged:
        assert getattr(odd, name) == getattr(plain, name) is not None, name


def test_a_short_interval_of_any_other_strap_took_its_time() -> None:
    events = told([config(), link(0, "wahoo"), heart(2, 1024, 200)])
    first, second = beats(events)
    assert second.t_ms - first.t_ms == pytest.approx(200 * 125 / 128, abs=0.01)
