"""What BlueZ shows of an adapter and a strap on D-Bus: paths and properties.

The paths matter: Bleak takes the last four hex digits of a characteristic's path for
its handle, and cuts 21 characters off to find the device.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from dbus_fast import Variant

from biofeedback.simulator.pmd_make import PmdMake
from biofeedback.wire import (
    BatteryLevel,
    BodyLocation,
    DeviceInformation,
    uuids,
)

Properties = dict[str, Variant]
Interfaces = dict[str, Properties]

ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
SERVICE = "org.bluez.GattService1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"

MTU = 23
"""What a strap without a larger agreement uses: room for nine RR intervals."""

FIRST_HANDLE = 0x000A


@dataclass(eq=False)
class Adapter:
    """The computer's Bluetooth radio.

    ``slots`` is how many links it can hold (``None``: any number), ``scan_errors`` are
    answered to StartDiscovery, one for each call (D-Bus error name and text).
    """

    name: str = "hci0"
    address: str = "00:1A:7D:DA:71:13"
    powered: bool = True
    present: bool = True
    slots: int | None = None
    scan_errors: deque[tuple[str, str]] = field(default_factory=deque)
    discoverers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Who is searching, and for which services (none: for all)."""

    @property
    def path(self) -> str:
        """Its object path."""
        return f"/org/bluez/{self.name}"

    def interfaces(self) -> Interfaces:
        """Return its properties by interface."""
        return {
            ADAPTER: {
                "Address": Variant("s", self.address),
                "Name": Variant("s", "virtual"),
                "Alias": Variant("s", "virtual"),
                "Powered": Variant("b", self.powered),
                "Discovering": Variant("b", bool(self.discoverers)),
                "Roles": Variant("as", ["central"]),
            }
        }


@dataclass(eq=False)
class Characteristic:
    """One characteristic of a strap and who listens to it."""

    path: str
    service_path: str
    uuid: str
    flags: tuple[str, ...]
    value: bytes = b""
    mtu: int = MTU
    listeners: set[str] = field(default_factory=set)
    acquired: dict[str, socket.socket] = field(default_factory=dict)

    @property
    def subscribed(self) -> bool:
        """Whether anyone listens."""
        return bool(self.listeners or self.acquired)

    @property
    def sends(self) -> bool:
        """Whether one can subscribe to it."""
        return "notify" in self.flags or "indicate" in self.flags

    def interfaces(self) -> Interfaces:
        """Return its properties by interface."""
        properties = {
            "UUID": Variant("s", uuids.to_uuid128(self.uuid)),
            "Service": Variant("o", self.service_path),
            "Flags": Variant("as", list(self.flags)),
            "MTU": Variant("q", self.mtu),
        }
        if self.sends:
            properties["Notifying"] = Variant("b", bool(self.listeners))
        if "notify" in self.flags:
            properties["NotifyAcquired"] = Variant("b", bool(self.acquired))
        return {CHARACTERISTIC: properties}

    def silence(self, listener: str | None = None) -> None:
        """Forget one listener, or all."""
        for name in [listener] if listener else [*self.listeners, *self.acquired]:
            self.listeners.discard(name)
            if (end := self.acquired.pop(name, None)) is not None:
                end.close()


@dataclass(eq=False)
class Service:
    """A service and its characteristics."""

    path: str
    uuid: str
    device_path: str
    characteristics: list[Characteristic] = field(default_factory=list)

    def interfaces(self) -> Interfaces:
        """Return its properties by interface."""
        return {
            SERVICE: {
                "UUID": Variant("s", uuids.to_uuid128(self.uuid)),
                "Device": Variant("o", self.device_path),
                "Primary": Variant("b", True),
            }
        }


_Layout = list[tuple[str, tuple[str, ...], bytes]]


@dataclass(frozen=True, kw_only=True)
class Make:
    """What a strap is and offers; ``None`` leaves a service out.

    ``pmd`` is Polar's measurement service; ``pmd_commands`` off leaves its control
    point out, as old firmware of the H10 does (polar-ble-sdk#176).
    """

    information: DeviceInformation | None = DeviceInformation(  # noqa: RUF009 - frozen
        manufacturer="Polar Electro Oy",
        model="H10",
        serial="00000001",
        hardware="00760690.03",
        firmware="5.0.0",
    )
    battery_pct: int | None = 80
    location: BodyLocation | None = BodyLocation.CHEST
    heart_rate: bool = True
    pmd: PmdMake | None = None
    pmd_commands: bool = True

    def services(
        self, device_path: str, first_handle: int = FIRST_HANDLE
    ) -> Iterator[Service]:
        """Lay out the services below ``device_path``."""
        mtu = self.pmd.mtu if self.pmd else MTU
        handle = first_handle
        for uuid, characteristics in self._layout():
            service_path = f"{device_path}/service{handle:04x}"
            service = Service(service_path, uuid, device_path)
            for short, flags, value in characteristics:
                handle += 1
                path = f"{service_path}/char{handle:04x}"
                service.characteristics.append(
                    Characteristic(path, service_path, short, flags, value, mtu)
                )
                handle += 2  # room for the value's handle and a descriptor
            yield service

    def _layout(self) -> Iterator[tuple[str, _Layout]]:
        if self.heart_rate:
            heart: _Layout = [(uuids.HEART_RATE_MEASUREMENT, ("notify",), b"")]
            if self.location is not None:
                place = bytes(self.location)
                heart.append((uuids.BODY_SENSOR_LOCATION, ("read",), place))
            yield uuids.HEART_RATE_SERVICE, heart
        if self.battery_pct is not None:
            level = bytes(BatteryLevel(pct=self.battery_pct))
            yield (
                uuids.BATTERY_SERVICE,
                [(uuids.BATTERY_LEVEL, ("read", "notify"), level)],
            )
        if self.information is not None:
            strings = self.information.to_bytes().items()
            yield (
                uuids.DEVICE_INFORMATION_SERVICE,
                [(short, ("read",), value) for short, value in strings],
            )
        if self.pmd is not None:
            measuring: _Layout = [(uuids.PMD_DATA, ("notify",), b"")]
            if self.pmd_commands:
                control = ("read", "write", "indicate")
                features = bytes(self.pmd.features)
                measuring.insert(0, (uuids.PMD_CONTROL_POINT, control, features))
            yield uuids.PMD_SERVICE, measuring
