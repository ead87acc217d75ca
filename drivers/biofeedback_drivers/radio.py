"""The one owner of the Bluetooth adapter: scans and connects, one at a time.

A second scanner in one process fails with ``InProgress``, and straps connect badly
in parallel on real adapters; so both wait for their turn here. Bleak is imported
only once it is needed: it takes a while, and the command line's help does not.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from biofeedback.errors import LinkError
from biofeedback.model import FoundStrap
from biofeedback.wire import uuids
from biofeedback_drivers.errors import boundary, is_radio_error
from biofeedback_drivers.timing import Timing

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

HEART_RATE_SERVICE = uuids.to_uuid128(uuids.HEART_RATE_SERVICE)
CONNECT_ATTEMPTS = 3
EMPTY_NAME = "Heart rate strap"


@dataclass(frozen=True)
class Sighting:
    """A strap as Bleak saw it just now, and as we show it."""

    strap: FoundStrap
    device: BLEDevice


class Radio:
    """Looks for straps and connects to them."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._scanning = asyncio.Lock()
        self._connecting = asyncio.Lock()

    async def check(self) -> None:
        """Return if Bluetooth can be used.

        Raises
        ------
        LinkError
            With the reason, if it cannot.
        """
        with boundary():
            from bleak import BleakAdapter

            # Where Bleak cannot tell, the first scan will.
            with contextlib.suppress(NotImplementedError):
                async with asyncio.timeout(self._timing.status_s):
                    await BleakAdapter.get()

    async def look(
        self, seconds: float, until: Callable[[FoundStrap], bool] | None = None
    ) -> tuple[Sighting, ...]:
        """List the straps that advertise, at the latest after ``seconds``.

        Stops early with the first for which ``until`` holds, which is then the last.

        Raises
        ------
        LinkError
            With the reason, when the radio cannot be used.
        """
        seen: dict[str, Sighting] = {}
        enough = asyncio.Event()

        def notice(device: BLEDevice, advertisement: AdvertisementData) -> None:
            sighting = Sighting(
                _found(device, advertisement.local_name, advertisement.rssi), device
            )
            seen.pop(device.address, None)
            if enough.is_set():
                return
            seen[device.address] = sighting
            if until is not None and until(sighting.strap):
                enough.set()

        async with self._scanning:
            with boundary():
                from bleak import BleakScanner

                # A stuck bluetoothd may never answer the start or the stop.
                async with asyncio.timeout(seconds + self._timing.status_s):
                    async with BleakScanner(notice, [HEART_RATE_SERVICE]):
                        try:
                            async with asyncio.timeout(seconds):
                                await enough.wait()
                        except TimeoutError:
                            pass  # the window is over
        return tuple(seen.values())

    async def adopt(self) -> tuple[Sighting, ...]:
        """List the straps that the system holds connected: these do not advertise.

        A program that was killed leaves its strap connected, hidden from everyone.
        Where the system cannot tell, there are none.
        """
        from bleak import BleakAdapter

        try:
            async with asyncio.timeout(self._timing.status_s):
                adapter = await BleakAdapter.get()
                devices = await adapter.get_connected_devices([HEART_RATE_SERVICE])
        except Exception as error:
            if not is_radio_error(error) and not isinstance(error, NotImplementedError):
                raise
            return ()
        return tuple(Sighting(_found(each, None, None), each) for each in devices)

    async def connect(
        self, device: BLEDevice, name: str, on_loss: Callable[[], None]
    ) -> BleakClient:
        """Connect to ``device``; ``on_loss`` is called when the link drops.

        Raises
        ------
        LinkError
            With the reason, when it does not succeed in time.
        """
        async with self._connecting:
            with boundary():
                from bleak_retry_connector import (
                    BleakClientWithServiceCache,
                    establish_connection,
                )

                attempt = asyncio.create_task(
                    establish_connection(
                        BleakClientWithServiceCache,
                        device,
                        name,
                        disconnected_callback=lambda client: on_loss(),
                        max_attempts=CONNECT_ATTEMPTS,
                        use_services_cache=False,
                    )
                )
                return await self._in_time(attempt)

    async def _in_time(self, attempt: asyncio.Task[BleakClient]) -> BleakClient:
        """Wait for ``attempt``; if it is too late, or cancelled, undo it.

        When it is cancelled, Bleak asks the system to disconnect and waits for the
        answer, which may never come either: so it is cancelled until it gives up.
        """
        try:
            await asyncio.wait({attempt}, timeout=self._timing.connect_s)
            if attempt.done():
                return attempt.result()
        except asyncio.CancelledError:
            if attempt.done() and attempt.exception() is None:
                with contextlib.suppress(TimeoutError, LinkError), boundary():
                    async with asyncio.timeout(self._timing.disconnect_s):
                        await attempt.result().disconnect()
            raise
        finally:
            while not attempt.done():
                attempt.cancel()
                await asyncio.wait({attempt}, timeout=self._timing.disconnect_s)
        raise TimeoutError(f"no connection within {self._timing.connect_s:g} s")

    async def idle(self) -> None:
        """Return once no scan and no connect is under way."""
        async with self._scanning, self._connecting:
            pass


def _found(device: BLEDevice, local_name: str | None, rssi: int | None) -> FoundStrap:
    return FoundStrap(
        id=f"ble:{device.address}",
        name=local_name or device.name or EMPTY_NAME,
        address=device.address,
        rssi_dbm=rssi,
    )
