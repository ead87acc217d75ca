"""Connecting to straps: one at a time, within a bound, and undone when it fails."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from biofeedback.errors import LinkError
from biofeedback.model import LinkReason
from biofeedback_drivers.errors import boundary, is_radio_error, reason_of
from biofeedback_drivers.scanner import Sighting
from biofeedback_drivers.timing import Timing
from biofeedback_drivers.waiting import see_through

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.device import BLEDevice

CONNECT_ATTEMPTS = 3

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


class Connecting:
    """Connects to one strap after the other: side by side they connect badly."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._turn = asyncio.Lock()

    async def connect(
        self,
        sighting: Sighting,
        *,
        begun: Callable[[], None],
        dropped: Callable[[], None],
        lost: asyncio.Event,
    ) -> BleakClient:
        """Connect to a strap once it is its turn.

        Parameters
        ----------
        sighting
            The strap.
        begun
            Called when it is its turn.
        dropped
            Called when the link drops, once there is one.
        lost
            Set from outside when the attempt is in vain; then it is undone.

        Raises
        ------
        LinkError
            With the reason, when it does not succeed in time.
        """
        linked = False

        def gone(_: BleakClient) -> None:
            # Bleak calls it as well for each attempt that failed half-way.
            if linked:
                dropped()

        async with self._turn:
            if lost.is_set():
                raise LinkError(LinkReason.LINK_LOST, "the radio went meanwhile")
            begun()
            with boundary():
                client = await self._in_time(
                    asyncio.create_task(
                        _establish(sighting.device, sighting.strap.name, gone)
                    ),
                    lost,
                )
            linked = True
            if not client.is_connected:
                dropped()
            return client

    async def idle(self) -> None:
        """Return once no attempt is under way."""
        async with self._turn:
            pass

    async def _in_time(
        self, attempt: asyncio.Task[BleakClient], lost: asyncio.Event
    ) -> BleakClient:
        """Wait for ``attempt``; if it is late, in vain or cancelled, undo it."""
        verdict = asyncio.create_task(lost.wait())
        try:
            await asyncio.wait(
                {attempt, verdict},
                timeout=self._timing.connect_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if attempt.done():
                return attempt.result()
        except asyncio.CancelledError:
            await see_through(self._undo(attempt), 2 * self._timing.disconnect_s)
            raise
        finally:
            verdict.cancel()
        await see_through(self._undo(attempt), 2 * self._timing.disconnect_s)
        if lost.is_set():
            raise LinkError(LinkReason.LINK_LOST, "the radio went meanwhile")
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
