"""Any strap with the standard Heart Rate Service, through Bleak.

Registered as ``ble`` under the entry-point group ``biofeedback.drivers``. Importing
this is cheap; Bleak itself is loaded with the first look for straps.
"""

from __future__ import annotations

import random

import msgspec

from biofeedback.errors import ADVICE, LinkError
from biofeedback.model import FoundStrap
from biofeedback.session.driver import RadioStatus, Seen
from biofeedback.session.findings import Finding
from biofeedback.wire.profiles import PLAIN, profile_with
from biofeedback_drivers.options import Options
from biofeedback_drivers.radio import Radio
from biofeedback_drivers.scanner import Sighting
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
    options
        The adapter and when to pair; by default what the environment says.

    Attributes
    ----------
    radio
        The one owner of the adapter.
    """

    name = "ble"

    def __init__(
        self,
        *,
        timing: Timing | None = None,
        chance: random.Random | None = None,
        use_start_notify: bool = True,
        options: Options | None = None,
    ) -> None:
        self._timing = timing or Timing()
        self._chance = chance or random.Random()
        self._use_start_notify = use_start_notify
        self._options = Options.from_environment() if options is None else options
        self.radio = Radio(self._timing, self._options)

    async def status(self) -> RadioStatus:
        """Say whether Bluetooth can be used now; never raises."""
        try:
            await self.radio.check()
        except LinkError as error:
            return RadioStatus(
                available=False, reason=error.reason, advice=ADVICE[error.reason]
            )
        return RadioStatus(available=True)

    async def scan(
        self, seconds: float, seen: Seen | None = None
    ) -> tuple[FoundStrap, ...]:
        """List the straps in reach, the strongest first; tell ``seen`` of each.

        Last come those without a signal, with a hint why: straps that this computer
        holds connected, and those that it remembers and that do not advertise.

        Raises
        ------
        LinkError
            With the reason and the advice, when Bluetooth cannot be used.
        """
        straps: dict[str, FoundStrap] = {}

        def notice(sighting: Sighting) -> None:
            straps[sighting.strap.address] = sighting.strap
            if seen is not None:
                seen(sighting.strap)

        for sighting, _ in await self.radio.held():
            notice(sighting)
        await self.radio.look(seconds, notice=notice)
        for sighting in await self.radio.quiet():
            if sighting.strap.address not in straps:
                notice(_with_profile_hint(sighting))
        return tuple(
            sorted(
                straps.values(),
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
            self.radio,
            self._timing,
            self._chance,
            use_start_notify=self._use_start_notify,
            pair=self._options.pair,
        )

    async def examine(self) -> tuple[Finding, ...]:
        """Look at what stands between this computer and a strap; never raises."""
        from biofeedback_drivers.examination import examine_bluetooth

        return await examine_bluetooth()

    async def close(self) -> None:
        """Wait until the radio is idle; sources disconnect when they are cancelled."""
        await self.radio.idle()


def _with_profile_hint(sighting: Sighting) -> Sighting:
    """Add what is known of the model to the hint, where it is more than any strap."""
    strap, profile = sighting.strap, profile_with(sighting.strap.profile)
    if profile.hint == PLAIN.hint:
        return sighting
    hint = f"{strap.hint} {profile.hint}"
    return Sighting(msgspec.structs.replace(strap, hint=hint), sighting.device)
