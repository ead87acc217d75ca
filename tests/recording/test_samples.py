"""Frames of samples: what goes in comes out, and the layout is the documented one."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofeedback.errors import RecordingError
from biofeedback.model import SamplesEvent, Signal
from biofeedback.recording.reader import open_recording
from biofeedback.wire.samples import (
    HEAD_BYTES,
    decode_samples,
    encode_samples,
    signal_of,
)
from tests.recording.samples import new_writer

ECG = SamplesEvent(
    t_ms=1234.5,
    source="strap",
    signal=Signal.ECG,
    channels=1,
    interval_ms=7.692308,
    device_ns=599_616_000_000_000_001,
    segment=2,
    uncertainty_ms=4.5,
    drift_ppm=-12.25,
    values=(-5, 0, 70_000),
)


@st.composite
def events(draw: st.DrawFn) -> SamplesEvent:
    channels = draw(st.integers(1, 3))
    size = draw(st.integers(0, 40)) * channels
    bits = draw(st.sampled_from([8, 16, 24, 32]))
    value = st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)
    finite = st.floats(allow_nan=False)
    return SamplesEvent(
        t_ms=draw(finite),
        source="strap",
        signal=draw(st.sampled_from(Signal)),
        channels=channels,
        interval_ms=draw(finite),
        device_ns=draw(st.integers(0, 2**64 - 1)),
        segment=draw(st.integers(0, 2**32 - 1)),
        uncertainty_ms=draw(finite),
        drift_ppm=draw(st.none() | finite),
        values=tuple(draw(st.lists(value, min_size=size, max_size=size))),
    )


@given(events(), st.integers(0, 2**32 - 1))
def test_a_frame_comes_back_as_it_went(event: SamplesEvent, frame: int) -> None:
    data = encode_samples(event, frame)
    assert decode_samples(data) == (frame, event)
    assert signal_of(data) is event.signal
    width = data[3]
    least = 3 if event.signal is Signal.ECG else 2
    assert len(data) == HEAD_BYTES + len(event.values) * width
    if width > least:  # fewer bytes would not have held them
        limit = 1 << 8 * (width - 1) - 1
        assert any(not -limit <= value < limit for value in event.values)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_frame_or_a_value_error(data: bytes) -> None:
    try:
        frame, event = decode_samples(data)
    except ValueError:
        return
    # NaN apart, which compares unequal, the same bytes would be written again,
    # unless a foreign writer used more bytes for a value than it needed.
    again = encode_samples(event, frame)
    assert again[:3] == data[:3]
    assert again[4:HEAD_BYTES] == data[4:HEAD_BYTES] or event.drift_ppm is None


def test_a_recording_gives_its_samples_or_says_what_is_wrong(tmp_path: Path) -> None:
    for name, data in (("good", encode_samples(ECG, 1)), ("odd", b"\x09\x01")):
        part = tmp_path / f"{name}.mcap.part"
        writer = new_writer(part)
        writer.message(1, 5, "samples", data)
        writer.close()
    assert list(open_recording(tmp_path / "good.mcap.part").samples()) == [(1, ECG)]
    with pytest.raises(RecordingError, match="Record 1 on /ecg/strap cannot be"):
        list(open_recording(tmp_path / "odd.mcap.part").samples())
    # Those who read the JSON messages do not stumble over them.
    assert list(open_recording(tmp_path / "odd.mcap.part").outputs()) == []


def test_every_byte_lies_where_the_protocol_says() -> None:
    data = encode_samples(ECG, 7)
    assert data[:4] == bytes([1, 1, 1, 3])  # version, ECG, one channel, int24
    assert struct.unpack_from("<I", data, 4) == (7,)  # frame number
    assert struct.unpack_from("<I", data, 8) == (3,)  # samples
    assert struct.unpack_from("<d", data, 12) == (1234.5,)
    assert struct.unpack_from("<d", data, 20) == (7.692308,)
    assert struct.unpack_from("<Q", data, 28) == (599_616_000_000_000_001,)
    assert struct.unpack_from("<I", data, 36) == (2,)  # segment
    assert struct.unpack_from("<d", data, 40) == (4.5,)  # uncertainty
    assert struct.unpack_from("<d", data, 48) == (-12.25,)  # drift
    assert data[56:].hex(" ", 3) == "fbffff 000000 701101"
    assert len(data) == 65
    unknown = encode_samples(msgspec.structs.replace(ECG, drift_ppm=None), 7)
    assert math.isnan(struct.unpack_from("<d", unknown, 48)[0])


@pytest.mark.parametrize(
    ("largest", "width", "layout"), [(32_767, 2, "<3h"), (1 << 23, 4, "<3i")]
)
def test_one_large_value_makes_all_of_them_wide(
    largest: int, width: int, layout: str
) -> None:
    wide = SamplesEvent(
        t_ms=0.0,
        source="strap",
        signal=Signal.ACC,
        channels=3,
        interval_ms=20.0,
        device_ns=0,
        segment=0,
        uncertainty_ms=1.0,
        drift_ppm=None,
        values=(1, -2, largest),
    )
    data = encode_samples(wide, 1)
    assert data[1:4] == bytes([2, 3, width])
    assert struct.unpack_from(layout, data, 56) == (1, -2, largest)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:20], "too few"),
        (lambda data: b"\2" + data[1:], "version 2"),
        (lambda data: data[:1] + b"\x09" + data[2:], "no signal"),
        (lambda data: data[:3] + b"\5" + data[4:], "of 5 bytes"),
        (lambda data: data[:-1], "do not hold 3 samples"),
        (lambda data: data + b"\0", "do not hold 3 samples"),
    ],
)
def test_a_frame_that_makes_no_sense_is_refused(
    change: Callable[[bytes], bytes], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        decode_samples(change(encode_samples(ECG, 1)))


@pytest.mark.parametrize("values", [(1, 2), (2**31, 0, 0)])
def test_samples_that_fit_no_frame_are_refused(values: tuple[int, ...]) -> None:
    event = SamplesEvent(
        t_ms=0.0,
        source="strap",
        signal=Signal.ACC,
        channels=3,
        interval_ms=20.0,
        device_ns=0,
        segment=0,
        uncertainty_ms=1.0,
        drift_ppm=None,
        values=values,
    )
    with pytest.raises(ValueError, match=r"fill|fit"):
        encode_samples(event, 1)
