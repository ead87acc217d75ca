"""Which of the settings that a Polar strap offers are chosen. Pure."""

from __future__ import annotations

from biofeedback.wire.polar_pmd import Measurement, Setting, Settings

USUAL: dict[Measurement, Settings] = {
    Measurement.ECG: Settings.of((Setting.RATE, 130), (Setting.RESOLUTION, 14)),
    Measurement.ACC: Settings.of(
        (Setting.RATE, (25, 50, 100, 200)),
        (Setting.RESOLUTION, 16),
        (Setting.RANGE, (2, 4, 8)),
    ),
}
"""What an H10 offers: for a strap that did not say (``PolarH10.md`` of the SDK)."""

_RATE_HZ = {Measurement.ECG: 130, Measurement.ACC: 50}
"""Without a wish. At 50 Hz breath and movement show, in a quarter of the data."""

_RANGE_G = 8
"""A fall or a jump reaches 4 g and more, and 16 bits resolve 8 g to 0.25 mG."""

_NOT_SENT = (Setting.FACTOR, Setting.SECURITY)
"""Settings that a strap tells, and that no start takes."""


def chosen(
    measurement: Measurement, offered: Settings, rate_hz: int | None
) -> Settings:
    """Return one value of each setting: the nearest to what is wanted.

    >>> wish = chosen(Measurement.ACC, USUAL[Measurement.ACC], 90)
    >>> wish.get(Setting.RATE), wish.get(Setting.RANGE)
    ((100,), (8,))
    """
    wanted_hz = rate_hz or _RATE_HZ.get(measurement, 0)
    one_of_each: list[tuple[Setting, int]] = []
    for setting, values in offered.values:
        if not values or setting in _NOT_SENT:
            continue
        match setting:
            case Setting.RATE:
                value = _nearest(values, wanted_hz)
            case Setting.RANGE:
                value = _nearest(values, _RANGE_G)
            case _:
                value = max(values)
        one_of_each.append((setting, value))
    return Settings.of(*one_of_each)


def _nearest(values: tuple[int, ...], wanted: int) -> int:
    """Return the value nearest to ``wanted``; of two as near, the larger."""
    return min(values, key=lambda value: (abs(value - wanted), -value))
