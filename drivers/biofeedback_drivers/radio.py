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
from typing import TYPE_CHECKING, Protocol

from biofeedback.errors import LinkError
from biofeedback.model import FoundStrap, LinkReason
from biofeedback_drivers.bluez_bus import is_below
from biofeedback_drivers.bluez_state import (
    BlueZState,
    SharedLook,
    StrapSeen,
    adapter_in_use,
)
from biofeedback_drivers.bluez_watch import BlueZWatch
from biofeedback_drivers.connecting import Connecting
from biofeedback_drivers.errors import boundary
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

HELD_HINT = "Connected to this computer already; a program may be using it."
QUIET_HINT = "Not advertising: asleep, out of reach, or in use elsewhere."


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
        self._connecting = Connecting(timing)
        self._look_at_bluez = SharedLook()

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
        if sys.platform == "linux":
            self._adapter_of(await self._state())
            return
        with boundary():
            async with asyncio.timeout(self._timing.status_s):
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
            if sys.platform == "linux":
                # Not Bleak's picture: after a crash of BlueZ that is full of ghosts.
                state = await self._state()
                return tuple(
                    (_remembered(each, HELD_HINT), each.listened)
                    for each in state.straps_of(self._options.adapter)
                    if each.connected
                )
            with boundary():
                async with asyncio.timeout(self._timing.status_s):
                    return await self._held_elsewhere()
        except LinkError:
            return ()

    async def quiet(self) -> tuple[Sighting, ...]:
        """List the straps that BlueZ remembers and does not hold. Never raises."""
        if sys.platform != "linux":
            return ()
        try:
            state = await self._state()
        except LinkError:
            return ()
        return tuple(
            _remembered(each, QUIET_HINT)
            for each in state.straps_of(self._options.adapter)
            if not each.connected
        )

    async def _adapter_name(self) -> str | None:
        """Return the adapter to use: Bleak would take any of several."""
        wanted = self._options.adapter
        if sys.platform != "linux" or (wanted is not None and ":" not in wanted):
            return wanted
        if wanted is None and self.watch.adapters:
            return self.watch.adapters[0].rpartition("/")[2]
        return self._adapter_of(await self._state())

    async def _held_elsewhere(self) -> tuple[tuple[Sighting, bool], ...]:
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

    async def _state(self) -> BlueZState:
        with boundary():
            async with asyncio.timeout(self._timing.status_s):
                return await self._look_at_bluez.state()

    def _adapter_of(self, state: BlueZState) -> str:
        """Return the name of the adapter that will be used."""
        used = adapter_in_use(state.adapters, self._options.adapter)
        if used is None or not used.central:
            raise LinkError(LinkReason.NO_ADAPTER)
        if not used.powered:
            raise LinkError(LinkReason.ADAPTER_OFF)
        return used.name

    # --- Connecting ---

    async def connect(
        self,
        sighting: Sighting,
        *,
        begun: Callable[[], None],
        dropped: Callable[[], None],
        lost: asyncio.Event,
    ) -> BleakClient:
        """Connect to a strap, as :meth:`.connecting.Connecting.connect` says.

        Raises
        ------
        LinkError
            With the reason, when it does not succeed in time.
        """

        def begin() -> None:
            self._scanner.forget(sighting.device.address)
            begun()

        return await self._connecting.connect(
            sighting, begun=begin, dropped=dropped, lost=lost
        )

    async def idle(self) -> None:
        """End every search, and return once no connect is under way."""
        await self._scanner.close()
        await self._connecting.idle()


def _remembered(strap: StrapSeen, hint: str) -> Sighting:
    """Show a strap as BlueZ itself knows it."""
    from bleak.backends.device import BLEDevice

    details = {"path": strap.path, "props": strap.properties}
    device = BLEDevice(strap.address, strap.name, details)
    return Sighting(found(device, None, None, hint), device)
