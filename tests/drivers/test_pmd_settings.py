"""Which of the settings that a Polar strap offers are chosen."""

from __future__ import annotations

import pytest

from biofeedback.wire.polar_pmd import (
    Measurement,
    Setting,
    Settings,
)
from biofeedback_drivers.pmd_settings import USUAL, chosen


@pytest.mark.parametrize(
    ("rate_hz", "taken"), [(None, 50), (1, 25), (37, 25), (75, 100), (1000, 200)]
)
def test_the_nearest_rate_is_taken(rate_hz: int | None, taken: int) -> None:
    wish = chosen(Measurement.ACC, USUAL[Measurement.ACC], rate_hz)
    assert wish == Settings.of(
        (Setting.RATE, taken), (Setting.RESOLUTION, 16), (Setting.RANGE, 8)
    )


def test_what_a_strap_only_tells_is_not_sent_back() -> None:
    offered = Settings.of(
        (Setting.RATE, 52),
        (Setting.RESOLUTION, ()),
        (Setting.RANGE, (2, 4)),
        (Setting.CHANNELS, (3, 4)),
        (Setting.FACTOR, Settings.factor_bits(0.25)),
    )
    assert chosen(Measurement.ACC, offered, None) == Settings.of(
        (Setting.RATE, 52), (Setting.RANGE, 4), (Setting.CHANNELS, 4)
    )
