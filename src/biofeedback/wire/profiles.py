"""What is known of each model of strap: data, matched by name or by what it says.

A strap that is not listed is a plain heart rate strap: the standard service is all
that is asked of any. Latencies are medians from an R peak to the arrival of its
interval (Physiol. Meas. 46 (2025) 085001); ``None`` where nobody has measured.
"""

from __future__ import annotations

from enum import StrEnum

from biofeedback.model import Signal, Value


class RR(StrEnum):
    """What becomes of the RR intervals in 0x2A37."""

    ALL = "all"
    EXTRA = "extra"
    """All, and now and then one of about 50 ms that no heart made."""
    NONE = "none"
    """An optical band: a rate only."""
    UNKNOWN = "unknown"


class Contact(StrEnum):
    """Whether the contact bits of 0x2A37 mean anything."""

    TRUSTED = "trusted"
    ABSENT = "absent"
    """Said to be unsupported, which is not the same as no contact."""
    UNTRUSTED = "untrusted"
    """Said to be supported, and wrong."""


class StrapProfile(Value, frozen=True):
    """One model, or a family that behaves alike.

    Attributes
    ----------
    id, label
        For programs and for people.
    names
        How its advertised name begins, in lower case.
    models
        What its model number (0x2A24) may begin with, in lower case.
    rr, contact
        What to expect of 0x2A37.
    latency_ms
        From the R peak to the arrival of its interval; ``None``: not measured.
    links
        How many devices it talks to at once.
    signals
        What it can send beside the heart rate, through Polar's PMD service.
    quirks
        Known oddities, one sentence each, with where they were reported.
    hint
        What to tell a person who cannot find or hear it.
    """

    id: str
    label: str
    names: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    rr: RR = RR.ALL
    contact: Contact = Contact.TRUSTED
    latency_ms: int | None = None
    links: int = 1
    signals: tuple[Signal, ...] = ()
    quirks: tuple[str, ...] = ()
    hint: str = (
        "Moisten the electrodes and wear the strap: most sleep until they feel skin."
    )


_OPTICAL_HINT = (
    "Switch the band on with its button and wear it snugly on the upper arm."
)
_ONE_LINK = "It talks to one device at a time: close other apps that may hold it."

PLAIN = StrapProfile(
    id="heart_rate", label="Heart rate strap", rr=RR.UNKNOWN, contact=Contact.TRUSTED
)
"""Any strap with the standard Heart Rate Service."""

PROFILES: tuple[StrapProfile, ...] = (
    StrapProfile(
        id="polar_h10",
        label="Polar H10",
        names=("polar h10",),
        models=("h10",),
        contact=Contact.ABSENT,
        latency_ms=2600,
        links=2,
        signals=(Signal.ECG, Signal.ACC),
        quirks=(
            "A second connection must be enabled in Polar's app first "
            "(polarofficial/polar-ble-sdk#164).",
            "Stays switched on until the battery is empty when ECG or acceleration "
            "was not stopped (KnownIssues.md of the SDK).",
            "Old firmware (2.1.9) has no ECG (polarofficial/polar-ble-sdk#176).",
            "Off the body it can send plausible false rates "
            "(polarofficial/polar-ble-sdk#447).",
        ),
        hint=(
            "Moisten the electrodes and wear the strap; it sleeps 45 s after it was "
            "taken off. Close other apps that may hold it."
        ),
    ),
    StrapProfile(
        id="polar_h9",
        label="Polar H9",
        names=("polar h9",),
        models=("h9",),
        contact=Contact.ABSENT,
        quirks=("No ECG: it has no measurement service (PMD).",),
        hint="Moisten the electrodes and wear the strap. " + _ONE_LINK,
    ),
    StrapProfile(
        id="polar_h7",
        label="Polar H7",
        names=("polar h7",),
        models=("h7",),
        quirks=(
            "Hangs up after about 30 s on some Linux hosts that refuse its connection "
            "interval (IanHarvey/bluepy#53).",
        ),
        hint="Moisten the electrodes and wear the strap. " + _ONE_LINK,
    ),
    StrapProfile(
        id="polar_optical",
        label="Polar Verity Sense or OH1",
        names=("polar sense", "polar verity", "polar oh1"),
        models=("verity", "oh1", "sense", "polar sense", "polar oh1"),
        rr=RR.NONE,
        contact=Contact.UNTRUSTED,
        signals=(Signal.PPI, Signal.ACC),
        quirks=(
            "Sends no RR intervals; pulse intervals (PPI) come through the measurement "
            "service (polarofficial/polar-ble-sdk#386).",
            "The first pulse intervals take about 25 s, and the rate then changes only "
            "every 5 s (PolarOH1.md of the SDK).",
            "Its contact bits cannot be trusted (polarofficial/polar-ble-sdk#131).",
        ),
        hint=_OPTICAL_HINT,
    ),
    StrapProfile(
        id="garmin_hrm",
        label="Garmin HRM-Dual or HRM-Pro",
        names=("hrm-dual", "hrm dual", "hrm-pro", "hrm pro", "hrmpro", "hrm-fit"),
        models=("hrm-dual", "hrm dual", "hrm-pro", "hrm pro", "hrm-fit"),
        rr=RR.EXTRA,
        latency_ms=700,
        links=2,
        quirks=(
            "Adds an interval of about 50 ms to some packets; it is flagged and moves "
            "no beat (Garmin developer forum 319496).",
        ),
    ),
    StrapProfile(
        id="wahoo",
        label="Wahoo TICKR or TRACKR",
        names=("tickr", "trackr", "wahoo"),
        models=("tickr", "trackr"),
        latency_ms=2100,
        links=3,
    ),
    StrapProfile(
        id="movesense",
        label="Movesense",
        names=("movesense",),
        models=("movesense",),
        latency_ms=400,
        quirks=(
            "With some ECG firmware the heart rate is offered but never sent "
            "(JonasPrimbs/movesense-ble-ecg-firmware#1).",
        ),
        hint=(
            "Wear the sensor on its strap; it sleeps without skin. If it connects and "
            "sends nothing, put the standard firmware back."
        ),
    ),
    StrapProfile(
        id="coospo",
        label="CooSpo",
        names=("coospo", "h6m", "h808", "808s", "hw807", "hw9"),
        models=("coospo", "h6m", "h808", "808s"),
        links=2,
    ),
    StrapProfile(
        id="decathlon",
        label="Decathlon Dual HR",
        names=("decathlon", "dual hr", "geonaute", "kalenji"),
        models=("dual hr", "geonaute"),
        links=2,
    ),
)
"""Every profile but the plain one; the first that matches counts."""


def profile_of(name: str, model: str | None = None) -> StrapProfile:
    """Return the profile of a strap by its advertised name and its model number.

    The model number wins: names can be changed by their owners.

    >>> profile_of("Polar H10 1A2B3C4D").id
    'polar_h10'
    >>> profile_of("Somebody's belt").id
    'heart_rate'
    """
    said, called = (model or "").strip().casefold(), name.strip().casefold()
    by_model = [p for p in PROFILES if said and said.startswith(p.models)]
    by_name = [p for p in PROFILES if called.startswith(p.names)]
    return next(iter((*by_model, *by_name)), PLAIN)


def profile_with(id: str | None) -> StrapProfile:
    """Return the profile with this ``id``, or the plain one."""
    return next((profile for profile in PROFILES if profile.id == id), PLAIN)
