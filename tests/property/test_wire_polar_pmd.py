"""What must hold for all of Polar's packets: written is read, cut is read too."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polar_python.parsers.compression import (  # type: ignore[import-untyped, unused-ignore]
    parse_delta_frames_all,
)
from polar_python.parsers.polar import (  # type: ignore[import-untyped, unused-ignore]
    parse_polar_data,
)

from biofeedback.wire import polar_pmd_delta as delta
from biofeedback.wire.polar_pmd import (
    AccFrame,
    Command,
    EcgFrame,
    Features,
    Frame,
    Measurement,
    Op,
    Ppi,
    PpiFrame,
    Response,
    Setting,
    Settings,
    Status,
    control_from_bytes,
    frame_from_bytes,
    to_unix_ns,
)
from biofeedback.wire.polar_pmd_settings import SIZES

UINT8 = st.integers(0, 0xFF)
UINT16 = st.integers(0, 0xFFFF)
UINT64 = st.integers(0, (1 << 64) - 1)


def signed(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)


def axes(
    bits: int, most: int = 40
) -> st.SearchStrategy[tuple[tuple[int, int, int], ...]]:
    axis = signed(bits)
    return st.lists(st.tuples(axis, axis, axis), max_size=most).map(tuple)


@st.composite
def one_setting(draw: st.DrawFn) -> tuple[Setting, tuple[int, ...]]:
    setting = draw(st.sampled_from(Setting))
    value = st.integers(0, (1 << 8 * SIZES[setting]) - 1)
    return setting, tuple(draw(st.lists(value, max_size=5)))


SETTINGS = st.lists(one_setting(), max_size=7).map(
    lambda values: Settings(values=tuple(values))
)
COMMANDS = st.builds(
    Command,
    op=st.sampled_from(Op),
    measurement=st.sampled_from(Measurement),
    settings=SETTINGS,
)
RESPONSES = st.builds(
    Response,
    op=st.sampled_from(Op),
    measurement=st.sampled_from(Measurement),
    status=st.sampled_from(Status),
    more=st.booleans(),
    parameters=st.binary(max_size=40),
) | st.builds(
    Response,
    op=st.sampled_from(Op),
    measurement=st.sampled_from(Measurement),
    status=UINT8,
)
FRAMES: st.SearchStrategy[Frame] = st.one_of(
    st.builds(
        EcgFrame,
        device_ns=UINT64,
        samples=st.lists(signed(24), max_size=80).map(tuple),
    ),
    st.builds(AccFrame, device_ns=UINT64, samples=axes(8), frame_type=st.just(0)),
    st.builds(AccFrame, device_ns=UINT64, samples=axes(16)),
    st.builds(AccFrame, device_ns=UINT64, samples=axes(24), frame_type=st.just(2)),
    st.builds(
        AccFrame,
        device_ns=UINT64,
        samples=axes(16),
        frame_type=st.sampled_from([0, 1]),
        compressed=st.just(True),
    ),
    st.builds(
        PpiFrame,
        device_ns=UINT64,
        samples=st.lists(
            st.builds(
                Ppi,
                hr_bpm=UINT8,
                pp_ms=UINT16,
                error_ms=UINT16,
                blocker=st.booleans(),
                contact=st.booleans(),
                contact_supported=st.booleans(),
            ),
            max_size=12,
        ).map(tuple),
    ),
)


@given(SETTINGS)
def test_settings_written_are_read(settings: Settings) -> None:
    assert Settings.from_bytes(settings.to_bytes()) == settings


@given(SETTINGS, st.data())
def test_settings_cut_anywhere_keep_what_is_whole(
    settings: Settings, data: st.DataObject
) -> None:
    whole = settings.to_bytes()
    cut = Settings.from_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    for (setting, values), (cut_setting, cut_values) in zip(
        settings.values, cut.values, strict=False
    ):
        assert cut_setting is setting
        assert cut_values == values[: len(cut_values)]


@given(COMMANDS)
def test_a_command_written_is_read_at_any_length(command: Command) -> None:
    whole = bytes(command)
    assert Command.from_bytes(whole) == command
    for length in range(len(whole)):
        Command.from_bytes(whole[:length])


@given(RESPONSES)
def test_a_response_written_is_read_at_any_length(response: Response) -> None:
    whole = bytes(response)
    assert Response.from_bytes(whole) == response
    for length in range(len(whole)):
        cut = Response.from_bytes(whole[:length])
        assert cut.factor is None or cut.factor > 0


@given(st.frozensets(st.sampled_from(Measurement)))
def test_features_written_are_read(measurements: frozenset[Measurement]) -> None:
    features = Features(measurements=measurements)
    assert Features.from_bytes(bytes(features)) == features


@given(FRAMES)
def test_a_frame_written_is_read(frame: Frame) -> None:
    read = frame_from_bytes(bytes(frame))
    assert msgspec.structs.replace(read, anomalies=()) == frame


@given(FRAMES)
def test_a_frame_cut_anywhere_keeps_its_first_samples(frame: Frame) -> None:
    whole = bytes(frame)
    assert not hasattr(frame, "reason")
    for length in range(len(whole)):
        cut = frame_from_bytes(whole[:length])
        samples = getattr(cut, "samples", ())
        assert samples == frame.samples[: len(samples)]


@given(axes(16, 600), st.booleans())
def test_differences_are_unpacked_as_polar_python_does(
    samples: tuple[tuple[int, int, int], ...], gentle: bool
) -> None:
    if gentle:  # as a body moves: small differences, small widths
        samples = tuple((x >> 8, y >> 8, z >> 8) for x, y, z in samples)
    packed = delta.pack(samples, 16)
    assert delta.unpack(packed, 3, 16)[0] == samples
    theirs = parse_delta_frames_all(packed, 3, 16, "signed_int")
    assert [tuple(sample) for sample in theirs] == list(samples)


@given(FRAMES, st.sampled_from([1.0, 0.25]))
def test_polar_python_reads_the_same_of_a_frame(frame: Frame, factor: float) -> None:
    if isinstance(frame, AccFrame) and frame.frame_type == 2:
        return  # it does not know that one
    theirs = parse_polar_data(bytearray(bytes(frame)), lambda _: factor)
    assert theirs.timestamp == to_unix_ns(frame.device_ns or 0)
    match frame:
        case EcgFrame():
            assert tuple(theirs.data) == frame.samples
        case AccFrame(compressed=True):
            # It cuts off what we round.
            ours = frame.milli_g(factor)
            pairs = zip(theirs.data, ours, strict=True)
            assert all(
                abs(a - b) <= 1 for t, o in pairs for a, b in zip(t, o, strict=True)
            )
        case AccFrame():
            assert tuple(theirs.data) == frame.samples
        case PpiFrame():
            assert [
                (p.hr, p.ppi, p.error_estimate, p.invalid_ppi) for p in theirs.samples
            ] == [(p.hr_bpm, p.pp_ms, p.error_ms, p.blocker) for p in frame.samples]
            assert [
                (p.skin_contact_status, p.skin_contact_supported)
                for p in theirs.samples
            ] == [(p.contact, p.contact_supported) for p in frame.samples]


@given(st.binary(max_size=80))
def test_no_bytes_break_the_control_point(data: bytes) -> None:
    control = control_from_bytes(data)
    if isinstance(control, Response):
        assert control.settings.factor == control.factor
    Command.from_bytes(data)


@given(st.sampled_from([0, 1, 2, 3, 0x80, 0x81]), st.binary(max_size=240))
def test_no_bytes_make_more_samples_than_they_can_hold(
    frame_type: int, body: bytes
) -> None:
    for measurement in range(7):
        data = bytes((measurement, *bytes(8), frame_type)) + body
        frame = frame_from_bytes(data)
        assert len(getattr(frame, "samples", ())) <= 1 + len(body) * 8 // 3


@pytest.mark.parametrize("width", range(33))
def test_a_block_of_any_width_is_bounded(width: int) -> None:
    body = bytes(6) + bytes((width, 255)) * 100
    samples, _ = delta.unpack(body, 3, 16)
    assert len(samples) <= 1 + len(body) * 8 // 3
