"""The strap's side of Polar's measurement service, without any radio."""

from __future__ import annotations

import numpy as np
import pytest

from biofeedback.simulator.body import Body
from biofeedback.simulator.pmd import REMEMBERED, PmdServer
from biofeedback.simulator.pmd_make import H10_PMD, OPTICAL_PMD
from biofeedback.wire.polar_pmd import (
    UNSET_CLOCK_NS,
    AccFrame,
    EcgFrame,
    Frame,
    Measurement,
    PpiFrame,
    Response,
    Setting,
    Settings,
    Status,
    UnknownFrame,
    control_from_bytes,
    frame_from_bytes,
    get_settings,
    start,
    stop,
)

S = 1_000_000_000
ECG = start(Measurement.ECG, Settings.of((Setting.RATE, 130), (Setting.RESOLUTION, 14)))


def acc(rate_hz: int = 200, range_g: int = 8) -> bytes:
    return start(
        Measurement.ACC,
        Settings.of(
            (Setting.RATE, rate_hz), (Setting.RESOLUTION, 16), (Setting.RANGE, range_g)
        ),
    )


@pytest.fixture
def server() -> PmdServer:
    return PmdServer(H10_PMD, Body.of_rr([800.0] * 1000))


def said(server: PmdServer, command: bytes, t_ns: int = 0) -> Response:
    (answer,) = server.write(command, t_ns)
    response = control_from_bytes(answer)
    assert isinstance(response, Response)
    return response


def frames(server: PmdServer, t_ns: int) -> list[Frame]:
    return [frame_from_bytes(each) for each in server.advance(t_ns)]


def ecg_frames(server: PmdServer, t_ns: int) -> list[EcgFrame]:
    return [each for each in frames(server, t_ns) if isinstance(each, EcgFrame)]


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (get_settings(Measurement.ECG), Status.OK),
        (get_settings(Measurement.PPG), Status.NOT_SUPPORTED),
        (bytes.fromhex("0104"), Status.INVALID_MEASUREMENT),
        (bytes.fromhex("6300"), Status.INVALID_OP),
        (bytes.fromhex("02"), Status.INVALID_LENGTH),
        (bytes.fromhex("0200"), Status.INVALID_PARAMETER),
        (bytes.fromhex("0200000182"), Status.INVALID_PARAMETER),
        (acc(rate_hz=77), Status.INVALID_RATE),
        (acc(range_g=16), Status.INVALID_RANGE),
        (stop(Measurement.ECG), Status.ALREADY_IN_STATE),
        (ECG, Status.OK),
        (b"", Status.INVALID_OP),
    ],
)
def test_every_command_gets_its_status(
    server: PmdServer, command: bytes, status: Status
) -> None:
    assert said(server, command).status is status


def test_starting_twice_is_already_in_state_and_so_is_stopping(
    server: PmdServer,
) -> None:
    statuses = [
        said(server, command).status
        for command in (ECG, ECG, stop(Measurement.ECG), stop(Measurement.ECG))
    ]
    assert statuses == [
        Status.OK,
        Status.ALREADY_IN_STATE,
        Status.OK,
        Status.ALREADY_IN_STATE,
    ]
    assert server.due_ns is None


def test_the_status_says_what_runs(server: PmdServer) -> None:
    said(server, acc())
    assert said(server, bytes((5,))).parameters == bytes((0, 2 | 1 << 6))


def test_the_ecg_has_its_r_waves_at_the_beats(server: PmdServer) -> None:
    server.clock.offset_ns = 0
    said(server, ECG)
    found = ecg_frames(server, 20 * S)
    assert {len(each.samples) for each in found} == {73}
    samples = np.array([value for each in found for value in each.samples])
    rate_hz = 130 * 1.0003
    assert len(samples) / rate_hz == pytest.approx(20, abs=0.6)
    peaks = [
        at / rate_hz
        for at in range(1, len(samples) - 1)
        if samples[at] > 600 and samples[at] == samples[at - 1 : at + 2].max()
    ]
    beats = [0.8 * 1024 // 1 / 1024 * number for number in range(1, len(peaks) + 1)]
    assert len(peaks) == 24
    assert np.abs(np.array(peaks) - beats).max() < 1 / 130


def test_a_frame_is_stamped_with_the_device_s_time_of_its_last_sample(
    server: PmdServer,
) -> None:
    server.clock.drift_ppm = 20
    said(server, ECG, 5 * S)
    last_ns = 5 * S + round((10 * 73 - 1) / (130 * 1.0003) * S)
    tenth = ecg_frames(server, 60 * S)[9]
    assert tenth.device_ns - UNSET_CLOCK_NS == pytest.approx(
        last_ns * (1 + 20e-6), abs=2
    )


def test_acceleration_leans_and_breathes(server: PmdServer) -> None:
    said(server, acc(rate_hz=25))
    found = [each for each in frames(server, 60 * S) if isinstance(each, AccFrame)]
    assert {len(each.samples) for each in found} == {36}
    y = np.array([sample[1] for each in found for sample in each.samples])
    spectrum = np.abs(np.fft.rfft(y - y.mean()))
    breaths_hz = np.fft.rfftfreq(len(y), 1 / 25)[spectrum.argmax()]
    assert breaths_hz == pytest.approx(13 / 60, abs=0.02)
    assert np.ptp(y) == pytest.approx(22, abs=12)


def test_a_band_s_first_pulses_take_25_seconds() -> None:
    server = PmdServer(OPTICAL_PMD, Body.of_rr([800.0] * 1000))
    said(server, start(Measurement.PPI), 3 * S)
    assert frames(server, 27 * S) == []
    (first,) = frames(server, 29 * S)
    assert isinstance(first, PpiFrame)
    assert len(first.samples) == 32  # those that ended in (3 s, 28 s]
    assert {(each.pp_ms, each.hr_bpm) for each in first.samples} == {(800, 75)}
    (second,) = frames(server, 34 * S)
    assert isinstance(second, PpiFrame)
    assert len(second.samples) in (6, 7)


def test_more_pulses_than_fit_a_frame_come_in_several() -> None:
    server = PmdServer(OPTICAL_PMD, Body.of_rr([400.0] * 1000))
    said(server, start(Measurement.PPI))
    batches = [each for each in frames(server, 26 * S) if isinstance(each, PpiFrame)]
    assert [len(each.samples) for each in batches] == [36, 26]
    assert all(len(bytes(each)) <= OPTICAL_PMD.mtu - 3 for each in batches)


def test_a_band_packs_its_acceleration_and_tells_the_factor() -> None:
    server = PmdServer(OPTICAL_PMD, Body.of_rr([800.0] * 1000))
    chosen = Settings.of(
        (Setting.RATE, 52),
        (Setting.RESOLUTION, 16),
        (Setting.RANGE, 8),
        (Setting.CHANNELS, 3),
    )
    response = said(server, start(Measurement.ACC, chosen))
    assert response.factor == 2.0**-12
    (frame, *_) = frames(server, 2 * S)
    assert isinstance(frame, AccFrame)
    assert frame.compressed
    assert all(900 < z < 1100 for _, _, z in frame.milli_g(response.factor))


def test_its_faults(server: PmdServer) -> None:
    server.lost_replies = 1
    assert server.write(ECG, 0) == ()
    assert server.running == {Measurement.ECG}
    said(server, stop(Measurement.ECG))

    server.short_start = True
    assert server.write(ECG, 0) == (bytes.fromhex("f0020000"),)
    said(server, stop(Measurement.ECG))

    server.late_start_s = 20
    said(server, ECG, 100 * S)
    assert ecg_frames(server, 120 * S) == []
    (first,) = ecg_frames(server, 121 * S)
    said(server, stop(Measurement.ECG))

    server.late_start_s = 0
    said(server, ECG, 200 * S)
    server.odd_frames = 1
    odd, *_ = frames(server, 201 * S)
    assert isinstance(odd, UnknownFrame)
    before = ecg_frames(server, 203 * S)[-1].device_ns
    server.skip(2.0)
    after = ecg_frames(server, 206 * S)[0].device_ns
    assert after - before == pytest.approx((2 + 73 / (130 * 1.0003)) * S, abs=10)
    assert first.device_ns < before
    server.clock.reset(206 * S)
    (reset, *_) = ecg_frames(server, 207 * S)
    assert reset.device_ns - UNSET_CLOCK_NS < S
    server.clock.jump(-10 * S)
    server.give_up()
    assert server.running == frozenset()


def test_a_long_life_remembers_its_last_commands_only(server: PmdServer) -> None:
    for _ in range(REMEMBERED):
        server.write(ECG, 0)
    server.write(stop(Measurement.ECG), 0)
    assert len(server.commands) == len(server.answers) == REMEMBERED
    assert server.commands[-1] == stop(Measurement.ECG)
