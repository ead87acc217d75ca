"""One connection to one strap: what it is, what it sends, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from biofeedback.errors import LinkError
from biofeedback.model import LinkReason, Strap, Value
from biofeedback.wire import BatteryLevel, BodyLocation, DeviceInformation, uuids
from biofeedback.wire.device_information import CHARACTERISTICS
from biofeedback.wire.profiles import profile_of
from biofeedback_drivers.errors import boundary
from biofeedback_drivers.options import Pair
from biofeedback_drivers.timing import Timing
from biofeedback_drivers.waiting import LET_GO_S, see_through, unbroken

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.characteristic import BleakGATTCharacteristic

log = logging.getLogger(__name__)

READABLE = (uuids.BATTERY_LEVEL, uuids.BODY_SENSOR_LOCATION, *CHARACTERISTICS)

Receive = Callable[[str, bytes], None]
"""Takes the short UUID of a characteristic and what it sent."""


class Introduction(Value, frozen=True):
    """What a strap says of itself. The serial number goes no further than the driver.

    ``battery`` is the level as it was read.
    """

    strap: Strap
    serial: str | None
    battery: bytes | None


class Link:
    """A connected strap. :meth:`close` it whatever happened.

    Also after the strap is gone: every client that is not disconnected keeps a file
    descriptor and a D-Bus connection, and there are only some 250 of those.

    Parameters
    ----------
    client
        Bleak's, connected.
    timing
        Every wait.
    use_start_notify
        On BlueZ, whether to subscribe with StartNotify or AcquireNotify.
    pair
        When to pair.
    """

    def __init__(
        self,
        client: BleakClient,
        timing: Timing,
        *,
        use_start_notify: bool,
        pair: Pair = Pair.AUTO,
    ) -> None:
        self._client = client
        self._timing = timing
        self._use_start_notify = use_start_notify
        self._pair = pair
        self._pairing_tried = False
        self._subscribed: list[BleakGATTCharacteristic] = []

    # --- The heart rate strap ---

    async def introduce(self, name: str) -> Introduction:
        """Read what the strap says of itself, and its battery level.

        Everything here is optional: what cannot be read in time is left out.
        """
        values: dict[str, bytes] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timing.introduce_s):
                for short in READABLE:
                    if (value := await self.read(short)) is not None:
                        values[short] = value
        information = DeviceInformation.from_bytes(values)
        battery = values.get(uuids.BATTERY_LEVEL)
        place = BodyLocation.from_bytes(values.get(uuids.BODY_SENSOR_LOCATION, b""))
        profile = profile_of(name, information.model)
        has_more = self.find(uuids.PMD_CONTROL_POINT) is not None
        strap = Strap(
            name=name,
            model=information.model,
            manufacturer=information.manufacturer,
            firmware=information.firmware,
            battery_pct=BatteryLevel.from_bytes(battery or b"").pct,
            body_location=place.word if place else None,
            profile=profile.id,
            signals=profile.signals if has_more else (),
        )
        return Introduction(strap=strap, serial=information.serial, battery=battery)

    async def subscribe(self, receive: Receive) -> None:
        """Have the heart rate sent to ``receive``, and the battery level if it can.

        Raises
        ------
        LinkError
            ``NO_HEART_RATE`` if the device is no heart rate strap, or what failed.
        """
        if self._pair is Pair.ALWAYS:
            await self.pair()
        if self.find(uuids.HEART_RATE_MEASUREMENT) is None:
            raise LinkError(LinkReason.NO_HEART_RATE)
        await self.start(uuids.HEART_RATE_MEASUREMENT, receive)
        if self.find(uuids.BATTERY_LEVEL) is not None:
            with contextlib.suppress(LinkError):
                await self.start(uuids.BATTERY_LEVEL, receive)

    async def alive(self) -> bool:
        """Ask a silent strap for something cheap; say whether it answered.

        A strap with nothing to read is given the benefit of the doubt.
        """
        for short in READABLE:
            if self.find(short) is not None:
                return await self.read(short) is not None
        return True

    async def close(self, *, gone: bool = False) -> None:
        """Stop the notifications and disconnect, in bounded time; never raises.

        Nothing is stopped when the radio is ``gone``: nobody would answer. Being
        cancelled meanwhile does not cut it short.
        """
        bound_s = self._timing.stop_s + self._timing.disconnect_s + LET_GO_S
        await see_through(self._close(gone), bound_s)

    async def _close(self, gone: bool) -> None:
        if not gone and self._client.is_connected:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timing.stop_s):
                    for characteristic in self._subscribed:
                        with contextlib.suppress(LinkError), boundary():
                            await self._client.stop_notify(characteristic)
        try:
            with boundary():
                async with asyncio.timeout(self._timing.disconnect_s):
                    await self._client.disconnect()
        except LinkError as error:
            log.debug("could not disconnect cleanly: %s", error.reason, exc_info=error)

    # --- Any characteristic ---

    @property
    def connected(self) -> bool:
        """Whether Bleak still calls it connected; only data proves that it is."""
        return self._client.is_connected

    def find(self, short: str) -> BleakGATTCharacteristic | None:
        """Return a characteristic that the strap has, or ``None``."""
        with contextlib.suppress(LinkError), boundary():
            return self._client.services.get_characteristic(uuids.to_uuid128(short))
        return None

    async def read(self, short: str) -> bytes | None:
        """Read a characteristic; ``None`` if there is none or it cannot be read."""
        characteristic = self.find(short)
        if characteristic is None or "read" not in characteristic.properties:
            return None
        with contextlib.suppress(LinkError), boundary():
            async with asyncio.timeout(self._timing.read_s):
                return bytes(await self._client.read_gatt_char(characteristic))
        return None

    async def write(self, short: str, data: bytes) -> None:
        """Write a characteristic and wait for the strap's acknowledgement.

        Raises
        ------
        LinkError
            ``NOT_FOUND`` if there is no such characteristic, or what failed.
        """
        characteristic = self._have(short)

        async def do() -> None:
            with boundary():
                async with asyncio.timeout(self._timing.read_s):
                    await self._client.write_gatt_char(
                        characteristic, data, response=True
                    )

        await self._pairing_if_asked(do)

    async def start(self, short: str, receive: Receive) -> None:
        """Have what a characteristic notifies or indicates sent to ``receive``.

        Raises
        ------
        LinkError
            ``NOT_FOUND`` if there is no such characteristic, or what failed.
        """
        characteristic = self._have(short)
        if not {"notify", "indicate"} & set(characteristic.properties):
            return  # a strap that says so is heard to be silent

        def arrived(_: BleakGATTCharacteristic, data: bytearray) -> None:
            receive(short, bytes(data))

        async def do() -> None:
            with boundary():
                # BlueZ has two ways; the other drops what comes before the CCCD
                # response (hbldh/bleak#1885), and its default has changed twice.
                # Its answer holds a descriptor, which nobody else would close.
                await unbroken(
                    self._client.start_notify(
                        characteristic,
                        arrived,
                        bluez={"use_start_notify": self._use_start_notify},
                    ),
                    self._timing.subscribe_s,
                )

        if characteristic in self._subscribed:
            # An attempt that seemed to fail may have succeeded, and BlueZ hands out
            # what it notifies only once.
            with contextlib.suppress(LinkError), boundary():
                async with asyncio.timeout(self._timing.stop_s):
                    await self._client.stop_notify(characteristic)
        else:
            # Noted before the answer comes: who is cancelled meanwhile stops it too.
            self._subscribed.append(characteristic)
        await self._pairing_if_asked(do)

    async def pair(self) -> None:
        """Pair with the strap; where the system does that by itself, do nothing.

        Raises
        ------
        LinkError
            ``PAIRING_NEEDED`` or what failed.
        """
        self._pairing_tried = True
        with contextlib.suppress(NotImplementedError), boundary():  # macOS asks itself
            async with asyncio.timeout(self._timing.pair_s):
                await self._client.pair()

    def _have(self, short: str) -> BleakGATTCharacteristic:
        if (characteristic := self.find(short)) is None:
            raise LinkError(LinkReason.NOT_FOUND, f"the strap has no {short}")
        return characteristic

    async def _pairing_if_asked(self, do: Callable[[], Awaitable[None]]) -> None:
        """Do something; if the strap wants to be paired for it, pair and try again."""
        try:
            await do()
        except LinkError as error:
            wanted = error.reason is LinkReason.PAIRING_NEEDED
            if not wanted or self._pair is not Pair.AUTO or self._pairing_tried:
                raise
            try:
                await self.pair()
            except LinkError as failure:
                raise error from failure  # what the strap wants is what helps most
            await do()
