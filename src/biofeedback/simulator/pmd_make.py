"""What a strap can measure through Polar's measurement service (PMD): data."""

from __future__ import annotations

from biofeedback.model import Value
from biofeedback.wire.polar_pmd import Features, Measurement, Setting, Settings

MTU = 232
"""What an H10 agrees on (polar-ble-sdk#287): 73 ECG samples fit a notification."""


class Offer(Value, frozen=True):
    """One measurement a strap offers.

    ``settings`` lists the choices; ``true_rate`` is how fast its crystal really is,
    as a share of the rate it says (an H10's ECG: within 1 %, polar-ble-sdk#580).
    ``compressed`` samples come as differences, scaled by ``factor``.
    """

    measurement: Measurement
    settings: Settings = Settings()
    true_rate: float = 1.0
    compressed: bool = False
    factor: float | None = None


class PmdMake(Value, frozen=True):
    """What the service of one model offers.

    The first pulse intervals (PPI) come after ``ppi_first_s``, the next ones every
    ``ppi_every_s`` (PolarOH1.md of the SDK).
    """

    offers: tuple[Offer, ...]
    mtu: int = MTU
    ppi_first_s: float = 25.0
    ppi_every_s: float = 5.0

    @property
    def features(self) -> Features:
        """What a read of the control point says."""
        return Features(
            measurements=frozenset(offer.measurement for offer in self.offers)
        )

    def offer(self, measurement: int | None) -> Offer | None:
        """Return the offer of ``measurement``, if there is one."""
        return next(
            (each for each in self.offers if each.measurement == measurement), None
        )


H10_PMD = PmdMake(
    offers=(
        Offer(
            measurement=Measurement.ECG,
            settings=Settings.of((Setting.RATE, 130), (Setting.RESOLUTION, 14)),
            true_rate=1.0003,
        ),
        Offer(
            measurement=Measurement.ACC,
            settings=Settings.of(
                (Setting.RATE, (25, 50, 100, 200)),
                (Setting.RESOLUTION, 16),
                (Setting.RANGE, (2, 4, 8)),
            ),
            true_rate=1.0003,
        ),
    )
)
"""ECG and acceleration, as a Polar H10 lists them."""

OPTICAL_PMD = PmdMake(
    offers=(
        Offer(
            measurement=Measurement.ACC,
            settings=Settings.of(
                (Setting.RATE, 52),
                (Setting.RESOLUTION, 16),
                (Setting.RANGE, 8),
                (Setting.CHANNELS, 3),
            ),
            compressed=True,
            factor=2.0**-12,  # g a count: 8 g over 15 bits
        ),
        Offer(measurement=Measurement.PPI),
    )
)
"""Pulse intervals and compressed acceleration, as a Verity Sense."""
