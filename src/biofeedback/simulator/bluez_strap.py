"""A strap of the virtual BlueZ: fed with bytes, and able to fail in the known ways."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator

from dbus_fast import Variant

from biofeedback.simulator.bluez_objects import (
    DEVICE,
    FIRST_HANDLE,
    Adapter,
    Characteristic,
    Interfaces,
    Make,
    Service,
)
from biofeedback.simulator.bluez_troubles import Troubles
from biofeedback.simulator.body import Body
from biofeedback.simulator.body_time import BodyTime
from biofeedback.simulator.pmd import PmdServer
from biofeedback.wire import BatteryLevel, uuids

MOVE = 0x40
"""By how much a change of firmware moves the handles."""

Send = Callable[["VirtualStrap", Characteristic, bytes], Awaitable[bool]]
Stamp = Callable[["VirtualStrap", str, bytes, int], None]
"""Takes a strap, a characteristic's short name, what it sends and when (monotonic)."""


class VirtualStrap(Troubles):
    """A chest strap that the virtual BlueZ can find and connect.

    Parameters
    ----------
    address, name, make, rssi_dbm
        What it is and says of itself.
    body
        Who wears it: what ECG, acceleration and pulse intervals are made from.
    near
        The adapter that hears it, by name; ``None``: the first one.

    Attributes
    ----------
    dress
        Gives the packets that are played the looks of a model; takes one and its
        number.
    stamp
        Is told of each packet that left.
    time
        That of the body: may be hastened.
    """

    def __init__(
        self,
        *,
        address: str = "A0:9E:1A:00:00:01",
        name: str = "Polar H10 00000001",
        make: Make | None = None,
        rssi_dbm: int = -60,
        body: Body | None = None,
        near: str | None = None,
    ) -> None:
        super().__init__()
        self.address = address
        self.name = name
        self.make = make or Make()
        self.rssi_dbm = rssi_dbm
        self.near = near
        self.pmd = PmdServer(self.make.pmd, body or Body()) if self.make.pmd else None

        self.dress: Callable[[bytes, int], bytes] | None = None
        self.stamp: Stamp | None = None

        self.known = False  # BlueZ shows a device once it has been seen
        self.connected = False
        self.resolved = False
        self.links = 0
        self.measuring = False
        self.sent: Counter[str] = Counter()
        self.cancel_connect = asyncio.Event()
        self.subscribed = asyncio.Event()
        self.time = BodyTime()
        self.adapter = Adapter()
        self.services: list[Service] = []
        self._asked = asyncio.Event()
        self._first_handle = FIRST_HANDLE
        self._moved = False
        self._offered = 0
        self._stalled: list[tuple[str, bytes]] | None = None
        self._send: Send | None = None

    def attach(self, adapter: Adapter, send: Send) -> None:
        """Put the strap in reach of ``adapter``; the virtual BlueZ does this."""
        self.adapter = adapter
        self._send = send
        self.services = self._lay_out()

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

    def characteristic(self, short: str) -> Characteristic | None:
        """Return one characteristic by its short name, if the strap has it."""
        return next((c for c in self.characteristics() if c.uuid == short), None)

    def names(self) -> dict[str, Variant]:
        """Return how it is called, which may not be known yet."""
        if not self.name or self.nameless:
            return {"Alias": Variant("s", self.address.replace(":", "-"))}
        return {"Name": Variant("s", self.name), "Alias": Variant("s", self.name)}

    def interfaces(self) -> Interfaces:
        """Return its own properties by interface."""
        properties = {
            "Address": Variant("s", self.address),
            "AddressType": Variant("s", "random"),
            **self.names(),
            "Adapter": Variant("o", self.adapter.path),
            "UUIDs": Variant("as", list(self.advertised)),
            "Connected": Variant("b", self.connected),
            "ServicesResolved": Variant("b", self.resolved),
            "Paired": Variant("b", False),
            "Trusted": Variant("b", False),
            "Blocked": Variant("b", False),
        }
        if not self.connected:
            properties["RSSI"] = Variant("n", self.rssi_dbm)
        return {DEVICE: properties}

    def gatt(self) -> Iterator[tuple[str, Interfaces]]:
        """List its services and characteristics as objects."""
        for service in self.services:
            yield service.path, service.interfaces()
            for each in service.characteristics:
                yield each.path, each.interfaces()

    def change_firmware(self, make: Make | None = None) -> None:
        """From the next link on, have every handle moved, and offer what ``make`` does.

        Whoever kept the old handles finds nothing behind them.
        """
        self.make = make or self.make
        self._moved = True

    # --- What the virtual BlueZ does with it ---

    def link(self) -> list[tuple[str, Interfaces]]:
        """Mark it connected; return the objects that are gone since the last time."""
        self.connected = True
        self.links += 1
        if not self._moved:
            return []
        gone = list(self.gatt())
        self._moved = False
        self._first_handle += MOVE
        self.services = self._lay_out()
        return gone

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
        heart = self.characteristic(uuids.HEART_RATE_MEASUREMENT)
        if heart is not None and heart.subscribed:
            self.subscribed.set()
            self.time.begin()
        else:
            self.subscribed.clear()

    def _lay_out(self) -> list[Service]:
        return list(self.make.services(self.path, self._first_handle))

    # --- What it sends ---

    async def notify(
        self, data: bytes, characteristic: str = uuids.HEART_RATE_MEASUREMENT
    ) -> bool:
        """Send a notification; say whether anyone was there to get it."""
        if self._stalled is not None:
            self._stalled.append((characteristic, data))
            return self.connected
        self._offered += 1
        if self.lose_every and self._offered % self.lose_every == 0:
            return False
        if self.rewrite is not None and characteristic == uuids.HEART_RATE_MEASUREMENT:
            data = self.rewrite(data)
        twice = self.duplicate_every and self._offered % self.duplicate_every == 0
        if twice:
            await self._put(characteristic, data)
        return await self._put(characteristic, data)

    def stall(self) -> None:
        """Hold back what is sent from now on, as a busy radio does."""
        if self._stalled is None:
            self._stalled = []

    async def resume(self) -> int:
        """Send what was held back, all at once; return how much that was."""
        held, self._stalled = self._stalled or [], None
        for characteristic, data in held:
            await self.notify(data, characteristic)
        return len(held)

    async def set_battery(self, pct: int) -> None:
        """Change the battery's level and tell who listens."""
        level = self.characteristic(uuids.BATTERY_LEVEL)
        if level is not None:
            level.value = bytes(BatteryLevel(pct=pct))
            await self.notify(level.value, uuids.BATTERY_LEVEL)

    async def play(
        self, packets: Iterable[tuple[int, bytes]], *, speed: float = 1.0
    ) -> int:
        """Send ``(t_ns, packet)`` in time, from the first subscription on.

        What falls into a time without a link is lost, as with a real strap. Returns
        how many packets were sent.
        """
        self.time.hasten(speed)
        await self.time.begun.wait()
        start_ns, sent = self.time.now_ns(), 0
        for number, (t_ns, data) in enumerate(packets, start=1):
            packet = data if self.dress is None else self.dress(data, number)
            await asyncio.sleep(self.time.wait_s(start_ns + t_ns))
            sent += await self.notify(packet)
        return sent

    def command(self, data: bytes) -> tuple[bytes, ...]:
        """Write a command to the control point; return what it answers, if at all."""
        if self.pmd is None:
            return ()
        self.time.begin()
        self._asked.set()
        return self.pmd.write(data, self.time.now_ns())

    async def measure(self) -> None:
        """Send the frames of what was started, until everything is stopped.

        An H10 goes on measuring when its link is lost: what falls into that time is
        lost, and afterwards it is "already in state".
        """
        if self.pmd is None or self.measuring:
            return
        self.measuring = True
        try:
            while (due_ns := self.pmd.due_ns) is not None:
                self._asked.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.time.wait_s(due_ns)):
                        await self._asked.wait()
                for frame in self.pmd.advance(self.time.now_ns()):
                    await self.notify(frame, uuids.PMD_DATA)
        finally:
            self.measuring = False

    async def _put(self, short: str, data: bytes) -> bool:
        characteristic = self.characteristic(short)
        if characteristic is None or self._send is None:
            return False
        now_ns = time.monotonic_ns()
        sent = await self._send(self, characteristic, data)
        if sent:
            self.sent[short] += 1
            if self.stamp is not None:
                self.stamp(self, short, data, now_ns)
        return sent
