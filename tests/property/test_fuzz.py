"""Random packets through every parser of what a strap sends: none raises or grows.

By default some ten thousand; ``BIOFEEDBACK_FUZZ=1000000`` makes it a million of each
kind (``--durations=0`` then tells how fast they went). The bytes come from NumPy's
PCG64 with the seeds below, so a failure repeats.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from biofeedback.wire import HeartRateMeasurement
from biofeedback.wire.polar_pmd import (
    AccFrame,
    Command,
    EcgFrame,
    Features,
    PpiFrame,
    Response,
    Settings,
    UnknownFrame,
    control_from_bytes,
    frame_from_bytes,
)

SEED = 20260
PACKETS = int(os.environ.get("BIOFEEDBACK_FUZZ", "4000"))
SLOWEST_S = 2.0
"""No single packet may take longer: a machine may stall, a parser may not hang."""

MAX_LENGTH = 247
"""What fits the largest ATT packet of a strap, and a little more."""

Check = Callable[[bytes], None]


def packets(seed: int, count: int, head: bytes = b"") -> Iterator[bytes]:
    """Yield ``count`` packets, short ones as often as long ones.

    Where a packet is longer than ``head``, most of them begin with it: random bytes
    alone would hardly ever get past the first check.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    while count > 0:
        batch = min(count, 20_000)
        count -= batch
        # Lengths are spread evenly over their logarithm, and include 0.
        lengths = np.expm1(
            random.uniform(0, np.log(MAX_LENGTH + 2), size=batch)
        ).astype(int)
        lengths = np.minimum(lengths, MAX_LENGTH)
        pool = random.bytes(int(lengths.sum()))
        headed = random.random(batch) < 0.9
        at = 0
        for length, with_head in zip(lengths.tolist(), headed.tolist(), strict=True):
            data = pool[at : at + length]
            at += length
            yield head + data[len(head) :] if with_head and length > len(head) else data


def heart_rate(data: bytes) -> None:
    measurement = HeartRateMeasurement.from_bytes(data)
    assert 2 * len(measurement.rr_1024 or ()) <= len(data)
    if measurement.hr_bpm is not None:
        assert bytes(measurement)[1:] == data[1 : len(bytes(measurement))]


def features(data: bytes) -> None:
    known = Features.from_bytes(data)
    assert known.measurements <= Features.from_bytes(bytes(known)).measurements


def settings(data: bytes) -> None:
    read = Settings.from_bytes(data)
    written = read.to_bytes()
    assert len(written) <= len(data)
    assert Settings.from_bytes(written).values == read.values
    assert read.factor is None or 0 < read.factor <= 10


def control(data: bytes) -> None:
    packet = control_from_bytes(data)
    if isinstance(packet, Response):
        assert packet.settings.values == Settings.from_bytes(data[5:]).values
        assert packet.factor is None or packet.factor > 0
    command = Command.from_bytes(data)
    assert len(command.settings.to_bytes()) <= len(data)


def frame(data: bytes) -> None:
    read = frame_from_bytes(data)
    if isinstance(read, UnknownFrame):
        assert bytes(read) == data
        return
    body = len(data) - 10
    match read:
        case EcgFrame():
            assert len(read.samples) == body // 3
        case PpiFrame():
            assert len(read.samples) == body // 6
        case AccFrame(compressed=True):
            assert len(read.samples) <= 1 + body * 8 // 3
            assert all(-0x8000 <= value <= 0x7FFF for s in read.samples for value in s)
        case AccFrame():
            assert len(read.samples) == body // (3 * (read.frame_type + 1))


KINDS: dict[str, tuple[Check, tuple[bytes, ...]]] = {
    "heart rate": (heart_rate, (b"",)),
    "features": (features, (b"\x0f", b"")),
    "settings": (settings, (b"\x00\x01", b"\x05\x01", b"")),
    "control point": (control, (b"\xf0\x02\x00\x00\x00", b"\xf0\x01\x02", b"\x02\x02")),
    "frames": (
        frame,
        (
            *(
                bytes((measurement, *bytes(8), frame_type))
                for measurement, frame_type in (
                    (0, 0),
                    (2, 0),
                    (2, 1),
                    (2, 2),
                    (2, 0x80),
                    (2, 0x81),
                    (3, 0),
                )
            ),
            b"\x02",
        ),
    ),
    # Small widths and small counts, so that blocks are whole and follow one another.
    "differences": (
        frame,
        tuple(
            bytes((2, *bytes(8), 0x81, *bytes(6), width, count))
            for width in (0, 1, 2, 3, 16, 32)
            for count in (1, 3, 255)
        ),
    ),
}


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
def test_no_random_packet_breaks_a_parser(kind: str) -> None:
    check, heads = KINDS[kind]
    share, rest = divmod(PACKETS, len(heads))
    tried, slowest_s = 0, 0.0
    for place, head in enumerate(heads):
        count = share + (rest if place == 0 else 0)
        for data in packets(SEED + place, count, head):
            start_s = time.perf_counter()
            try:
                check(data)
            except Exception as error:
                raise AssertionError(f"{kind}: {data.hex(' ')}") from error
            slowest_s = max(slowest_s, time.perf_counter() - start_s)
            tried += 1
    assert tried == PACKETS
    assert slowest_s < SLOWEST_S
