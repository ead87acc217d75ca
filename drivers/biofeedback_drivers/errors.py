"""The one boundary where errors of Bleak and the system become reasons.

Everything that leaves Bleak passes :func:`reason_of`; nothing else in the drivers
looks at an exception's type or text. The cases were observed with bleak 3.1 on BlueZ.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from biofeedback.errors import LinkError
from biofeedback.model import LinkReason

RADIO_ERRORS = (
    OSError,  # no socket to D-Bus, and TimeoutError with it
    EOFError,  # D-Bus hung up, also when it has no room for another connection
    AssertionError,
    AttributeError,
    ImportError,  # a system that Bleak has no backend for
    KeyError,  # a service that vanished while Bleak looked at it
)
"""What Bleak lets through besides its own errors; see :func:`is_radio_error`."""

_BY_DBUS_NAME = {
    "org.freedesktop.DBus.Error.ServiceUnknown": LinkReason.NO_DAEMON,
    "org.freedesktop.DBus.Error.NameHasNoOwner": LinkReason.NO_DAEMON,
    "org.freedesktop.DBus.Error.NoReply": LinkReason.NO_DAEMON,
    "org.freedesktop.DBus.Error.Disconnected": LinkReason.NO_BUS,
    "org.freedesktop.DBus.Error.AccessDenied": LinkReason.PERMISSION,
    "org.freedesktop.DBus.Error.UnknownObject": LinkReason.NOT_FOUND,
    "org.freedesktop.DBus.Error.LimitsExceeded": LinkReason.SLOTS_FULL,
    "org.bluez.Error.NotReady": LinkReason.ADAPTER_OFF,
    "org.bluez.Error.InProgress": LinkReason.BUSY,
    "org.bluez.Error.DoesNotExist": LinkReason.NOT_FOUND,
    "org.bluez.Error.NotConnected": LinkReason.LINK_LOST,
    # Of a strap only the heart rate is required; the rest may be refused in silence.
    "org.bluez.Error.NotSupported": LinkReason.NO_HEART_RATE,
    "org.bluez.Error.NotPermitted": LinkReason.PAIRING_NEEDED,
    "org.bluez.Error.NotAuthorized": LinkReason.PAIRING_NEEDED,
    "org.bluez.Error.AuthenticationFailed": LinkReason.PAIRING_NEEDED,
    "org.bluez.Error.AuthenticationCanceled": LinkReason.PAIRING_NEEDED,
    "org.bluez.Error.AuthenticationRejected": LinkReason.PAIRING_NEEDED,
    "org.bluez.Error.AuthenticationTimeout": LinkReason.PAIRING_NEEDED,
}

_BY_BLEAK_REASON = {
    "NO_BLUETOOTH": LinkReason.NO_ADAPTER,
    "NO_BLE_CENTRAL_ROLE": LinkReason.NO_ADAPTER,
    "POWERED_OFF": LinkReason.ADAPTER_OFF,
    "DENIED_BY_USER": LinkReason.PERMISSION,
    "DENIED_BY_SYSTEM": LinkReason.PERMISSION,
    "DENIED_BY_UNKNOWN": LinkReason.PERMISSION,
    "UNKNOWN": LinkReason.NO_ADAPTER,
}

# Bleak and BlueZ tell these apart only in words. The first match counts.
_BY_TEXT = (
    ("slots", LinkReason.SLOTS_FULL),
    ("connection limit", LinkReason.SLOTS_FULL),
    ("connection-limit", LinkReason.SLOTS_FULL),  # EMLINK, as BlueZ says it
    ("limited resources", LinkReason.SLOTS_FULL),
    ("adapter '", LinkReason.NO_ADAPTER),
    ("device disconnected", LinkReason.LINK_LOST),
    ("not connected", LinkReason.LINK_LOST),
    ("service discovery has not been performed", LinkReason.LINK_LOST),
    ("not found", LinkReason.NOT_FOUND),
    ("connection-abort", LinkReason.TIMEOUT),
    ("connection abort", LinkReason.TIMEOUT),
    ("host is down", LinkReason.TIMEOUT),
    ("page timeout", LinkReason.TIMEOUT),
)

# Insufficient authentication, authorisation, key size, encryption (ATT, table 3.4).
_PAIRING_CODES = frozenset({0x05, 0x08, 0x0C, 0x0F})
_NOT_SUPPORTED = 0x06
"""Request not supported: so Bleak says that a characteristic cannot notify."""


def is_radio_error(error: BaseException) -> bool:
    """Say whether ``error`` is the radio's, and not a mistake of ours."""
    return isinstance(error, (LinkError, *RADIO_ERRORS)) or _is_bleak(error)


@contextmanager
def boundary() -> Iterator[None]:
    """Turn what the radio raises inside into a :class:`LinkError`.

    Raises
    ------
    LinkError
        With the reason; the cause is kept.
    """
    try:
        yield
    except LinkError:
        raise
    except Exception as error:
        if not is_radio_error(error):
            raise
        raise LinkError(reason_of(error), str(error)) from error


def advised(error: LinkError, *sentences: str) -> LinkError:
    """Add sentences to the advice of ``error``, and return it."""
    error.advice = " ".join((error.advice, *filter(None, sentences)))
    return error


def reason_of(error: BaseException) -> LinkReason:
    """Return why the radio failed; ``INTERNAL`` for what is not known yet."""
    if isinstance(error, LinkError):
        return error.reason
    if _is_bleak(error):
        return _bleak_reason(error)
    match error:
        case TimeoutError():
            return LinkReason.TIMEOUT
        case PermissionError():
            return LinkReason.PERMISSION
        case FileNotFoundError() | ConnectionError() | EOFError():
            return LinkReason.NO_BUS
    return LinkReason.INTERNAL


def _is_bleak(error: BaseException) -> bool:
    package = type(error).__module__.split(".")[0]
    return package in {"bleak", "bleak_retry_connector", "dbus_fast"}


def _bleak_reason(error: BaseException) -> LinkReason:
    # Imported only now: whoever got such an error has loaded Bleak anyway.
    from bleak.exc import (
        BleakBluetoothNotAvailableError,
        BleakCharacteristicNotFoundError,
        BleakDBusError,
        BleakDeviceNotFoundError,
        BleakGATTProtocolError,
    )

    by_text = _reason_in(str(error))
    if type(error).__module__.startswith("bleak_retry_connector"):
        # It wraps the last error of several attempts; that one tells more.
        if by_text is LinkReason.SLOTS_FULL or error.__cause__ is None:
            return by_text or LinkReason.TIMEOUT
        return reason_of(error.__cause__)
    match error:
        case BleakBluetoothNotAvailableError():
            return _BY_BLEAK_REASON.get(error.reason.name, LinkReason.NO_ADAPTER)
        case BleakCharacteristicNotFoundError():
            return LinkReason.NO_HEART_RATE
        case BleakDeviceNotFoundError():
            return LinkReason.NOT_FOUND
        case BleakGATTProtocolError():
            code = int(error.code)
            if code == _NOT_SUPPORTED:
                return LinkReason.NO_HEART_RATE
            paired = code not in _PAIRING_CODES
            return LinkReason.INTERNAL if paired else LinkReason.PAIRING_NEEDED
        case BleakDBusError():
            named = _BY_DBUS_NAME.get(error.dbus_error)
            # A plain "Failed": the strap or the air, mostly, so it is tried again.
            return named or by_text or LinkReason.LINK_LOST
    if type(error).__module__.startswith("dbus_fast"):
        denied = "Auth" in type(error).__name__
        return LinkReason.PERMISSION if denied else LinkReason.NO_BUS
    return by_text or LinkReason.INTERNAL


def _reason_in(text: str) -> LinkReason | None:
    text = text.lower()
    return next((reason for words, reason in _BY_TEXT if words in text), None)
