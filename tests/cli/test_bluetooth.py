"""`scan`, `doctor` and `record --strap` with a virtual Bluetooth, or none."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from biofeedback.errors import ADVICE
from biofeedback.model import Ask, Config, LinkReason, Notification, Signal
from biofeedback.recording.reader import Recording, open_recording
from biofeedback.session.replay import verify
from biofeedback.wire import uuids
from tests.cli.terminal import (
    NO_DBUS,
    PATIENCE_S,
    TRACEBACK,
    beating,
    begin,
    bluetooth,
    ended,
    hurried,
    on_a_terminal,
    reached,
    typed,
)

pytestmark = pytest.mark.usefixtures("has_dbus")

QUICK = ("--seconds", "0.5")


def test_no_dbus() -> None:
    said = typed("scan", *QUICK, "--json", env=NO_DBUS)
    assert said.code == 1
    assert said.sentence == ADVICE[LinkReason.NO_BUS]


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("no-adapter", LinkReason.NO_ADAPTER),
        ("adapter-off", LinkReason.ADAPTER_OFF),
        ("no-bluetooth", LinkReason.NO_DAEMON),
    ],
)
def test_bluetooth_that_cannot_be_used(mode: str, reason: LinkReason) -> None:
    with bluetooth(mode) as env:
        said = typed("scan", *QUICK, env=env)
    assert (said.code, said.sentence) == (1, ADVICE[reason])


def test_no_strap_in_reach(tmp_path: Path) -> None:
    with bluetooth("hidden") as env:
        scanned = typed("scan", *QUICK, "--json", env=env)
        assert (scanned.code, json.loads(scanned.out)) == (1, [])
        asleep = "Most straps sleep until they feel skin"
        assert scanned.err.startswith(f"{ADVICE[LinkReason.NOT_FOUND]} {asleep}")
        assert len(scanned.err.splitlines()) == 1
        out = tmp_path / "a.mcap"
        options = ("--strap", "Polar H10", "--seconds", "0.5", "--out", out)
        recorded = typed("record", *options, env=env)
    assert (recorded.code, recorded.out) == (1, "")
    assert recorded.err.splitlines()[-1] == (
        "Nothing was recorded, because no heartbeat came. "
        + ADVICE[LinkReason.NOT_FOUND]
    )
    assert list(tmp_path.iterdir()) == []


def test_a_strap_is_recorded_by_a_part_of_its_name_until_asked_twice(
    tmp_path: Path,
) -> None:
    with bluetooth() as env:
        scanned = typed("scan", *QUICK, "--json", env=env)
        assert (scanned.code, scanned.err) == (0, "")
        assert json.loads(scanned.out) == [
            {
                "id": "ble:A0:9E:1A:00:00:01",
                "name": "Polar H10 00000001",
                "address": "A0:9E:1A:00:00:01",
                "rssi_dbm": -60,
                "profile": "polar_h10",
                "hint": None,
            }
        ]
        out = tmp_path / "a.mcap"
        options = ("--strap", "Polar H10", "--out", out)
        with begin("record", *options, env=env) as process:
            reached(tmp_path / "a.mcap.part", process)
            told, said = hurried(process)
    assert said.code == 0, said
    assert said.out.startswith(f"{out}: ")
    assert told[0] == "Searching.\n"
    assert "Streaming from Polar H10.\n" in told
    recording = open_recording(out)
    assert recording.summary() is None, "that would have taken a while"
    assert not recording.info.simulated
    assert recording.info.strap_name == "Polar H10", "its number stays out of the file"
    assert beating(recording)
    assert verify(out).ok
    assert [one.name for one in tmp_path.iterdir()] == ["a.mcap"]


def test_a_search_is_told_in_plain_lines_where_nobody_looks() -> None:
    with bluetooth() as env:
        said = typed("scan", *QUICK, env=env)
    assert (said.code, said.err) == (0, "")
    (line,) = said.out.splitlines()
    name, address, signal, label, _ = line.split("\t")
    assert (name, address) == ("Polar H10 00000001", "A0:9E:1A:00:00:01")
    assert signal.endswith(" dBm")
    assert label == "Polar H10"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pty.")
def test_a_table_grows_on_a_terminal() -> None:
    with bluetooth() as env:
        seen = on_a_terminal("scan", "--seconds", "2", env=env)
    begin, _, rest = seen.partition("Polar H10 00000001")
    assert "Looking for straps, 2 s" in begin + rest
    assert "Looking for straps, 1 s" in rest, "it is shown while the search goes on"
    end = rest.rpartition("One strap")[0].rpartition("Polar H10 00000001")[2]
    assert "A0:9E:1A:00:00:01" in end
    assert "dBm" in end
    assert "\N{LOWER ONE QUARTER BLOCK}" in end, "bars"
    assert TRACEBACK not in seen


def has_signals(recording: Recording) -> bool:
    sent = {
        one.data[0]
        for _, one in recording.inputs()
        if isinstance(one, Notification) and one.characteristic == uuids.PMD_DATA
    }
    return sent >= {0x00, 0x02}  # the first byte of a frame: ECG, acceleration


def test_signals_are_asked_for_and_recorded(tmp_path: Path) -> None:
    out = tmp_path / "a.mcap"
    with bluetooth("plain", "--model", "polar_h10") as env:
        options = ("--strap", "ble:A0:9E:1A:00:00:01", "--signals", "ecg,acc:50")
        with begin("record", *options, "--out", out, env=env) as process:
            reached(tmp_path / "a.mcap.part", process, has_signals)
            _, said = hurried(process)
    assert said.code == 0, said
    assert verify(out).ok
    recording = open_recording(out)
    assert has_signals(recording)
    assert beating(recording), "beside the heart rate, not instead of it"
    config = next(one for _, one in recording.inputs())
    assert isinstance(config, Config)
    assert config.signals == (
        Ask(signal=Signal.ECG),
        Ask(signal=Signal.ACC, rate_hz=50),
    )


def test_the_doctor_says_what_to_do() -> None:
    with bluetooth("adapter-off") as env:
        person = typed("doctor", env=env)
        everywhere = typed("doctor", "--all-platforms", env=env)
        findings = json.loads(typed("doctor", "--json", env=env).out)
    assert (person.code, person.err) == (0, "")
    assert "note  Bluetooth (ble): not ready: adapter_off\n" in person.out
    assert f"      {ADVICE[LinkReason.ADAPTER_OFF]}\n" in person.out
    assert person.out.count("      type: rfkill unblock bluetooth\n") == 1
    assert "ms-settings" not in person.out
    here, windows, mac = (
        everywhere.out.index(text)
        for text in ("type: rfkill", "on Windows: start ms-", "on macOS: open")
    )
    assert here < windows < mac
    for one in findings:
        assert set(one) == {"name", "ok", "text", "advice", "commands"}
        assert one["ok"] == (one["advice"] is None), one
    names = [one["name"] for one in findings]
    assert names[:3] == ["System", "Packages", "Bluetooth (ble)"]
    assert {"D-Bus", "Bluetooth service", "Permission", "Adapter hci0"} < set(names)
    assert names[-3:] == ["Disk", "Dashboard", "Browser"]
    off = next(one for one in findings if one["name"] == "Bluetooth (ble)")
    assert {"platform": "Linux", "type": "bluetoothctl power on"} in off["commands"]


def test_a_strap_that_a_killed_program_holds_is_named(tmp_path: Path) -> None:
    with bluetooth() as env:
        options = ("--strap", "Polar H10", "--out", tmp_path / "a.mcap")
        with begin("record", *options, env=env) as process:
            reached(tmp_path / "a.mcap.part", process)
            process.kill()
            ended(process)
        (strap,) = json.loads(typed("scan", *QUICK, "--json", env=env).out)
        findings = json.loads(typed("doctor", "--json", env=env).out)
    assert "Connected to this computer already" in strap["hint"]
    (left,) = [one for one in findings if one["name"] == "Left connected"]
    assert not left["ok"]
    assert left["commands"] == [
        {"platform": "Linux", "type": f"bluetoothctl disconnect {strap['address']}"}
    ]


@pytest.mark.parametrize("mode", ["plain", "no-bluetooth"])
def test_the_doctor_is_quick(mode: str) -> None:
    with bluetooth(mode) as env:
        begun_s = time.monotonic()
        said = typed("doctor", env=env)
        took_s = time.monotonic() - begun_s
    assert (said.code, said.err) == (0, "")
    assert took_s < PATIENCE_S / 4


def test_the_doctor_sees_a_data_folder_that_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    said = typed("doctor", "--json", env={**NO_DBUS, "BIOFEEDBACK_DATA": str(file)})
    assert said.code == 0
    (disk,) = [one for one in json.loads(said.out) if one["name"] == "Disk"]
    assert not disk["ok"]
    assert disk["text"] == f"{file} cannot be written to"
