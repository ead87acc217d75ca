"""What may be asked of a strap beside its heart rate."""

from __future__ import annotations

from collections.abc import Sequence

from biofeedback.errors import SettingsError
from biofeedback.model import Ask, Signal

RATES_HZ: dict[Signal, tuple[int, int]] = {
    Signal.ECG: (130, 500),
    Signal.ACC: (25, 200),
}
"""The slowest and the fastest that known straps offer (Polar H10: 130 Hz, 25 to
200 Hz; facts of others lie in between). Pulse intervals come beat by beat."""


def check(signals: Sequence[Ask]) -> None:
    """Refuse what no strap could give; whether this one can, its driver finds out.

    Raises
    ------
    SettingsError
        When a signal is asked for twice, or at a rate that no strap has.
    """
    asked = [ask.signal for ask in signals]
    twice = next((signal for signal in asked if asked.count(signal) > 1), None)
    if twice is not None:
        raise SettingsError(
            f"The signal '{twice}' was asked for more than once.", "Name it once."
        )
    for ask in signals:
        if ask.rate_hz is None:
            continue
        if (rates := RATES_HZ.get(ask.signal)) is None:
            raise SettingsError(
                f"The signal '{ask.signal}' has no rate: it comes with each beat.",
                "Leave the rate out.",
            )
        slowest, fastest = rates
        if not slowest <= ask.rate_hz <= fastest:
            raise SettingsError(
                f"No strap sends '{ask.signal}' at {ask.rate_hz} Hz.",
                f"Ask for {slowest} to {fastest} Hz, or leave the rate out.",
            )
