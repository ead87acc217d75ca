"""Every error that Bleak and the system were seen to raise has its reason."""

from __future__ import annotations

import pytest
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)
from bleak_retry_connector import (
    BleakAbortedError,
    BleakConnectionError,
    BleakNotFoundError,
    BleakOutOfConnectionSlotsError,
)
from dbus_fast import AuthError

from biofeedback.errors import ADVICE, LinkError
from biofeedback.model import LinkReason
from biofeedback_drivers.errors import boundary, reason_of


def dbus(name: str, *text: str) -> BleakDBusError:
    return BleakDBusError(name, list(text))


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


R = LinkReason
TABLE: list[tuple[Exception, LinkReason]] = [
    (FileNotFoundError(2, "No such file or directory"), R.NO_BUS),
    (ConnectionRefusedError(), R.NO_BUS),
    (BrokenPipeError(), R.NO_BUS),
    (EOFError(), R.NO_BUS),
    (PermissionError(13, "Permission denied"), R.PERMISSION),
    (AuthError("REJECTED"), R.PERMISSION),
    (TimeoutError(), R.TIMEOUT),
    (dbus("org.freedesktop.DBus.Error.ServiceUnknown", "not provided"), R.NO_DAEMON),
    (dbus("org.freedesktop.DBus.Error.NameHasNoOwner"), R.NO_DAEMON),
    (dbus("org.freedesktop.DBus.Error.AccessDenied", "Rejected"), R.PERMISSION),
    (dbus("org.freedesktop.DBus.Error.UnknownObject"), R.NOT_FOUND),
    (dbus("org.bluez.Error.NotReady", "Resource Not Ready"), R.ADAPTER_OFF),
    (dbus("org.bluez.Error.InProgress", "Operation in progress"), R.BUSY),
    (dbus("org.bluez.Error.NotPermitted", "Not paired"), R.PAIRING_NEEDED),
    (dbus("org.bluez.Error.AuthenticationFailed"), R.PAIRING_NEEDED),
    (dbus("org.bluez.Error.Failed", "Not connected"), R.LINK_LOST),
    (dbus("org.bluez.Error.Failed", "Software caused connection abort"), R.TIMEOUT),
    (dbus("org.bluez.Error.Failed", "le-connection-abort-by-local"), R.TIMEOUT),
    (dbus("org.bluez.Error.Failed", "Input/output error"), R.LINK_LOST),
    (
        dbus("org.bluez.Error.Failed", "le-connection-concurrent-connection-limit"),
        R.SLOTS_FULL,
    ),
    (dbus("org.freedesktop.DBus.Error.NoReply", "disconnected"), R.NO_DAEMON),
    (dbus("org.freedesktop.DBus.Error.LimitsExceeded", "256"), R.SLOTS_FULL),
    (dbus("org.bluez.Error.DoesNotExist", "Does Not Exist"), R.NOT_FOUND),
    (dbus("org.bluez.Error.NotAuthorized"), R.PAIRING_NEEDED),
    (BleakError("adapter 'hci7' not found"), R.NO_ADAPTER),
    (BleakError("device 'dev_A0_9E_1A_00_00_01' not found"), R.NOT_FOUND),
    (
        BleakDeviceNotFoundError("A0", "Device with address A0 was not found."),
        R.NOT_FOUND,
    ),
    (BleakError("failed to discover services, device disconnected"), R.LINK_LOST),
    (BleakError("Service Discovery has not been performed yet"), R.LINK_LOST),
    (BleakError("Not connected"), R.LINK_LOST),
    (BleakCharacteristicNotFoundError("2a37"), R.NO_HEART_RATE),
    (BleakGATTProtocolError(0x05), R.PAIRING_NEEDED),
    (BleakGATTProtocolError(0x08), R.PAIRING_NEEDED),
    (BleakGATTProtocolError(0x06), R.NO_HEART_RATE),
    (dbus("org.bluez.Error.NotSupported", "not supported"), R.NO_HEART_RATE),
    (BleakGATTProtocolError(0x0E), R.INTERNAL),
    (caused(BleakNotFoundError("after 3"), TimeoutError()), R.TIMEOUT),
    (
        caused(BleakNotFoundError("x"), BleakError("device 'dev_A0' not found")),
        R.NOT_FOUND,
    ),
    (
        caused(
            BleakAbortedError("interference"),
            dbus("org.bluez.Error.Failed", "le-connection-abort-by-local"),
        ),
        R.TIMEOUT,
    ),
    (
        caused(
            BleakConnectionError("after 3 attempts"),
            dbus("org.bluez.Error.Failed", "Input/output error"),
        ),
        R.LINK_LOST,
    ),
    (BleakOutOfConnectionSlotsError("no free slots"), R.SLOTS_FULL),
    (BleakError("nobody knows"), R.INTERNAL),
    (AssertionError(), R.INTERNAL),
    (LinkError(R.HR_ONLY), R.HR_ONLY),
]

BLEAK_REASONS = {
    BleakBluetoothNotAvailableReason.NO_BLUETOOTH: R.NO_ADAPTER,
    BleakBluetoothNotAvailableReason.NO_BLE_CENTRAL_ROLE: R.NO_ADAPTER,
    BleakBluetoothNotAvailableReason.POWERED_OFF: R.ADAPTER_OFF,
    BleakBluetoothNotAvailableReason.DENIED_BY_USER: R.PERMISSION,
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: R.PERMISSION,
    BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN: R.PERMISSION,
    BleakBluetoothNotAvailableReason.UNKNOWN: R.NO_ADAPTER,
}


@pytest.mark.parametrize(
    ("error", "reason"), TABLE, ids=[f"{error!r}"[:60] for error, _ in TABLE]
)
def test_each_error_has_its_reason(error: Exception, reason: LinkReason) -> None:
    assert reason_of(error) is reason
    with pytest.raises(LinkError) as caught, boundary():
        raise error
    assert caught.value.reason is reason
    assert caught.value.advice == ADVICE[reason]


@pytest.mark.parametrize("told", BleakBluetoothNotAvailableReason)
def test_each_of_bleaks_own_reasons_is_known(
    told: BleakBluetoothNotAvailableReason,
) -> None:
    error = BleakBluetoothNotAvailableError("not available", told)
    assert reason_of(error) is BLEAK_REASONS[told]


def test_a_mistake_of_ours_passes_the_boundary_unchanged() -> None:
    with pytest.raises(ZeroDivisionError), boundary():
        _ = 1 / 0
