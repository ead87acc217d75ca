"""Straps, the state of their links, and what they can send."""

from __future__ import annotations

from enum import StrEnum

from biofeedback.model.values import Value


class LinkState(StrEnum):
    """What a person is told about the connection, in one word."""

    SEARCHING = "searching"
    CONNECTING = "connecting"
    STREAMING = "streaming"
    CONTACT_LOST = "contact_lost"
    STALE = "stale"
    RECONNECTING = "reconnecting"
    ENDED = "ended"


class LinkStep(StrEnum):
    """What a driver does with a strap now: :class:`LinkState` looked at closely.

    A link goes ``idle`` → ``scanning`` → ``connecting`` → ``discovering`` →
    ``subscribing`` → ``streaming`` → (``stale`` or ``lost``) → ``backoff`` and begins
    again with ``scanning``.
    """

    IDLE = "idle"
    SCANNING = "scanning"
    CONNECTING = "connecting"
    DISCOVERING = "discovering"
    SUBSCRIBING = "subscribing"
    STREAMING = "streaming"
    STALE = "stale"
    LOST = "lost"
    BACKOFF = "backoff"


class LinkReason(StrEnum):
    """Why a link is not streaming: a closed set (advice in :mod:`.errors`)."""

    NO_BUS = "no_bus"
    NO_DAEMON = "no_daemon"
    NO_ADAPTER = "no_adapter"
    ADAPTER_OFF = "adapter_off"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    BUSY = "busy"
    TIMEOUT = "timeout"
    PAIRING_NEEDED = "pairing_needed"
    LINK_LOST = "link_lost"
    SLOTS_FULL = "slots_full"
    NO_HEART_RATE = "no_heart_rate"
    HR_ONLY = "hr_only"
    FIRMWARE_OLD = "firmware_old"
    NO_DATA = "no_data"
    NO_CONTACT = "no_contact"
    STOPPED = "stopped"
    INTERNAL = "internal"


class Signal(StrEnum):
    """What a strap may send beside its heart rate, when it is asked to."""

    ECG = "ecg"
    ACC = "acc"
    PPI = "ppi"


class Ask(Value, frozen=True):
    """A signal that is wanted of a strap, at this rate or at the driver's usual one."""

    signal: Signal
    rate_hz: int | None = None


class FoundStrap(Value, frozen=True):
    """A strap a driver can open. ``id`` is unique among all drivers.

    ``profile`` names its :class:`~biofeedback.wire.profiles.StrapProfile`, and
    ``hint`` is a sentence about it, such as that another program holds it.
    """

    id: str
    name: str
    address: str
    rssi_dbm: int | None = None
    profile: str = "heart_rate"
    simulated: bool = False
    hint: str | None = None


class Strap(Value, frozen=True):
    """What a strap says of itself once connected, and what is known of its model.

    ``signals`` are those it offers beside the heart rate; ``profile`` as in
    :class:`FoundStrap`. Its serial number stays in the driver: it points to a person.
    """

    name: str
    model: str | None = None
    manufacturer: str | None = None
    firmware: str | None = None
    battery_pct: int | None = None
    body_location: str | None = None
    profile: str | None = None
    signals: tuple[Signal, ...] = ()
