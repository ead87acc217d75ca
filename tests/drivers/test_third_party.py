"""What drivers/README.md promises to those who write their own driver."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
import sys
import time
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from biofeedback.model import (
    AnyRecord,
    FoundStrap,
    LinkChange,
    LinkState,
    Notification,
)
from biofeedback.recording.reader import open_recording
from biofeedback.session.clock import ManualClock
from biofeedback.session.driver import Driver, Watched
from biofeedback.session.replay import verify
from biofeedback.wire import HeartRateMeasurement
from tests.cli.terminal import (
    NO_DBUS,
    PATIENCE_S,
    Said,
    begin,
    ended,
    reached,
    typed,
)
from tests.drivers.example_strap.line_strap import LineDriver

README = Path(__file__).parents[2] / "drivers" / "README.md"
EXAMPLE = Path(__file__).parent / "example_strap"

BROKEN = """
class Angry:
    name = "angry"

    async def status(self):
        raise RuntimeError("no status")

    async def scan(self, seconds, seen=None):
        raise RuntimeError("no scan")

    def open(self, strap):
        raise RuntimeError("no source")

    async def examine(self):
        raise RuntimeError("no examination")

    async def close(self):
        raise RuntimeError("no end")
"""


def test_the_readme_shows_the_example() -> None:
    (shown,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert shown == (EXAMPLE / "line_strap.py").read_text("utf-8")
    assert len([line for line in shown.splitlines() if line.strip()]) <= 40
    (entry,) = re.findall(r"```toml\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert entry == (EXAMPLE / "pyproject.toml").read_text("utf-8")


async def test_the_example_yields_beats(tmp_path: Path) -> None:
    lines = tmp_path / "rr.txt"
    lines.write_text("1000\n500\n")
    driver: Driver = LineDriver()
    assert (await driver.status()).available
    clock, records = ManualClock(), list[AnyRecord]()
    strap = FoundStrap(id=f"line:{lines}", name=lines.name, address="")
    running = asyncio.create_task(
        driver.open(strap).run(clock=clock, emit=records.append, watch=Watched)
    )
    await clock.advance(10)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running

    change, *notifications = records
    assert isinstance(change, LinkChange)
    assert change.state is LinkState.STREAMING
    heard = [
        (each.t_ns, HeartRateMeasurement.from_bytes(each.data).rr_1024)
        for each in notifications
        if isinstance(each, Notification)
    ]
    assert heard == [(1_000_000_000, (1024,)), (1_500_000_000, (512,))]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, built and installed by pip into a folder of its own."""
    folder = tmp_path_factory.mktemp("third-party")
    source = Path(shutil.copytree(EXAMPLE, folder / "source"))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-input"),
            *("--disable-pip-version-check", "--no-deps", "--no-build-isolation"),
            *("--no-index", "--target", folder / "site", source),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a strap that is a text file."""
    (tmp_path / "rr.txt").write_text("800\n810\n790\n" * 20)
    return tmp_path


def said_with(site: Path, desk: Path, *arguments: str) -> Said:
    return typed(*arguments, env={**NO_DBUS, "PYTHONPATH": str(site)}, cwd=desk)


@pytest.mark.parametrize("wanted", ["line:rr.txt", "rr.t"], ids=["by id", "by name"])
def test_it_is_found_recorded_and_analyzed(site: Path, desk: Path, wanted: str) -> None:
    scanned = said_with(site, desk, "scan", "--seconds", "0.5", "--json")
    assert scanned.code == 0, scanned
    assert [one["id"] for one in json.loads(scanned.out)] == ["line:rr.txt"]
    assert len(scanned.err.splitlines()) == 1, "Bluetooth is not there, in a sentence"

    options = ("--strap", wanted, "--seconds", "3", "--out", "a.mcap")
    recorded = said_with(site, desk, "record", *options)
    assert recorded.code == 0, recorded
    assert "Streaming." in recorded.err
    assert not open_recording(desk / "a.mcap").info.simulated
    assert verify(desk / "a.mcap").ok
    (analysis,) = json.loads(said_with(site, desk, "analyze", "a.mcap", "--json").out)
    assert analysis["n_beats"] >= 1
    assert analysis["artefact_pct"] == 0


def test_a_strap_that_no_driver_finds_is_left_to_bluetooth(
    site: Path, desk: Path
) -> None:
    options = ("--strap", "Polar H10", "--seconds", "1", "--out", "a.mcap")
    recorded = said_with(site, desk, "record", *options)
    assert recorded.code == 1
    assert recorded.err.startswith("Searching."), recorded
    assert "Nothing was recorded, because no heartbeat came." in recorded.err
    assert not (desk / "a.mcap").exists()


@pytest.mark.parametrize("wanted", ["line:rr.txt", "rr.txt"], ids=["by id", "by name"])
def test_the_service_begins_with_it(site: Path, desk: Path, wanted: str) -> None:
    options = ("--strap", wanted, "--data", "data", "--port", "0", "--no-browser")
    env = {**NO_DBUS, "PYTHONPATH": str(site)}
    with begin("run", *options, env=env, cwd=desk) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("ready: ")
            deadline_s = time.monotonic() + PATIENCE_S
            while not (parts := list((desk / "data").rglob("*.part"))):
                assert process.poll() is None, ended(process)
                assert time.monotonic() < deadline_s, "no session began"
                time.sleep(0.02)
            reached(parts[0], process)
        finally:
            process.kill()


def test_the_doctor_names_it(site: Path, desk: Path) -> None:
    said = said_with(site, desk, "doctor")
    assert said.code == 0
    assert "ok    Driver (line): ready\n" in said.out


@pytest.fixture
def broken_site(site: Path, tmp_path: Path) -> Path:
    """The example beside a driver that cannot be imported and one that always fails."""
    folder = Path(shutil.copytree(site, tmp_path / "site"))
    (folder / "angry_strap.py").write_text(BROKEN)
    about = folder / "angry_strap-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: angry-strap\nVersion: 1.0\n"
    )
    (about / "entry_points.txt").write_text(
        "[biofeedback.drivers]\nangry = angry_strap:Angry\nabsent = no_such:Driver\n"
    )
    return folder


def test_a_broken_driver_ends_nothing_else(broken_site: Path, desk: Path) -> None:
    scanned = said_with(broken_site, desk, "scan", "--seconds", "0.5", "--json")
    assert scanned.code == 0, scanned
    assert [one["id"] for one in json.loads(scanned.out)] == ["line:rr.txt"]
    absent, *others = scanned.err.splitlines()
    assert absent.startswith("The driver 'absent' could not be loaded (ModuleNotFound")
    (angry,) = [line for line in others if "'angry'" in line]
    assert "RuntimeError: no scan" in angry

    options = ("--strap", "rr.txt", "--seconds", "2", "--out", "a.mcap")
    recorded = said_with(broken_site, desk, "record", *options)
    assert recorded.code == 0, recorded
    assert verify(desk / "a.mcap").ok

    findings = json.loads(said_with(broken_site, desk, "doctor", "--json").out)
    by_name = {one["name"]: one for one in findings}
    assert by_name["Driver (line)"]["ok"]
    for name, what in {
        "Driver (absent)": "No module named 'no_such'",
        "Driver (angry)": "not ready: internal",
        "Examination (angry)": "RuntimeError: no examination",
    }.items():
        assert not by_name[name]["ok"]
        assert what in by_name[name]["text"]
        assert by_name[name]["advice"]


def test_the_ble_driver_loads_without_loading_bleak() -> None:
    # The command line looks drivers up for its help, and that must be quick.
    code = (
        "import sys; from biofeedback_drivers.ble import BleDriver; BleDriver(); "
        "sys.exit(any(name.startswith(('bleak', 'dbus')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_entry_point_names_the_driver() -> None:
    entry = EntryPoint(
        "ble", "biofeedback_drivers.ble:BleDriver", "biofeedback.drivers"
    )
    assert entry.load().name == "ble"
