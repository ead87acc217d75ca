"""One connection to one strap: what it is, what it sends, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from biofeedback.errors import LinkError
from biofeedback.model import LinkReason, Strap
from biofeedback.wire import BatteryLevel, BodyLocation, DeviceInformation, uuids
from biofeedback.wire.device_information import CHARACTERISTICS
from biofeedback_drivers.errors import boundary
from biofeedback_drivers.timing import Timing

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.characteristic import BleakGATTCharacteristic

log = logging.getLogger(__name__)

READABLE = (uuids.BATTERY_LEVEL, uuids.BODY_SENSOR_LOCATION, *CHARACTERISTICS)

Receive = Callable[[str, bytes], None]
"""Takes the 16-bit UUID of a characteristic and what it sent."""


class Link:
    """A connected strap. :meth:`close` it whatever happened.

    Also after the strap is gone: every client that is not disconnected keeps a file
    descriptor and a D-Bus connection, and there are only some 250 of those.
    """

    def __init__(
        self, client: BleakClient, timing: Timing, *, use_start_notify: bool
    ) -> None:
        self._client = client
        self._timing = timing
        self._use_start_notify = use_start_notify
        self._subscribed: list[BleakGATTCharacteristic] = []

    async def introduce(self, name: str) -> tuple[Strap, bytes | None]:
        """Read what the strap says of itself, and its battery level as bytes.

        Everything here is optional: what cannot be read in time is left out.
        """
        values: dict[str, bytes] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timing.introduce_s):
                for short in READABLE:
                    if (value := await self._read(short)) is not None:
                        values[short] = value
        information = DeviceInformation.from_bytes(values)
        battery = values.get(uuids.BATTERY_LEVEL)
        place = BodyLocation.from_bytes(values.get(uuids.BODY_SENSOR_LOCATION, b""))
        strap = Strap(
            name=name,
            model=information.model,
            manufacturer=information.manufacturer,
            firmware=information.firmware,
            battery_pct=BatteryLevel.from_bytes(battery or b"").pct,
            body_location=place.word if place else None,
        )
        return strap, battery

    async def subscribe(self, receive: Receive) -> None:
        """Have the heart rate sent to ``receive``, and the battery level if it can.

        Raises
        ------
        LinkError
            ``NO_HEART_RATE`` if the device is no heart rate strap, or what failed.
        """
        if self._find(uuids.HEART_RATE_MEASUREMENT) is None:
            raise LinkError(LinkReason.NO_HEART_RATE)
        with boundary():
            await self._start(uuids.HEART_RATE_MEASUREMENT, receive)
        with contextlib.suppress(LinkError), boundary():
            await self._start(uuids.BATTERY_LEVEL, receive)

    async def alive(self) -> bool:
        """Ask a silent strap for something cheap; say whether it answered.

        A strap with nothing to read is given the benefit of the doubt.
        """
        for short in READABLE:
            if self._find(short) is not None:
                return await self._read(short) is not None
        return True

    async def close(self) -> None:
        """Stop the notifications and disconnect, in bounded time; never raises."""
        if self._client.is_connected:
            for characteristic in self._subscribed:
                with contextlib.suppress(LinkError), boundary():
                    async with asyncio.timeout(self._timing.read_s):
                        await self._client.stop_notify(characteristic)
        try:
            with boundary():
                async with asyncio.timeout(self._timing.disconnect_s):
                    await self._client.disconnect()
        except LinkError as error:
            log.debug("could not disconnect cleanly: %s", error)

    def _find(self, short: str) -> BleakGATTCharacteristic | None:
        with contextlib.suppress(LinkError), boundary():
            return self._client.services.get_characteristic(uuids.to_uuid128(short))
        return None

    async def _read(self, short: str) -> bytes | None:
        characteristic = self._find(short)
        if characteristic is None or "read" not in characteristic.properties:
            return None
        with contextlib.suppress(LinkError), boundary():
            async with asyncio.timeout(self._timing.read_s):
                return bytes(await self._client.read_gatt_char(characteristic))
        return None

    async def _start(self, short: str, receive: Receive) -> None:
        characteristic = self._find(short)
        if characteristic is None or "notify" not in characteristic.properties:
            return

        def arrived(_: BleakGATTCharacteristic, data: bytearray) -> None:
            receive(short, bytes(data))

        # Noted before the answer comes: who is cancelled meanwhile must stop it too.
        self._subscribed.append(characteristic)
        async with asyncio.timeout(self._timing.subscribe_s):
            # BlueZ has two ways; the other drops what comes before the CCCD response
            # (hbldh/bleak#1885), and its default has changed twice.
            await self._client.start_notify(
                characteristic,
                arrived,
                bluez={"use_start_notify": self._use_start_notify},
            )
