"""Every fault of issue 3 in one run, with the timings that people get.

"Recovered" is counted from the end of the fault to the first packet that arrives.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest

from biofeedback.model import LinkReason, LinkState, LinkStep
from biofeedback.simulator.bus import PrivateBus
from biofeedback_drivers.ble import BleDriver
from biofeedback_drivers.timing import Timing
from tests.drivers.room import Room, packet

RECOVERED_S = 1.5
STEADY_RR = 1000

# Everything as people get it; only the silence that is waited for is shorter, and
# recovery is counted from its end.
AS_SHIPPED = msgspec.structs.replace(Timing(), silence_s=1.0)

RECONNECTING = LinkState.RECONNECTING


@pytest.fixture(params=[True, False], ids=["start", "acquire"])
def ble(request: pytest.FixtureRequest) -> BleDriver:
    return BleDriver(
        timing=AS_SHIPPED, chance=random.Random(7), use_start_notify=request.param
    )


@pytest.fixture
async def playing(room: Room) -> AsyncIterator[Room]:
    """A strap that sends ten packets a second to whoever listens."""

    async def play() -> None:
        while True:
            if room.strap.subscribed.is_set():
                # A bus that ends takes with it whoever writes to it just then.
                sending = asyncio.create_task(room.strap.notify(packet(STEADY_RR)))
                await asyncio.wait({sending})
                if not sending.cancelled() and sending.exception():
                    assert isinstance(sending.exception(), OSError | EOFError)
            await asyncio.sleep(0.1)

    player = asyncio.create_task(play())
    yield room
    player.cancel()
    await asyncio.gather(player, return_exceptions=True)


async def recovered(room: Room) -> float:
    """Return the seconds from now until the strap streams again."""
    begun_s, heard = time.monotonic(), len(room.sent())
    links = len(room.links)
    await room.until(
        lambda: (
            len(room.sent()) > heard
            and any(each.step is LinkStep.STREAMING for each in room.links[links:])
        ),
        "streaming again",
    )
    return time.monotonic() - begun_s


async def drop(room: Room, bus: PrivateBus) -> None:
    await room.bluez.drop(room.strap)


async def bad_connects(room: Room, bus: PrivateBus) -> None:
    room.strap.connect_errors.extend(
        [("org.bluez.Error.Failed", "Input/output error")] * 3
    )
    await room.bluez.drop(room.strap)
    await room.until(lambda: not room.strap.connect_errors, "three bad connects")


async def out_of_range(room: Room, bus: PrivateBus) -> None:
    await room.bluez.hide(room.strap)
    await room.change(RECONNECTING, LinkReason.LINK_LOST)
    await asyncio.sleep(1.5)
    await room.bluez.show(room.strap)


async def silence(room: Room, bus: PrivateBus) -> None:
    room.strap.silent = True
    await room.change(RECONNECTING, LinkReason.NO_DATA)
    room.strap.silent = False


async def off_and_on(room: Room, bus: PrivateBus) -> None:
    await room.bluez.power(False)
    await room.change(RECONNECTING, LinkReason.ADAPTER_OFF)
    await asyncio.sleep(1.0)
    await room.bluez.power(True)


async def unplug_and_plug(room: Room, bus: PrivateBus) -> None:
    await room.bluez.unplug()
    await room.change(RECONNECTING, LinkReason.NO_ADAPTER)
    await asyncio.sleep(1.0)
    await room.bluez.plug()


async def daemon_crash(room: Room, bus: PrivateBus) -> None:
    await room.bluez.stop()
    await room.change(RECONNECTING, LinkReason.NO_DAEMON)
    await asyncio.sleep(1.0)
    await room.bluez.start()


async def bus_restart(room: Room, bus: PrivateBus) -> None:
    await bus.stop_daemon()
    await room.change(RECONNECTING, LinkReason.NO_BUS)
    await asyncio.sleep(1.0)
    await bus.start()
    await room.bluez.start()


Fault = Callable[[Room, PrivateBus], Awaitable[None]]
FAULTS: tuple[Fault, ...] = (
    drop,
    bad_connects,
    out_of_range,
    silence,
    off_and_on,
    unplug_and_plug,
    daemon_crash,
    bus_restart,
)


@pytest.mark.parametrize("fault", FAULTS, ids=[each.__name__ for each in FAULTS])
async def test_it_streams_again_soon_after_the_fault(
    playing: Room,
    bus: PrivateBus,
    ble: BleDriver,
    fault: Fault,
) -> None:
    playing.begin(ble)
    await playing.streams(1)
    await fault(playing, bus)
    took_s = await recovered(playing)
    assert took_s <= RECOVERED_S


async def test_all_faults_one_after_the_other(
    playing: Room, bus: PrivateBus, ble: BleDriver
) -> None:
    playing.begin(ble)
    await playing.streams(1)
    took_s = {}
    for fault in FAULTS:
        playing.records.clear()
        await fault(playing, bus)
        took_s[fault.__name__] = round(await recovered(playing), 3)
    assert max(took_s.values()) <= RECOVERED_S, took_s
