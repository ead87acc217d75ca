"""A virtual Bluetooth for each test, in front of the unmodified Bleak."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from biofeedback.simulator.__main__ import read_rr_ms
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from tests.drivers.room import Room, no_tasks_left


@pytest.fixture(scope="session")
def h10_rr_ms(real_data: Path) -> list[float]:
    """620 intervals of a real Polar H10."""
    file = real_data / "dont-hold-your-breath" / "sample_data_ibi.csv"
    return read_rr_ms(file, column=None, unit="ms")


@pytest.fixture
async def bus(
    has_dbus: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PrivateBus]:
    async with PrivateBus() as private_bus:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", private_bus.address)
        yield private_bus
    # Bleak keeps a connection for the loop; it ends with the bus. Nothing else stays.
    await no_tasks_left()


@pytest.fixture
def strap() -> VirtualStrap:
    return VirtualStrap()


@pytest.fixture
async def bluez(bus: PrivateBus, strap: VirtualStrap) -> AsyncIterator[VirtualBlueZ]:
    async with VirtualBlueZ(bus.address, strap) as virtual:
        yield virtual


@pytest.fixture
async def room(
    bluez: VirtualBlueZ, strap: VirtualStrap, request: pytest.FixtureRequest
) -> AsyncIterator[Room]:
    async with Room(bluez, strap) as entered:
        yield entered
