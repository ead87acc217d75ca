"""What people are told when a signal of a Polar strap does not come. Pure."""

from __future__ import annotations

from biofeedback.errors import ADVICE
from biofeedback.model import LinkReason
from biofeedback.wire.polar_pmd import Measurement, Status

Trouble = tuple[LinkReason | None, str]
"""A reason, where one fits a strap whose heart rate goes on, and advice."""

_WORDS = {
    Measurement.ECG: "ECG",
    Measurement.ACC: "acceleration",
    Measurement.PPI: "pulse intervals",
}

_BECAUSE = {
    Status.IN_CHARGER: "while it is in its charger",
    Status.INVALID_STATE: "in its present state",
    Status.DISK_FULL: "because its memory is full",
    Status.INVALID_MTU: "over this connection: disconnect it, then try again",
}

_ON = "The heart rate goes on."

OLD: Trouble = (LinkReason.FIRMWARE_OLD, ADVICE[LinkReason.FIRMWARE_OLD])

PAIR: Trouble = (
    LinkReason.PAIRING_NEEDED,
    "For more than the heart rate the strap wants to be paired: pair it in the "
    f"system's Bluetooth settings. {_ON}",
)


def shut(reason: LinkReason, again_s: float) -> Trouble:
    """Tell that nothing but the heart rate could be asked for."""
    return (
        _fitting(reason),
        "The strap could not be asked for more than the heart rate; it is asked again "
        f"after {again_s:g} s. {_ON}",
    )


def missing(*measurements: Measurement) -> Trouble:
    """Tell that the strap cannot measure these."""
    words = " and no ".join(_WORDS[each] for each in measurements)
    return None, f"This strap offers no {words}. {_ON}"


def refused(measurement: Measurement, status: Status) -> Trouble:
    """Tell that the strap said no."""
    because = _BECAUSE.get(status, f"(it answered {status.name})")
    return None, f"The strap does not send {_WORDS[measurement]} {because}. {_ON}"


def unanswered(measurement: Measurement) -> Trouble:
    """Tell that the strap said nothing."""
    return (
        LinkReason.TIMEOUT,
        f"The strap did not answer when it was asked for {_WORDS[measurement]}. {_ON}",
    )


def unasked(measurement: Measurement, reason: LinkReason) -> Trouble:
    """Tell that the command could not be given."""
    return (
        _fitting(reason),
        f"The strap could not be asked for {_WORDS[measurement]}; that is tried "
        f"again. {_ON}",
    )


def silent(measurement: Measurement) -> Trouble:
    """Tell that it was started, and nothing comes."""
    return (
        LinkReason.TIMEOUT,
        f"The strap was asked for {_WORDS[measurement]} and sends none; it is asked "
        f"once more. {_ON}",
    )


def _fitting(reason: LinkReason) -> LinkReason | None:
    return reason if reason is LinkReason.TIMEOUT else None
