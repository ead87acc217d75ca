"""What the doctor is told of Bluetooth on Linux, and what to type."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from bleak import BleakClient, BleakScanner

from biofeedback.session.findings import Finding
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_objects import Adapter
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus
from biofeedback.wire import uuids
from biofeedback_drivers.bluez_state import AdapterSeen, adapter_in_use
from biofeedback_drivers.examination import examine_bluetooth
from tests.drivers.room import PATIENCE_S, driver

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="BlueZ and its D-Bus exist on Linux only."
)

HCI0 = AdapterSeen(name="hci0", address="00:00", alias="", powered=False, central=True)
HCI1 = AdapterSeen(name="hci1", address="00:01", alias="", powered=True, central=False)
HCI2 = AdapterSeen(name="hci2", address="AA:02", alias="", powered=True, central=True)


async def look(root: Path, **environ: str) -> dict[str, Finding]:
    """Examine a computer whose files lie below ``root``; by name."""
    findings = await examine_bluetooth(root, environ)
    for each in findings:
        assert each.ok == (each.advice is None), each
        assert not (each.ok and each.commands), each
    return {each.name: each for each in findings}


def typing(finding: Finding) -> list[str]:
    return [each.type for each in finding.commands if each.platform == "Linux"]


async def test_no_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/at/all")
    begun_s = time.monotonic()
    found = await look(tmp_path)
    assert time.monotonic() - begun_s < PATIENCE_S
    assert [name for name, one in found.items() if not one.ok] == ["D-Bus"]
    assert found["D-Bus"].text == "cannot be reached"
    assert typing(found["D-Bus"])[0] == "sudo systemctl start dbus"
    platforms = {each.platform for each in found["D-Bus"].commands}
    assert platforms == {"Linux", "Windows", "macOS"}


async def test_no_service(bus: PrivateBus, tmp_path: Path) -> None:
    finding = (await look(tmp_path))["Bluetooth service"]
    assert not finding.ok
    assert typing(finding)[0] == "sudo systemctl enable --now bluetooth"


async def test_no_permission(bus: PrivateBus, tmp_path: Path) -> None:
    async with VirtualBlueZ(bus.address):
        await bus.deny("org.bluez")
        finding = (await look(tmp_path))["Permission"]
    assert not finding.ok
    assert "AccessDenied" in finding.text
    assert typing(finding) == ["sudo usermod -aG bluetooth $USER"]


async def test_no_adapter(bus: PrivateBus, tmp_path: Path) -> None:
    async with VirtualBlueZ(bus.address, adapter=Adapter(present=False)):
        finding = (await look(tmp_path))["Adapter"]
    assert (finding.ok, finding.text) == (False, "there is none")


async def test_an_adapter_that_is_off(bus: PrivateBus, tmp_path: Path) -> None:
    async with VirtualBlueZ(bus.address, adapter=Adapter(powered=False)):
        finding = (await look(tmp_path))["Adapter hci0"]
    assert not finding.ok
    assert "off, the one used" in finding.text
    assert typing(finding) == ["rfkill unblock bluetooth", "bluetoothctl power on"]


async def test_all_is_well(bluez: VirtualBlueZ, tmp_path: Path) -> None:
    found = await look(tmp_path)
    assert all(one.ok for one in found.values())
    assert found["D-Bus"].text == "answers"
    assert found["Bluetooth service"].text.startswith("runs, ")
    assert bluez.adapter.address in found["Adapter hci0"].text
    assert "on, the one used" in found["Adapter hci0"].text
    assert found["Left connected"].text == "no strap"
    assert "dbus-fast 5" in found["Bluetooth packages"].text
    assert set(bluez.calls) == {
        "org.freedesktop.DBus.ObjectManager.GetManagedObjects"
    }, "it only reads"


async def test_the_adapter_that_is_wanted(bluez: VirtualBlueZ, tmp_path: Path) -> None:
    found = await look(tmp_path, BIOFEEDBACK_ADAPTER="hci0")
    assert found["Adapter hci0"].text.endswith("used, because of BIOFEEDBACK_ADAPTER")
    missing = (await look(tmp_path, BIOFEEDBACK_ADAPTER="hci7"))["Adapter"]
    assert missing.text == (
        "BIOFEEDBACK_ADAPTER is 'hci7', and there is no such adapter"
    )
    assert typing(missing) == ["unset BIOFEEDBACK_ADAPTER"]


@pytest.mark.parametrize(
    ("wanted", "used"),
    [(None, HCI2), ("hci0", HCI0), ("aa:02", HCI2), ("HCI1", HCI1), ("hci7", None)],
)
def test_which_adapter_is_used(wanted: str | None, used: AdapterSeen | None) -> None:
    assert adapter_in_use((HCI0, HCI1, HCI2), wanted) is used


def test_an_adapter_that_is_off_is_the_one_to_put_right() -> None:
    assert adapter_in_use((HCI0, HCI1), None) is HCI0
    assert adapter_in_use((), None) is None


async def test_a_strap_that_stays_connected_is_let_go_by_what_is_said(
    bluez: VirtualBlueZ, strap: VirtualStrap, tmp_path: Path
) -> None:
    heart_rate = uuids.to_uuid128(uuids.HEART_RATE_MEASUREMENT)
    device = await BleakScanner.find_device_by_address(strap.address, PATIENCE_S)
    assert device is not None
    async with BleakClient(device) as client:
        left = (await look(tmp_path))["Left connected"]
        assert not left.ok
        assert strap.address in left.text
        assert typing(left) == [f"bluetoothctl disconnect {strap.address}"]

        await client.start_notify(
            heart_rate, lambda *_: None, bluez={"use_start_notify": True}
        )
        found = await look(tmp_path)
        assert "Left connected" not in found
        assert found["Strap in use"].ok
        await client.stop_notify(heart_rate)


async def test_the_driver_offers_it(bluez: VirtualBlueZ) -> None:
    findings = await driver().examine()
    assert "Adapter hci0" in {each.name for each in findings}


@pytest.mark.parametrize("system", ["win32", "darwin"])
async def test_elsewhere_the_system_chooses_the_adapter(system: str) -> None:
    (packages,) = await examine_bluetooth(environ={}, system=system)
    assert packages.ok
    _, adapter = await examine_bluetooth(
        environ={"BIOFEEDBACK_ADAPTER": "hci1"}, system=system
    )
    assert not adapter.ok
    assert adapter.text == "BIOFEEDBACK_ADAPTER is 'hci1', which only Linux can obey"


# --- What the files tell ---


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("soft", "hard", "ok", "command"),
    [
        ("0", "0", True, None),
        ("1", "0", False, "rfkill unblock bluetooth"),
        ("1", "1", False, "rfkill list bluetooth"),
    ],
)
async def test_a_radio_that_is_blocked(
    bus: PrivateBus, tmp_path: Path, soft: str, hard: str, ok: bool, command: str | None
) -> None:
    for number, kind in enumerate(("wlan", "bluetooth")):
        folder = tmp_path / f"sys/class/rfkill/rfkill{number}"
        folder.mkdir(parents=True)
        for name, text in {
            "type": kind,
            "name": f"radio{number}",
            "soft": soft,
            "hard": hard,
        }.items():
            (folder / name).write_text(f"{text}\n")
    found = await look(tmp_path)
    assert "Radio switch radio0" not in found, "that is the Wi-Fi"
    finding = found["Radio switch radio1"]
    assert finding.ok is ok
    assert typing(finding) == ([command] if command else [])


@pytest.mark.parametrize(
    ("files", "environ", "where", "command"),
    [
        ({}, {"SNAP_NAME": "bio"}, "the snap 'bio'", "sudo snap connect bio:bluez"),
        ({}, {"FLATPAK_ID": "org.bio"}, "the Flatpak 'org.bio'", "flatpak override"),
        ({".dockerenv": ""}, {}, "a container", "docker run -v /run/dbus"),
        ({"run__.containerenv": ""}, {}, "a container", "docker run -v /run/dbus"),
        (
            {"proc__sys__kernel__osrelease": "5.15-microsoft-standard-WSL2"},
            {},
            "(WSL)",
            None,
        ),
    ],
)
async def test_a_sandbox_matters_only_where_bluetooth_cannot_be_reached(
    bus: PrivateBus,
    tmp_path: Path,
    files: dict[str, str],
    environ: dict[str, str],
    where: str,
    command: str | None,
) -> None:
    write(tmp_path, **files)
    shut = (await look(tmp_path, **environ))["Sandbox"]
    assert not shut.ok
    assert where in shut.text
    assert [line[: len(command or "")] for line in typing(shut)] == (
        [command] if command else []
    )
    async with VirtualBlueZ(bus.address):
        assert (await look(tmp_path, **environ))["Sandbox"].ok


async def test_a_raspberry_pi_is_named(bus: PrivateBus, tmp_path: Path) -> None:
    write(tmp_path, **{"proc__device-tree__model": "Raspberry Pi 4 Model B\0"})
    assert (await look(tmp_path))["Computer"].text.startswith("Raspberry Pi 4 Model B:")
