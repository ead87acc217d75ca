"""The one owner of the Bluetooth adapter: everything that uses it passes here.

One scanner for all who search, one connect at a time (straps connect badly in parallel
on real adapters), one source for each strap, and one watch over BlueZ while any source
runs. Bleak is imported only once it is needed: it takes a while, and the command
line's help does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from biofeedback.errors import LinkError
from biofeedback.model import FoundStrap, LinkReason
from biofeedback_drivers.bluez_bus import (
    ADAPTER,
    DEVICE,
    Objects,
    objects_of_bluez,
    system_bus,
)
from biofeedback_drivers.bluez_watch import BlueZWatch, is_below
from biofeedback_drivers.errors import boundary, is_radio_error, reason_of
from biofeedback_drivers.options import Options
from biofeedback_drivers.scanner import (
    HEART_RATE_SERVICE,
    Notice,
    Scanner,
    Sighting,
    Until,
    found,
)
from biofeedback_drivers.timing import Timing
from biofeedback_drivers.waiting import see_through

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.device import BLEDevice

CONNECT_ATTEMPTS = 3
CHARACTERISTIC = "org.bluez.GattCharacteristic1"

HELD_HINT = "Connected to this computer already; a program may be using it."
QUIET_HINT = "Not advertising: asleep, out of reach, or in use elsewhere."

# Trying again at once does not help against these.
_HOPELESS = frozenset(
    {
        LinkReason.NO_BUS,
        LinkReason.NO_DAEMON,
        LinkReason.NO_ADAPTER,
        LinkReason.ADAPTER_OFF,
        LinkReason.PERMISSION,
        LinkReason.NOT_FOUND,
        LinkReason.SLOTS_FULL,
        LinkReason.PAIRING_NEEDED,
    }
)


class Participant(Protocol):
    """A source that wants to know how the radio is."""

    def radio_gone(self, path: str, reason: LinkReason) -> None:
        """Hear that whatever lies at or below this path on D-Bus is gone."""

    def radio_back(self) -> None:
        """Hear that the radio can be used again."""


class Radio:
    """Looks for straps and connects to them.

    Attributes
    ----------
    sources
        Those that run now.
    claims
        Who holds which strap, by address in lower case.
    """

    def __init__(self, timing: Timing, options: Options | None = None) -> None:
        self.sources: set[Participant] = set()
        self.claims: dict[str, tuple[Participant, FoundStrap]] = {}
        self.watch = BlueZWatch(timing, self._gone, self._back)
        self._timing = timing
        self._options = options or Options()
        self._scanner = Scanner(timing)
        self._connecting = asyncio.Lock()

    # --- Those who use it ---

    @contextlib.asynccontextmanager
    async def joined(self, source: Participant) -> AsyncIterator[None]:
        """Keep ``source`` told while inside; the first comes and the watch begins."""
        self.sources.add(source)
        self.watch.start()
        try:
            yield
        finally:
            self.sources.discard(source)
            if not self.sources:
                await see_through(self.watch.stop(), self._timing.stop_s)

    @contextlib.contextmanager
    def claimed(self, strap: FoundStrap, source: Participant) -> Iterator[None]:
        """Hold a strap while inside: two clients on one would end each other's link.

        Raises
        ------
        LinkError
            ``BUSY`` when another source holds it.
        """
        if self.held_by_another(strap, source):
            raise LinkError(LinkReason.BUSY, "another session here holds this strap")
        address = strap.address.casefold()
        self.claims[address] = (source, strap)
        try:
            yield
        finally:
            del self.claims[address]

    def held_by_another(self, strap: FoundStrap, source: Participant) -> bool:
        """Say whether another source of ours holds this strap."""
        holder, _ = self.claims.get(strap.address.casefold(), (source, strap))
        return holder is not source

    def _gone(self, path: str, reason: LinkReason) -> None:
        adapter = self._options.adapter
        ours = f"/org/bluez/{adapter}" if adapter else path
        if path.count("/") <= 3 and is_below(ours, path):
            self._scanner.fail(LinkError(reason, f"{path} is gone"))
        for source in tuple(self.sources):
            source.radio_gone(path, reason)

    def _back(self) -> None:
        for source in tuple(self.sources):
            source.radio_back()

    # --- Looking ---

    async def check(self) -> None:
        """Return if Bluetooth can be used.

        Raises
        ------
        LinkError
            With the reason, if it cannot.
        """
        with boundary():
            async with asyncio.timeout(self._timing.status_s):
                if sys.platform == "linux":
                    self._check_adapters(await self._objects())
                    return
                from bleak import BleakAdapter

                # Where Bleak cannot tell, the first scan will.
                with contextlib.suppress(NotImplementedError):
                    await BleakAdapter.get()

    async def look(
        self, seconds: float, until: Until | None = None, notice: Notice | None = None
    ) -> tuple[Sighting, ...]:
        """List the straps that advertise, at the latest after ``seconds``.

        Stops early with the first for which ``until`` holds, which is then the last;
        tells ``notice`` of each while it looks.

        Raises
        ------
        LinkError
            With the reason, when the radio cannot be used.
        """
        self._scanner.adapter = await self._adapter_name()
        return await self._scanner.look(seconds, until, notice)

    async def held(self) -> tuple[tuple[Sighting, bool], ...]:
        """List the straps that the system holds connected: these do not advertise.

        With each, whether a program listens to it. A program that was killed leaves
        its strap connected, hidden from everyone, and then nobody listens. Where the
        system cannot tell, there are none.
        """
        try:
            with boundary():
                async with asyncio.timeout(self._timing.status_s):
                    return await self._held()
        except LinkError:
            return ()

    async def quiet(self) -> tuple[Sighting, ...]:
        """List the straps that BlueZ remembers and does not hold. Never raises."""
        if sys.platform != "linux":
            return ()
        try:
            with boundary():
                async with asyncio.timeout(self._timing.status_s):
                    objects = await self._objects()
        except LinkError:
            return ()
        return tuple(
            _sighting(path, properties, QUIET_HINT)
            for path, properties in self._straps(objects)
            if not properties.get("Connected")
        )

    async def _adapter_name(self) -> str | None:
        """Return the adapter to use: Bleak would take any of several."""
        wanted = self._options.adapter
        if sys.platform != "linux" or (wanted is not None and ":" not in wanted):
            return wanted
        if wanted is None and self.watch.adapters:
            path = self.watch.adapters[0]
        else:
            with boundary():
                async with asyncio.timeout(self._timing.status_s):
                    path, _ = self._check_adapters(await self._objects())
        return path.rpartition("/")[2]

    async def _held(self) -> tuple[tuple[Sighting, bool], ...]:
        if sys.platform == "linux":
            # Not Bleak's picture: after a crash of BlueZ that is full of ghosts.
            objects = await self._objects()
            return tuple(
                (_sighting(path, properties, HELD_HINT), _is_heard(objects, path))
                for path, properties in self._straps(objects)
                if properties.get("Connected")
            )
        from bleak import BleakAdapter

        try:
            adapter = await BleakAdapter.get()
            devices = await adapter.get_connected_devices([HEART_RATE_SERVICE])
        except NotImplementedError:
            return ()
        return tuple(
            (Sighting(found(each, None, None, HELD_HINT), each), False)
            for each in devices
        )

    async def _objects(self) -> Objects:
        async with system_bus() as bus:
            return await objects_of_bluez(bus)

    def _check_adapters(self, objects: Objects) -> tuple[str, dict[str, Any]]:
        """Return the adapter that will be used: its path and properties."""
        wanted = self._options.adapter
        adapters = [
            (path, each[ADAPTER])
            for path, each in sorted(objects.items())
            if ADAPTER in each
            and (wanted is None or _is_called(path, each[ADAPTER], wanted))
        ]
        capable = [
            (path, each)
            for path, each in adapters
            if "central" in each.get("Roles", ("central",))
        ]
        if not capable:
            raise LinkError(LinkReason.NO_ADAPTER)
        for path, each in capable:
            if each.get("Powered"):
                return path, each
        raise LinkError(LinkReason.ADAPTER_OFF)

    def _straps(self, objects: Objects) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the heart rate straps that the adapter in use knows."""
        wanted = self._options.adapter
        for path, interfaces in sorted(objects.items()):
            device = interfaces.get(DEVICE)
            if device is None or HEART_RATE_SERVICE not in device.get("UUIDs", ()):
                continue
            adapter = str(device.get("Adapter", ""))
            properties = objects.get(adapter, {}).get(ADAPTER, {})
            if wanted is None or _is_called(adapter, properties, wanted):
                yield path, device

    # --- Connecting ---

    async def connect(
        self, sighting: Sighting, on_loss: Callable[[], None]
    ) -> BleakClient:
        """Connect to a strap; ``on_loss`` is called when the link drops after that.

        Raises
        ------
        LinkError
            With the reason, when it does not succeed in time.
        """
        linked = False

        def dropped(_: BleakClient) -> None:
            # Bleak calls it as well for each attempt that failed half-way.
            if linked:
                on_loss()

        async with self._connecting:
            self._scanner.forget(sighting.device.address)
            with boundary():
                client = await self._in_time(
                    asyncio.create_task(
                        _establish(sighting.device, sighting.strap.name, dropped)
                    )
                )
            linked = True
            if not client.is_connected:
                on_loss()
            return client

    async def _in_time(self, attempt: asyncio.Task[BleakClient]) -> BleakClient:
        """Wait for ``attempt``; if it is too late, or cancelled, undo it."""
        try:
            await asyncio.wait({attempt}, timeout=self._timing.connect_s)
            if attempt.done():
                return attempt.result()
        except asyncio.CancelledError:
            await see_through(self._undo(attempt), 2 * self._timing.disconnect_s)
            raise
        await see_through(self._undo(attempt), 2 * self._timing.disconnect_s)
        raise TimeoutError(f"no connection within {self._timing.connect_s:g} s")

    async def _undo(self, attempt: asyncio.Task[BleakClient]) -> None:
        """Cancel an attempt until it gives up; disconnect if it had succeeded.

        When it is cancelled, Bleak asks the system to disconnect and waits for the
        answer, which may never come either.
        """
        while not attempt.done():
            attempt.cancel()
            await asyncio.wait({attempt}, timeout=self._timing.disconnect_s)
        if not attempt.cancelled() and attempt.exception() is None:
            with contextlib.suppress(LinkError), boundary():
                async with asyncio.timeout(self._timing.disconnect_s):
                    await attempt.result().disconnect()

    async def idle(self) -> None:
        """End every search, and return once no connect is under way."""
        await self._scanner.close()
        async with self._connecting:
            pass


async def _establish(
    device: BLEDevice, name: str, dropped: Callable[[BleakClient], None]
) -> BleakClient:
    from bleak_retry_connector import BleakClientWithServiceCache, establish_connection

    class Client(BleakClientWithServiceCache):
        """Gives up at once where bleak-retry-connector would wait for minutes."""

        async def connect(self, **kwargs: Any) -> None:  # noqa: ANN401 - Bleak's own
            try:
                await super().connect(**kwargs)
            except Exception as error:
                if is_radio_error(error) and reason_of(error) in _HOPELESS:
                    raise LinkError(reason_of(error), str(error)) from error
                raise

    return await establish_connection(
        Client,
        device,
        name,
        disconnected_callback=dropped,
        max_attempts=CONNECT_ATTEMPTS,
        use_services_cache=False,
    )


def _sighting(path: str, properties: dict[str, Any], hint: str) -> Sighting:
    """Show a strap as BlueZ itself knows it."""
    from bleak.backends.device import BLEDevice

    address = str(properties.get("Address", ""))
    name = properties.get("Name")
    device = BLEDevice(address, name, {"path": path, "props": properties})
    return Sighting(found(device, None, None, hint), device)


def _is_heard(objects: Objects, device: str) -> bool:
    return any(
        bool(each[CHARACTERISTIC].get("Notifying"))
        or bool(each[CHARACTERISTIC].get("NotifyAcquired"))
        for path, each in objects.items()
        if CHARACTERISTIC in each and is_below(path, device)
    )


def _is_called(path: str, adapter: dict[str, Any], wanted: str) -> bool:
    names = (path.rpartition("/")[2], str(adapter.get("Address", "")))
    return wanted.casefold() in (name.casefold() for name in names)
