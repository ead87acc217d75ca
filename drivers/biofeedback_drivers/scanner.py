"""The one search for straps, shared by everybody who looks for one.

A second scanner in one process fails with ``InProgress``; and a hundred sources that
look one after the other would take a hundred windows. So one scanner runs while
anybody looks, and tells all of them of each strap it sees.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from biofeedback.errors import LinkError
from biofeedback.model import FoundStrap, LinkReason
from biofeedback.wire import uuids
from biofeedback.wire.profiles import profile_of
from biofeedback_drivers.errors import boundary
from biofeedback_drivers.identity import EMPTY_NAME
from biofeedback_drivers.timing import Timing
from biofeedback_drivers.waiting import set_within

if TYPE_CHECKING:
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

log = logging.getLogger(__name__)

HEART_RATE_SERVICE = uuids.to_uuid128(uuids.HEART_RATE_SERVICE)


@dataclass(frozen=True)
class Sighting:
    """A strap as Bleak saw it just now, and as we show it."""

    strap: FoundStrap
    device: BLEDevice

    @property
    def path(self) -> str | None:
        """Its object path on D-Bus, where there is one."""
        details = self.device.details
        path = details.get("path") if isinstance(details, dict) else None
        return str(path) if path else None


Until = Callable[[FoundStrap], bool]
Notice = Callable[[Sighting], None]


class Look:
    """Somebody who looks for straps."""

    def __init__(self, until: Until | None, notice: Notice | None) -> None:
        self.seen: dict[str, Sighting] = {}
        self.begun = asyncio.Event()
        self.enough = asyncio.Event()
        self.error: LinkError | None = None
        self._until = until
        self._notice = notice

    def see(self, sighting: Sighting) -> None:
        """Take a sighting; the one that is enough is the last."""
        if self.enough.is_set():
            return
        self.seen.pop(sighting.device.address, None)
        self.seen[sighting.device.address] = sighting
        if self._notice is not None:
            self._notice(sighting)
        if self._until is not None and self._until(sighting.strap):
            self.enough.set()

    def fail(self, error: LinkError) -> None:
        """End with an error."""
        if not self.enough.is_set():
            self.error = error
            self.begun.set()
            self.enough.set()


class Scanner:
    """Runs Bleak's scanner while anybody looks. ``adapter`` is chosen by name."""

    def __init__(self, timing: Timing) -> None:
        self.adapter: str | None = None
        self._timing = timing
        self._looks: set[Look] = set()
        self._fresh: dict[str, Sighting] = {}
        self._begun_s: float | None = None
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def look(
        self,
        seconds: float,
        until: Until | None = None,
        notice: Notice | None = None,
    ) -> tuple[Sighting, ...]:
        """List the straps that advertise, at the latest after ``seconds``.

        Stops early with the first for which ``until`` holds, which is then the last.

        Raises
        ------
        LinkError
            With the reason, when the radio cannot be used.
        """
        look = Look(until, notice)
        self._looks.add(look)
        try:
            self._join(look)
            # A stuck service may never answer the start.
            if not await set_within(look.begun, self._timing.status_s):
                raise LinkError(LinkReason.TIMEOUT, "the search did not start")
            await set_within(look.enough, seconds)
        finally:
            self._looks.discard(look)
            if not self._looks:
                await self._rest()
        if look.error is not None:
            raise look.error
        return tuple(look.seen.values())

    def fail(self, error: LinkError) -> None:
        """End every search: the radio is gone."""
        for look in self._looks:
            look.fail(error)
        self._fresh.clear()
        self._wake.set()

    def forget(self, address: str) -> None:
        """Do not tell newcomers of a strap that was connected since it was seen."""
        self._fresh.pop(address, None)

    async def close(self) -> None:
        """End the search, also one that never began."""
        self.fail(LinkError(LinkReason.STOPPED))
        await self._rest()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=self._timing.status_s)

    def _join(self, look: Look) -> None:
        if self._task is None or self._task.done():
            self._wake = asyncio.Event()  # of this event loop
            self._task = asyncio.create_task(self._run(), name="scanner")
            return
        if self._begun_s is None:
            return  # it is starting, and will tell
        look.begun.set()
        for sighting in tuple(self._fresh.values()):
            look.see(sighting)
        if time.monotonic() - self._begun_s > self._timing.scan_renew_s:
            # BlueZ tells of a strap once and then only when its signal changes much.
            self._wake.set()

    async def _rest(self) -> None:
        """Wait until the scanner has stopped: straps connect better then."""
        self._wake.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=self._timing.stop_s)

    async def _run(self) -> None:
        # Never cancelled while Bleak starts: it would lose track of a search that
        # BlueZ has begun, and every later one would be refused.
        while self._looks:
            self._wake.clear()
            try:
                with boundary():
                    await self._scan()
            except LinkError as error:
                log.debug("the search failed: %s", error.reason, exc_info=error)
                for look in self._looks:
                    look.fail(error)
                return  # whoever comes next begins anew
            finally:
                self._begun_s = None
                self._fresh.clear()

    async def _scan(self) -> None:
        from bleak import BleakScanner

        bluez = {"adapter": self.adapter} if self.adapter else {}
        scanner = BleakScanner(
            self._notice,
            [HEART_RATE_SERVICE],
            bluez=bluez,  # type: ignore[arg-type]
        )
        await scanner.start()
        try:
            self._begun_s = time.monotonic()
            for look in self._looks:
                look.begun.set()
            await set_within(self._wake, self._timing.scan_window_s)
        finally:
            with contextlib.suppress(LinkError), boundary():
                async with asyncio.timeout(self._timing.status_s):
                    await scanner.stop()

    def _notice(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        sighting = Sighting(
            found(device, advertisement.local_name, advertisement.rssi), device
        )
        self._fresh[device.address] = sighting
        for look in tuple(self._looks):
            try:
                look.see(sighting)
            except Exception:
                # Bleak would swallow it, and the other searchers would see nothing.
                log.exception("a sighting could not be handed on")


def found(
    device: BLEDevice, local_name: str | None, rssi: int | None, hint: str | None = None
) -> FoundStrap:
    """Show a strap that Bleak knows."""
    name = local_name or device.name or EMPTY_NAME
    return FoundStrap(
        id=f"ble:{device.address}",
        name=name,
        address=device.address,
        rssi_dbm=rssi,
        profile=profile_of(name).id,
        hint=hint,
    )
