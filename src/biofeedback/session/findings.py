"""What was looked at, whether it is as it should be, and what to type if it is not.

``biofeedback doctor`` shows these. A driver adds its own by having a method
``examine`` (:class:`Examines`): the doctor asks every installed driver for it.
"""

from __future__ import annotations

import sys
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from biofeedback.model import LinkReason, Value

Platform: TypeAlias = Literal["Linux", "Windows", "macOS"]

PLATFORMS: tuple[Platform, ...] = ("Linux", "Windows", "macOS")


class Command(Value, frozen=True):
    """What to type, and on which system: a shell, PowerShell or Terminal."""

    platform: Platform
    type: str


class Finding(Value, frozen=True):
    """One thing that was looked at, and what to do if it is not as it should be.

    ``commands`` are in the order in which to try them.
    """

    name: str
    ok: bool
    text: str
    advice: str | None = None
    commands: tuple[Command, ...] = ()


@runtime_checkable
class Examines(Protocol):
    """A driver that can say more about its radio than whether it can be used."""

    async def examine(self) -> tuple[Finding, ...]:
        """Look at everything that may stand between a person and the strap.

        Read-only, in a few seconds at most; it never raises.
        """
        ...


def here() -> Platform:
    """Return the system that this is."""
    return {"win32": PLATFORMS[1], "darwin": PLATFORMS[2]}.get(
        sys.platform, PLATFORMS[0]
    )


def remedies(reason: LinkReason | None) -> tuple[Command, ...]:
    """Return what to type, on each system, when Bluetooth fails for this reason."""
    if reason is None:
        return ()
    return tuple(
        Command(platform=platform, type=line)
        for platform, lines in _REMEDIES.get(reason, {}).items()
        for line in lines
    )


_Lines: TypeAlias = dict[Platform, tuple[str, ...]]

_SETTINGS: _Lines = {
    "Windows": ("start ms-settings:bluetooth",),
    "macOS": ('open "x-apple.systempreferences:com.apple.BluetoothSettings"',),
}
_PRIVACY: _Lines = {
    "Windows": ("start ms-settings:privacy-radios",),
    "macOS": (
        "open "
        '"x-apple.systempreferences:com.apple.preference.security?Privacy_Bluetooth"',
    ),
}
_HARDWARE: _Lines = {
    "Windows": ("Get-PnpDevice -Class Bluetooth",),
    "macOS": ("system_profiler SPBluetoothDataType",),
}
_SERVICE: _Lines = {
    "Windows": ("Start-Service bthserv",),
    "macOS": ("sudo pkill bluetoothd",),  # launchd starts it again
}

_REMEDIES: dict[LinkReason, _Lines] = {
    LinkReason.NO_BUS: {
        "Linux": ("sudo systemctl start dbus", "sudo systemctl start bluetooth"),
        **_SERVICE,
    },
    LinkReason.NO_DAEMON: {
        "Linux": (
            "sudo systemctl enable --now bluetooth",
            "systemctl status bluetooth",
        ),
        **_SERVICE,
    },
    LinkReason.NO_ADAPTER: {
        "Linux": ("bluetoothctl list", "rfkill list bluetooth", "lsusb"),
        **_HARDWARE,
    },
    LinkReason.ADAPTER_OFF: {
        "Linux": ("rfkill unblock bluetooth", "bluetoothctl power on"),
        **_SETTINGS,
    },
    LinkReason.PERMISSION: {
        "Linux": ("sudo usermod -aG bluetooth $USER",),
        **_PRIVACY,
    },
    LinkReason.BUSY: {
        "Linux": ("bluetoothctl scan off", "sudo systemctl restart bluetooth"),
        **_SERVICE,
    },
    LinkReason.TIMEOUT: {
        "Linux": ("sudo systemctl restart bluetooth",),
        **_SERVICE,
    },
    LinkReason.PAIRING_NEEDED: {
        "Linux": ("bluetoothctl pair ADDRESS",),
        **_SETTINGS,
    },
    LinkReason.SLOTS_FULL: {
        "Linux": (
            "bluetoothctl devices Connected",
            "bluetoothctl disconnect ADDRESS",
        ),
        **_SETTINGS,
    },
}
