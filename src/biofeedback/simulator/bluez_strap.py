"""A strap of the virtual BlueZ: fed with bytes, and able to fail in the known ways."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator

from dbus_fast import Variant

from biofeedback.simulator.bluez_objects import (
    DEVICE,
    Adapter,
    Characteristic,
    Interfaces,
    Make,
    Service,
)
from biofeedback.wire import uuids

NS_PER_S = 1_000_000_000

Send = Callable[["VirtualStrap", Characteristic, bytes], Awaitable[bool]]


class VirtualStrap:
    """A chest strap that the virtual BlueZ can find and connect.

    Faults are plain attributes, to be set at any time: ``hidden`` (out of reach, or
    held by another device: a strap with one link does not advertise then), ``silent``
    (connected, but nothing arrives), ``connect_hangs``, ``services_hang``,
    ``disconnect_hangs``,
    ``connect_errors`` (D-Bus error name and text, one for each attempt) and
    ``read_errors`` (the same by 16-bit UUID).
    """

    def __init__(
        self,
        *,
        address: str = "A0:9E:1A:00:00:01",
        name: str = "Polar H10 00000001",
        make: Make | None = None,
        rssi_dbm: int = -60,
    ) -> None:
        self.address = address
        self.name = name
        self.make = make or Make()
        self.rssi_dbm = rssi_dbm

        self.hidden = False
        self.silent = False
        self.connect_hangs = False
        self.services_hang = False
        self.disconnect_hangs = False
        self.connect_errors: deque[tuple[str, str]] = deque()
        self.read_errors: dict[str, tuple[str, str]] = {}

        self.known = False  # BlueZ shows a device once it has been seen
        self.connected = False
        self.resolved = False
        self.links = 0
        self.cancel_connect = asyncio.Event()
        self.subscribed = asyncio.Event()
        self.adapter = Adapter()
        self.services: list[Service] = []
        self._send: Send | None = None

    def attach(self, adapter: Adapter, send: Send) -> None:
        """Put the strap in reach of ``adapter``; the virtual BlueZ does this."""
        self.adapter = adapter
        self._send = send
        self.services = list(self.make.services(self.path))

    @property
    def path(self) -> str:
        """Its object path."""
        return f"{self.adapter.path}/dev_{self.address.replace(':', '_')}"

    @property
    def advertising(self) -> bool:
        """Whether a scan can see it: a connected strap is quiet."""
        return not self.hidden and not self.connected

    @property
    def advertised(self) -> tuple[str, ...]:
        """The services it advertises, in full form."""
        offered = [uuids.HEART_RATE_SERVICE] if self.make.heart_rate else []
        return tuple(uuids.to_uuid128(short) for short in (*offered, "180a"))

    def characteristics(self) -> list[Characteristic]:
        """List all its characteristics."""
        return [each for service in self.services for each in service.characteristics]

    def interfaces(self) -> Interfaces:
        """Return its own properties by interface."""
        properties = {
            "Address": Variant("s", self.address),
            "AddressType": Variant("s", "random"),
            "Name": Variant("s", self.name),
            "Alias": Variant("s", self.name or self.address.replace(":", "-")),
            "Adapter": Variant("o", self.adapter.path),
            "UUIDs": Variant("as", list(self.advertised)),
            "Connected": Variant("b", self.connected),
            "ServicesResolved": Variant("b", self.resolved),
            "Paired": Variant("b", False),
            "Trusted": Variant("b", False),
            "Blocked": Variant("b", False),
        }
        if not self.name:
            del properties["Name"]
        if not self.connected:
            properties["RSSI"] = Variant("n", self.rssi_dbm)
        return {DEVICE: properties}

    def gatt(self) -> Iterator[tuple[str, Interfaces]]:
        """List its services and characteristics as objects."""
        for service in self.services:
            yield service.path, service.interfaces()
            for each in service.characteristics:
                yield each.path, each.interfaces()

    # --- What the virtual BlueZ does with it ---

    def link(self) -> None:
        """Mark it connected."""
        self.connected = True
        self.links += 1

    def unlink(self) -> None:
        """Mark it not connected: nobody listens any more."""
        self.connected = self.resolved = False
        self.unsubscribe()

    def forget(self) -> None:
        """Let BlueZ know nothing of it."""
        self.known = False
        self.cancel_connect.set()
        self.unlink()

    def unsubscribe(self, client: str | None = None) -> None:
        """End the subscriptions of one client, or of all."""
        for each in self.characteristics():
            each.silence(client)
        self.look_for_subscription()

    def look_for_subscription(self) -> None:
        """Keep ``subscribed`` true to whether anyone gets the heart rate."""
        if any(
            each.subscribed
            for each in self.characteristics()
            if each.uuid == uuids.HEART_RATE_MEASUREMENT
        ):
            self.subscribed.set()
        else:
            self.subscribed.clear()

    # --- What it sends ---

    async def notify(
        self, data: bytes, characteristic: str = uuids.HEART_RATE_MEASUREMENT
    ) -> bool:
        """Send a notification; say whether anyone was there to get it."""
        for each in self.characteristics():
            if each.uuid == characteristic and self._send is not None:
                return await self._send(self, each, data)
        return False

    async def play(
        self, packets: Iterable[tuple[int, bytes]], *, speed: float = 1.0
    ) -> int:
        """Send ``(t_ns, packet)`` in time, from the first subscription on.

        What falls into a time without a link is lost, as with a real strap. Returns
        how many packets were sent.
        """
        await self.subscribed.wait()
        loop = asyncio.get_running_loop()
        start_s, sent = loop.time(), 0
        for t_ns, packet in packets:
            # Against the target time, so that late wake-ups do not add up.
            await asyncio.sleep(start_s + t_ns / NS_PER_S / speed - loop.time())
            sent += await self.notify(packet)
        return sent
