"""One strap with Polar's signals, one link to it, and all that passed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from bleak import BleakClient, BleakScanner

from biofeedback.model import Ask, LinkReason, Signal
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.models import MODELS
from biofeedback.wire import uuids
from biofeedback.wire.polar_pmd import (
    Frame,
    Measurement,
    Response,
    control_from_bytes,
    frame_from_bytes,
)
from biofeedback.wire.profiles import profile_of
from biofeedback_drivers.link import Link
from biofeedback_drivers.options import Pair
from biofeedback_drivers.pmd import PolarStream
from biofeedback_drivers.timing import Timing
from tests.drivers.room import eventually

ECG, ACC, PPI = Ask(signal=Signal.ECG), Ask(signal=Signal.ACC), Ask(signal=Signal.PPI)
PATIENT = Timing()
QUICK = msgspec.structs.replace(PATIENT, pmd_reply_s=0.2, pmd_again_s=0.05, stop_s=0.5)
MODES = pytest.mark.parametrize("start_notify", [True, False], ids=["start", "acquire"])

ECG_START = bytes.fromhex("02 00 00 01 82 00 01 01 0e 00")
STOP_ECG, STOP_ACC, STOP_PPI = b"\x03\x00", b"\x03\x02", b"\x03\x03"


class Wearer:
    """One strap, one link to it, and everything that passed."""

    def __init__(
        self, strap: VirtualStrap, client: BleakClient, link: Link, timing: Timing
    ) -> None:
        self.strap = strap
        self.client = client
        self.passed: list[tuple[str, bytes]] = []
        self.told: list[tuple[LinkReason | None, str | None]] = []
        self.polar = PolarStream(
            link,
            lambda short, data: self.passed.append((short, data)),
            timing,
            lambda reason, advice: self.told.append((reason, advice)),
            profile_of(strap.name),
        )

    @property
    def running(self) -> frozenset[Measurement]:
        assert self.strap.pmd is not None
        return self.strap.pmd.running

    def of(self, short: str) -> list[bytes]:
        return [data for name, data in self.passed if name == short]

    @property
    def written(self) -> list[bytes]:
        return self.of(uuids.PMD_WRITTEN)

    @property
    def replies(self) -> list[Response]:
        packets = map(control_from_bytes, self.of(uuids.PMD_CONTROL_POINT))
        return [packet for packet in packets if isinstance(packet, Response)]

    @property
    def frames(self) -> list[Frame]:
        return [frame_from_bytes(data) for data in self.of(uuids.PMD_DATA)]

    async def sees(self, kind: type[Frame]) -> Frame:
        await eventually(
            lambda: any(isinstance(each, kind) for each in self.frames),
            f"a {kind.__name__} among {len(self.frames)} frames",
        )
        return next(each for each in reversed(self.frames) if isinstance(each, kind))


@asynccontextmanager
async def worn(
    strap: VirtualStrap,
    *,
    start_notify: bool = True,
    timing: Timing = PATIENT,
    pair: Pair = Pair.NEVER,
) -> AsyncIterator[Wearer]:
    """Connect ``strap`` through the unmodified Bleak; disconnect at the end."""
    device = await BleakScanner.find_device_by_address(strap.address, timeout=5)
    assert device is not None
    async with BleakClient(device) as client:
        link = Link(client, timing, use_start_notify=start_notify, pair=pair)
        yield Wearer(strap, client, link, timing)


def an_h10() -> VirtualStrap:
    """Return an H10 whose frames come twenty times as fast."""
    strap = MODELS["polar_h10"].strap()
    strap.time.speed = 20
    return strap
