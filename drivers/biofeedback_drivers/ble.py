"""Any strap with the standard Heart Rate Service, through Bleak.

Registered as ``ble`` under the entry-point group ``biofeedback.drivers``. Importing
this is cheap; Bleak itself is loaded with the first look for straps.
"""

from __future__ import annotations

import random

from biofeedback.errors import ADVICE, LinkError
from biofeedback.model import FoundStrap
from biofeedback.session.driver import RadioStatus
from biofeedback_drivers.radio import Radio
from biofeedback_drivers.source import StrapSource
from biofeedback_drivers.timing import Timing


class BleDriver:
    """Finds heart rate straps over Bluetooth Low Energy and opens them.

    Parameters
    ----------
    timing
        Every wait of the driver.
    chance
        Where the jitter of reconnecting comes from.
    use_start_notify
        On BlueZ, whether to subscribe with StartNotify or AcquireNotify.
    """

    name = "ble"

    def __init__(
        self,
        *,
        timing: Timing | None = None,
        chance: random.Random | None = None,
        use_start_notify: bool = True,
    ) -> None:
        self._timing = timing or Timing()
        self._chance = chance or random.Random()
        self._use_start_notify = use_start_notify
        self._radio = Radio(self._timing)

    async def status(self) -> RadioStatus:
        """Say whether Bluetooth can be used now; never raises."""
        try:
            await self._radio.check()
        except LinkError as error:
            return RadioStatus(
                available=False, reason=error.reason, advice=ADVICE[error.reason]
            )
        return RadioStatus(available=True)

    async def scan(self, seconds: float) -> tuple[FoundStrap, ...]:
        """List the straps in reach, the strongest first.

        Those that this computer already holds connected are last: they do not
        advertise, so their signal is unknown.

        Raises
        ------
        LinkError
            With the reason and the advice, when Bluetooth cannot be used.
        """
        found = {
            sighting.strap.address: sighting.strap
            for sighting in (
                *await self._radio.adopt(),
                *await self._radio.look(seconds),
            )
        }
        return tuple(
            sorted(
                found.values(),
                key=lambda strap: (
                    -strap.rssi_dbm if strap.rssi_dbm is not None else 1000,
                    strap.name,
                ),
            )
        )

    def open(self, strap: FoundStrap) -> StrapSource:
        """Return a source for ``strap``; nothing is connected yet.

        A strap without an address is looked for by its name.
        """
        return StrapSource(
            strap,
            self._radio,
            self._timing,
            self._chance,
            use_start_notify=self._use_start_notify,
        )

    async def close(self) -> None:
        """Wait until the radio is idle; sources disconnect when they are cancelled."""
        await self._radio.idle()
