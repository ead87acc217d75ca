"""A private bus for the programs that listen to the virtual strap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.body import Body
from biofeedback.simulator.bus import PrivateBus
from biofeedback.simulator.heart import Heart, profile_named
from biofeedback.simulator.models import MODELS

PATIENCE_S = 10.0


@pytest.fixture
async def bus(
    has_dbus: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PrivateBus]:
    async with PrivateBus() as private_bus:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", private_bus.address)
        yield private_bus


@pytest.fixture
def body() -> Body:
    """Someone whose heart beats every 800 ms, to the count."""
    return Body.of_rr([800.0] * 2000)


@pytest.fixture
def h10(body: Body) -> VirtualStrap:
    return MODELS["polar_h10"].strap(body=body)


@pytest.fixture
async def bluez(bus: PrivateBus, h10: VirtualStrap) -> AsyncIterator[VirtualBlueZ]:
    async with VirtualBlueZ(bus.address, h10) as virtual:
        yield virtual


@pytest.fixture
def calm() -> Body:
    return Body.of_heart(Heart(profile_named("calm"), 1))


async def eventually(holds: Callable[[], bool], what: str) -> None:
    """Wait for what nobody announces."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"never happened: {what}") from None
