"""`scan`, `doctor` and `record --strap` with a virtual Bluetooth, or none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from biofeedback.errors import ADVICE
from biofeedback.model import LinkReason
from biofeedback.recording.reader import open_recording
from biofeedback.session.replay import verify
from tests.cli.terminal import (
    NO_DBUS,
    beating,
    begin,
    bluetooth,
    hurried,
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
        assert scanned.err == f"{ADVICE[LinkReason.NOT_FOUND]}\n"
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
                "name": "Polar H10 00000001",
                "address": "A0:9E:1A:00:00:01",
                "rssi_dbm": -60,
                "profile": "heart_rate",
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
    assert "Streaming.\n" in told
    recording = open_recording(out)
    assert recording.summary() is None, "that would have taken a while"
    assert not recording.info.simulated
    assert recording.info.strap_name == "Polar H10", "its number stays out of the file"
    assert beating(recording)
    assert verify(out).ok
    assert [one.name for one in tmp_path.iterdir()] == ["a.mcap"]


def test_the_doctor_says_what_to_do() -> None:
    with bluetooth("adapter-off") as env:
        person = typed("doctor", env=env)
        findings = json.loads(typed("doctor", "--json", env=env).out)
    assert (person.code, person.err) == (0, "")
    assert "note  Bluetooth (ble): not ready: adapter_off\n" in person.out
    assert f"      {ADVICE[LinkReason.ADAPTER_OFF]}\n" in person.out
    assert {"name", "ok", "text", "advice"} == set().union(*findings)
    names = ["System", "Packages", "Bluetooth (ble)", "Disk", "Dashboard", "Browser"]
    assert [one["name"] for one in findings] == names
    for one in findings:
        assert one["ok"] == (one["advice"] is None), one


def test_the_doctor_sees_a_data_folder_that_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    said = typed("doctor", "--json", env={**NO_DBUS, "BIOFEEDBACK_DATA": str(file)})
    assert said.code == 0
    (disk,) = [one for one in json.loads(said.out) if one["name"] == "Disk"]
    assert not disk["ok"]
    assert disk["text"] == f"{file} cannot be written to"
